package web

import (
	"errors"
	"net/http"

	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
)

const (
	loginPath  = "/agent/login"
	forgotPath = "/agent/forgot"
	resetPath  = "/agent/reset"
	invitePath = "/auth/invite"
)

func (s *Server) forgotPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderForgot(w, r, http.StatusOK, &forgotView{Email: r.URL.Query().Get("email")})
}

func (s *Server) renderForgot(w http.ResponseWriter, r *http.Request, status int, view *forgotView) error {
	view.frame = s.frame(r, "New password")
	view.Staff, view.Mail = true, s.staff.Mails()
	return s.render(w, r, status, "forgot", view)
}

// forgot mails a link to a new password. The answer is the same for everybody.
func (s *Server) forgot(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	email := values.Get("email")
	err = s.staff.Forgot(r.Context(), tenant.VisitFrom(r.Context()).Tenant, email, client(r))
	switch wrong := sentences(err); {
	case wrong != nil:
		return s.renderForgot(w, r, http.StatusUnprocessableEntity, &forgotView{Email: email, Errors: wrong})
	case errors.Is(err, staff.ErrNoMail):
		return s.renderForgot(w, r, http.StatusServiceUnavailable, &forgotView{Email: email})
	case err != nil:
		return err
	}
	return s.renderForgot(w, r, http.StatusOK, &forgotView{Email: email, Sent: true})
}

// newPasswordPage asks whoever has a link for a new password. Looking at it uses nothing.
func (s *Server) newPasswordPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderNewPassword(w, r, http.StatusOK, r.URL.Query().Get("token"), nil)
}

func (s *Server) renderNewPassword(w http.ResponseWriter, r *http.Request, status int, token string, wrong fieldErrors) error {
	m, err := s.staff.Resettable(r.Context(), tenant.VisitFrom(r.Context()).Tenant, token)
	if err != nil {
		return err
	}
	view := &newPasswordView{frame: s.frame(r, "New password"), Token: token, Email: m.Email, Errors: wrong}
	view.Staff = true
	return s.render(w, r, status, "newpassword", view)
}

func (s *Server) newPassword(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	token := values.Get("token")
	err = s.staff.Reset(r.Context(), tenant.VisitFrom(r.Context()).Tenant, token, values.Get("password"), client(r))
	if wrong := sentences(err); wrong != nil {
		return s.renderNewPassword(w, r, http.StatusUnprocessableEntity, token, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, loginPath, "reset")
}
