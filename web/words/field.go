package words

import (
	"regexp"
	"strings"
)

// fieldRules are what programs are told about a field by its name: "The title field is required." People read it beside the field, in
// their language, and the name in it says nothing to them.
var fieldRules = rulesOf(
	Key("is required."),
	Key("must be a valid email address."),
	Key("must be one line of text."),
	Key("must not be longer than %s characters."),
	Key("must not be greater than %s characters."),
	Key("must be a line of at most %s characters."),
	Key("must be text of at most %s characters."),
	Key("must not be larger than %s KiB."),
	Key("must not contain control characters."),
	Key("must be a number from 1 to %s."),
	Key("must not have more than %s tags."),
	Key("must not have a tag of more than %s characters."),
	Key("must not have a tag with commas or control characters."),
	Key("must not have an empty tag."),
	Key("must have names of 1 to %s letters, digits and _ . -"),
	Key("must have at most %s letters, digits and hyphens."),
	Key("must have times such as 09:00 and 17:30."),
	Key("must have a day that opens."),
	Key("must have days that close after they open."),
	Key("must have days such as 2026-12-25, or 12-25 for every year: %s is none."),
	Key("must be at least %s characters."),
	Key("must have at least %s different characters."),
	Key("must not be made of digits and signs only."),
	Key("must not repeat the same few characters."),
	Key("must not be made of the email address or the name."),
	Key("must not be made of the help desk's name."),
	Key("must not be made of words that are guessed first."),
	Key("must have a port from 1 to 65535."),
	Key("must not have a user name or a password."),
)

// fieldRule recognises what is said about a field.
type fieldRule struct {
	english *regexp.Regexp
	key     string
}

func rulesOf(keys ...string) []fieldRule {
	rules := make([]fieldRule, len(keys))
	for i, key := range keys {
		form := strings.ReplaceAll(regexp.QuoteMeta(key), "%s", "(.+)")
		rules[i] = fieldRule{regexp.MustCompile("^The [a-z0-9_. ]+? (?:field )?" + form + "$"), key}
	}
	return rules
}

// aboutField says what a sentence about a field says, without the field's name. English has the sentence as it is.
func (r Reader) aboutField(sentence string) (said string, known bool) {
	if r.Lang() == "en" || !strings.HasPrefix(sentence, "The ") {
		return "", false
	}
	for _, rule := range fieldRules {
		if found := rule.english.FindStringSubmatch(sentence); found != nil {
			args := make([]any, len(found)-1)
			for i, part := range found[1:] {
				args[i] = part
			}
			return r.T(rule.key, args...), true
		}
	}
	return "", false
}
