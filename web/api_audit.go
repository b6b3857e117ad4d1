package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tenant"
)

// eventDocument is an entry of the audit log as the API shows it.
type eventDocument struct {
	ID        string        `json:"id"`
	CreatedAt tenant.Moment `json:"created_at"`
	Actor     string        `json:"actor"`
	Action    string        `json:"action"`
	Object    string        `json:"object"`
	Detail    string        `json:"detail"`
	IP        *string       `json:"ip"`
}

func auditOf(e tenant.Event) eventDocument {
	return eventDocument{
		ID: e.ID, CreatedAt: tenant.Moment(e.At), Actor: e.Actor, Action: e.Action, Object: e.Object, Detail: e.Detail, IP: orNull(e.IP),
	}
}

func (s *Server) listAudit(w http.ResponseWriter, r *http.Request) error {
	p, zone := queryOf(r), callerOf(r).tenant.Settings.Location()
	q := tenant.AuditQuery{
		Actor: p.text("actor"), Action: p.text("action"), Since: p.since("since", zone), Until: p.since("until", zone),
		Cursor: p.text("cursor"), Limit: p.limit(),
	}
	if q.Limit == 0 {
		q.Limit = usualPage
	}
	if err := p.err(); err != nil {
		return err
	}
	page, err := s.tenants.SearchAudit(r.Context(), callerOf(r).tenant.ID, q)
	if sentences(err) != nil {
		return malformed("The cursor does not belong to this list.")
	}
	if err != nil {
		return err
	}
	answer := list[eventDocument]{Data: make([]eventDocument, len(page.Events)), HasMore: page.Next != "", NextCursor: orNull(page.Next)}
	for i, e := range page.Events {
		answer.Data[i] = auditOf(e)
	}
	linkNext(w, r, page.Next)
	return encode(w, http.StatusOK, answer)
}

// usualPage is how long a page of a list is if nobody says otherwise.
const usualPage = 25
