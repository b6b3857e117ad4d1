package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

// loginDocument is the answer to a JWT login.
type loginDocument struct {
	Success     bool         `json:"success"`
	RedirectURL string       `json:"redirect_url"`
	ExpiresIn   int          `json:"expires_in"`
	User        userDocument `json:"user"`
}

// userDocument is a user in the API.
type userDocument struct {
	ID         string  `json:"id"`
	Email      string  `json:"email"`
	Name       string  `json:"name"`
	ExternalID *string `json:"external_id"`
}

// jwtLogin signs a user in whom the partner's own token names: with a session at the host that was called, and with a
// hand-off for all who can't use that session.
func (s *Server) jwtLogin(w http.ResponseWriter, r *http.Request) error {
	visit := tenant.VisitFrom(r.Context())
	fields, unreadable := readLogin(w, r, "token", "tenant_slug")
	done, err := s.doors.Redirects.Login(r.Context(), auth.TokenLogin{
		Slug: fields["tenant_slug"], At: visit.Tenant, Host: visit.Host, Token: fields["token"], Unreadable: unreadable,
		Navigation: navigation(r), Session: cookie(r, requesterCookie), Client: client(r),
	})
	s.grant(w, r, done.Tenant)
	showLimit(w.Header(), done.Limit)
	if err != nil {
		return explainToken(err)
	}
	if done.Secret != "" {
		setCookie(w, requesterCookie, done.Secret, requesterSameSite(done.Tenant), done.Session.EndsAt)
	}
	return encode(w, http.StatusOK, loginDocument{
		Success: true, RedirectURL: done.URL, ExpiresIn: seconds(done.ExpiresIn),
		User: userDocument{
			ID: done.User.ID, Email: done.User.Email, Name: done.User.Name, ExternalID: orNull(done.User.ExternalID),
		},
	})
}

// explainToken tells the partner's developers what is wrong with their token.
func explainToken(err error) error {
	for _, known := range []error{partner.ErrInvalid, partner.ErrExpired, partner.ErrReplayed} {
		if errors.Is(err, known) {
			p := problemOf(err)
			p.Details = tokenDetail(err)
			return p
		}
	}
	return err
}

// tokenDetail is which rule a partner's token has broken, as far as that is known.
func tokenDetail(err error) string {
	text := err.Error()
	if errors.Is(err, partner.ErrKeySet) { // why it can't tells strangers of a network that is not theirs; the audit log has it
		before, _, _ := strings.Cut(text, partner.ErrKeySet.Error())
		text = before + partner.ErrKeySet.Error()
	}
	for _, known := range []error{partner.ErrInvalid, partner.ErrExpired, partner.ErrReplayed, partner.ErrNobody, auth.ErrOperatorsOff, auth.ErrNoOperator} {
		text = strings.TrimPrefix(strings.TrimPrefix(text, known.Error()), ": ")
	}
	return text
}
