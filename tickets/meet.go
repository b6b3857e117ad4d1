package tickets

import (
	"bytes"
	"iter"
	"slices"

	"github.com/deskgate/deskgate/storage"
)

// lane is a part of an index: below its prefix stand places alone, in the order of a list.
type lane struct {
	prefix storage.Key
	keys   func(*storage.Tx, storage.Range) iter.Seq2[storage.Key, error]
	rows   func(*storage.Tx, storage.Range) iter.Seq2[storage.Entry[row], error] // nil: it has none
}

// listLane is the tickets below a prefix of a list index, by their last change.
func listLane(ix listIndex, prefix storage.Key) lane {
	return lane{prefix: slices.Clip(prefix), keys: ix.Keys, rows: ix.Scan}
}

// birthLane is the tickets below a prefix of an index that has them by their creation.
func birthLane[T any](ix *storage.Index[T, storage.Bare], prefix storage.Key) lane {
	return lane{prefix: slices.Clip(prefix), keys: ix.Keys}
}

// meet is the tickets that are in one of the lanes of each of its groups, and have its words. All lanes are in the order
// of the list. So the cost of a page grows with the smallest group and with how often the groups miss each other, and not with
// all that there is.
type meet struct {
	groups [][]lane
	words  terms // in a list by creation only
	// exact: who is in the lanes is wanted, whatever else there is to know.
	exact bool
}

const (
	// stride is how many entries a stream steps over one by one before it seeks.
	stride = 16
	// markEvery is how many entries are read without a hit before the meeting says how far it is.
	markEvery = 500
)

// candidates yields the tickets in all groups; those in which all words are for sure are marked as found.
func (m *meet) candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		l := leap{f: f, exact: m.exact}
		defer l.stop()
		for i, lanes := range m.groups {
			l.add(tx, lanes, i == 0 && !m.exact)
		}
		words, found, err := f.wordLanes(tx, m.words)
		if err != nil {
			yield(candidate{}, err)
			return
		}
		for _, lanes := range words {
			l.add(tx, lanes, false)
		}
		if l.found = found && len(m.words) > 0; len(l.unions) == 0 {
			creation{}.candidates(tx, f, from)(yield)
			return
		}
		l.run(from, yield)
	}
}

// leap goes through unions, each jumping to where the others are.
type leap struct {
	f            *filter
	unions       []union
	found, exact bool
}

// union is the streams of one group.
type union []*stream

func (l *leap) add(tx *storage.Tx, lanes []lane, withRows bool) {
	var u union
	for _, each := range lanes {
		s := &stream{lane: each, tx: tx, reverse: l.f.ascending(), withRows: withRows && each.rows != nil}
		s.lo, s.hi = l.f.bounds(each.prefix)
		u = append(u, s)
	}
	l.unions = append(l.unions, u)
}

func (l *leap) stop() {
	for _, u := range l.unions {
		for _, s := range u {
			s.close()
		}
	}
}

func (l *leap) run(from *place, yield func(candidate, error) bool) {
	var bound []byte // what is wanted is not before it; nil: nothing was seen yet
	if from != nil {
		bound = l.behind(nil, l.f.key(*from))
	}
	var at storage.Key
	var seen *row
	cost, agreed := 0, 0
	for i := 0; ; i = (i + 1) % len(l.unions) {
		first, read, err := l.unions[i].seek(bound)
		if err != nil {
			yield(candidate{}, err)
			return
		}
		if first == nil {
			return
		}
		if cost += read; agreed > 0 && bytes.Equal(first.head, at) {
			agreed++
		} else {
			at, agreed = first.head, 1
			bound = l.until(bound[:0], at)
		}
		if i == 0 {
			seen = first.row
		}
		c := candidate{found: l.found, exact: l.exact, cost: cost}
		switch {
		case agreed == len(l.unions):
			c.set(l.f.at(at))
			if len(l.unions[0]) > 0 && l.unions[0][0].withRows {
				c.row = seen
			}
			bound, agreed = l.behind(bound[:0], at), 0
		case cost >= markEvery:
			c.set(l.f.at(at).before(l.f.ascending()))
			c.mark = true
		default:
			continue
		}
		if cost = 0; !yield(c, nil) {
			return
		}
	}
}

// until makes the bound that lets a key pass, behind that which lets only those pass that come after it.
func (l *leap) until(buf []byte, k storage.Key) []byte {
	if buf = append(buf, k...); l.f.ascending() {
		buf = append(buf, 0)
	}
	return buf
}

func (l *leap) behind(buf []byte, k storage.Key) []byte {
	if buf = append(buf, k...); !l.f.ascending() {
		buf = append(buf, 0)
	}
	return buf
}

// seek returns the stream whose head is the first of the union that the bound lets pass, nil at the end, and how many rows
// that took.
func (u union) seek(bound []byte) (first *stream, read int, err error) {
	for _, s := range u {
		n, err := s.seek(bound)
		read += n
		if err != nil {
			return nil, read, err
		}
		if s.head != nil && (first == nil || s.reverse != (bytes.Compare(s.head, first.head) < 0)) {
			first = s
		}
	}
	return first, read, nil
}

// stream is a lane from its present head on.
type stream struct {
	lane

	tx       *storage.Tx
	reverse  bool
	withRows bool
	lo, hi   storage.Key // its ends; nil: those of the lane
	head     storage.Key // nil before the beginning and at the end
	row      *row
	ended    bool
	next     func() (step, error, bool)
	stop     func()
}

type step struct {
	key storage.Key
	row *row
}

// passes says whether the bound lets the head pass.
func (s *stream) passes(bound []byte) bool {
	return bound == nil || s.reverse == (bytes.Compare(s.head, bound) < 0)
}

// seek moves on to the first place that the bound lets pass, and says how many rows that took.
func (s *stream) seek(bound []byte) (read int, err error) {
	for !s.ended && (s.head == nil || !s.passes(bound)) {
		if s.next == nil || read%stride == stride-1 {
			s.open(bound)
		}
		x, err, ok := s.next()
		read++
		if err != nil {
			return read, err
		}
		if !ok {
			s.head, s.row, s.ended = nil, nil, true
			return read, nil
		}
		s.head, s.row = x.key[len(s.prefix):], x.row
	}
	return read, nil
}

func (s *stream) open(bound []byte) {
	s.close()
	r := storage.Range{Prefix: s.prefix, From: s.lo, To: s.hi, Reverse: s.reverse}
	switch key := append(s.prefix, bound...); { // the prefix is clipped
	case bound == nil:
	case s.reverse:
		r.After = key
	case bytes.Compare(key, r.From) > 0:
		r.From = key
	}
	s.next, s.stop = iter.Pull2(s.steps(r))
}

func (s *stream) steps(r storage.Range) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		if s.withRows {
			for e, err := range s.rows(s.tx, r) {
				if !yield(step{e.Key, &e.Row}, err) {
					return
				}
			}
			return
		}
		for k, err := range s.keys(s.tx, r) {
			if !yield(step{key: k}, err) {
				return
			}
		}
	}
}

func (s *stream) close() {
	if s.stop != nil {
		s.stop()
	}
}

// key is a place as it stands in the lanes of the filter's order.
func (f *filter) key(p place) storage.Key {
	if f.byCreation() {
		return newest(nil, p.id)
	}
	return newest(storage.Key(nil).TimeDesc(p.at), p.id)
}

// at is the reverse of key.
func (f *filter) at(k storage.Key) (p place) {
	parts := k.Parts()
	if !f.byCreation() {
		p.at = parts.TimeDesc()
	}
	p.id = whole(parts.Desc(), parts.Desc())
	return p
}

// bounds are where a lane with that prefix begins and ends for the filter; nil: at its own ends.
func (f *filter) bounds(prefix storage.Key) (lo, hi storage.Key) {
	if f.byCreation() {
		if !f.created.Before.IsZero() {
			lo = newest(prefix, lastOf(f.created.Before.Add(-tick)))
		}
		if !f.created.After.IsZero() {
			hi = newest(prefix, lastOf(f.created.After))
		}
		return lo, hi
	}
	if !f.updated.Before.IsZero() {
		lo = prefix.TimeDesc(f.updated.Before.Add(-1))
	}
	if !f.updated.After.IsZero() {
		hi = prefix.TimeDesc(f.updated.After)
	}
	return lo, hi
}

// before is the place right before p.
func (p place) before(ascending bool) place {
	hi, lo := halves(p.id)
	if ascending {
		if lo--; lo == ^uint64(0) {
			hi--
		}
	} else if lo++; lo == 0 {
		hi++
	}
	p.id = whole(hi, lo)
	return p
}
