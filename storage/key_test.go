package storage_test

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// tuple is a key's parts as plain values.
type tuple struct {
	s string
	b []byte
	n uint64
	d uint64
}

func (t tuple) key() storage.Key { return storage.Key(nil).Str(t.s).Bytes(t.b).Uint(t.n).Desc(t.d) }

func (t tuple) compare(u tuple) int {
	return cmp.Or(strings.Compare(t.s, u.s), bytes.Compare(t.b, u.b), cmp.Compare(t.n, u.n), cmp.Compare(u.d, t.d))
}

func FuzzKeyOrder(f *testing.F) {
	f.Add("a", []byte("b"), uint64(1), uint64(2), "a\x00", []byte("b\xff"), uint64(256), uint64(0))
	f.Add("", []byte{}, uint64(0), uint64(0), "\x00", []byte{0}, uint64(1), uint64(1))
	f.Add("a\x00\xff", []byte{1}, uint64(255), uint64(9), "a\x01", []byte{1, 0}, uint64(256), uint64(8))
	f.Add("é\x01\x02", []byte{0, 1, 2}, uint64(math.MaxUint64), uint64(math.MaxUint64), "é\x01", []byte{0, 1}, uint64(1)<<56, uint64(1))
	f.Fuzz(func(t *testing.T, s1 string, b1 []byte, n1, d1 uint64, s2 string, b2 []byte, n2, d2 uint64) {
		x, y := tuple{s1, b1, n1, d1}, tuple{s2, b2, n2, d2}
		if got, want := bytes.Compare(x.key(), y.key()), x.compare(y); got != want {
			t.Errorf("%+v and %+v compare as %d, their keys %x and %x as %d", x, y, want, x.key(), y.key(), got)
		}
		if prefix := storage.Key(nil).Str(s1); bytes.HasPrefix(y.key(), prefix) != (s1 == s2) {
			t.Errorf("key %x of %+v against the prefix of %q", y.key(), y, s1)
		}
		if prefix := storage.Key(nil).StrPrefix(s1); bytes.HasPrefix(y.key(), prefix) != strings.HasPrefix(s2, s1) {
			t.Errorf("key %x of %+v against the beginning %q", y.key(), y, s1)
		}
	})
}

func FuzzKeyRoundTrip(f *testing.F) {
	f.Add("a\x00b", []byte{0, 1, 2, 255}, uint64(0), uint64(1), []byte("\x02a\x00"))
	f.Add("", []byte{}, uint64(math.MaxUint64), uint64(math.MaxUint64), []byte{0x15, 0})
	f.Fuzz(func(t *testing.T, s string, b []byte, n, d uint64, raw []byte) {
		want := tuple{s, b, n, d}
		p := want.key().Parts()
		got := tuple{p.Str(), p.Bytes(), p.Uint(), p.Desc()}
		if p.Err() != nil || p.More() || want.compare(got) != 0 {
			t.Errorf("%+v came back as %+v, %v", want, got, p.Err())
		}
		// Whatever the bytes are: no panic, and what can be read has one encoding only.
		p = storage.Key(raw).Parts()
		_ = storage.Key(raw).String()
		if s := p.Str(); p.Err() == nil && !bytes.HasPrefix(raw, storage.Key(nil).Str(s)) {
			t.Errorf("%x reads as %q, which is written in another way", raw, s)
		}
		p = storage.Key(raw).Parts()
		if n := p.Uint(); p.Err() == nil && !bytes.HasPrefix(raw, storage.Key(nil).Uint(n)) {
			t.Errorf("%x reads as %d, which is written in another way", raw, n)
		}
	})
}

func TestKeyTimes(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 0, 0, 123456789, time.FixedZone("", 3600))
	for _, tc := range []struct{ in, want time.Time }{
		{at, at},
		{time.Time{}, time.Time{}},
		{time.Date(1901, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, math.MaxInt64)},
	} {
		p := storage.Key(nil).Time(tc.in).TimeDesc(tc.in).Parts()
		if a, b := p.Time(), p.TimeDesc(); !a.Equal(tc.want) || !b.Equal(tc.want) || p.Err() != nil {
			t.Errorf("%s came back as %s and %s, %v", tc.in, a, b, p.Err())
		}
	}
	older, newer := storage.Key(nil).TimeDesc(at), storage.Key(nil).TimeDesc(at.Add(1))
	if bytes.Compare(newer, older) >= 0 {
		t.Error("descending: the newer time does not come first")
	}
}

func TestKeyForPeople(t *testing.T) {
	k := storage.Key(nil).Str("a\"b").Uint(300).Desc(7).Bytes([]byte{1, 2})
	if got, want := k.String(), `"a\"b" 300 ^7 x0102`; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
	if got, want := append(k, 0xee).String(), `"a\"b" 300 ^7 x0102 ?ee`; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

// Several keys grow from one, as those of a range do.
func TestKeysFromOne(t *testing.T) {
	for n := range 40 {
		base := storage.Key(nil).Str(strings.Repeat("x", n))
		for _, base := range []storage.Key{base, base.StrPrefix("abc"), base.Uint(1), base.Desc(1), base.Bytes([]byte{1})} {
			before := bytes.Clone(base)
			a, b := base.Uint(1), base.Uint(2)
			if _, _, _ = base.Str("z"), base.Desc(3), base.Bytes([]byte("zzz")); bytes.Equal(a, b) || !bytes.Equal(base, before) {
				t.Errorf("keys grown from %x share their bytes: %x, %x", base, a, b)
			}
		}
	}
}

func TestPartsOfAnotherKind(t *testing.T) {
	p := storage.Key(nil).Str("a").Uint(1).Parts()
	if p.Uint() != 0 || !errors.Is(p.Err(), storage.ErrBadKey) {
		t.Errorf("reading a number where a string is: %v, want ErrBadKey", p.Err())
	}
	if p.Str() != "" || p.More() {
		t.Error("parts are read behind the error")
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte("k"), []byte("payload"), byte(0), byte(1), 3)
	f.Add([]byte{}, []byte{}, byte(2), byte(0), 0)
	f.Fuzz(func(t *testing.T, key, payload []byte, schema, flags byte, bit int) {
		value := storage.Wrap(key, schema, flags, payload)
		s, fl, p, err := storage.Unwrap(key, value)
		if err != nil || s != schema || fl != flags || !bytes.Equal(p, payload) {
			t.Fatalf("round trip: %d, %d, %x, %v", s, fl, p, err)
		}
		bit = int(uint(bit) % uint(8*len(value)))
		value[bit/8] ^= 1 << (bit % 8)
		if _, _, _, err := storage.Unwrap(key, value); !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("flipped bit %d: %v, want ErrCorrupt", bit, err)
		}
		if _, _, _, err := storage.Unwrap(key, payload); err == nil {
			t.Errorf("arbitrary bytes %x are accepted", payload)
		}
	})
}
