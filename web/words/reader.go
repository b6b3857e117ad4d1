package words

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/message"
)

// Reader is a language and a time zone. The zero Reader reads English and knows no zone. It is safe for concurrent use.
type Reader struct {
	lang    string
	printer *message.Printer
	zone    *time.Location

	catalogue *Catalogue
}

// Lang is the tag of the reader's language.
func (r Reader) Lang() string {
	if r.lang == "" {
		return "en"
	}
	return r.lang
}

// Zone is the reader's time zone, UTC if nobody knows it.
func (r Reader) Zone() *time.Location {
	if r.zone == nil {
		return time.UTC
	}
	return r.zone
}

// T says the sentence in the reader's language. Arguments are as fmt has them; an int is written the way the language
// writes numbers (1,234), a uint64 is the number of a ticket and stays as it is.
func (r Reader) T(key string, args ...any) string {
	english, _, _ := strings.Cut(key, "|")
	for i, arg := range args {
		if n, ok := arg.(uint64); ok {
			args[i] = ticketNumber(n)
		}
	}
	if r.printer == nil {
		return fmt.Sprintf(english, args...)
	}
	return r.printer.Sprintf(message.Key(key, english), args...)
}

// H is T for a sentence that has HTML in it. What is filled in is escaped, unless it is HTML itself. An address that is
// filled in has to be one of our own.
func (r Reader) H(key string, args ...any) template.HTML {
	for i, arg := range args {
		switch v := arg.(type) {
		case int, uint64:
		case template.HTML:
			args[i] = string(v)
		default:
			args[i] = template.HTMLEscapeString(fmt.Sprint(v))
		}
	}
	return template.HTML(r.T(key, args...)) //nolint:gosec // the sentence is ours, and what is filled in is escaped
}

// ticketNumber is printed without separators, as %d and as %s.
type ticketNumber uint64

// Format prints the number.
func (n ticketNumber) Format(f fmt.State, _ rune) {
	_, _ = f.Write(strconv.AppendUint(nil, uint64(n), 10))
}

// months in English; the catalogue has the others.
var months = [...]string{
	"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
}

// Day is a date: 2 January 2006.
func (r Reader) Day(t time.Time) string {
	t = t.In(r.Zone())
	return r.T("%[1]s %[2]s %[3]s|day", strconv.Itoa(t.Day()), r.T(months[t.Month()-1]), strconv.Itoa(t.Year()))
}

// Time is a date and a time: 2 January 2006, 15:04. Where the reader's zone is not known it says UTC.
func (r Reader) Time(t time.Time) string {
	clock := "15:04"
	if r.zone == nil {
		clock += " UTC"
	}
	return r.Day(t) + ", " + t.In(r.Zone()).Format(clock)
}

// Stamp is a date and a time to the second, for logs: 2006-01-02 15:04:05.
func (r Reader) Stamp(t time.Time) string { return t.In(r.Zone()).Format(time.DateTime) }

// shortMonths in English, as Date says them.
var shortMonths = [...]string{"Jan", "Feb", "Mar", "Apr", "May|short", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// Date is a date that takes little room: 2 Jan.
func (r Reader) Date(t time.Time) string {
	t = t.In(r.Zone())
	return r.T("%[1]s %[2]s|date", strconv.Itoa(t.Day()), r.T(shortMonths[t.Month()-1]))
}

// Ago says how long ago t was, in a word or two; after a week it says the date, with the year if it is another one.
func (r Reader) Ago(t time.Time) string {
	switch d := time.Since(t); {
	case d < time.Minute:
		return r.T("just now")
	case d < time.Hour:
		return r.T("%d minutes ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return r.T("%d hours ago", int(d.Hours()))
	case d < 7*24*time.Hour:
		return r.T("%d days ago", int(d.Hours()/24))
	}
	if now := time.Now().In(r.Zone()); t.In(r.Zone()).Year() != now.Year() {
		return r.Date(t) + " " + strconv.Itoa(t.In(r.Zone()).Year())
	}
	return r.Date(t)
}

// When is Ago as a time element, whose title is the whole time.
func (r Reader) When(t time.Time) template.HTML {
	return element(t, ` title="`+r.Time(t)+`"`, r.Ago(t))
}

// At is Time as a time element.
func (r Reader) At(t time.Time) template.HTML { return element(t, "", r.Time(t)) }

func element(t time.Time, title, text string) template.HTML {
	const form = `<time datetime="%s"%s>%s</time>`
	return template.HTML(fmt.Sprintf(form, t.UTC().Format(time.RFC3339), title, text)) //nolint:gosec // all of it is ours
}

// Key marks a sentence that is said later, by T: in a table, say. It returns the sentence as it is.
func Key(sentence string) string { return sentence }
