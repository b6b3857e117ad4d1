package certificate

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/span"
)

// traced attends to a host in a trace of its own.
func (k *Keeper) traced(ctx context.Context, t task) error {
	ctx, s := k.options.Spans.Begin(ctx, "attend certificate")
	s.Text(span.Host, string(t.host))
	s.Number("deskgate.attempt", t.attempts+1)
	err := k.attend(ctx, t)
	if errors.Is(err, errNotNow) { // nothing was tried
		s.End(nil)
		return err
	}
	s.End(err)
	return err
}

// attend brings a host's certificate into the state that it should be in, and reports. Of a host that is not served, or no
// more when all is done, nothing is kept.
func (k *Keeper) attend(ctx context.Context, t task) error {
	site, served := k.site(t.host)
	if !served {
		// What is due may be younger than what the directory has heard of.
		if err := k.directory.Sync(ctx); err != nil {
			k.cool(t.host)
			return err
		}
		site, served = k.site(t.host)
	}
	var err error
	if served {
		t.kind = site.Kind
		err = k.bring(ctx, t, site)
		_, served = k.site(t.host)
	}
	if !served || errors.Is(err, tenant.ErrNotFound) {
		k.forget(ctx, t.host)
		k.cool(t.host)
		return tenant.ErrNotFound
	}
	return err
}

// cool keeps a host from being tried again at once where its ledger does not know, or could not be told, how it went.
func (k *Keeper) cool(host tenant.Host) {
	k.mu.Lock()
	k.cooling[host] = time.Now().Add(coolTime)
	k.mu.Unlock()
	time.AfterFunc(coolTime, k.again)
}

func (k *Keeper) bring(ctx context.Context, t task, site *tenant.Site) error {
	cert, err := k.load(ctx, site)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return k.reportFailure(ctx, t, nil, err)
	}
	if cert != nil && !k.moves(ctx, cert) {
		if at, look := k.renewal(ctx, string(t.host), cert, cert.due(t.host)); at.After(time.Now()) {
			return k.reportActive(ctx, t, cert, at, look)
		}
	}
	if t.patient {
		state, err := k.ledger(t.kind).find(ctx, t.host)
		if err != nil || tooEarly(state) {
			k.wait(t.host, state.NextAttempt)
			return errors.Join(errNotNow, err)
		}
		t.attempts = state.Attempts
	}
	result := "renewed"
	if cert == nil {
		result = "obtained"
	}
	if err := k.order(ctx, t, cert); err != nil {
		return k.reportFailure(ctx, t, cert, err)
	}
	if cert, err = k.load(ctx, site); err == nil && !cert.valid(time.Now()) {
		err = errOver
	}
	if err != nil {
		return k.reportFailure(ctx, t, cert, err)
	}
	k.options.Attempt(result)
	k.log.InfoContext(ctx, "certificate", "host", t.host, "not_after", cert.leaf.NotAfter, "issuer", cert.leaf.Issuer.String())
	return k.reportFresh(ctx, t, cert)
}

// tooEarly says whether a failure, or an attempt that was cut short, asks for patience.
func tooEarly(state domain.Certificate) bool {
	switch state.Status {
	case domain.CertificateFailing, domain.CertificateExpired, domain.CertificateIssuing, domain.CertificateRenewing,
		domain.CertificateQueued:
		return state.NextAttempt.After(time.Now())
	default:
		return false
	}
}

func (k *Keeper) wait(host tenant.Host, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting[host] = until
}

// order obtains a certificate, or renews the one there is: from the first authority that gives one.
func (k *Keeper) order(ctx context.Context, t task, old *held) error {
	if k.sources == nil {
		if err := k.begun(ctx, t, old); err != nil {
			return err
		}
		return k.ask(ctx, t.host, k.internal)
	}
	var all refusals
	for _, s := range k.sources {
		if rest := s.rests(time.Now()); rest != nil {
			all = append(all, refusal{s.Name(), rest, judge(rest)})
			continue
		}
		if no := k.permit(ctx, s, t); no != nil {
			all = append(all, refusal{s.Name(), no, judge(no)})
			continue
		}
		err := k.orderFrom(ctx, s, t, old)
		if err == nil {
			s.works()
			return nil
		}
		f, noted := s.took(ctx, judge(err), time.Now())
		if noted != nil {
			return noted
		}
		all = append(all, refusal{s.Name(), err, f})
		if !f.elsewhere || ctx.Err() != nil {
			break
		}
	}
	return all
}

// begun notes that an attempt is under way, and when the next one would be should this one be cut short.
func (k *Keeper) begun(ctx context.Context, t task, old *held) error {
	r := domain.Report{Status: domain.CertificateIssuing, NextAttempt: time.Now().Add(retryAfter(t.attempts))}
	if old != nil {
		r.Status, r.NotAfter = domain.CertificateRenewing, old.leaf.NotAfter
	}
	return k.report(ctx, t, r)
}

// orderFrom makes one order for each kind of challenge until one succeeds. Which kind is first changes from attempt to attempt.
func (k *Keeper) orderFrom(ctx context.Context, s *source, t task, old *held) (err error) {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	solvers := k.solversFor(ctx, t)
	for i := range solvers {
		o, e := k.budget.take(ctx, s, t)
		if e != nil {
			return errors.Join(err, e)
		}
		if e := k.begun(ctx, t, old); i == 0 && e != nil {
			return e
		}
		try := &attempt{source: s, solver: solvers[(i+t.attempts)%len(solvers)]}
		if old != nil && old.from == s.key && old.name == string(t.host) {
			try.replaces = old.leaf
		}
		if err = k.ask(ctx, t.host, try); err == nil || errors.Is(ctx.Err(), context.Canceled) {
			return err
		}
		if e := k.budget.missed(context.WithoutCancel(ctx), o, try.taken); e != nil {
			return errors.Join(err, e)
		}
		if !judge(err).challenge {
			return err
		}
	}
	return err
}

// solversFor are the kinds of challenge that an authority can meet for a host, in order. What stands in front of a host passes
// requests on, but ends TLS by itself.
func (k *Keeper) solversFor(ctx context.Context, t task) []solver {
	if isWildcard(t.host) {
		return []solver{*k.byDNS}
	}
	if t.kind != tenant.CustomHost || len(k.solvers) < 2 {
		return k.solvers
	}
	if d, err := k.custom.Find(ctx, string(t.host)); err != nil || !d.BehindCDN {
		return k.solvers
	}
	return slices.DeleteFunc(slices.Clone(k.solvers), func(s solver) bool { return s.kind == acme.ChallengeTypeTLSALPN01 })
}

// attempt is one order, as certmagic knows issuers.
type attempt struct {
	*source

	solver   solver
	replaces *x509.Certificate
	taken    bool // the authority took the order
}

// IssuerKey implements [certmagic.Issuer].
func (a *attempt) IssuerKey() string { return a.key }

// Issue implements [certmagic.Issuer].
func (a *attempt) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	ctx, s := span.Within(ctx, "order certificate")
	s.Text("deskgate.acme.authority", a.Name())
	s.Text("deskgate.acme.challenge", a.solver.kind)
	c, taken, err := a.order(ctx, csr, a.solver, a.replaces)
	if p, refused := errors.AsType[acme.Problem](err); refused {
		s.Fail(p.Type) // a URN; what is said beside it may have names in it
		s.End(nil)
	} else {
		s.End(err)
	}
	a.taken = taken
	return c, err
}

func (k *Keeper) ask(ctx context.Context, host tenant.Host, from certmagic.Issuer) error {
	c := k.settings
	c.Issuers = []certmagic.Issuer{from}
	config := certmagic.New(k.cache, c)
	if k.store.Exists(ctx, certmagic.StorageKeys.SiteCert(from.IssuerKey(), string(host))) {
		return config.RenewCertSync(ctx, string(host), true)
	}
	return config.ObtainCertSync(ctx, string(host))
}

// load reads a site's certificate from the store, makes it the one that is served, and returns it; fs.ErrNotExist if there is
// none.
func (k *Keeper) load(ctx context.Context, site *tenant.Site) (*held, error) {
	k.loading.Lock() // what was read first must not be put last
	defer k.loading.Unlock()
	h, err := k.read(ctx, site)
	switch {
	case err != nil:
	case isWildcard(site.Host):
		k.shelf.clear() // of those that it covers
	default:
		k.shelf.put(site.Host, h)
	}
	return h, err
}

// moves says whether the node's own authority has another root by now.
func (k *Keeper) moves(ctx context.Context, cert *held) bool {
	if k.internal == nil || cert.from != k.internal.IssuerKey() {
		return false
	}
	under, err := k.internal.Signed(ctx, cert.pair.Certificate)
	return err == nil && !under
}

// suggested says whether who issued a certificate may say when it is to be renewed.
func (k *Keeper) suggested(cert *held) bool {
	for _, s := range k.sources {
		if s.key == cert.from {
			return s.suggests()
		}
	}
	return false
}

// reportFresh is reportActive for a certificate that has just come.
func (k *Keeper) reportFresh(ctx context.Context, t task, cert *held) error {
	return k.reportActive(ctx, t, cert, cert.due(t.host), time.Now().Add(lookTime))
}

// reportActive says that there is a certificate, when it is to be renewed, and when it is to be asked again when that is.
func (k *Keeper) reportActive(ctx context.Context, t task, cert *held, at, look time.Time) error {
	leaf, now, next := cert.leaf, time.Now(), at
	if k.suggested(cert) && look.Before(next) {
		next = look
	}
	if !next.After(now) && !cert.own() { // it came late: our clock is ahead of the authority's
		next = now.Add(leaf.NotAfter.Sub(now) / 2)
	}
	// Hosts that came together need not be renewed together.
	next = next.Add(rand.N(1 + min(leaf.NotAfter.Sub(leaf.NotBefore)/100, max(next.Sub(now)/4, 0)))) //nolint:gosec // nobody gains by guessing
	k.mu.Lock()
	delete(k.waiting, t.host)
	k.mu.Unlock()
	return k.report(ctx, t, domain.Report{
		Status: domain.CertificateActive, NotAfter: leaf.NotAfter, NextAttempt: next, RenewAt: at,
		Issuer: domain.IssuerOf(leaf), Fingerprint: domain.Fingerprint(leaf), Own: cert.own(),
	})
}

// reportFailure says why there is no certificate, and when the next attempt is.
func (k *Keeper) reportFailure(ctx context.Context, t task, old *held, err error) error {
	if errors.Is(err, tenant.ErrNotFound) || errors.Is(ctx.Err(), context.Canceled) {
		return err // the domain went, or the node stops: neither is the host's fault
	}
	f := judge(err)
	k.options.Attempt(f.result())
	next := time.Now().Add(retryAfter(t.attempts))
	if f.until.After(next) || f.postponed {
		next = f.until.Add(rand.N(time.Minute)) //nolint:gosec // not all at once; nobody gains by guessing
	}
	k.log.WarnContext(ctx, "no certificate", "host", t.host, "attempts", t.attempts+1, "next_attempt", next, "error", err)
	k.wait(t.host, next)
	r := domain.Report{Status: domain.CertificateFailing, Reason: f.reason.Also(nextAttempt(next)), NextAttempt: next}
	if f.postponed {
		r.Status = domain.CertificateQueued // which is no failure of the host, and is not counted as one
	}
	if old != nil {
		r.NotAfter = old.leaf.NotAfter
		switch {
		case !old.valid(time.Now()):
			r.Status = domain.CertificateExpired
		case f.postponed:
			r.Status = domain.CertificateRenewing
		}
	}
	return errors.Join(err, k.report(context.WithoutCancel(ctx), t, r))
}

// postpone tells domains that came while no authority takes orders why they wait, and until when.
func (k *Keeper) postpone(ctx context.Context, rest *waitError) error {
	tasks, err := k.custom.due(ctx, time.Now(), 4*ordersAtOnce)
	for _, t := range tasks {
		state, findErr := k.custom.find(ctx, t.host)
		if findErr != nil || state.Status != domain.CertificateQueued {
			continue
		}
		r := domain.Report{Status: domain.CertificateQueued, Reason: rest.reason.Also(nextAttempt(rest.until)), NextAttempt: rest.until}
		err = errors.Join(err, k.report(ctx, t, r))
	}
	return err
}

// nextAttempt is the sentence that follows a reason.
func nextAttempt(at time.Time) domain.Reason {
	return domain.Say("The next attempt is at %s UTC.", at.UTC().Format(time.DateTime))
}

func (k *Keeper) report(ctx context.Context, t task, r domain.Report) error {
	if err := k.ledger(t.kind).report(ctx, t.host, r); err != nil {
		k.cool(t.host)
		return fmt.Errorf("report on %s: %w", t.host, err)
	}
	if time.Until(r.NextAttempt) < tick {
		k.wakeAt(r.NextAttempt)
	}
	return nil
}

func (k *Keeper) ledger(kind tenant.SiteKind) ledger {
	if kind == tenant.CustomHost {
		return k.custom
	}
	return k.own
}

// retryAfter is the pause after a failure: two attempts in the first hour, each of which an authority may count twice (once
// for each kind of challenge), and at most one an hour afterwards, so that its limit of five failures is never reached.
func retryAfter(attempts int) time.Duration {
	pauses := [...]time.Duration{
		5 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, 24 * time.Hour,
	}
	d := pauses[min(attempts, len(pauses)-1)]
	return d + rand.N(d/10) //nolint:gosec // so that not all come back at once; nobody gains by guessing
}
