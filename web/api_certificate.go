package web

import (
	"errors"
	"net/http"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// certificateDocument is a certificate that was brought for a domain.
type certificateDocument struct {
	Host        string        `json:"host"`
	Names       []string      `json:"names"`
	Issuer      string        `json:"issuer"`
	Fingerprint string        `json:"fingerprint"`
	NotBefore   tenant.Moment `json:"not_before"`
	NotAfter    tenant.Moment `json:"not_after"`
	UploadedAt  tenant.Moment `json:"uploaded_at"`
	Warning     string        `json:"warning"`
}

func documentOfCertificate(c *domain.OwnCertificate) certificateDocument {
	return certificateDocument{
		Host: c.Host, Names: c.Names, Issuer: c.Issuer, Fingerprint: c.Fingerprint,
		NotBefore: tenant.Moment(c.NotBefore), NotAfter: tenant.Moment(c.NotAfter), UploadedAt: tenant.Moment(c.UploadedAt), Warning: c.Warning,
	}
}

// showCertificate shows the certificate that was brought for a domain, without its key.
func (s *Server) showCertificate(w http.ResponseWriter, r *http.Request) error {
	own, err := s.domains.FindCertificate(r.Context(), callerOf(r).tenant, r.PathValue("host"))
	if err != nil {
		return aboutCertificate(err)
	}
	return encode(w, http.StatusOK, documentOfCertificate(own))
}

// aboutCertificate says that there is none, or no such domain.
func aboutCertificate(err error) error {
	if errors.Is(err, tenant.ErrNotFound) {
		return errNotFound
	}
	return err
}

// setCertificate takes a certificate for a domain.
func (s *Server) setCertificate(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Certificate string `json:"certificate"`
		Key         string `json:"key"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	own, err := s.bringCertificate(r, in.Certificate, in.Key)
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, documentOfCertificate(own))
}

func (s *Server) bringCertificate(r *http.Request, chain, key string) (*domain.OwnCertificate, error) {
	wrong := map[string][]string{}
	if chain == "" {
		wrong["certificate"] = []string{"The certificate field is required."}
	}
	if key == "" {
		wrong["key"] = []string{"The key field is required."}
	}
	if len(wrong) > 0 {
		return nil, invalid(wrong)
	}
	c := callerOf(r)
	own, err := s.domains.As(c.Actor()).SetCertificate(r.Context(), c.tenant, r.PathValue("host"), []byte(chain), []byte(key))
	return own, aboutCertificate(err)
}

// removeCertificate has the node get one by itself again.
func (s *Server) removeCertificate(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.domains.As(c.Actor()).RemoveCertificate(r.Context(), c.tenant, r.PathValue("host")); err != nil {
		return aboutCertificate(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
