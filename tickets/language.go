package tickets

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is a part of a search that reads like a filter and is none. It is searched for as words, like all else: a search
// with a mistake finds less than was meant, never more.
type Problem struct {
	Text   string // as it was typed
	Reason string // a sentence for people
}

// maxFilters is how many filters one search may have.
const maxFilters = 20

// ParseSearch reads what somebody typed into the search box: words, "words that are not cut off", #number, filters like
// status:open,pending and, with a minus before them, what must not be. The rest stands in the Query's Text. Days are
// those of the tenant's calendar. See the operator's manual for the whole language; Query.String is the way back.
func ParseSearch(text string) (Query, []Problem) {
	p := searchParser{rest: strings.ToValidUTF8(text, "\uFFFD")}
	for p.next() {
		reason := p.read()
		switch reason {
		case "":
			continue
		case notAFilter:
		default:
			p.problems = append(p.problems, Problem{Text: p.typed, Reason: reason})
		}
		p.words = append(p.words, p.plain(reason != notAFilter))
	}
	p.q.Text = strings.Join(p.words, " ")
	return p.q, p.problems
}

// searchParser reads one part of a search after the other.
type searchParser struct {
	rest     string
	q        Query
	words    []string
	problems []Problem
	filters  int
	// What was read last: typed is all of it; a phrase has no key.
	typed, key, value string
	negated, quoted   bool
}

// next reads the next part and says whether there is one.
func (p *searchParser) next() bool {
	p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	if p.rest == "" {
		return false
	}
	start := p.rest
	p.key, p.negated, p.quoted = "", false, false
	if r, size := utf8.DecodeRuneInString(p.rest[1:]); p.rest[0] == '-' && size > 0 && !unicode.IsSpace(r) && r != '-' {
		p.negated, p.rest = true, p.rest[1:]
	}
	if i := strings.IndexFunc(p.rest, func(r rune) bool { return r == ':' || r == '"' || unicode.IsSpace(r) }); i > 0 && p.rest[i] == ':' {
		p.key, p.rest = strings.ToLower(p.rest[:i]), p.rest[i+1:]
	}
	if after, ok := strings.CutPrefix(p.rest, `"`); ok {
		p.value, p.rest, _ = strings.Cut(after, `"`)
		p.quoted = true
	} else {
		end := strings.IndexFunc(p.rest, unicode.IsSpace)
		if end < 0 {
			end = len(p.rest)
		}
		p.value, p.rest = p.rest[:end], p.rest[end:]
	}
	p.typed = start[:len(start)-len(p.rest)]
	return true
}

// plain is the part as Text has it, so that it is read as nothing but words the next time, too.
func (p *searchParser) plain(filter bool) string {
	bare := strings.TrimSpace(strings.ReplaceAll(p.typed, `"`, " "))
	if filter || p.quoted || strings.ContainsFunc(bare, unicode.IsSpace) {
		return `"` + bare + `"`
	}
	return bare
}

const tooMany = "These are too many filters."

// notAFilter is the reason of what does not even look like a filter.
const notAFilter = "-"

// read takes the part as a filter. Otherwise it gives the reason.
func (p *searchParser) read() (reason string) {
	if p.key == "" {
		return p.readPlain()
	}
	filter, known := filters[p.key]
	p.value = strings.TrimSpace(strings.ReplaceAll(p.value, `"`, ""))
	switch {
	case p.value == "", !known && !likeFilter(p.key, p.value):
		return notAFilter
	case !known:
		return "There is no such filter."
	case p.filters == maxFilters:
		return tooMany
	case len(p.value) > maxQueryValue:
		return "This is too long."
	}
	if reason = filter(p); reason == "" {
		p.filters++
	}
	return reason
}

// likeFilter says whether somebody may have meant a filter: not an address of a page, a time of day or a path.
func likeFilter(key, value string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) &&
		!strings.HasPrefix(value, "/") && !strings.HasPrefix(value, ":") && !strings.HasPrefix(value, `\`)
}

// readPlain takes #number, and words that must not be there.
func (p *searchParser) readPlain() string {
	if digits, ok := strings.CutPrefix(p.value, "#"); ok && !p.quoted && !p.negated && p.q.Number == 0 {
		if r, err := ParseRef(digits); err == nil && r.number != 0 {
			p.q.Number = r.number
			return ""
		}
	}
	if r, _ := utf8.DecodeRuneInString(p.value); !p.negated || !unicode.IsLetter(r) {
		return notAFilter
	}
	switch {
	case p.filters == maxFilters:
		return tooMany
	case len(p.value) > maxQueryValue:
		return "This is too long."
	}
	p.filters++
	p.q.Not.Words = append(p.q.Not.Words, strings.ReplaceAll(p.value, `"`, ""))
	return ""
}

// filters are the words before a colon and what they do with the value. What they return is why they cannot.
var filters = map[string]func(*searchParser) string{
	"status":       (*searchParser).status,
	"is":           (*searchParser).is,
	"priority":     (*searchParser).priority,
	"assignee":     (*searchParser).assignee,
	"requester":    (*searchParser).requester,
	"from":         (*searchParser).requester,
	"organization": (*searchParser).organization,
	"tag":          (*searchParser).tag,
	"tags":         (*searchParser).tag,
	"category":     (*searchParser).category,
	"has":          (*searchParser).has,
	"external":     (*searchParser).external,
	"rating":       (*searchParser).rating,
	"created":      (*searchParser).created,
	"updated":      (*searchParser).updated,
	"sort":         (*searchParser).sort,
}
