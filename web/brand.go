package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tenant"
)

// logoPath is where a tenant's logo is. The address that we hand out names the picture, so that browsers may keep it.
const logoPath = "/brand/logo"

// logoAddress is the path of the tenant's logo below a host's mount, empty where there is none.
func logoAddress(t *tenant.Tenant) string {
	if t == nil || t.Settings.Logo == "" {
		return ""
	}
	return logoPath + "?v=" + t.Settings.Logo
}

// logoURL is the whole address of the tenant's logo; nil: there is none.
func (s *Server) logoURL(t *tenant.Tenant) *string {
	address := logoAddress(t)
	if address == "" {
		return nil
	}
	return new(s.directory.PortalURL(t) + address)
}

// logo shows the tenant's logo to everybody.
func (s *Server) logo(w http.ResponseWriter, r *http.Request) error {
	t := tenant.VisitFrom(r.Context()).Tenant
	l, err := s.tenants.Logo(r.Context(), t)
	if err != nil {
		return errNotFound
	}
	h := w.Header()
	h.Set("ETag", `"`+l.Sum+`"`)
	h.Set("Cache-Control", "public, max-age=300")
	if r.URL.Query().Get("v") == l.Sum {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == `"`+l.Sum+`"` {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", l.Type)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	return send(w, http.StatusOK, l.Data)
}
