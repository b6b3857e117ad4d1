package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
)

const teamPath = "/agent/settings/team"

func (s *Server) teamPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderTeam(w, r, http.StatusOK, &teamView{})
}

// renderTeam shows the staff. The view brings what was typed, and what came of it.
func (s *Server) renderTeam(w http.ResponseWriter, r *http.Request, status int, view *teamView) error {
	all, err := s.staff.List(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	view.frame, view.Done = s.settingsFrame(r, "Team", teamPath), s.noticeOf(r)
	for _, m := range all {
		view.Members = append(view.Members, teamRow{
			ID: m.ID, Name: m.Name, Email: m.Email, Admin: m.Role == auth.RoleAdmin, Joined: !m.JoinedAt.IsZero(),
			TOTP: m.HasTOTP(), SignedIn: m.SignedInAt,
		})
	}
	return s.render(w, r, status, "team", view)
}

// invite lets somebody join. The link is shown to the admin: there may be no mail, or it may not arrive.
func (s *Server) invite(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	view := &teamView{Email: values.Get("email"), Name: values.Get("name"), Role: values.Get("role")}
	i, err := s.staff.Invite(r.Context(), c.tenant, view.Email, view.Name, auth.Role(view.Role), c.Actor())
	switch wrong := sentences(err); {
	case wrong != nil:
		view.Errors = wrong
		return s.renderTeam(w, r, http.StatusUnprocessableEntity, view)
	case errors.Is(err, auth.ErrExists):
		view.Errors = fieldErrors{"email": {"This person has joined already."}}
		return s.renderTeam(w, r, http.StatusConflict, view)
	case err != nil:
		return err
	}
	return s.renderTeam(w, r, http.StatusOK, &teamView{Link: &handedLink{
		Email: i.Member.Email, URL: i.URL, Ends: i.ExpiresAt, Mailed: i.Mailed, Invitation: true,
	}})
}

// colleague is the member whom a page is about.
func (s *Server) colleague(r *http.Request) (staff.Member, error) {
	return s.staff.Find(r.Context(), callerOf(r).tenant, r.PathValue("id"))
}

func (s *Server) memberPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderMember(w, r, nil)
}

func (s *Server) renderMember(w http.ResponseWriter, r *http.Request, given *handedLink) error {
	m, err := s.colleague(r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	all, err := s.doors.Sessions.List(r.Context(), c.tenant, auth.Identity{Level: auth.Staff, ID: m.ID})
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "member", &memberView{
		frame: s.settingsFrame(r, m.Name, teamPath), Done: s.noticeOf(r), ID: m.ID, Name: m.Name, Email: m.Email,
		Admin: m.Role == auth.RoleAdmin, Joined: m.JoinedAt, Invited: m.InvitedAt, SignedIn: m.SignedInAt,
		TOTP: m.HasTOTP(), Own: m.ID == c.ID, Link: given,
		Sessions: sessionRows(s.words(r), all, c.session.ID, memberPath(m.ID)+"/end"),
	})
}

func memberPath(id string) string { return teamPath + "/" + url.PathEscape(id) }

// errOwnMembership: admins do to others what would shut themselves out.
var errOwnMembership = forbidden("FORBIDDEN", "Another admin has to do this to you.")

// onMember has fn do something to another member, and leads back to the page about them.
func (s *Server) onMember(w http.ResponseWriter, r *http.Request, notice string, fn func(c caller, m staff.Member, values url.Values) error) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	m, err := s.colleague(r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	if m.ID == c.ID {
		return errOwnMembership
	}
	if err := fn(c, m, values); err != nil {
		return err
	}
	path := memberPath(m.ID)
	if notice == "removed" {
		path = teamPath
	}
	return done(w, r, path, notice)
}

func (s *Server) changeRole(w http.ResponseWriter, r *http.Request) error {
	return s.onMember(w, r, "saved", func(c caller, m staff.Member, values url.Values) error {
		return s.staff.SetRole(r.Context(), c.tenant, m.ID, auth.Role(values.Get("role")), c.Actor())
	})
}

func (s *Server) removeMember(w http.ResponseWriter, r *http.Request) error {
	return s.onMember(w, r, "removed", func(c caller, m staff.Member, _ url.Values) error {
		return s.staff.Remove(r.Context(), c.tenant, m.Email, c.Actor())
	})
}

func (s *Server) endMemberSession(w http.ResponseWriter, r *http.Request) error {
	return s.onMember(w, r, "session", func(c caller, m staff.Member, values url.Values) error {
		return s.staff.EndSession(r.Context(), c.tenant, m.ID, values.Get("id"), c.Actor())
	})
}

func (s *Server) endMemberSessions(w http.ResponseWriter, r *http.Request) error {
	return s.onMember(w, r, "sessions-of", func(c caller, m staff.Member, _ url.Values) error {
		return s.staff.EndSessions(r.Context(), c.tenant, m.ID, "", c.Actor())
	})
}

// dropMemberTOTP helps somebody who has lost their authenticator and the recovery codes.
func (s *Server) dropMemberTOTP(w http.ResponseWriter, r *http.Request) error {
	return s.onMember(w, r, "totp-of", func(c caller, m staff.Member, _ url.Values) error {
		return s.staff.ForgetTOTP(r.Context(), c.tenant, m.ID, c.Actor())
	})
}

// makeResetLink makes a link to a new password, which the admin hands over.
func (s *Server) makeResetLink(w http.ResponseWriter, r *http.Request) error {
	m, err := s.colleague(r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	link, ends, err := s.staff.ResetLink(r.Context(), c.tenant, m.Email, c.Actor())
	if err != nil {
		return err
	}
	return s.renderMember(w, r, &handedLink{Email: m.Email, URL: link, Ends: ends})
}
