package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

// redirectFields are the fields of the redirect login.
var redirectFields = []string{"email", "name", "redirect_url", "token", "ts", "nonce", "sig"}

// redirectLogin sends a partner's user over to the tenant's own host. What it answers is a real redirect, for scripts
// as well. It says nothing about the Referer: the callback wants to know where the visitor came from.
func (s *Server) redirectLogin(w http.ResponseWriter, r *http.Request) error {
	w.Header().Del("Referrer-Policy")
	fields, done, err := s.begin(w, r)
	if err != nil {
		if done.Tenant != nil && lacksName(fields, err) && wantsPage(r) {
			return s.askName(w, r, done.Tenant, fields)
		}
		return err
	}
	w.Header().Set("Location", done.URL)
	w.WriteHeader(http.StatusFound)
	return nil
}

// begin reads a redirect login and hands it to auth.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) (loginFields, auth.Redirected, error) {
	fields, unreadable := readLogin(w, r, redirectFields...)
	done, err := s.beginWith(w, r, r.PathValue("slug"), fields, unreadable)
	return fields, done, err
}

// beginWith hands a redirect login to auth. The page that made the request may read what comes of it as soon as the tenant
// is known.
func (s *Server) beginWith(
	w http.ResponseWriter, r *http.Request, slug string, fields loginFields, unreadable error,
) (auth.Redirected, error) {
	secret, _ := apiToken(r)
	done, err := s.doors.Redirects.Begin(r.Context(), auth.RedirectRequest{
		Slug: slug, At: tenant.VisitFrom(r.Context()).Tenant,
		Email: fields["email"], Name: fields["name"], RedirectURL: fields["redirect_url"],
		Token: fields["token"], Timestamp: fields["ts"], Nonce: fields["nonce"], Signature: fields["sig"],
		APIToken: secret, Unreadable: unreadable, Navigation: navigation(r), Client: client(r),
	})
	s.grant(w, r, done.Tenant)
	showLimit(w.Header(), done.Limit)
	return done, err
}

// lacksName reports whether all that is wrong is that nobody said the name. A request that brings a proof can't be
// completed by its visitor: the proof is about the name, too.
func lacksName(fields loginFields, err error) bool {
	wrong, ok := errors.AsType[tenant.FieldErrors](err)
	return ok && len(wrong) == 1 && len(wrong["name"]) > 0 && strings.TrimSpace(fields["name"]) == "" &&
		fields["token"] == "" && fields["sig"] == ""
}

// askName asks the visitor for the name that the partner's form did not bring.
func (s *Server) askName(w http.ResponseWriter, r *http.Request, t *tenant.Tenant, fields loginFields) error {
	view := &nameView{frame: s.frame(r, "Your name"), Action: r.URL.EscapedPath(), Email: fields["email"]}
	view.Site = t.Name
	for _, field := range redirectFields {
		if fields[field] != "" && field != "name" {
			view.Fields = append(view.Fields, hiddenField{Name: field, Value: fields[field]})
		}
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy(s.formTargets(t)))
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	return s.render(w, r, http.StatusUnprocessableEntity, "name", view)
}

// formTargets are the origins at which a form may end that signs somebody in.
func (s *Server) formTargets(t *tenant.Tenant) []string {
	var targets []string
	for _, host := range s.directory.Hosts(t) {
		targets = append(targets, s.directory.Node().URLFor(host))
	}
	if t.Settings.ExternalRedirect == tenant.ExternalFollow {
		targets = append(targets, t.Settings.AllowedOrigins...)
	}
	return targets
}

// testedDocument is what the redirect login would have done.
type testedDocument struct {
	Success     bool     `json:"success"`
	RedirectURL string   `json:"redirect_url"`
	ExpiresIn   int      `json:"expires_in"`
	Assurance   string   `json:"assurance"`
	Landing     string   `json:"landing"`
	ReturnLink  *string  `json:"return_link"`
	Warnings    []string `json:"warnings"`
}

// testRedirect is the redirect login for whoever wants to see what it does.
func (s *Server) testRedirect(w http.ResponseWriter, r *http.Request) error {
	_, done, err := s.begin(w, r)
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, testedDocument{
		Success: true, RedirectURL: done.URL, ExpiresIn: seconds(done.ExpiresIn), Assurance: done.Assurance.String(),
		Landing: done.Landing, ReturnLink: orNull(done.ReturnLink), Warnings: done.Warnings,
	})
}

// signInPage tells a visitor without a session how to come in.
func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	visit, next := tenant.VisitFrom(r.Context()), s.wanted(r, r.URL.Query().Get("next"))
	if next != "" && r.URL.Query().Has("next") {
		if _, err := s.identify(r, auth.RequesterSide); err == nil {
			return landAt(w, next)
		}
		setCookie(w, wantedCookie, url.QueryEscape(next), http.SameSiteLaxMode, time.Now().Add(wantedLife))
	}
	view := s.signInView(r, next)
	view.SignedOut, view.Address = r.URL.Query().Has("out"), again(r)
	view.Opens = s.doors.Confirmations.Opens(visit.Tenant)
	return s.render(w, r, http.StatusOK, "signin", view)
}

// signInView is the page that tells how to come in, and to get where.
func (s *Server) signInView(r *http.Request, next string) *signInView {
	view := &signInView{frame: s.frame(r, "Sign in"), Next: next}
	view.Welcome = tenant.VisitFrom(r.Context()).Tenant.Settings.WelcomeText
	for _, origin := range tenant.VisitFrom(r.Context()).Tenant.Settings.AllowedOrigins {
		if host, secure := strings.CutPrefix(origin, "https://"); secure {
			view.From = append(view.From, link{URL: origin, Text: host})
		}
	}
	return view
}

// signOut ends the requester's session at this host, and has the browser forgotten.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	visit := tenant.VisitFrom(r.Context())
	if secret := cookie(r, requesterCookie); secret != "" {
		err := s.doors.Sessions.End(r.Context(), visit.Tenant, auth.RequesterSide, visit.Host, secret)
		if err != nil {
			return err
		}
	}
	if device := cookie(r, deviceCookie); device != "" {
		if err := s.doors.Devices.Forget(r.Context(), visit.Tenant, device); err != nil {
			return err
		}
	}
	dropCookie(w, requesterCookie, requesterSameSite(visit.Tenant))
	forget(w, r, deviceCookie)
	forget(w, r, wantedCookie)
	return seeOther(w, visit, "/auth/sign-in?out")
}
