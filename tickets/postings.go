package tickets

import (
	"github.com/deskgate/deskgate/storage"
)

// maxExpansion is how many words that begin with the last term are looked up one by one, maxFrequent how many of them may
// be those of many tickets. Where there are more, the other terms lead, and each ticket's own words are asked: then it is soon
// that one has such a word.
const (
	maxExpansion = 128
	maxFrequent  = 16
)

// wordLanes are the postings of each term, and whether being in all of them is all that is asked. They have the words of
// internal comments, too, and are for staff.
func wordLanes(tx *storage.Tx, words terms) (groups [][]lane, certain bool, err error) {
	certain = true
	for _, t := range words {
		expanded, complete := []string{t.word}, true
		if t.prefix {
			if expanded, complete, err = expand(tx, t.word); err != nil {
				return nil, false, err
			}
		}
		if certain = certain && complete; !complete {
			continue
		}
		var lanes []lane
		for _, w := range expanded {
			lanes = append(lanes, birthLane(postings, storage.Key(nil).Str(w)))
		}
		groups = append(groups, lanes)
	}
	return groups, certain, nil
}

// expand returns the words that begin with a term, and whether these are all. Words with few tickets are passed by one by one.
func expand(tx *storage.Tx, term string) (expanded []string, complete bool, err error) {
	r := storage.Range{Prefix: storage.Key(nil).StrPrefix(term)}
	for range maxFrequent {
		last, n := "", 0
		for k, err := range postings.Keys(tx, r) {
			if err != nil {
				return nil, false, err
			}
			w := k.Parts().Str()
			if n++; w != last {
				if last, n = w, 0; len(expanded) == maxExpansion {
					return nil, false, nil
				}
				expanded = append(expanded, w)
			}
			if n > stride {
				break
			}
		}
		if n <= stride {
			return expanded, true, nil
		}
		r.From = behindWord(last)
	}
	return nil, false, nil
}

// behindWord is behind all keys that begin with the word and before those of the next.
func behindWord(w string) storage.Key {
	k := storage.Key(nil).Str(w)
	k[len(k)-1]++
	return k
}

// posted says whether the postings have the ticket below all whole words that are sought.
func (f *filter) posted(tx *storage.Tx, ticket storage.Key) (bool, error) {
	for _, t := range f.search() {
		if t.prefix {
			continue
		}
		has, err := postings.Has(tx, storage.Key(nil).Str(t.word), ticket)
		if !has || err != nil {
			return false, err
		}
	}
	return true, nil
}
