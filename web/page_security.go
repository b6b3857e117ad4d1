package web

import (
	"errors"
	"net/http"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
)

const (
	securityPath      = "/agent/settings/security"
	authenticatorPath = "/agent/settings/security/authenticator"
)

func (s *Server) securityPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderSecurity(w, r, http.StatusOK, nil)
}

func (s *Server) renderSecurity(w http.ResponseWriter, r *http.Request, status int, wrong fieldErrors) error {
	c := callerOf(r)
	m, err := s.staff.Find(r.Context(), c.tenant, c.ID)
	if err != nil {
		return err
	}
	return s.render(w, r, status, "security", &securityView{
		frame: s.settingsFrame(r, "Password and codes", securityPath), Done: s.noticeOf(r), Email: m.Email,
		Password: m.HasPassword, PasswordAt: m.PasswordAt, TOTP: m.HasTOTP(), TOTPAt: m.TOTPAt,
		Demanded: c.tenant.Settings.StaffSecondFactor == tenant.SecondFactorRequired,
		Left:     m.RecoveryLeft, RecoveryAt: m.RecoveryAt, Errors: wrong,
	})
}

func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	err = s.staff.ChangePassword(r.Context(), c.tenant, c.ID, values.Get("password"), c.session.ID, client(r))
	if wrong := sentences(err); wrong != nil {
		return s.renderSecurity(w, r, http.StatusUnprocessableEntity, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, securityPath, "password")
}

// beginAuthenticator makes a secret for an authenticator and leads to the page that shows it.
func (s *Server) beginAuthenticator(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.staff.BeginTOTP(r.Context(), c.tenant, c.ID); err != nil {
		return err
	}
	return seeOther(w, tenant.VisitFrom(r.Context()), authenticatorPath)
}

func (s *Server) authenticatorPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderAuthenticator(w, r, http.StatusOK, nil)
}

func (s *Server) renderAuthenticator(w http.ResponseWriter, r *http.Request, status int, wrong fieldErrors) error {
	c := callerOf(r)
	key, err := s.staff.NewTOTP(r.Context(), c.tenant, c.ID)
	if errors.Is(err, auth.ErrNotFound) {
		return seeOther(w, tenant.VisitFrom(r.Context()), securityPath)
	}
	if err != nil {
		return err
	}
	view, err := newAuthenticatorView(s.settingsFrame(r, "Set up an authenticator", securityPath), key)
	if err != nil {
		return err
	}
	view.Email, view.Action, view.Errors = c.Email, authenticatorPath, wrong
	return s.render(w, r, status, "setup", view)
}

func (s *Server) confirmAuthenticator(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	codes, err := s.staff.ConfirmTOTP(r.Context(), c.tenant, c.ID, values.Get("code"), client(r))
	if wrong := wrongProof(err); wrong != nil && wantsPage(r) {
		return s.renderAuthenticator(w, r, http.StatusUnauthorized, wrong)
	}
	if err != nil {
		return err
	}
	if codes == nil {
		return done(w, r, securityPath, "totp-on")
	}
	return s.showRecovery(w, r, codes)
}

func (s *Server) dropAuthenticator(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	err := s.staff.DropTOTP(r.Context(), c.tenant, c.ID, client(r))
	if errors.Is(err, staff.ErrSecondFactor) && wantsPage(r) {
		return s.renderSecurity(w, r, http.StatusConflict, fieldErrors{"totp": {problemOf(err).Explanation}})
	}
	if err != nil {
		return err
	}
	return done(w, r, securityPath, "totp-off")
}

func (s *Server) newRecovery(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	codes, err := s.staff.NewRecovery(r.Context(), c.tenant, c.ID, client(r))
	if err != nil {
		return err
	}
	return s.showRecovery(w, r, codes)
}

func (s *Server) showRecovery(w http.ResponseWriter, r *http.Request, codes []string) error {
	onward := link{URL: pathBelow(tenant.VisitFrom(r.Context()), securityPath), Text: s.words(r).T("I have kept them")}
	return s.renderRecovery(w, r, s.settingsFrame(r, "Recovery codes", securityPath), codes, onward)
}
