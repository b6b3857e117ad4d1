package tickets

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/deskgate/deskgate/tenant"
)

// Filling is what the placeholders of a canned reply stand for.
type Filling struct {
	Ticket *Ticket
	Agent  Actor
	Tenant *tenant.Tenant
	URL    string // the ticket's page in the portal
}

// Placeholders are the names that may stand in double braces in a canned reply.
func Placeholders() []string {
	return []string{
		"requester.name", "requester.first_name", "requester.email", "ticket.number", "ticket.title", "ticket.url",
		"agent.name", "agent.first_name", "tenant.name",
	}
}

// Fill is the reply's body with all placeholders filled in. What people are called and what they wrote becomes part of the
// text, never of its markup.
func Fill(r *Reply, f Filling) string {
	var b strings.Builder
	rest := r.Body
	for {
		name, before, after, ok := nextPlaceholder(rest)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if value, known := f.value(name); known {
			b.WriteString(value)
		} else {
			b.WriteString(rest[len(before) : len(rest)-len(after)])
		}
		rest = after
	}
}

// nextPlaceholder finds the first placeholder of a text. Not ok: there is none, and all of the text is before.
func nextPlaceholder(text string) (name, before, after string, ok bool) {
	before, rest, ok := strings.Cut(text, "{{")
	if !ok {
		return "", text, "", false
	}
	name, after, ok = strings.Cut(rest, "}}")
	if !ok || strings.Contains(name, "\n") {
		return "", text, "", false
	}
	return strings.TrimSpace(name), before, after, true
}

// value is what a placeholder stands for, and whether there is one of that name.
func (f *Filling) value(name string) (value string, known bool) {
	requester := Person{}
	if f.Ticket.Requester != nil {
		requester = *f.Ticket.Requester
	}
	called := cmp.Or(requester.Name, requester.Email)
	switch name {
	case "requester.name":
		value = literal(called)
	case "requester.first_name":
		value = literal(firstName(called))
	case "requester.email":
		value = literal(requester.Email)
	case "ticket.number":
		value = strconv.FormatUint(f.Ticket.Number, 10)
	case "ticket.title":
		value = literal(f.Ticket.Title)
	case "ticket.url":
		value = f.URL
	case "agent.name":
		value = literal(f.Agent.person.Name)
	case "agent.first_name":
		value = literal(firstName(f.Agent.person.Name))
	case "tenant.name":
		value = literal(f.Tenant.Name)
	default:
		return "", false
	}
	return value, true
}

func firstName(name string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	return first
}

// markup is what Markdown gives a meaning to anywhere; what it does so only at the beginning of a line is in leading.
const (
	markup  = "\\`*_[]<>&|~"
	leading = "#+-=>:."
)

// literal is a line of text that Markdown shows as it is.
func literal(s string) string {
	var b strings.Builder
	digits := true // whether only digits came so far: 1. and 1) begin a list
	for i, r := range strings.TrimSpace(s) {
		switch {
		case unicode.IsControl(r) || unicode.IsSpace(r):
			r = ' '
		case strings.ContainsRune(markup, r),
			i == 0 && strings.ContainsRune(leading, r),
			i > 0 && digits && (r == '.' || r == ')'),
			r == ':' && strings.HasPrefix(strings.TrimSpace(s)[i:], "://"),
			r == '.' && strings.HasSuffix(strings.ToLower(b.String()), "www"):
			b.WriteByte('\\')
		}
		digits = digits && '0' <= r && r <= '9'
		b.WriteRune(r)
	}
	return b.String()
}

// placeholders refuses placeholders that nothing would be filled in for.
func (c check) placeholders(field, body string) {
	for rest := body; ; {
		name, _, after, ok := nextPlaceholder(rest)
		if !ok {
			return
		}
		if !slices.Contains(Placeholders(), name) {
			c.fail(field, "has an unknown placeholder {{%s}}. There are %s.", name, strings.Join(Placeholders(), ", "))
			return
		}
		rest = after
	}
}
