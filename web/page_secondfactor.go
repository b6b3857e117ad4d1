package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
)

const (
	secondFactorPath = "/agent/second-factor"
	setUpPath        = "/agent/second-factor/set-up"
)

// halfway finds who has shown the password in this browser, and not yet the second factor. Whoever has not, or took too
// long, begins anew: then it has answered, and returns false.
func (s *Server) halfway(w http.ResponseWriter, r *http.Request) (staff.Pending, bool, error) {
	visit := tenant.VisitFrom(r.Context())
	p, err := s.staff.Pending(r.Context(), visit.Tenant, visit.Host, cookie(r, pendingCookie))
	if errors.Is(err, staff.ErrPending) {
		return p, false, s.beginAnew(w, r)
	}
	return p, err == nil, err
}

func (s *Server) beginAnew(w http.ResponseWriter, r *http.Request) error {
	dropCookie(w, pendingCookie, http.SameSiteLaxMode)
	return seeOther(w, tenant.VisitFrom(r.Context()), loginPath+"?done=anew")
}

func (s *Server) secondFactorPage(w http.ResponseWriter, r *http.Request) error {
	p, known, err := s.halfway(w, r)
	switch {
	case !known:
		return err
	case p.SetUp:
		return seeOther(w, tenant.VisitFrom(r.Context()), setUpPath)
	}
	return s.renderSecondFactor(w, r, http.StatusOK, &p, r.URL.Query().Get("next"), nil)
}

func (s *Server) renderSecondFactor(w http.ResponseWriter, r *http.Request, status int, p *staff.Pending, next string, wrong fieldErrors) error {
	view := &secondFactorView{
		frame: s.frame(r, "Second factor"), Email: p.Member.Email, Next: next, Errors: wrong,
	}
	view.Staff = true
	return s.render(w, r, status, "secondfactor", view)
}

func (s *Server) secondFactor(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	p, known, err := s.halfway(w, r)
	if !known {
		return err
	}
	session, secret, err := s.staff.Complete(r.Context(), tenant.VisitFrom(r.Context()).Tenant, shown(r, values.Get("code")))
	if wrong := wrongProof(err); wrong != nil && wantsPage(r) {
		return s.renderSecondFactor(w, r, http.StatusUnauthorized, &p, values.Get("next"), wrong)
	}
	if errors.Is(err, staff.ErrPending) {
		return s.beginAnew(w, r)
	}
	if err != nil {
		return err
	}
	dropCookie(w, pendingCookie, http.SameSiteLaxMode)
	keepStaff(w, session, secret)
	return s.toConsole(w, r, values.Get("next"))
}

// shown is the code that somebody shows who is half-way in.
func shown(r *http.Request, code string) staff.SecondFactor {
	return staff.SecondFactor{
		Host: tenant.VisitFrom(r.Context()).Host, Pending: cookie(r, pendingCookie), Code: code,
		Previous: cookie(r, staffCookie), Client: client(r),
	}
}

// setUpPage has somebody who needs a second factor set one up before anything else.
func (s *Server) setUpPage(w http.ResponseWriter, r *http.Request) error {
	p, known, err := s.halfway(w, r)
	switch {
	case !known:
		return err
	case !p.SetUp:
		return seeOther(w, tenant.VisitFrom(r.Context()), secondFactorPath)
	}
	return s.renderSetUp(w, r, http.StatusOK, &p, r.URL.Query().Get("next"), nil)
}

func (s *Server) renderSetUp(w http.ResponseWriter, r *http.Request, status int, p *staff.Pending, next string, wrong fieldErrors) error {
	f := s.frame(r, "Set up a second factor")
	f.Staff = true
	view, err := newAuthenticatorView(f, p.Key)
	if err != nil {
		return err
	}
	view.Email, view.Next, view.Action, view.Errors = p.Member.Email, next, setUpPath, wrong
	return s.render(w, r, status, "setup", view)
}

func newAuthenticatorView(f frame, key staff.TOTPKey) (*authenticatorView, error) {
	code, err := newQRCode(key.URL)
	return &authenticatorView{frame: f, Text: inGroups(key.Text), Code: code}, err
}

// inGroups puts a blank behind every four letters, so that people find their place again.
func inGroups(s string) string {
	const group = 4
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%group == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (s *Server) setUp(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	p, known, err := s.halfway(w, r)
	if !known {
		return err
	}
	visit := tenant.VisitFrom(r.Context())
	session, secret, codes, err := s.staff.SetUp(r.Context(), visit.Tenant, shown(r, values.Get("code")))
	if wrong := wrongProof(err); wrong != nil && wantsPage(r) {
		return s.renderSetUp(w, r, http.StatusUnauthorized, &p, values.Get("next"), wrong)
	}
	if errors.Is(err, staff.ErrPending) {
		return s.beginAnew(w, r)
	}
	if err != nil {
		return err
	}
	dropCookie(w, pendingCookie, http.SameSiteLaxMode)
	keepStaff(w, session, secret)
	onward := link{URL: pathBelow(visit, consolePath(visit.Mount, values.Get("next"))), Text: s.words(r).T("Go on")}
	f := s.frame(r, "Recovery codes")
	f.Staff = true
	return s.renderRecovery(w, r, f, codes, onward)
}

// renderRecovery shows recovery codes. They are shown once: this answer is all that there ever is of them.
func (s *Server) renderRecovery(w http.ResponseWriter, r *http.Request, f frame, codes []string, onward link) error {
	f.Script = "recovery.js"
	return s.render(w, r, http.StatusOK, "recovery", &recoveryView{frame: f, Codes: codes, Onward: onward})
}
