package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Key is an order-preserving encoding of a tuple: two keys compare as bytes as their parts compare one after the other.
// Parts are appended to a nil or existing Key; every part is type-tagged and ends by itself, so that the first parts of a
// key are a prefix of exactly the keys that begin with those parts. The methods that append leave their receiver alone:
// several keys may be grown from one.
type Key []byte

const (
	tagBytes  = 0x01
	tagString = 0x02
	tagUint   = 0x14 // + the number of significant bytes, 0–8
	tagDesc   = 0x24

	// Strings and bytes end with endMark. It never stands inside them: it and escMark are written as two bytes, so that
	// no string's encoding is the beginning of another's.
	endMark = 0x00
	escMark = 0x01
)

// ErrBadKey means that bytes are not an encoded Key, or hold other parts than were asked for.
var ErrBadKey = errors.New("malformed key")

// Str appends a string.
func (k Key) Str(s string) Key { return append(appendEscaped(k, tagString, s), endMark) }

// Bytes appends bytes.
func (k Key) Bytes(b []byte) Key { return append(appendEscaped(k, tagBytes, b), endMark) }

// StrPrefix appends the beginning of a string: as a Range's prefix it matches every string that begins with s.
func (k Key) StrPrefix(s string) Key { return slices.Clip(appendEscaped(k, tagString, s)) }

// Uint appends a number.
func (k Key) Uint(n uint64) Key {
	size := (bits.Len64(n) + 7) / 8
	out := append(k.copied(1+size), byte(tagUint+size))
	for i := size - 1; i >= 0; i-- {
		out = append(out, byte(n>>(8*i)))
	}
	return out
}

// Desc appends a number that sorts from large to small.
func (k Key) Desc(n uint64) Key {
	return binary.BigEndian.AppendUint64(append(k.copied(9), tagDesc), ^n)
}

// copied is a copy with room for exactly n bytes more.
func (k Key) copied(n int) Key {
	return append(make(Key, 0, len(k)+n), k...)
}

// Time appends a time, old before new. Times before 1970 count as 1970, those after 2262 as 2262.
func (k Key) Time(t time.Time) Key { return k.Uint(nanos(t)) }

// TimeDesc appends a time, new before old.
func (k Key) TimeDesc(t time.Time) Key { return k.Desc(nanos(t)) }

func nanos(t time.Time) uint64 {
	switch y := t.Year(); {
	case y < 1970:
		return 0
	case y > 2261:
		return math.MaxInt64
	}
	return uint64(max(t.UnixNano(), 0))
}

// appendEscaped leaves room for the end mark.
func appendEscaped[S string | []byte](k Key, tag byte, s S) Key {
	size := len(s) + 2
	for i := range len(s) {
		if s[i] <= escMark {
			size++
		}
	}
	b := append(k.copied(size), tag)
	from := 0
	for i := range len(s) {
		if s[i] <= escMark {
			b = append(append(b, s[from:i]...), escMark, s[i]+1)
			from = i + 1
		}
	}
	return append(b, s[from:]...)
}

// String is the key for people: its parts as far as they can be read, then what is left in hex.
func (k Key) String() string {
	var out []string
	for p := k.Parts(); len(p.rest) > 0; {
		rest := p.rest
		switch rest[0] {
		case tagString:
			out = append(out, strconv.Quote(p.Str()))
		case tagBytes:
			out = append(out, fmt.Sprintf("x%x", p.Bytes()))
		case tagDesc:
			out = append(out, "^"+strconv.FormatUint(p.Desc(), 10))
		default:
			out = append(out, strconv.FormatUint(p.Uint(), 10))
		}
		if p.err != nil {
			out[len(out)-1] = fmt.Sprintf("?%x", rest)
		}
	}
	return strings.Join(out, " ")
}

// Parts reads a Key's parts in order. After the first part that is not what was asked for, Err is ErrBadKey and all
// further parts are zero values.
type Parts struct {
	rest []byte
	err  error
}

// Parts returns a reader of k's parts.
func (k Key) Parts() *Parts { return &Parts{rest: k} }

// Err is ErrBadKey if some part was not as asked for.
func (p *Parts) Err() error { return p.err }

// More says whether parts are left.
func (p *Parts) More() bool { return p.err == nil && len(p.rest) > 0 }

// Rest is what is left: of an index entry's key, behind what the index's keys gave, the primary key.
func (p *Parts) Rest() Key { return p.rest }

// Str reads a string.
func (p *Parts) Str() string { return string(p.escaped(tagString)) }

// Bytes reads bytes.
func (p *Parts) Bytes() []byte { return p.escaped(tagBytes) }

// Uint reads a number.
func (p *Parts) Uint() uint64 {
	if p.err != nil || len(p.rest) == 0 || p.rest[0] < tagUint || p.rest[0] > tagUint+8 {
		p.fail()
		return 0
	}
	n := int(p.rest[0] - tagUint)
	if len(p.rest) < 1+n || n > 0 && p.rest[1] == 0 {
		p.fail()
		return 0
	}
	var v uint64
	for _, c := range p.rest[1 : 1+n] {
		v = v<<8 | uint64(c)
	}
	p.rest = p.rest[1+n:]
	return v
}

// Desc reads a number that sorts from large to small.
func (p *Parts) Desc() uint64 {
	if p.err != nil || len(p.rest) < 9 || p.rest[0] != tagDesc {
		p.fail()
		return 0
	}
	v := ^binary.BigEndian.Uint64(p.rest[1:])
	p.rest = p.rest[9:]
	return v
}

// Time reads a time that sorts from old to new.
func (p *Parts) Time() time.Time { return fromNanos(p.Uint()) }

// TimeDesc reads a time that sorts from new to old.
func (p *Parts) TimeDesc() time.Time { return fromNanos(p.Desc()) }

func fromNanos(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n)).UTC()
}

func (p *Parts) fail() { p.err, p.rest = ErrBadKey, nil }

func (p *Parts) escaped(tag byte) []byte {
	if p.err != nil || len(p.rest) == 0 || p.rest[0] != tag {
		p.fail()
		return nil
	}
	b := p.rest[1:]
	end := bytes.IndexByte(b, endMark)
	if end < 0 {
		p.fail()
		return nil
	}
	p.rest = b[end+1:]
	out := make([]byte, 0, end)
	for i := 0; i < end; i++ {
		if b[i] != escMark {
			out = append(out, b[i])
			continue
		}
		if i++; i == end || b[i] > escMark+1 {
			p.fail()
			return nil
		}
		out = append(out, b[i]-1)
	}
	return out
}
