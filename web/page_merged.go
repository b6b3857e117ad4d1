package web

import (
	"errors"
	"net/http"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// origin is the ticket that a message was written in, before it was merged.
type origin struct {
	Number uint64
	// Title is the ticket's, where its messages begin.
	Title string
	// URL is the ticket's page, for those who are not led on from there.
	URL string
}

// origins says where each of some comments was written; nil: where it stands.
func (s *Server) origins(r *http.Request, all []tickets.Comment) ([]*origin, error) {
	c, from, begun := callerOf(r), make([]*origin, len(all)), map[uint64]bool{}
	for i := range all {
		n := all[i].From
		if n == 0 {
			continue
		}
		if from[i] = (&origin{Number: n}); begun[n] {
			continue
		}
		begun[n] = true
		t, err := s.desk.FindDeleted(r.Context(), c.tenant, c.actor(), tickets.ByNumber(n))
		if err != nil && !errors.Is(err, tickets.ErrNotFound) {
			return nil, err
		}
		from[i].Title = t.Title
	}
	return from, nil
}

// leadOn serves a requester's page of a ticket. That of a ticket which was merged leads on to where its thread has gone.
func (s *Server) leadOn(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c := callerOf(r)
		ref, err := tickets.ParseRef(r.PathValue("number"))
		if err != nil { // a word, which the page knows or not
			return h(w, r)
		}
		t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), ref)
		if err != nil || t.MergedInto == "" {
			return h(w, r)
		}
		into, err := tickets.ParseRef(t.MergedInto)
		if err != nil {
			return err
		}
		if t, err = s.desk.Find(r.Context(), c.tenant, c.actor(), into); err != nil {
			return err
		}
		return seeOther(w, tenant.VisitFrom(r.Context()), ticketPath(t.Number))
	}
}

// staffToo leads staff who are not signed in as requesters to the same ticket in the console: a ticket has one URL, whoever
// reads it in an answer of the API, an event or a letter.
func (s *Server) staffToo(h http.HandlerFunc) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		_, err := tickets.ParseRef(r.PathValue("number"))
		if err == nil && !s.signedIn(r, auth.RequesterSide) && s.signedIn(r, auth.StaffSide) {
			return seeOther(w, tenant.VisitFrom(r.Context()), "/agent/tickets/"+r.PathValue("number"))
		}
		h(w, r)
		return nil
	})
}

func (s *Server) signedIn(r *http.Request, side auth.Side) bool {
	_, err := s.identify(r, side)
	return err == nil
}
