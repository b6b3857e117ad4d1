package tickets

import "strings"

// somebody is whom a search means: by a whole address, or by words of a name or an address. The zero somebody is anybody.
type somebody struct {
	address string
	words   terms
}

func parseSomebody(text string) somebody {
	text = fold(strings.TrimSpace(text))
	ts := parseTerms(text)
	if len(ts) == 1 && strings.Contains(text, "@") {
		ts[0].prefix = false
		return somebody{address: text, words: ts}
	}
	return somebody{words: ts}
}

func (s somebody) any() bool { return len(s.words) == 0 }

// is says whether the person is meant.
func (s somebody) is(p *Person) bool {
	switch {
	case s.any():
		return true
	case p == nil:
		return false
	case s.address != "":
		return fold(p.Email) == s.address
	}
	l := newLexicon(nil)
	l.person(p)
	return s.words.within(l.words)
}
