package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// domainsPath is the page about the tenant's own hosts, domainMissing the notice at one of them that records are not found.
const (
	domainsPath   = "/agent/settings/domains"
	domainMissing = "domain-missing"
)

// domainPath is the page about one of them.
func domainPath(host string) string { return domainsPath + "/" + url.PathEscape(host) }

// domainsView lists the tenant's domains.
type domainsView struct {
	frame

	Done string
	// May: the reader may change them.
	May     bool
	Default string
	Domains []domainRow
	// Removed are those that are kept for the tenant.
	Removed []domainRow
	Host    string
	Errors  fieldErrors
	// Tickets: trouble with them opens tickets.
	Tickets bool
}

// domainRow is one domain in the list.
type domainRow struct {
	domainWords

	Host    string
	Path    string
	Primary bool
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
	removed, err := s.domains.ListRemoved(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	view := &domainsView{
		frame: s.settingsFrame(r, "Domains", domainsPath), Done: s.noticeOf(r), Default: string(s.directory.Node().TenantHost(c.tenant.Slug)),
		Host: typed, Errors: wrong, Tickets: c.tenant.Settings.DomainTickets != tenant.Off,
		May: c.Role == auth.RoleAdmin,
	}
	view.Domains, view.Removed = s.domainRows(r, all), s.domainRows(r, removed)
	return s.render(w, r, status, "domains", view)
}

func (s *Server) domainRows(r *http.Request, all []*domain.Domain) (rows []domainRow) {
	primary := s.directory.PrimaryHost(callerOf(r).tenant)
	for _, d := range all {
		rows = append(rows, domainRow{
			domainWords: s.wordsAbout(r, d), Host: string(d.Host), Path: domainPath(string(d.Host)), Primary: d.Host == primary,
		})
	}
	return rows
}

func (s *Server) addDomainPage(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	d, err := s.newDomain(w, r, values.Get("host"))
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
	return done(w, r, domainPath(string(d.Host)), "domain-added")
}

// changeDomainTickets switches tickets about domains on or off: a box that is not ticked is not sent.
func (s *Server) changeDomainTickets(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("host") != "tickets" {
		return errNotFound
	}
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c, value := callerOf(r), tenant.Off
	if values.Has("domain_tickets") {
		value = tenant.On
	}
	if _, err := s.tenants.As(c.Actor()).Set(r.Context(), c.tenant.Slug, map[string]string{"domain_tickets": string(value)}); err != nil {
		return err
	}
	return done(w, r, domainsPath, "saved")
}

func (s *Server) verifyDomainPage(w http.ResponseWriter, r *http.Request) error {
	d, err := s.lookNow(w, r)
	if err != nil {
		return err
	}
	if d.Served() {
		return done(w, r, domainPath(string(d.Host)), "domain-verified")
	}
	return done(w, r, domainPath(string(d.Host)), domainMissing)
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
	return done(w, r, domainPath(string(d.Host)), "saved")
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
