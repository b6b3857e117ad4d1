package proxy

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
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
	// lazyAtOnce bounds what handshakes ask of an authority, beside that.
	lazyAtOnce = 24
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

	mu          sync.Mutex
	stopped     bool
	wg          sync.WaitGroup
	flights     map[tenant.Host]*flight
	retries     int                       // flights of hosts that failed before
	lazy        int                       // flights that were begun because somebody came
	waiting     map[tenant.Host]time.Time // hosts that handshakes don't try before that
	cooling     map[tenant.Host]time.Time // hosts that nobody tries before that
	paused      time.Time                 // the authority wants no orders before that,
	pauseReason domain.Reason             // for this reason
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
	if until, reason := c.pausedUntil(); until.After(time.Now()) {
		return c.postpone(ctx, until, reason)
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
	full := len(c.flights)-c.lazy >= ordersAtOnce || t.attempts > 0 && c.retries >= retriesAtOnce
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
		full := c.acme != nil && c.lazy >= lazyAtOnce
		if c.stopped || full || c.waiting[site.Host].After(now) || c.paused.After(now) {
			c.mu.Unlock()
			return errNotNow
		}
		f = c.fly(context.WithoutCancel(ctx), task{host: site.Host, kind: site.Kind, patient: true, lazy: true})
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
	c.count(t, 1)
	c.wg.Go(func() {
		defer cancel()
		f.err = c.attend(ctx, t)
		c.mu.Lock()
		delete(c.flights, t.host)
		c.count(t, -1)
		c.mu.Unlock()
		close(f.done)
		c.again()
	})
	return f
}

func (c *certificates) count(t task, n int) {
	if t.attempts > 0 {
		c.retries += n
	}
	if t.lazy {
		c.lazy += n
	}
}

// again has the next round begin now.
func (c *certificates) again() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// running is how many attempts are under way.
func (c *certificates) running() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return float64(len(c.flights))
}

// pause stops all orders until the authority takes them again.
func (c *certificates) pause(until time.Time, reason domain.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused, c.pauseReason = until, reason
}

func (c *certificates) pausedUntil() (until time.Time, reason domain.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused, c.pauseReason
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
