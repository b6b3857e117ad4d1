package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
)

func (s *Server) agentLoginPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderAgentLogin(w, r, http.StatusOK, "", r.URL.Query().Get("next"), nil)
}

func (s *Server) renderAgentLogin(
	w http.ResponseWriter, r *http.Request, status int, email, next string, wrong fieldErrors,
) error {
	view := &agentLoginView{
		frame: s.frame(r, "Staff sign-in"), Email: email, Next: next, Done: s.noticeOf(r), Errors: wrong,
		Provider: providerOf(tenant.VisitFrom(r.Context()).Tenant),
	}
	view.Staff, view.Script = true, passkeyScript
	if r.Method == http.MethodGet {
		view.Address = again(r)
	}
	return s.render(w, r, status, "agentlogin", view)
}

func (s *Server) agentLogin(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	visit := tenant.VisitFrom(r.Context())
	progress, err := s.staff.SignIn(r.Context(), visit.Tenant, staff.PasswordLogin{
		Host: visit.Host, Email: values.Get("email"), Password: values.Get("password"),
		Previous: cookie(r, staffCookie), Client: client(r),
	})
	if errors.Is(err, staff.ErrWrongPassword) && wantsPage(r) {
		wrong := fieldErrors{"form": {problemOf(err).Explanation}}
		return s.renderAgentLogin(w, r, http.StatusUnauthorized, values.Get("email"), values.Get("next"), wrong)
	}
	if err != nil {
		return err
	}
	return s.proceed(w, r, progress, values.Get("next"))
}

// proceed leads somebody who has shown the password on: to the console, or to the second factor.
func (s *Server) proceed(w http.ResponseWriter, r *http.Request, p staff.Progress, wish string) error {
	if p.Pending == "" {
		keepStaff(w, p.Session, p.Secret)
		return s.toConsole(w, r, wish)
	}
	setCookie(w, pendingCookie, p.Pending, http.SameSiteLaxMode, p.Until)
	path := secondFactorPath
	if p.SetUp {
		path = setUpPath
	}
	if wish != "" {
		path += "?next=" + url.QueryEscape(wish)
	}
	return seeOther(w, tenant.VisitFrom(r.Context()), path)
}

// keepStaff has the browser keep a session of staff.
func keepStaff(w http.ResponseWriter, session auth.Session, secret string) {
	setCookie(w, staffCookie, secret, http.SameSiteLaxMode, session.EndsAt)
}

// toConsole sends staff to the page of the console that they had asked for, or to that of an application for which they had
// to sign in, and nowhere else.
func (s *Server) toConsole(w http.ResponseWriter, r *http.Request, wish string) error {
	visit := tenant.VisitFrom(r.Context())
	if next := s.ofApplication(r, wish); next != "" {
		return landAt(w, next)
	}
	return seeOther(w, visit, consolePath(visit.Mount, wish))
}

// consolePath is the path that was asked for if it is one of the console's, else the console's first page.
func consolePath(mount, wish string) string {
	const home = "/agent"
	u, local := localURL(wish)
	if !local {
		return home
	}
	below, ours := below(mount, u.Path)
	if !ours || below != home && !strings.HasPrefix(below, home+"/") {
		return home
	}
	return (&url.URL{Path: below, RawQuery: u.RawQuery}).String()
}

func (s *Server) agentSignOut(w http.ResponseWriter, r *http.Request) error {
	visit := tenant.VisitFrom(r.Context())
	if secret := cookie(r, staffCookie); secret != "" && staffCookieCounts(r) {
		err := s.doors.Sessions.End(r.Context(), visit.Tenant, auth.StaffSide, visit.Host, secret)
		if err != nil {
			return err
		}
	}
	dropCookie(w, staffCookie, http.SameSiteLaxMode)
	return seeOther(w, visit, "/agent/login")
}

// invitePage asks somebody who was invited for a password. Looking at it uses nothing.
func (s *Server) invitePage(w http.ResponseWriter, r *http.Request) error {
	return s.renderInvite(w, r, http.StatusOK, r.URL.Query().Get("token"), nil)
}

func (s *Server) renderInvite(w http.ResponseWriter, r *http.Request, status int, token string, wrong fieldErrors) error {
	w.Header().Set("Referrer-Policy", "same-origin")
	m, err := s.staff.Invited(r.Context(), tenant.VisitFrom(r.Context()).Tenant, token)
	if err != nil {
		return err
	}
	view := &inviteView{frame: s.frame(r, "Welcome"), Token: token, Email: m.Email, Name: m.Name, Errors: wrong}
	view.Staff = true
	return s.render(w, r, status, "invite", view)
}

func (s *Server) acceptInvite(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	visit := tenant.VisitFrom(r.Context())
	progress, err := s.staff.Accept(r.Context(), visit.Tenant, staff.Acceptance{
		Host: visit.Host, Token: values.Get("token"), Password: values.Get("password"),
		Previous: cookie(r, staffCookie), Client: client(r),
	})
	if wrong := sentences(err); wrong != nil {
		return s.renderInvite(w, r, http.StatusUnprocessableEntity, values.Get("token"), wrong)
	}
	if err != nil {
		return err
	}
	return s.proceed(w, r, progress, pathBelow(visit, passkeysPath)+"?done=joined")
}
