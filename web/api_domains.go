package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// verifications bounds how often a tenant has the node ask DNS: by looking for records, and by adding hosts.
var verifications = limit.Bucket{Name: "domain-verify", Limit: 60, Period: time.Hour}

func (s *Server) listDomains(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	part := p.portion()
	removed := p.flag("removed")
	if err := p.err(); err != nil {
		return err
	}
	list := s.domains.List
	if removed {
		list = s.domains.ListRemoved
	}
	all, err := list(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	answer := make([]domain.Document, len(all))
	for i, d := range all {
		answer[i] = d.Document()
	}
	return encodeList(w, r, part, answer, func(d *domain.Document) string { return string(d.Host) })
}

func (s *Server) addDomain(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Host string `json:"host"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	d, err := s.newDomain(w, r, in.Host)
	if err != nil {
		return err
	}
	locate(w, r, "/api/tenant/domains/"+string(d.Host))
	return encode(w, http.StatusCreated, d.Full())
}

// newDomain registers a host for the caller's tenant, which has to prove that it is theirs: by a TXT record.
func (s *Server) newDomain(w http.ResponseWriter, r *http.Request, host string) (*domain.Domain, error) {
	c := callerOf(r)
	if host == "" {
		return nil, invalid(map[string][]string{"host": {"The host field is required."}})
	}
	if err := s.takeLook(w, r); err != nil {
		return nil, err
	}
	d, err := s.domains.As(c.Actor()).Add(r.Context(), c.tenant, host, domain.ByTenant)
	if errors.Is(err, tenant.ErrBadHost) {
		return nil, invalid(map[string][]string{"host": {"This can't be a domain of yours: " + err.Error() + "."}})
	}
	if _, taken := errors.AsType[*domain.ConflictError](err); taken {
		return nil, conflict("CONFLICT", "Somebody else has proved that this host is theirs. If it is yours now, take their records out of its DNS and try again in some minutes.")
	}
	return d, err
}

// ownDomain is the domain that the path names, if it is the caller's tenant's.
func (s *Server) ownDomain(r *http.Request) (*domain.Domain, error) {
	d, err := s.domains.FindOwn(r.Context(), callerOf(r).tenant, r.PathValue("host"))
	if errors.Is(err, tenant.ErrNotFound) {
		return nil, errNotFound
	}
	return d, err
}

func (s *Server) showDomain(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	removed := p.flag("removed")
	if err := p.err(); err != nil {
		return err
	}
	d, err := s.ownDomain(r)
	if removed && errors.Is(err, errNotFound) {
		d, err = s.removedDomain(r)
	}
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, d.Full())
}

// removedDomain is a domain that was taken away and is kept for the caller's tenant.
func (s *Server) removedDomain(r *http.Request) (*domain.Domain, error) {
	d, err := s.domains.FindRemoved(r.Context(), callerOf(r).tenant, r.PathValue("host"))
	if errors.Is(err, tenant.ErrNotFound) {
		return nil, errNotFound
	}
	return d, err
}

func (s *Server) removeDomain(w http.ResponseWriter, r *http.Request) error {
	if err := s.dropDomain(r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) dropDomain(r *http.Request) error {
	c := callerOf(r)
	err := s.domains.As(c.Actor()).RemoveOwn(r.Context(), c.tenant, r.PathValue("host"))
	if errors.Is(err, tenant.ErrNotFound) {
		return errNotFound
	}
	return err
}

func (s *Server) verifyDomain(w http.ResponseWriter, r *http.Request) error {
	d, err := s.lookNow(w, r)
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, d.Full())
}

// takeLook counts that the caller's tenant has the node ask DNS.
func (s *Server) takeLook(w http.ResponseWriter, r *http.Request) error {
	state := s.doors.Limits.Take(r.Context(), verifications, string(callerOf(r).tenant.ID))
	err := state.Err()
	if err != nil {
		showLimit(w.Header(), state)
	}
	return err
}

// lookNow has DNS asked about the domain that the path names.
func (s *Server) lookNow(w http.ResponseWriter, r *http.Request) (*domain.Domain, error) {
	c := callerOf(r)
	d, err := s.ownDomain(r)
	if err != nil {
		return nil, err
	}
	if err := s.takeLook(w, r); err != nil {
		return nil, err
	}
	d, err = s.domains.As(c.Actor()).VerifyOwn(r.Context(), c.tenant, string(d.Host))
	if errors.Is(err, tenant.ErrNotFound) {
		return nil, errNotFound
	}
	return d, err
}
