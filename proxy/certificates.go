package proxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"path"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"golang.org/x/sync/singleflight"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

const (
	// ordersAtOnce bounds what the node asks of an authority at a time; retriesAtOnce leaves room beside hosts that keep
	// failing for those that never did.
	ordersAtOnce, retriesAtOnce = 12, 6
	// orderTime is how long one attempt may take.
	orderTime = 3 * time.Minute
	// tick is how often the ledgers are asked without a reason. What is due earlier says so.
	tick = 5 * time.Minute
	// sweepTime is how often it is looked for what deleted tenants left behind.
	sweepTime = time.Hour
	// coolTime is the least time between two attempts for a host whose ledger does not know of the first one.
	coolTime = 20 * time.Second
	// loadTime bounds the reading of a certificate during a handshake.
	loadTime = 5 * time.Second
	// lookTime is how often an authority that suggests times for renewal is asked.
	lookTime = 24 * time.Hour
	// renewalRatio is the part of a certificate's life that is left when it is renewed.
	renewalRatio = 1.0 / 3
)

// certificates obtains, renews, loads and forgets certificates. There is at most one attempt for a host at a time.
type certificates struct {
	directory *tenant.Directory
	custom    customHosts
	own       ownHosts
	store     *certStore
	cache     *certmagic.Cache
	managed   *certmagic.Config
	acme      *certmagic.ACMEIssuer // nil with the internal authority
	budget    *budget
	metrics   *metrics
	log       *slog.Logger

	closed sync.Once
	loads  singleflight.Group // from the store, by host
	more   chan struct{}      // a slot became free, or something is due

	mu      sync.Mutex
	stopped bool
	wg      sync.WaitGroup
	flights map[tenant.Host]*flight
	retries int                       // flights of hosts that failed before
	waiting map[tenant.Host]time.Time // hosts that handshakes don't try before that
	cooling map[tenant.Host]time.Time // hosts that nobody tries before that
	paused  time.Time                 // the authority wants no orders before that
}

// flight is an attempt that is under way.
type flight struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // after done
}

// errNotNow: the last attempt failed, and the next one's time has not come.
var errNotNow = errors.New("no certificate, and no attempt due")

// Run looks after all certificates until ctx ends.
func (c *certificates) Run(ctx context.Context) error {
	for _, h := range c.directory.Node().Hosts() {
		c.begin(ctx, task{host: h, kind: tenant.NodeHost, patient: true})
	}
	c.sweep(ctx)
	swept := time.Now()
	for {
		if err := c.round(ctx); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "certificates due", "error", err)
		}
		select {
		case <-ctx.Done():
			c.stop()
			return nil
		case <-c.custom.Wake():
		case <-c.more:
		case <-time.After(tick):
			if time.Since(swept) >= sweepTime {
				c.sweep(ctx)
				swept = time.Now()
			}
		}
	}
}

// sweep forgets hosts of tenants that were deleted. Of custom domains their registry tells.
func (c *certificates) sweep(ctx context.Context) {
	hosts, err := c.own.hosts(ctx)
	if err != nil {
		c.log.ErrorContext(ctx, "certificates of deleted tenants", "error", err)
	}
	for _, h := range hosts {
		if _, served := c.directory.Lookup(string(h)); !served {
			c.forget(ctx, h)
		}
	}
}

// stop ends all attempts and waits for them.
func (c *certificates) stop() {
	c.mu.Lock()
	c.stopped = true
	for _, f := range c.flights {
		f.cancel()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// close ends certmagic's own work. It may be called twice.
func (c *certificates) close() { c.closed.Do(c.cache.Stop) }

// round begins what is due and fits in.
func (c *certificates) round(ctx context.Context) error {
	if c.pausedUntil().After(time.Now()) {
		return nil
	}
	now, room := time.Now(), 4*ordersAtOnce
	tasks, err := c.custom.due(ctx, now, room)
	if err != nil {
		return err
	}
	own, err := c.own.due(ctx, now, room)
	if err != nil {
		return err
	}
	for _, t := range append(tasks, own...) {
		if !c.cools(t.host, now) {
			c.begin(ctx, t)
		}
	}
	return nil
}

// cools says whether the host is left alone for a moment.
func (c *certificates) cools(host tenant.Host, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, cools := c.cooling[host]
	if cools && !until.After(now) {
		delete(c.cooling, host)
	}
	return until.After(now)
}

// begin starts an attempt unless one is under way or there is no room for it.
func (c *certificates) begin(ctx context.Context, t task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full := len(c.flights) >= ordersAtOnce || t.attempts > 0 && c.retries >= retriesAtOnce
	if full || c.stopped || c.flights[t.host] != nil {
		return
	}
	c.fly(ctx, t)
}

// ensure returns when there is a certificate for the site or an attempt to get one has failed. It is what a handshake
// waits for that came first; the attempt goes on without it.
func (c *certificates) ensure(ctx context.Context, site *tenant.Site) error {
	c.mu.Lock()
	f := c.flights[site.Host]
	if f == nil {
		now := time.Now()
		if c.stopped || c.waiting[site.Host].After(now) || c.paused.After(now) {
			c.mu.Unlock()
			return errNotNow
		}
		f = c.fly(context.WithoutCancel(ctx), task{host: site.Host, kind: site.Kind, patient: true})
	}
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.done:
		return f.err
	}
}

// fly starts an attempt. The caller holds the lock.
func (c *certificates) fly(ctx context.Context, t task) *flight {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	f := &flight{cancel: cancel, done: make(chan struct{})}
	c.flights[t.host] = f
	if t.attempts > 0 {
		c.retries++
	}
	c.wg.Go(func() {
		defer cancel()
		f.err = c.attend(ctx, t)
		c.mu.Lock()
		delete(c.flights, t.host)
		if t.attempts > 0 {
			c.retries--
		}
		c.mu.Unlock()
		close(f.done)
		c.again()
	})
	return f
}

// again has the next round begin now.
func (c *certificates) again() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// attend brings a host's certificate into the state that it should be in, and reports. Of a host that is not served, or no
// more when all is done, nothing is kept.
func (c *certificates) attend(ctx context.Context, t task) error {
	site, served := c.directory.Lookup(string(t.host))
	var err error
	if served {
		t.kind = site.Kind
		err = c.bring(ctx, t)
		_, served = c.directory.Lookup(string(t.host))
	}
	if !served || errors.Is(err, tenant.ErrNotFound) {
		c.forget(ctx, t.host)
		c.cool(t.host)
		return tenant.ErrNotFound
	}
	return err
}

// cool keeps a host from being tried again at once where its ledger does not know, or could not be told, how it went.
func (c *certificates) cool(host tenant.Host) {
	c.mu.Lock()
	c.cooling[host] = time.Now().Add(coolTime)
	c.mu.Unlock()
	time.AfterFunc(coolTime, c.again)
}

func (c *certificates) bring(ctx context.Context, t task) error {
	cert, err := c.load(ctx, t.host)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c.reportFailure(ctx, t, cert, err)
	}
	if !cert.Empty() && c.renewal(ctx, cert).After(time.Now()) {
		return c.reportActive(ctx, t, cert)
	}
	if t.patient {
		state, err := c.ledger(t.kind).find(ctx, t.host)
		if err != nil || tooEarly(state) {
			c.wait(t.host, state.NextAttempt)
			return errors.Join(errNotNow, err)
		}
		t.attempts = state.Attempts
	}
	result := "renewed"
	if cert.Empty() {
		result = "obtained"
	}
	if err := c.order(ctx, t, cert); err != nil {
		return c.reportFailure(ctx, t, cert, err)
	}
	if cert, err = c.load(ctx, t.host); err != nil {
		return c.reportFailure(ctx, t, cert, err)
	}
	c.metrics.attempts[result].Inc()
	c.log.InfoContext(ctx, "certificate", "host", t.host, "not_after", cert.Leaf.NotAfter)
	return c.reportActive(ctx, t, cert)
}

// tooEarly says whether a failure, or an attempt that was cut short, asks for patience.
func tooEarly(state domain.Certificate) bool {
	switch state.Status {
	case domain.CertificateFailing, domain.CertificateExpired, domain.CertificateIssuing, domain.CertificateRenewing:
		return state.NextAttempt.After(time.Now())
	default:
		return false
	}
}

func (c *certificates) wait(host tenant.Host, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[host] = until
}

// order obtains a certificate, or renews the one there is.
func (c *certificates) order(ctx context.Context, t task, old certmagic.Certificate) error {
	if err := c.budget.take(ctx, t.host, t.kind); err != nil {
		return err
	}
	r := domain.Report{Status: domain.CertificateIssuing, NextAttempt: time.Now().Add(retryAfter(t.attempts))}
	if !old.Empty() {
		r.Status, r.NotAfter = domain.CertificateRenewing, old.Leaf.NotAfter
	}
	if err := c.report(ctx, t, r); err != nil {
		return err
	}
	if old.Empty() {
		return c.managed.ObtainCertSync(ctx, string(t.host))
	}
	return c.managed.RenewCertSync(ctx, string(t.host), true)
}

// load reads a host's certificate from the store, makes it the one that is served, and returns it; fs.ErrNotExist if there is
// none.
func (c *certificates) load(ctx context.Context, host tenant.Host) (certmagic.Certificate, error) {
	cert, err := c.managed.CacheManagedCertificate(ctx, string(host))
	if err != nil {
		return cert, err
	}
	var older []string
	for _, other := range c.cache.AllMatchingCertificates(string(host)) {
		if other.Hash() != cert.Hash() {
			older = append(older, other.Hash())
		}
	}
	c.cache.Remove(older)
	return cert, nil
}

// renewal is when a certificate is to be renewed: when its authority suggests it, else when a third of its life is left.
func (c *certificates) renewal(ctx context.Context, cert certmagic.Certificate) time.Time {
	leaf := cert.Leaf
	left := time.Duration(renewalRatio * float64(leaf.NotAfter.Sub(leaf.NotBefore)))
	at := leaf.NotAfter.Add(-left)
	if c.acme == nil {
		return at
	}
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	info, err := c.acme.GetRenewalInfo(ctx, cert)
	if err != nil || !info.HasWindow() || info.SelectedTime.After(leaf.NotAfter.Add(-left/4)) {
		return at // without a suggestion, or with one that leaves no time for a second try
	}
	return info.SelectedTime
}

func (c *certificates) reportActive(ctx context.Context, t task, cert certmagic.Certificate) error {
	leaf := cert.Leaf
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	next := leaf.NotAfter.Add(-time.Duration(renewalRatio * float64(life)))
	if look := time.Now().Add(lookTime); c.acme != nil && look.Before(next) {
		next = look
	}
	next = next.Add(rand.N(life / 100)) //nolint:gosec // hosts that came together need not be renewed together
	c.mu.Lock()
	delete(c.waiting, t.host)
	c.mu.Unlock()
	return c.report(ctx, t, domain.Report{Status: domain.CertificateActive, NotAfter: leaf.NotAfter, NextAttempt: next})
}

// reportFailure says why there is no certificate, and when the next attempt is.
func (c *certificates) reportFailure(ctx context.Context, t task, old certmagic.Certificate, err error) error {
	if errors.Is(err, tenant.ErrNotFound) || errors.Is(ctx.Err(), context.Canceled) {
		return err // the domain went, or the node stops: neither is the host's fault
	}
	f := judge(err)
	c.metrics.attempts[f.result()].Inc()
	next := time.Now().Add(retryAfter(t.attempts))
	if f.until.After(next) {
		next = f.until
	}
	c.log.WarnContext(ctx, "no certificate", "host", t.host, "attempts", t.attempts+1, "next_attempt", next, "error", err)
	c.wait(t.host, next)
	if f.everywhere {
		c.pause(f.until)
	}
	r := domain.Report{Status: domain.CertificateFailing, Reason: f.reason, NextAttempt: next}
	if !old.Empty() {
		r.NotAfter = old.Leaf.NotAfter
		if old.Expired() {
			r.Status = domain.CertificateExpired
		}
	}
	return errors.Join(err, c.report(context.WithoutCancel(ctx), t, r))
}

func (c *certificates) report(ctx context.Context, t task, r domain.Report) error {
	if err := c.ledger(t.kind).report(ctx, t.host, r); err != nil {
		c.cool(t.host)
		return fmt.Errorf("report on %s: %w", t.host, err)
	}
	if wait := time.Until(r.NextAttempt); wait < tick {
		time.AfterFunc(wait+time.Second, c.again)
	}
	return nil
}

func (c *certificates) ledger(kind tenant.SiteKind) ledger {
	if kind == tenant.CustomHost {
		return c.custom
	}
	return c.own
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

// running is how many attempts are under way.
func (c *certificates) running() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return float64(len(c.flights))
}

// pause stops all orders until the authority takes them again.
func (c *certificates) pause(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = until
}

func (c *certificates) pausedUntil() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused
}

// forget stops everything for a host that is served no more: attempts, the certificate in memory, and what is stored.
func (c *certificates) forget(ctx context.Context, host tenant.Host) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
	defer cancel()
	c.mu.Lock()
	if f := c.flights[host]; f != nil {
		f.cancel()
	}
	delete(c.waiting, host)
	c.mu.Unlock()
	c.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: string(host)}})
	if err := errors.Join(c.deleteStored(ctx, host), c.own.forget(ctx, host)); err != nil {
		c.log.ErrorContext(ctx, "certificate not deleted", "host", host, "error", err)
	}
}

// deleteStored deletes the certificate and key of a host, whichever authority they are from.
func (c *certificates) deleteStored(ctx context.Context, host tenant.Host) error {
	issuers, err := c.store.List(ctx, "certificates", false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, issuer := range issuers {
		err = errors.Join(err, c.store.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(path.Base(issuer), string(host))))
	}
	return err
}
