package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

const auditPath = "/agent/settings/audit"

// auditPage lists what was done in the help desk's name, for admins.
func (s *Server) auditPage(w http.ResponseWriter, r *http.Request) error {
	const length = 50
	asked := r.URL.Query()
	view := &auditView{
		frame: s.settingsFrame(r, "Audit log", auditPath),
		Actor: strings.TrimSpace(asked.Get("actor")), Action: strings.TrimSpace(asked.Get("action")),
		Since: asked.Get("since"), Until: asked.Get("until"), Path: auditPath, Kept: int(tenant.AuditLife.Hours() / 24), Errors: fieldErrors{},
	}
	q := tenant.AuditQuery{
		Action: view.Action, Cursor: asked.Get("cursor"), Limit: length,
		Since: view.day("since", view.Since, 0), Until: view.day("until", view.Until, 1),
	}
	names, err := s.actors(r)
	if err != nil {
		return err
	}
	q.Actor = names.actor(view.Actor)
	page, err := s.tenants.SearchAudit(r.Context(), callerOf(r).tenant.ID, q)
	if sentences(err) != nil {
		return toOurs(w, r, auditPath) // a cursor that was cut: from the beginning
	}
	if err != nil {
		return err
	}
	for _, e := range page.Events {
		view.Events = append(view.Events, auditRow{Event: e, Who: names.text(view.Reader, e.Actor)})
	}
	view.Filtered = view.Actor+view.Action+view.Since+view.Until != ""
	if asked.Del("cursor"); page.Next != "" {
		view.Next = auditPath + "?" + withCursor(asked, page.Next)
	}
	return s.render(w, r, http.StatusOK, "audit", view)
}

func withCursor(asked url.Values, cursor string) string {
	asked.Set("cursor", cursor)
	return asked.Encode()
}

// toOurs sends the browser on to one of our pages.
func toOurs(w http.ResponseWriter, r *http.Request, path string) error {
	return seeOther(w, tenant.VisitFrom(r.Context()), path)
}

// day is the beginning of a day in UTC, so many days later. What is no day is told, and no bound.
func (v *auditView) day(field, text string, later int) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		v.Errors[field] = []string{"Write a day like 2026-11-20."}
		return time.Time{}
	}
	return at.AddDate(0, 0, later)
}

// actorNames are what people call those whom the audit log names by their ids.
type actorNames map[string]string

func (s *Server) actors(r *http.Request) (actorNames, error) {
	c, in := callerOf(r), s.words(r)
	names := actorNames{"operator": in.T("Operator"), "system": "Deskgate", "nobody": in.T("Nobody known"), "partner": in.T("Your site")}
	members, err := s.staff.List(r.Context(), c.tenant)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		names["agent:"+m.ID] = m.Email
	}
	tokens, err := s.doors.Tokens.List(r.Context(), c.tenant)
	for _, t := range tokens {
		names["token:"+t.ID] = in.T("Token %s", t.Name)
	}
	return names, err
}

// text is an actor for people.
func (n actorNames) text(in words.Reader, actor string) string {
	if name, known := n[actor]; known {
		return name
	}
	if rest, asserted := strings.CutPrefix(actor, "requester:asserted:"); asserted {
		return in.T("Visitor, not verified (%s)", rest[:min(len(rest), 12)])
	}
	return actor
}

// actor is whom the audit log means by what somebody typed: an actor as the API has it, or what the page calls them.
func (n actorNames) actor(typed string) string {
	for actor, name := range n {
		if strings.EqualFold(typed, name) {
			return actor
		}
	}
	return typed
}
