package tickets

import (
	"bytes"
	"iter"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
)

// search is the tickets that have all terms anywhere, newest first, for staff: it reads the postings. What belongs to no
// text, like the words of the requester's name, is among the terms: see filter.search.
type search terms

const (
	// maxExpansion is how many words that begin with the last term are looked up one by one. Where there are more, the other
	// terms lead, and each ticket's own words are asked.
	maxExpansion = 16
	// stride is how many postings a term steps over one by one before it seeks.
	stride = 16
	// markEvery is how many postings are read without a hit before the search says how far it is.
	markEvery = 500
)

func (search) order() Sort { return CreatedDesc }

func (search) inOrder(s Sort) bool { return s == CreatedDesc }

// candidates yields the tickets for which f.terms may hold; those of which it is certain are marked as found.
func (s search) candidates(tx *storage.Tx, f *filter, from *place) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		unions, certain, err := s.lists(tx)
		if err != nil {
			yield(candidate{}, err)
			return
		}
		defer func() {
			for _, u := range unions {
				u.stop()
			}
		}()
		if len(unions) == 0 {
			own := *f
			own.sort = CreatedDesc
			creation{}.candidates(tx, &own, from)(yield)
			return
		}
		s.leap(unions, certain, f, from, yield)
	}
}

// leap yields the tickets that are in all lists, each list jumping to where the others are.
func (search) leap(unions []*union, certain bool, f *filter, from *place, yield func(candidate, error) bool) {
	var target, end storage.Key
	if from != nil {
		target = behindKey(newest(nil, from.id))
	}
	if from == nil && !f.created.Before.IsZero() {
		target = newest(nil, lastOf(f.created.Before.Add(-tick)))
	}
	if !f.created.After.IsZero() {
		end = newest(nil, lastOf(f.created.After))
	}
	cost, agreed := 0, 0
	for i := 0; ; i = (i + 1) % len(unions) {
		key, read, err := unions[i].seek(target)
		if err != nil {
			yield(candidate{}, err)
			return
		}
		if key == nil || end != nil && bytes.Compare(key, end) >= 0 {
			return
		}
		cost += read
		if agreed++; !bytes.Equal(key, target) {
			target, agreed = key, 1
		}
		c := candidate{id: refOf(target).id, found: certain, cost: cost}
		switch {
		case agreed == len(unions):
			target, agreed = behindKey(target), 0
		case cost >= markEvery:
			c.id, c.mark = above(c.id), true
		default:
			continue
		}
		if cost = 0; !yield(c, nil) {
			return
		}
	}
}

// behindKey is the next key behind k.
func behindKey(k storage.Key) storage.Key { return append(slices.Clip(k), 0) }

// above is the next greater ID: that of a place behind which the given one comes first.
func above(id ulid.ULID) ulid.ULID {
	hi, lo := halves(id)
	if lo++; lo == 0 {
		hi++
	}
	return whole(hi, lo)
}

// lists are the postings of each term, and whether being in all of them is all that is asked.
func (s search) lists(tx *storage.Tx) (unions []*union, certain bool, err error) {
	certain = true
	for _, t := range s {
		if !t.prefix {
			unions = append(unions, newUnion(tx, t.word))
			continue
		}
		expanded, complete, err := expand(tx, t.word)
		if err != nil {
			return unions, false, err
		}
		if complete {
			unions = append(unions, newUnion(tx, expanded...))
		}
		certain = certain && complete
	}
	return unions, certain, nil
}

// expand returns the words that begin with a term, and whether these are all.
func expand(tx *storage.Tx, term string) (expanded []string, complete bool, err error) {
	r := storage.Range{Prefix: storage.Key(nil).StrPrefix(term), Limit: 1}
	for len(expanded) <= maxExpansion {
		n := 0
		for e, err := range postings.Scan(tx, r) {
			if err != nil {
				return nil, false, err
			}
			w := e.Key.Parts().Str()
			expanded, n = append(expanded, w), 1
			r.From = behindWord(w)
		}
		if n == 0 {
			return expanded, true, nil
		}
	}
	return nil, false, nil
}

// behindWord is behind all keys that begin with the word and before those of the next.
func behindWord(w string) storage.Key {
	k := storage.Key(nil).Str(w)
	k[len(k)-1]++
	return k
}

// union is the postings of one or more words, newest ticket first.
type union struct{ words []*posting }

func newUnion(tx *storage.Tx, words ...string) *union {
	u := new(union)
	for _, w := range words {
		u.words = append(u.words, &posting{tx: tx, prefix: storage.Key(nil).Str(w)})
	}
	return u
}

// seek returns the first ticket's key that is not before target, nil at the end, and how many rows that took.
func (u *union) seek(target storage.Key) (first storage.Key, read int, err error) {
	for _, p := range u.words {
		n, err := p.seek(target)
		read += n
		if err != nil {
			return nil, read, err
		}
		if p.head != nil && (first == nil || bytes.Compare(p.head, first) < 0) {
			first = p.head
		}
	}
	return first, read, nil
}

func (u *union) stop() {
	for _, p := range u.words {
		p.close()
	}
}

// posting is the postings of one word.
type posting struct {
	tx     *storage.Tx
	prefix storage.Key
	head   storage.Key // the present ticket's key; nil before the beginning and at the end
	ended  bool
	next   func() (storage.Entry[storage.Bare], error, bool)
	stop   func()
}

// seek moves on to the first ticket that is not before target and says how many rows it read.
func (p *posting) seek(target storage.Key) (read int, err error) {
	for !p.ended && (p.head == nil || bytes.Compare(p.head, target) < 0) {
		if p.next == nil || read%stride == stride-1 {
			p.open(target)
		}
		e, err, ok := p.next()
		read++
		switch {
		case err != nil:
			return read, err
		case !ok:
			p.head, p.ended = nil, true
		default:
			p.head = e.Primary
		}
	}
	return read, nil
}

func (p *posting) open(target storage.Key) {
	p.close()
	k := slices.Clip(p.prefix)
	p.next, p.stop = iter.Pull2(postings.Scan(p.tx, storage.Range{Prefix: k, From: append(k, target...)}))
}

func (p *posting) close() {
	if p.stop != nil {
		p.stop()
	}
}
