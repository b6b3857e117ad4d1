package tickets

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/deskgate/deskgate/storage"
)

const (
	maxWords     = 400 // distinct ones of one ticket; what is beyond is not found
	maxWordBytes = 64  // of one word; the rest is cut off, here and in what is searched for
	maxTerms     = 10  // of one search
)

// document is what a ticket is found by. Each list has distinct words, at most maxWords.
type document struct {
	TicketID string   `cbor:"1,keyasint"`
	Number   string   `cbor:"5,keyasint"`
	Head     []string `cbor:"2,keyasint,omitempty"` // external ID, title and description
	Public   []string `cbor:"3,keyasint,omitempty"` // public comments
	Internal []string `cbor:"4,keyasint,omitempty"` // internal comments: for staff only
}

// all are the words that staff finds the ticket by.
func (d *document) all() []string {
	l := newLexicon([]string{d.Number})
	for _, list := range [][]string{d.Head, d.Public, d.Internal} {
		for _, w := range list {
			l.add(w)
		}
	}
	return l.words
}

// name says which ticket the document is of.
func (d *document) name(t *Ticket) { d.TicketID, d.Number = t.ID, strconv.FormatUint(t.Number, 10) }

// rewrite takes the ticket's own words in the place of the former ones.
func (d *document) rewrite(t *Ticket) {
	l := newLexicon(nil)
	for _, text := range []string{t.ExternalID, t.Title, t.Description} {
		l.read(text)
	}
	d.Head = l.words
}

// read adds the words of a comment.
func (d *document) read(body string, v Visibility) {
	list := &d.Public
	if v == Internal {
		list = &d.Internal
	}
	l := newLexicon(*list)
	l.read(body)
	*list = l.words
}

// lexicon collects distinct words in the order of their coming.
type lexicon struct {
	words []string
	seen  map[string]bool
}

func newLexicon(known []string) *lexicon {
	l := &lexicon{seen: make(map[string]bool, 64)}
	for _, w := range known {
		l.add(w)
	}
	return l
}

func (l *lexicon) add(word string) {
	if word != "" && !l.seen[word] && len(l.words) < maxWords {
		l.seen[word] = true
		l.words = append(l.words, word)
	}
}

func (l *lexicon) read(text string) {
	for w := range wordsOf(text) {
		if l.add(w); len(l.words) == maxWords {
			return
		}
	}
}

// wordsOf yields the words of a text as they are compared: without case and marks, in compatible forms. A word of Unicode's
// that has punctuation inside ("example.com") is several.
func wordsOf(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for it := words.FromString(fold(text)); it.Next(); {
			for part := range strings.FieldsFuncSeq(it.Value(), notInWord) {
				if !yield(clip(part)) {
					return
				}
			}
		}
	}
}

func notInWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
}

func clip(w string) string {
	if len(w) <= maxWordBytes {
		return w
	}
	n := maxWordBytes
	for !utf8.RuneStart(w[n]) {
		n--
	}
	return w[:n]
}

func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	// Case folding comes between the decomposition, which it does not see through, and the composition.
	out, _, err := transform.String(
		transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold(), norm.NFKC), s)
	if err != nil {
		return strings.ToLower(s)
	}
	return out
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// terms are the words of a search: a ticket must have all of them, of the last one at least a word that begins with it.
type terms []string

// parseTerms returns the search for a text, and whether the text asks for anything that could be found.
func parseTerms(text string) terms {
	var ts terms
	for w := range wordsOf(text) {
		if i := slices.Index(ts, w); i >= 0 {
			ts = slices.Delete(ts, i, i+1)
		}
		if ts = append(ts, w); len(ts) == maxTerms {
			break
		}
	}
	return ts
}

// in says whether the document has what is searched for, in what a requester or staff may read.
func (ts terms) in(d *document, staff bool) bool {
	lists := [][]string{{d.Number}, d.Head, d.Public}
	if staff {
		lists = append(lists, d.Internal)
	}
	for i, term := range ts {
		has := func(w string) bool { return w == term }
		if i == len(ts)-1 {
			has = func(w string) bool { return strings.HasPrefix(w, term) }
		}
		if !slices.ContainsFunc(lists, func(l []string) bool { return slices.ContainsFunc(l, has) }) {
			return false
		}
	}
	return true
}

// found says whether the ticket with that key has what is searched for.
func (ts terms) found(tx *storage.Tx, ticket storage.Key, staff bool) (bool, error) {
	d, err := documentTable.Get(tx, ticket)
	if err != nil {
		return false, err
	}
	return ts.in(&d, staff), nil
}
