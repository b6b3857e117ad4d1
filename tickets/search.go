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
	Head     []string `cbor:"2,keyasint,omitempty"` // external ID, requester, their tags, title and description
	Public   []string `cbor:"3,keyasint,omitempty"` // public comments
	Internal []string `cbor:"4,keyasint,omitempty"` // internal comments: for staff only
	// Files and Notes say whether the description or a public comment, and an internal one, has an attachment.
	Files bool `cbor:"6,keyasint,omitempty"`
	Notes bool `cbor:"7,keyasint,omitempty"`
	// Tags are the words of the tags that only staff knows of.
	Tags []string `cbor:"8,keyasint,omitempty"`
}

// fileMark is a word that no text has: it stands for an attachment.
const fileMark = "has:attachment"

// all are the words that staff finds the ticket by.
func (d *document) all() []string {
	l := newLexicon([]string{d.Number})
	if d.Files || d.Notes {
		l.add(fileMark)
	}
	for _, list := range [][]string{d.Head, d.Public, d.Internal, d.Tags} {
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
	l.read(t.ExternalID)
	if t.Requester != nil {
		l.person(t.Requester)
	}
	l.read(t.Organization)
	tags := newLexicon(nil)
	for _, tag := range t.Tags {
		if slices.Contains(t.OwnTags, tag) {
			l.read(tag)
		} else {
			tags.read(tag)
		}
	}
	d.Tags = tags.words
	l.read(t.Title)
	l.read(t.Description)
	d.Head = l.words
}

// introduce adds the words of a requester who became known after all else, and of their organization.
func (d *document) introduce(t *Ticket) {
	l := newLexicon(nil)
	if t.Requester != nil {
		l.person(t.Requester)
	}
	l.read(t.Organization)
	for _, w := range d.Head {
		l.add(w)
	}
	d.Head = l.words
}

// hasFiles says whether there is an attachment that a requester or staff may know of.
func (d *document) hasFiles(staff bool) bool { return d.Files || staff && d.Notes }

// alike says whether two states of a ticket have the same words of their own.
func alike(a, b *Ticket) bool {
	who := func(t *Ticket) Person {
		if t.Requester == nil {
			return Person{}
		}
		return Person{Name: t.Requester.Name, Email: t.Requester.Email}
	}
	return a.Title == b.Title && a.Description == b.Description && a.ExternalID == b.ExternalID &&
		a.Organization == b.Organization &&
		slices.Equal(a.Tags, b.Tags) && slices.Equal(a.OwnTags, b.OwnTags) && who(a) == who(b)
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

// attach notes that a comment has files.
func (d *document) attach(has bool, v Visibility) {
	if has && v == Internal {
		d.Notes = true
	} else if has {
		d.Files = true
	}
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

// person adds the words of a name and an address, and the address as a whole.
func (l *lexicon) person(p *Person) {
	l.read(p.Email)
	l.read(p.Name)
}

func (l *lexicon) read(text string) {
	for w := range wordsOf(text) {
		if l.add(w); len(l.words) == maxWords {
			return
		}
	}
}

// wordsOf yields the words of a text as they are compared: without case and marks, in compatible forms. A word of Unicode's
// that has punctuation inside ("example.com") is several. An e-mail address is a word as a whole as well.
func wordsOf(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		text = fold(text)
		for a := range addressesOf(text) {
			if !yield(clip(a)) {
				return
			}
		}
		for it := words.FromString(text); it.Next(); {
			for part := range strings.FieldsFuncSeq(it.Value(), notInWord) {
				if !yield(clip(part)) {
					return
				}
			}
		}
	}
}

// addressesOf yields what looks like an e-mail address in a folded text.
func addressesOf(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if strings.IndexByte(text, '@') < 0 {
			return
		}
		for part := range strings.FieldsFuncSeq(text, notInAddress) {
			part = strings.Trim(part, ".-_'+")
			if at := strings.LastIndexByte(part, '@'); at > 0 && at < len(part)-1 && !yield(part) {
				return
			}
		}
	}
}

func notInAddress(r rune) bool {
	return notInWord(r) && !strings.ContainsRune("@.-_+'%&", r)
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

// term is a word that is searched for, or the beginning of one.
type term struct {
	word   string
	prefix bool
}

// terms are the words of a search: a ticket must have all of them.
type terms []term

// parseTerms returns the search for a text: of its last word only the beginning is needed, unless it stands in quotes.
func parseTerms(text string) terms {
	var ts terms
	open := false // whether the last word may go on
	for i, part := range strings.Split(text, `"`) {
		for field := range strings.FieldsSeq(part) {
			for w := range soughtIn(field) {
				ts = slices.DeleteFunc(ts, func(t term) bool { return t.word == w })
				ts, open = append(ts, term{word: w}), i%2 == 0
			}
		}
	}
	if len(ts) > maxTerms {
		ts, open = ts[:maxTerms], false
	}
	if open {
		ts[len(ts)-1].prefix = true
	}
	return ts
}

// soughtIn yields what is searched for by a part of a text without white space: its addresses or, where it has none, its
// words.
func soughtIn(field string) func(yield func(string) bool) {
	for range addressesOf(fold(field)) {
		return func(yield func(string) bool) {
			for a := range addressesOf(fold(field)) {
				if !yield(clip(a)) {
					return
				}
			}
		}
	}
	return wordsOf(field)
}

// within says whether the words are all there.
func (ts terms) within(lists ...[]string) bool {
	for _, t := range ts {
		has := func(w string) bool { return w == t.word || t.prefix && strings.HasPrefix(w, t.word) }
		if !slices.ContainsFunc(lists, func(l []string) bool { return slices.ContainsFunc(l, has) }) {
			return false
		}
	}
	return true
}

// in says whether the document has what is searched for, in what a requester or staff may read.
func (ts terms) in(d *document, staff bool) bool {
	if staff {
		return ts.within([]string{d.Number}, d.Head, d.Public, d.Internal, d.Tags)
	}
	return ts.within([]string{d.Number}, d.Head, d.Public)
}
