package web

import (
	"errors"
	"net/http"

	"github.com/deskgate/deskgate/tenant/domain"
)

// domainsPath is the page about the tenant's own hosts, domainMissing the notice there that records are not found.
const (
	domainsPath   = "/agent/settings/domains"
	domainMissing = "domain-missing"
)

// domainsView lists the tenant's domains.
type domainsView struct {
	frame

	Done string
	// Missing: what was done just now was to look for records that are not there.
	Missing bool
	Default string
	Primary string
	Domains []domainRow
	Host    string
	Errors  fieldErrors
}

// domainRow is one domain, with what has to stand in DNS for it.
type domainRow struct {
	domain.Document

	// Chip is how the state is drawn; Served: it can be the primary one.
	Chip            string
	Served, Primary bool
	// Until is the end of the certificate.
	Until string
	// Why is the reason of its state, CertificateWhy that of its certificate's.
	Why, CertificateWhy string
}

func (s *Server) domainsPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderDomains(w, r, http.StatusOK, "", nil)
}

func (s *Server) renderDomains(w http.ResponseWriter, r *http.Request, status int, typed string, wrong fieldErrors) error {
	c := callerOf(r)
	all, err := s.domains.List(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	view := &domainsView{
		frame: s.settingsFrame(r, "Domains", domainsPath), Done: s.noticeOf(r), Default: string(s.directory.Node().TenantHost(c.tenant.Slug)),
		Primary: string(s.directory.PrimaryHost(c.tenant)), Host: typed, Errors: wrong,
		Missing: r.URL.Query().Get("done") == domainMissing,
	}
	for _, d := range all {
		row := domainRow{
			Document: d.Document(), Chip: chipOf(d.Status), Served: d.Served(), Primary: string(d.Host) == view.Primary,
			Why: d.Reason.In(view.T), CertificateWhy: d.Certificate.Reason.In(view.T),
		}
		if end := row.Certificate.NotAfter; end != nil {
			row.Until = view.Day(end.Time())
		}
		view.Domains = append(view.Domains, row)
	}
	return s.render(w, r, status, "domains", view)
}

// chipOf is how a domain's state is drawn.
func chipOf(status domain.Status) string {
	switch status {
	case domain.Verified, domain.Active:
		return "done"
	case domain.Pending:
		return "waiting"
	}
	return "alert"
}

func (s *Server) addDomainPage(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	_, err = s.newDomain(r, values.Get("host"))
	if problem, ok := errors.AsType[*answerError](err); ok {
		wrong := problem.Fields
		if wrong == nil {
			wrong = fieldErrors{"host": {problem.Explanation}}
		}
		return s.renderDomains(w, r, problem.Status, values.Get("host"), wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, domainsPath, "domain-added")
}

func (s *Server) verifyDomainPage(w http.ResponseWriter, r *http.Request) error {
	d, err := s.lookNow(w, r)
	if err != nil {
		return err
	}
	if d.Served() {
		return done(w, r, domainsPath, "domain-verified")
	}
	return done(w, r, domainsPath, domainMissing)
}

func (s *Server) primaryDomain(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	d, err := s.ownDomain(r)
	if err != nil {
		return err
	}
	if _, err := s.tenants.As(c.Actor()).Set(r.Context(), c.tenant.Slug, map[string]string{"primary_host": string(d.Host)}); err != nil {
		return err
	}
	return done(w, r, domainsPath, "saved")
}

func (s *Server) removeDomainPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if string(c.tenant.Settings.PrimaryHost) == r.PathValue("host") {
		if _, err := s.tenants.As(c.Actor()).Set(r.Context(), c.tenant.Slug, map[string]string{"primary_host": ""}); err != nil {
			return err
		}
	}
	if err := s.dropDomain(r); err != nil {
		return err
	}
	return done(w, r, domainsPath, "domain-removed")
}
