package web

import (
	"slices"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/notify"
)

// letterBrand is the tenant's colour in a letter, with the colour of what stands on it.
type letterBrand struct {
	Fill, Text, Link             string
	DarkFill, DarkText, DarkLink string
}

// brandOf is how a tenant's colour looks in letters: as on pages, and as readable.
func brandOf(t *tenant.Tenant) letterBrand {
	b := letterBrand{Fill: "#2450c8", Text: "#ffffff", Link: "#2450c8", DarkFill: "#8fb0ff", DarkText: "#0b1630", DarkLink: "#8fb0ff"}
	brand, chosen := parseColor(t.Settings.BrandColor)
	if !chosen {
		return b
	}
	light, dark := schemes()
	for _, side := range []struct {
		scheme           scheme
		fill, text, link *string
	}{{light, &b.Fill, &b.Text, &b.Link}, {dark, &b.DarkFill, &b.DarkText, &b.DarkLink}} {
		for _, token := range side.scheme.theme(brand) {
			switch token.Token {
			case "--color-brand":
				*side.fill = token.Value
			case "--color-on-brand":
				*side.text = token.Value
			case "--color-link":
				*side.link = token.Value
			}
		}
	}
	return b
}

// Lead says what the letter is about, the most important first, each in a sentence.
func (v *letterView) Lead() []string {
	var all []string
	for _, w := range v.Facts.What {
		if sentence := v.told(w); sentence != "" && !slices.Contains(all, sentence) {
			all = append(all, sentence)
		}
	}
	return all
}

// told says one of the things that a letter tells.
func (v *letterView) told(w notify.What) string {
	switch w {
	case notify.Received:
		return v.T("We have received your request. You will get an email like this one when there is an answer.")
	case notify.Filed:
		return v.T("A request was opened for you.")
	case notify.Replied:
		return v.byAuthor(v.T("There are new answers to your request."), v.named("%s has answered your request."))
	case notify.Solved:
		return v.T("Your request is solved. If it is not, answer it, and it is open again.")
	case notify.Waiting:
		return v.T("We need an answer of yours to go on with your request.")
	case notify.Closing:
		return v.T("Your request is solved, and will be closed soon. If it is not solved, answer it.")
	case notify.Opened:
		return v.byAuthor(v.T("There is a new ticket."), v.named("There is a new ticket from %s."))
	case notify.Assigned:
		return v.T("This ticket was given to you.")
	case notify.Answered:
		return v.byAuthor(v.T("The requester has written."), v.named("%s has written."))
	case notify.Moved:
		if v.Facts.Ticket.Status.Category() == "done" {
			return v.T("The requester says that it is solved.")
		}
		return v.T("The requester has opened it again.")
	case notify.Rated:
		return v.rated()
	case notify.Noted:
		return v.byAuthor(v.T("Colleagues have written."), v.named("%s has written."))
	case notify.Mentioned:
		return v.T("You are mentioned in a note.")
	case notify.Overdue:
		return v.T("This ticket is overdue.")
	}
	return ""
}

// named is a sentence with the one name that all new messages are of, empty if there is none.
func (v *letterView) named(sentence string) string {
	name := ""
	for i, m := range v.Facts.New {
		if i > 0 && m.Author != name {
			return ""
		}
		name = m.Author
	}
	if name == "" {
		return ""
	}
	return v.T(sentence, name)
}

// byAuthor is the sentence with a name if there is one, else the other.
func (*letterView) byAuthor(without, with string) string {
	if with != "" {
		return with
	}
	return without
}

func (v *letterView) rated() string {
	if r := v.Facts.Ticket.Rating; r != nil {
		return v.T("The requester has given %d of 5 stars.", r.Stars)
	}
	return ""
}

// Author is who wrote a message, the help desk where it was nobody in particular.
func (v *letterView) Author(m notify.Message) string {
	if m.Author != "" {
		return m.Author
	}
	return v.Site
}

// Status is the ticket's status, in the words of the letter's reader.
func (v *letterView) Status() string { return agentStatus(v.Reader, v.Facts.Ticket.Status).Text }

// Requester is who asks for help, as staff is to see them.
func (v *letterView) Requester() string {
	r := v.Facts.Ticket.Requester
	switch {
	case r == nil:
		return ""
	case v.Facts.Ticket.Assurance == tickets.Asserted:
		return v.T("%s <%s>, not verified", r.Name, r.Email)
	}
	return r.Name + " <" + r.Email + ">"
}

// Ends says what the link ends that ends letters like this one.
func (v *letterView) Ends() string {
	return endsWhat(v.Reader, v.Facts.About, v.Kind == mail.Work || v.Kind == mail.Digest)
}

// Stars are the answers to the question how it was.
func (*letterView) Stars() []int { return []int{1, 2, 3, 4, 5} }
