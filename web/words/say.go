package words

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// pattern recognises a sentence of the catalogue that somebody else has filled in already, and puts it into another language.
type pattern struct {
	english *regexp.Regexp
	said    string
}

// filledIn is the section of the sentences that come to us with what is filled in.
const filledIn = "errors"

// patterns are those of the sentences of that section that have something filled in, the longest first: it says most.
func patterns(section map[string]any) []pattern {
	var keys []string
	for key := range section {
		if _, plain := section[key].(string); plain && len(Placeholders(key)) > 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	found := make([]pattern, len(keys))
	verb := regexp.MustCompile(`%(\\\[\d\\\])?[sd]`)
	for i, key := range keys {
		english, _, _ := strings.Cut(key, "|")
		form := verb.ReplaceAllString(regexp.QuoteMeta(english), "(.+)")
		said, _ := section[key].(string)
		found[i] = pattern{regexp.MustCompile("^" + form + "$"), strings.ReplaceAll(said, "%d", "%s")}
	}
	return found
}

// Say says a sentence that comes from elsewhere, as those about wrong input do: what is filled in, is filled in already. One that is
// not in the catalogue is said as it is.
func (r Reader) Say(sentence string) string {
	if r.catalogue == nil || sentence == "" {
		return sentence
	}
	if said := r.catalogue.sentences[r.lang][sentence]; said[single] != "" {
		return said[single]
	}
	if said, known := r.aboutField(sentence); known {
		return said
	}
	for _, p := range r.catalogue.patterns[r.lang] {
		if found := p.english.FindStringSubmatch(sentence); found != nil {
			args := make([]any, 0, len(found))
			for _, part := range found[1:] {
				args = append(args, part)
			}
			return fmt.Sprintf(p.said, args[:min(len(args), len(Placeholders(p.said)))]...)
		}
	}
	return sentence
}
