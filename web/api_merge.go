package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tickets"
)

// merging is the body of a request that merges a ticket into another.
type merging struct {
	Into ticketRef `json:"into"`
	// Apart false refuses tickets of different requesters. Absent: they are merged so that neither sees more than before.
	Apart *bool `json:"apart"`
}

// mergeTicket answers with the ticket that is left.
func (s *Server) mergeTicket(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	from, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	var in merging
	body, err := decode(w, r, &in)
	if err != nil {
		return err
	}
	if in.Into == "" {
		return invalid(map[string][]string{"into": {"The into field is required."}})
	}
	into, err := tickets.ParseRef(string(in.Into))
	if err != nil {
		return invalid(map[string][]string{"into": {"There is no ticket with this id."}})
	}
	m := tickets.Merging{Apart: in.Apart == nil || *in.Apart}
	if m.Idempotency, err = idempotency(r, body); err != nil {
		return err
	}
	if m.IfVersion, err = s.ifMatch(r, from); err != nil {
		return err
	}
	merged, err := s.desk.Merge(r.Context(), c.tenant, c.actor(), from, into, m)
	if err != nil {
		return err
	}
	replayed(w, merged.Replayed)
	return s.encodeTicket(w, r, c.tenant, &merged.Ticket)
}
