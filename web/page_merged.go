package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

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
