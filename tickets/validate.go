package tickets

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/tenant"
)

// The limits of what people may write.
const (
	MaxTitle        = 200      // characters
	MaxBody         = 64 << 10 // bytes of a description or a comment
	MaxTags         = 20
	MaxTag          = 50 // characters
	MaxExternalID   = 200
	MaxCustomFields = 50
	MaxFieldName    = 64       // bytes
	MaxFieldValue   = 2000     // characters
	MaxFields       = 64 << 10 // bytes of all custom fields, their names included

	// maxTagsAtOnce is how many tags one list of a request may have, those that a ticket never gets included.
	maxTagsAtOnce = 5 * MaxTags
)

// check gathers what is wrong with input.
type check struct{ errs tenant.FieldErrors }

func newCheck() check { return check{errs: make(tenant.FieldErrors)} }

func (c check) fail(field, format string, args ...any) {
	c.errs.Add(field, fmt.Sprintf("The %s field "+format, append([]any{strings.ReplaceAll(field, "_", " ")}, args...)...))
}

// title checks a title that has no white space around it.
func (c check) title(s string) {
	switch {
	case !strings.ContainsFunc(s, visible):
		c.fail("title", "is required.")
	case utf8.RuneCountInString(s) > MaxTitle:
		c.fail("title", "must not be longer than %d characters.", MaxTitle)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsAny(s, "\u2028\u2029"):
		c.fail("title", "must be one line of text.")
	}
}

// body checks a Markdown text, which must not be empty.
func (c check) body(field, s string) {
	switch {
	case !strings.ContainsFunc(s, visible):
		c.fail(field, "is required.")
	case len(s) > MaxBody:
		c.fail(field, "must not be larger than %d KiB.", MaxBody>>10)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		c.fail(field, "must be text.")
	}
}

// visible says whether a character leaves anything to see, or to click on.
func visible(r rune) bool {
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.Zs, unicode.Mn, unicode.Other_Default_Ignorable_Code_Point)
}

func (c check) priority(p Priority) {
	if !slices.Contains(Priorities(), p) {
		c.fail("priority", "must be one of %s.", list(Priorities()))
	}
}

func (c check) status(s Status) {
	if !slices.Contains(Statuses(), s) {
		c.fail("status", "must be one of %s.", list(Statuses()))
	}
}

func (c check) externalID(s string) {
	if utf8.RuneCountInString(s) > MaxExternalID || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		c.fail("external_id", "must be a line of at most %d characters.", MaxExternalID)
	}
}

// organization returns the name in the form in which it is kept.
func (c check) organization(s string) string {
	name, err := tenant.ParseOrganization(s)
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		maps.Copy(c.errs, wrong)
	}
	return name
}

func (c check) assignee(p *Person) {
	if p != nil && p.ID == "" {
		c.fail("assignee_id", "must be an agent.")
	}
}

func (c check) visibility(field string, v Visibility) {
	if v != Public && v != Internal {
		c.fail(field, "must be one of %s, %s.", Public, Internal)
	}
}

// tags returns tags in the form in which they are kept: lower case, without white space around, sorted, each once.
func (c check) tags(field string, in []string) []string {
	if len(in) > maxTagsAtOnce {
		c.fail(field, "must not have more than %d tags.", maxTagsAtOnce)
		return nil
	}
	out := make([]string, 0, len(in))
	for _, tag := range in {
		tag = strings.ToLower(tenant.Line(tag))
		switch {
		case tag == "":
			c.fail(field, "must not have an empty tag.")
		case utf8.RuneCountInString(tag) > MaxTag:
			c.fail(field, "must not have a tag of more than %d characters.", MaxTag)
		case !utf8.ValidString(tag) || strings.ContainsFunc(tag, unicode.IsControl) || strings.Contains(tag, ","):
			c.fail(field, "must not have a tag with commas or control characters.")
		default:
			out = append(out, tag)
		}
		if len(c.errs[field]) > 0 {
			return nil
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (c check) tagCount(tags []string) {
	if len(tags) > MaxTags {
		c.fail("tags", "must not have more than %d tags.", MaxTags)
	}
}

// customFields returns old with what in changes: a nil value removes its key.
func (c check) customFields(old, in map[string]any) map[string]any {
	out := maps.Clone(old)
	if out == nil {
		out = make(map[string]any, len(in))
	}
	for name, v := range in {
		if v == nil {
			delete(out, name)
			continue
		}
		if name == "" || len(name) > MaxFieldName || strings.ContainsFunc(name, notInName) {
			c.fail("custom_fields", "must have names of 1 to %d letters, digits and _ . -", MaxFieldName)
			return nil
		}
		plain, ok := plainValue(v)
		if !ok {
			c.fail("custom_fields", "must have texts of at most %d characters, numbers and booleans only (%s).", MaxFieldValue, name)
			return nil
		}
		out[name] = plain
	}
	switch {
	case len(out) > MaxCustomFields:
		c.fail("custom_fields", "must not have more than %d fields.", MaxCustomFields)
	case sizeOf(out) > MaxFields:
		c.fail("custom_fields", "must not be larger than %d KiB together.", MaxFields>>10)
	}
	return out
}

// sizeOf is how many bytes custom fields have, about.
func sizeOf(fields map[string]any) (size int) {
	const number = 8
	for name, v := range fields {
		text, _ := v.(string)
		size += len(name) + max(len(text), number)
	}
	return size
}

func notInName(r rune) bool {
	return r > unicode.MaxASCII || r != '_' && r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// plainValue is v in a type that the store gives back as it was.
func plainValue(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return v, utf8.ValidString(v) && utf8.RuneCountInString(v) <= MaxFieldValue
	case bool:
		return v, true
	case int:
		return plainInt(int64(v)), true
	case int64:
		return plainInt(v), true
	case uint64:
		return v, true
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return plainInt(n), true
		}
		if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return n, true
		}
		f, err := v.Float64()
		return f, err == nil
	}
	return nil, false
}

// plainInt is n in the type that the store gives it back in.
func plainInt(n int64) any {
	if n >= 0 {
		return uint64(n)
	}
	return n
}

func list[S ~string](values []S) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}
