package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// providerPath is the page about the provider at which staff may sign in.
const providerPath = "/agent/settings/provider"

func (s *Server) providerPage(w http.ResponseWriter, r *http.Request) error {
	t := callerOf(r).tenant
	return s.renderProvider(w, r, http.StatusOK, settingsOf(t, "oidc_issuer", "oidc_client_id", "oidc_domains"), nil)
}

// settingsOf are a tenant's settings as a form shows them.
func settingsOf(t *tenant.Tenant, keys ...string) url.Values {
	values := url.Values{}
	for _, setting := range tenant.AllSettings() {
		for _, key := range keys {
			if setting.Key == key {
				values.Set(key, setting.Value(t))
			}
		}
	}
	return values
}

func (s *Server) renderProvider(w http.ResponseWriter, r *http.Request, status int, values url.Values, wrong fieldErrors) error {
	t := callerOf(r).tenant
	set, err := s.oidc.SecretSetAt(r.Context(), t)
	if err != nil {
		return err
	}
	view := &providerView{
		frame: s.settingsFrame(r, "Single sign-on", providerPath), Done: s.noticeOf(r),
		Issuer: values.Get("oidc_issuer"), ClientID: values.Get("oidc_client_id"), Domains: values.Get("oidc_domains"),
		SecretSet: set, On: providerOf(t) != "", Errors: wrong,
	}
	for _, h := range s.directory.Hosts(t) {
		if site, ok := s.directory.Lookup(string(h)); ok {
			view.Callbacks = append(view.Callbacks, site.Origin+strings.TrimSuffix(site.Mount, "/")+oidcCallbackPath)
		}
	}
	return s.render(w, r, status, "provider", view)
}

// changeProvider takes the settings first: a secret is for the provider and client that they name. What is empty stays as
// it is, where it is the secret.
func (s *Server) changeProvider(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	changed := map[string]string{}
	for _, key := range []string{"oidc_issuer", "oidc_client_id", "oidc_domains"} {
		changed[key] = values.Get(key)
	}
	t, err := s.tenants.As(c.Actor()).Set(r.Context(), c.tenant.Slug, changed)
	if wrong := sentences(err); wrong != nil {
		return s.renderProvider(w, r, http.StatusUnprocessableEntity, values, wrong)
	}
	if err != nil {
		return err
	}
	secret := values.Get("secret")
	if secret != "" || values.Get("remove") != "" {
		err = s.oidc.SetSecret(r.Context(), t, secret, c.Actor())
	}
	if wrong := sentences(err); wrong != nil {
		return s.renderProvider(w, r, http.StatusUnprocessableEntity, values, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, providerPath, "provider")
}
