package tickets

import (
	"bytes"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
)

const (
	// maxExpansion is how many words that begin with the last term are looked up one by one.
	maxExpansion = 128
	// maxFrequent is how many of them may be those of many tickets before it is asked whether most tickets have one. Of so short
	// a beginning as brief letters that is taken for granted.
	maxFrequent = 16
	brief       = 2
	// Where a quarter of the newest tickets has one, going through the tickets and asking each for its words soon fills a
	// page: that is less work than to look all words up.
	newestAsked  = 64
	newestEnough = newestAsked / 4
)

// wordLanes are the postings of each term, and whether being in all of them is all that is asked. They have the words of
// internal comments, too, and are for staff.
func (f *filter) wordLanes(tx *storage.Tx, words terms) (groups [][]lane, certain bool, err error) {
	certain = true
	for _, t := range words {
		expanded, complete := []string{t.word}, true
		if t.prefix {
			if expanded, complete, err = f.expand(tx, t.word); err != nil {
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
// Where such words are too many, or that frequent, the other terms lead, and each ticket's own words are asked.
func expand(tx *storage.Tx, term string) (expanded []string, complete bool, err error) {
	r := storage.Range{Prefix: storage.Key(nil).StrPrefix(term)}
	var seen []storage.Key // under frequent words
	for frequent := 1; ; frequent++ {
		words, under, err := skim(tx, r)
		if err != nil {
			return nil, false, err
		}
		if expanded = append(expanded, words...); len(expanded) > maxExpansion {
			return nil, false, nil
		}
		if len(under) <= stride {
			return expanded, true, nil
		}
		if seen = append(seen, under...); frequent%maxFrequent == 0 {
			if usual, err := isUsual(tx, term, seen); usual || err != nil {
				return nil, false, err
			}
		}
		r.From = behindWord(expanded[len(expanded)-1])
	}
}

// skim goes through the words of a range up to one of many tickets, and returns the last one's postings as far as it read them.
func skim(tx *storage.Tx, r storage.Range) (words []string, under []storage.Key, err error) {
	for k, err := range postings.Keys(tx, r) {
		if err != nil {
			return nil, nil, err
		}
		if w := k.Parts().Str(); len(words) == 0 || w != words[len(words)-1] {
			words, under = append(words, w), under[:0]
		}
		if under = append(under, k); len(under) > stride || len(words) > maxExpansion {
			break
		}
	}
	return words, under, nil
}

// isUsual says whether most tickets have one of the words that begin with a term, given some of their postings.
func isUsual(tx *storage.Tx, term string, seen []storage.Key) (bool, error) {
	if utf8.RuneCountInString(term) <= brief {
		return true, nil
	}
	since, err := nthNewest(tx, newestAsked)
	n := 0
	for _, k := range seen {
		if bytes.Compare(k[len(k)-len(since):], since) <= 0 {
			n++
		}
	}
	return n >= newestEnough, err
}

// nthNewest is the place of that ticket in an order by creation, or of the oldest one if there are fewer.
func nthNewest(tx *storage.Tx, n int) (k storage.Key, err error) {
	for key, err := range ticketTable.Keys(tx, storage.Range{Limit: n}) {
		if err != nil {
			return nil, err
		}
		k = key
	}
	return k, nil
}

// behindWord is behind all keys that begin with the word and before those of the next.
func behindWord(w string) storage.Key {
	k := storage.Key(nil).Str(w)
	k[len(k)-1]++
	return k
}

// posted says whether the postings have the ticket below all that is sought. Of a beginning of many words they are not asked:
// it is less work to read the ticket.
func (f *filter) posted(tx *storage.Tx, ticket storage.Key) (bool, error) {
	const few = 4
	for _, t := range f.search() {
		words := []string{t.word}
		if t.prefix {
			var complete bool
			var err error
			if words, complete, err = f.expand(tx, t.word); err != nil {
				return false, err
			}
			if !complete || len(words) > few {
				continue
			}
		}
		if has, err := postedUnder(tx, words, ticket); !has || err != nil {
			return false, err
		}
	}
	return true, nil
}

// postedUnder says whether the postings have the ticket below one of the words.
func postedUnder(tx *storage.Tx, words []string, ticket storage.Key) (bool, error) {
	for _, w := range words {
		if has, err := postings.Has(tx, storage.Key(nil).Str(w), ticket); has || err != nil {
			return has, err
		}
	}
	return false, nil
}

// expansion is what a transaction has of the words that begin with a search's last term.
type expansion struct {
	tx       *storage.Tx
	words    []string
	complete bool
}

// expand is the function of that name, once in a transaction.
func (f *filter) expand(tx *storage.Tx, term string) ([]string, bool, error) {
	if f.expansion.tx == tx {
		return f.expansion.words, f.expansion.complete, nil
	}
	words, complete, err := expand(tx, term)
	if err == nil {
		f.expansion = expansion{tx, words, complete}
	}
	return words, complete, err
}
