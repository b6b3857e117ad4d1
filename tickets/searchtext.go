package tickets

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// without is what is wanted (nothing: all) but for what is not, nil being all. Not ok: nothing is left.
func without[S ~string](all, wanted, unwanted []S) (left []S, ok bool) {
	for _, s := range all {
		if (len(wanted) == 0 || slices.Contains(wanted, s)) && !slices.Contains(unwanted, s) {
			left = append(left, s)
		}
	}
	if len(left) == len(all) {
		return nil, true
	}
	return left, len(left) > 0
}

// String is the query as it is typed into a search box: ParseSearch reads it as the same. What only programs say (IDs of
// categories, assignees and requesters, the cursor) is not in it.
func (q *Query) String() string {
	var b searchWriter
	if q.Number != 0 {
		b.parts = append(b.parts, "#"+strconv.FormatUint(q.Number, 10))
	}
	b.one("status", strings.ReplaceAll(list(q.Status), " ", ""))
	b.one("-status", strings.ReplaceAll(list(q.Not.Status), " ", ""))
	b.one("priority", strings.ReplaceAll(list(q.Priority), " ", ""))
	b.one("-priority", strings.ReplaceAll(list(q.Not.Priority), " ", ""))
	b.each("assignee", q.Assignees)
	b.each("-assignee", q.Not.Assignees)
	b.one("from", q.Requester)
	b.each("-from", q.Not.Requesters)
	b.one("organization", q.Organization)
	b.each("tag", q.Tags)
	b.each("-tag", q.Not.Tags)
	b.each("category", q.Categories)
	b.each("-category", q.Not.Categories)
	b.flag("has:attachment", q.Files)
	b.flag("-has:attachment", q.Not.Files)
	b.flag("is:overdue", q.Overdue)
	b.one("rating", numerals(q.Ratings))
	b.flag("is:unrated", q.Unrated)
	b.flag("is:spam", q.Spam)
	b.flag("is:merged", q.Merged)
	b.flag("is:deleted", q.Deleted)
	b.one("external", q.ExternalID)
	b.period("created", q.Created)
	b.period("updated", q.Updated)
	b.one("sort", string(q.Sort))
	for _, words := range q.Not.Words {
		b.parts = append(b.parts, `-"`+words+`"`)
	}
	if q.Text != "" {
		b.parts = append(b.parts, q.Text)
	}
	return strings.Join(b.parts, " ")
}

// numerals are numbers, separated by commas.
func numerals(all []int) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}

// searchWriter gathers the parts of a search.
type searchWriter struct{ parts []string }

func (b *searchWriter) flag(part string, set bool) {
	if set {
		b.parts = append(b.parts, part)
	}
}

func (b *searchWriter) one(key, value string) {
	b.flag(key+":"+quoted(value), value != "")
}

func (b *searchWriter) each(key string, values []string) {
	for _, value := range values {
		b.one(key, value)
	}
}

func (b *searchWriter) period(key string, w Period) {
	if !w.After.IsZero() {
		b.parts = append(b.parts, key+":>="+moment(w.After.Add(tick)))
	}
	if !w.Before.IsZero() {
		b.parts = append(b.parts, key+":<"+moment(w.Before))
	}
	for _, day := range w.Since {
		b.parts = append(b.parts, key+":>="+string(day))
	}
	for _, day := range w.Until {
		b.parts = append(b.parts, key+":<"+string(day))
	}
	if w.Under != 0 {
		b.parts = append(b.parts, key+":<"+age(w.Under))
	}
	if w.Over != 0 {
		b.parts = append(b.parts, key+":>"+age(w.Over))
	}
}

// moment is a time as parseSpan reads it.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// age is a duration of whole hours as parseAge reads it.
func age(d time.Duration) string {
	hours := int64(d / time.Hour)
	if hours%24 == 0 {
		return strconv.FormatInt(hours/24, 10) + "d"
	}
	return strconv.FormatInt(hours, 10) + "h"
}

// quoted is a value as one part of a search.
func quoted(value string) string {
	if strings.ContainsFunc(value, unicode.IsSpace) {
		return `"` + value + `"`
	}
	return value
}
