package web

import (
	"errors"
	"net/http"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// kin is a ticket that another one has to do with.
type kin struct {
	id  string
	use func(*tickets.Ticket)
}

// kinShown is how many tickets a ticket names that were split off it, the newest.
const kinShown = 5

// fillKin leads to the tickets that this one was merged into, continues, or was split off or has lost messages to.
func (s *Server) fillKin(r *http.Request, v *consoleView, t *tickets.Ticket) error {
	splitLink := func(says string) func(*tickets.Ticket) {
		return func(other *tickets.Ticket) {
			v.Ticket.Split = append(v.Ticket.Split, link{URL: v.Href(v.Stand.ticket(other.Number, "")), Text: v.T(says, other.Number)})
		}
	}
	all := []kin{
		{t.MergedInto, func(other *tickets.Ticket) {
			v.Ticket.MergedInto, v.Ticket.MergedURL = other.Number, v.Href(v.Stand.ticket(other.Number, ""))
		}},
		{t.FollowUpOf, func(other *tickets.Ticket) {
			v.Ticket.FollowUpOf = &link{URL: v.Href(v.Stand.ticket(other.Number, "")), Text: v.T("continues #%d", other.Number)}
		}},
		{t.SplitFrom, splitLink(words.Key("split off #%d"))},
	}
	for _, id := range t.SplitInto[max(0, len(t.SplitInto)-kinShown):] {
		all = append(all, kin{id, splitLink(words.Key("#%d was split off"))})
	}
	for _, kin := range all {
		ref, err := tickets.ParseRef(kin.id)
		if err != nil {
			continue
		}
		c := callerOf(r)
		other, err := s.desk.FindDeleted(r.Context(), c.tenant, c.actor(), ref)
		if errors.Is(err, tickets.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		kin.use(&other)
	}
	return nil
}
