package tenant

import (
	"strings"
	"unicode/utf8"
)

// Line is a title or a name as it is kept: without white space around it, and without the characters that turn the text
// behind them into another direction, which are never what its writer means to say. The marks that only say where a
// neutral character belongs stay, and so do the joiners that scripts and emoji are made with. What is no text stays as it
// is, to be refused.
func Line(s string) string {
	if strings.ContainsFunc(s, Turns) && utf8.ValidString(s) {
		s = strings.Map(func(r rune) rune {
			if Turns(r) {
				return -1
			}
			return r
		}, s)
	}
	return strings.TrimSpace(s)
}

// Turns says whether a character turns the text behind it into another direction, until something ends it.
func Turns(r rune) bool { return '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' }
