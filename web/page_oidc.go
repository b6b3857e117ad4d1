package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// oidcCookie holds a sign-in at the tenant's provider that is under way, sealed.
	oidcCookie       = "__Host-deskgate-oidc"
	oidcStartPath    = "/auth/oidc/start"
	oidcCallbackPath = "/auth/oidc/callback"
)

// oidcStart sends staff to their tenant's provider. It is the target of a form, so that no other site can send them there
// and have them come back signed in. The answer is a page and no redirect: browsers hold a form's redirects against the
// policy of the page that it stands on, and whoever the provider passes people on to can't be listed there.
func (s *Server) oidcStart(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	visit := tenant.VisitFrom(r.Context())
	started, err := s.oidc.Begin(r.Context(), visit.Tenant, oidc.Start{
		Host: visit.Host, Callback: oidcCallback(visit), Next: values.Get("next"), Fresh: values.Get("fresh") != "", Client: client(r),
	})
	if err != nil {
		return err
	}
	setCookie(w, oidcCookie, started.Cookie, http.SameSiteLaxMode, time.Now().Add(oidc.AttemptLife))
	w.Header().Set("Refresh", "0; url="+started.URL)
	view := &leaveView{frame: s.frame(r, s.words(r).T("On to %s", started.Provider)), To: started.Provider, URL: started.URL}
	view.Staff = true
	return s.render(w, r, http.StatusOK, "leave", view)
}

// oidcCallback is the address at this host that the provider sends browsers back to.
func oidcCallback(visit *tenant.Visit) string {
	return visit.Origin() + pathBelow(visit, oidcCallbackPath)
}

// oidcReturn is where the provider sends the browser back to. Only a visit counts: nothing that is loaded ahead or inside
// another page uses the sign-in up.
func (s *Server) oidcReturn(w http.ResponseWriter, r *http.Request) error {
	hand(w.Header())
	n := navigation(r)
	switch {
	case r.Method == http.MethodHead:
		return nil
	case n.Speculative:
		w.Header().Set("Retry-After", "1") // the visit itself may follow at once
		w.WriteHeader(http.StatusServiceUnavailable)
		return nil
	case n.Origin != "", n.FetchMode != "" && n.FetchMode != "navigate", n.FetchDest != "" && n.FetchDest != "document":
		return errCrossOrigin
	}
	visit := tenant.VisitFrom(r.Context())
	in, err := s.oidc.Finish(r.Context(), visit.Tenant, oidc.Return{
		Host: visit.Host, Cookie: cookie(r, oidcCookie), Query: r.URL.Query(), Previous: cookie(r, staffCookie), Client: client(r),
	})
	if err != nil {
		return err
	}
	dropCookie(w, oidcCookie, http.SameSiteLaxMode)
	setCookie(w, staffCookie, in.Secret, http.SameSiteLaxMode, in.Session.EndsAt)
	return s.toConsole(w, r, in.Next)
}

// providerOf is the host of the provider at which the tenant's staff may sign in, empty if there is none.
func providerOf(t *tenant.Tenant) string {
	u, err := url.Parse(t.Settings.OIDCIssuer)
	if err != nil || !oidc.On(t) {
		return ""
	}
	return u.Hostname()
}
