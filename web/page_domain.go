package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// domainView is the page about one domain.
type domainView struct {
	frame
	domainWords

	Done string
	// May: the reader may change it.
	May bool
	// Missing: what was done just now was to look for records that are not there.
	Missing bool
	// Host as people write it, Name as DNS has it.
	Host, Name string
	Path       string
	// Served: requests are answered. Removed: it is kept, and no more. Primary: links lead here.
	Served, Removed, Primary bool
	// Arrives: visitors come here, BehindCDN: over something in front. Looked: somebody has looked.
	Arrives, BehindCDN, Looked bool
	// Records are what belongs into DNS. Wanting: one is missing that matters.
	Records []recordView
	Wanting bool
	// Alone: the CNAME is all that is needed. Zone is where the records belong, Soon when they are looked for next.
	Alone       bool
	Zone, Soon  string
	Verified    time.Time
	Checked     time.Time
	NextCheck   time.Time
	Certificate certificateView
	Story       story
}

// certificateView is a domain's certificate on its page, and the form to bring one.
type certificateView struct {
	// Elsewhere: it is in the machine in front of this node.
	Elsewhere   bool
	Issuer      string
	Own         bool
	Fingerprint string
	Changed     time.Time
	Failing     time.Time // since when it can't be had
	NotAfter    time.Time
	NextAttempt time.Time
	Attempts    int
	// Renews: what comes next is the renewal of one that is good.
	Renews bool
	// Brought is what somebody brought, nil if nobody did, and how long it is still good.
	Brought     *domain.OwnCertificate
	BroughtLeft string
	// Chain is what was typed, if there is nothing wrong with it. A key is never given back.
	Chain  string
	Errors fieldErrors
}

func (s *Server) domainPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderDomain(w, r, http.StatusOK, "", nil)
}

// renderDomain shows the domain that the path names, with what was wrong with a certificate that was brought for it.
func (s *Server) renderDomain(w http.ResponseWriter, r *http.Request, status int, chain string, wrong fieldErrors) error {
	d, err := s.ownDomain(r)
	if errors.Is(err, errNotFound) {
		d, err = s.removedDomain(r)
	}
	if err != nil {
		return err
	}
	names, err := s.actors(r)
	if err != nil {
		return err
	}
	view := &domainView{
		frame: s.settingsFrame(r, d.Host.Unicode(), domainsPath), domainWords: s.wordsAbout(r, d), Done: s.noticeOf(r),
		May: callerOf(r).Role == auth.RoleAdmin, Missing: r.URL.Query().Get("done") == domainMissing,
		Host: d.Host.Unicode(), Name: string(d.Host), Path: domainPath(string(d.Host)),
		Served: d.Served(), Removed: d.Status == domain.Removed, Primary: d.Host == s.directory.PrimaryHost(callerOf(r).tenant),
		Arrives: d.Arrives, BehindCDN: d.BehindCDN, Looked: !d.CheckedAt.IsZero(), Records: s.recordViews(r, d),
		Alone: !d.AtApex && d.Status != domain.Suspended, Zone: d.Host.Apex().Unicode(),
		Verified: d.VerifiedAt, Checked: d.CheckedAt, NextCheck: d.NextCheck,
	}
	view.Wanting = !view.Removed && (!view.Served || view.Astray || d.Status == domain.Drifted || d.Proofless)
	if view.Soon = view.Time(d.NextCheck); !d.NextCheck.After(time.Now()) {
		view.Soon = view.T("in a moment")
	}
	view.Story = tellStory(view.Reader, names, d, time.Now())
	if view.Certificate, err = s.certificateOf(r, d); err != nil {
		return err
	}
	view.Certificate.Chain, view.Certificate.Errors = chain, wrong
	return s.render(w, r, status, "domain", view)
}

// certificateOf is a domain's certificate, and what was brought for it.
func (s *Server) certificateOf(r *http.Request, d *domain.Domain) (certificateView, error) {
	c := &d.Certificate
	doc := d.Document().Certificate
	v := certificateView{
		Elsewhere: s.directory.Node().TLSOff(), Issuer: doc.Issuer, Own: doc.Own, Fingerprint: doc.Fingerprint, Changed: c.ChangedAt, Failing: c.TroubledSince, NotAfter: c.NotAfter,
		NextAttempt: c.Due(), Attempts: c.Attempts, Renews: c.Status == domain.CertificateActive,
	}
	if d.Status == domain.Removed {
		return v, nil
	}
	own, err := s.domains.FindCertificate(r.Context(), callerOf(r).tenant, string(d.Host))
	if err == nil {
		v.Brought, v.BroughtLeft = own, leftUntil(s.words(r), own.NotAfter)
	} else if errors.Is(err, tenant.ErrNotFound) {
		err = nil
	}
	return v, err
}
