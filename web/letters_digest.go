package web

import (
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tickets/notify"
)

// Items are the tickets of a digest, each as a letter about it alone.
func (v *letterView) Items() []*letterView {
	all := make([]*letterView, len(v.Facts.Tickets))
	for i := range all {
		one := *v
		one.Facts = v.Facts.Tickets[i]
		all[i] = &one
	}
	return all
}

// Headline says how many tickets a digest is about, and which are the first.
func (v *letterView) Headline() string {
	const most = 5
	all := v.Facts.Tickets
	var numbers []string
	for i := range all[:min(len(all), most)] {
		numbers = append(numbers, "#"+strconv.FormatUint(all[i].Ticket.Number, 10))
	}
	some := strings.Join(numbers, ", ")
	if len(all)+v.Facts.More > most {
		some += " …"
	}
	if v.Facts.Over {
		return v.T("News of more than %d tickets: %s", len(all)+v.Facts.More, some)
	}
	return v.T("News of %d tickets: %s", len(all)+v.Facts.More, some)
}

// Rest says that a digest does not show all tickets that it is about; empty: it does.
func (v *letterView) Rest() string {
	switch {
	case v.Facts.Over:
		return v.T("And more than %d others have news: look at the help desk.", v.Facts.More)
	case v.Facts.More > 0:
		return v.T("And %d more tickets have news.", v.Facts.More)
	}
	return ""
}

// excerpt is the beginning of a message.
type excerpt struct {
	Author, Text string
	Internal     bool
}

// Excerpt is how what was written begins: a new ticket's text, else the last message. Nil: nothing was.
func (v *letterView) Excerpt() *excerpt {
	all := v.Facts.New
	if len(all) == 0 {
		return nil
	}
	said := all[len(all)-1]
	if slices.Contains(v.Facts.What, notify.Opened) {
		said = all[0]
	}
	return &excerpt{Author: v.Author(said), Text: snippet(said.Body), Internal: said.Internal}
}
