package badger

import (
	"bytes"
	"slices"
	"sort"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// write is one pending change. It never changes itself: a later one takes its place.
type write struct {
	key, value []byte
	expires    uint64
	deleted    bool
}

// hidden says that the write leaves nothing to be seen under its key.
func (w *write) hidden() bool {
	return w.deleted || w.expires != 0 && w.expires <= uint64(time.Now().Unix())
}

func (w *write) item() engine.Item {
	return engine.Item{Key: w.key, Value: w.value, Expires: moment(w.expires)}
}

// size is what Badger counts for the write towards the size of a transaction.
func (w *write) size() int64 { return int64(len(w.key) + len(w.value) + 12) }

// layer is what was written on top of a snapshot, in the order of the keys.
type layer struct {
	writes []*write
	size   int64
	spare  []*write // what take has copied from
}

// place is where key is, or where it would have to go.
func (l *layer) place(key []byte) (int, bool) {
	i := sort.Search(len(l.writes), func(i int) bool { return bytes.Compare(l.writes[i].key, key) >= 0 })
	return i, i < len(l.writes) && bytes.Equal(l.writes[i].key, key)
}

func (l *layer) get(key []byte) *write {
	if i, found := l.place(key); found {
		return l.writes[i]
	}
	return nil
}

func (l *layer) put(w *write) {
	i, found := l.place(w.key)
	l.size += w.size()
	if found {
		l.size -= l.writes[i].size()
		l.writes[i] = w
		return
	}
	l.writes = slices.Insert(l.writes, i, w)
}

// take puts all of another layer on top, in one pass: making room for each write by itself would move all others each time.
func (l *layer) take(upper *layer) {
	if len(l.writes) == 0 {
		l.writes, l.size = append(l.writes, upper.writes...), upper.size
		return
	}
	lower := l.writes
	out := slices.Grow(l.spare[:0], len(lower)+len(upper.writes))
	l.spare = l.writes
	for _, w := range upper.writes {
		i := sort.Search(len(lower), func(i int) bool { return bytes.Compare(lower[i].key, w.key) >= 0 })
		out, lower = append(out, lower[:i]...), lower[i:]
		if len(lower) > 0 && bytes.Equal(lower[0].key, w.key) {
			l.size -= lower[0].size()
			lower = lower[1:]
		}
		out = append(out, w)
	}
	l.writes, l.size = append(out, lower...), l.size+upper.size
}

// within is the part of the layer that lies in a range. It is valid until the next put.
func (l *layer) within(g engine.Range) []*write {
	from, _ := l.place(g.Lo)
	to := len(l.writes)
	if g.Hi != nil {
		to, _ = l.place(g.Hi)
	}
	return l.writes[from:max(from, to)]
}

// merged is what two layers have in a range, the upper one's word last, in the order of the scan. It is the caller's.
func merged(lower, upper *layer, g engine.Range) []*write {
	a, b := lower.within(g), upper.within(g)
	out := make([]*write, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := bytes.Compare(a[0].key, b[0].key); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			a = a[1:]
		}
	}
	out = append(append(out, a...), b...)
	if g.Reverse {
		slices.Reverse(out)
	}
	return out
}
