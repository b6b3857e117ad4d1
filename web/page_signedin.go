package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

// signedInPage shows requesters where they are signed in, and which browsers are remembered for them.
func (s *Server) signedInPage(w http.ResponseWriter, r *http.Request) error {
	const most = 50
	c := callerOf(r)
	sessions, err := s.doors.Sessions.List(r.Context(), c.tenant, c.Identity)
	if err != nil {
		return err
	}
	remembered, err := s.doors.Devices.List(r.Context(), c.tenant, c.Identity)
	if err != nil {
		return err
	}
	slices.SortStableFunc(sessions, func(a, b auth.Session) int { return compareHere(a.ID == c.Session, b.ID == c.Session) })
	view := &signedInView{frame: s.ownFrame(r, "Where you are signed in", "sessions"), More: max(len(sessions)-most, 0)}
	for _, one := range sessions[:min(len(sessions), most)] {
		view.Sessions = append(view.Sessions, place{
			ID: one.ID, Browser: deviceOf(view.Reader, one.UserAgent), Host: string(one.Host), IP: one.IP, Since: one.CreatedAt, Seen: one.SeenAt,
			Here: one.ID == c.Session, Widget: hostOf(one.Embedder),
		})
	}
	here := auth.DeviceID(cookie(r, deviceCookie))
	for _, one := range remembered {
		view.Devices = append(view.Devices, place{
			ID: one.ID, Browser: deviceOf(view.Reader, one.UserAgent), Host: string(one.Host), IP: one.IP, Since: one.CreatedAt, Seen: one.SeenAt,
			Here: one.ID == here,
		})
	}
	return s.render(w, r, http.StatusOK, "signedin", view)
}

// compareHere puts the browser that asks before all others.
func compareHere(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// signOutThere ends one of the caller's sessions, has one of their browsers forgotten, or does both for all of them.
func (s *Server) signOutThere(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c, visit := callerOf(r), tenant.VisitFrom(r.Context())
	out := false
	switch {
	case values.Has("everywhere"):
		out, err = true, s.doors.Sessions.SignOut(r.Context(), c.tenant, c.Identity, client(r))
	case values.Has("session"):
		out, err = values.Get("session") == c.Session, s.doors.Sessions.Revoke(r.Context(), c.tenant, c.Identity, values.Get("session"))
	case values.Has("device"):
		err = s.doors.Devices.Revoke(r.Context(), c.tenant, c.Identity, values.Get("device"))
	default:
		return malformed("The form does not say what to end.")
	}
	// One that is over already, as after a second click, is over.
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return err
	}
	if out {
		return s.signOut(w, r)
	}
	return seeOther(w, visit, "/auth/sessions")
}
