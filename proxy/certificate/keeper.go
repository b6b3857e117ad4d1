package certificate

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

	"github.com/deskgate/deskgate/proxy/ca"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
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
	// renewalRatio is the part of a certificate's life that is left when it is renewed.
	renewalRatio = 1.0 / 3
)

// Keeper obtains, renews, loads and forgets certificates. There is at most one attempt for a host at a time.
type Keeper struct {
	options    Options
	directory  *tenant.Directory
	custom     customHosts
	own        ownHosts
	store      *AssetStore
	cache      *certmagic.Cache
	settings   certmagic.Config // for orders, but for the issuer
	internal   *internalIssuer  // nil with ACME
	from       []string         // issuers whose certificates may be stored
	loading    sync.Mutex       // while the shelf is filled
	shelf      *shelf
	sources    []*source // the authorities in order; none with the internal one
	solvers    []solver  // of challenges, in order
	byDNS      *solver   // nil: no records can be written
	challenges *challenges
	budget     *budget
	log        *slog.Logger

	closed sync.Once
	loads  singleflight.Group // from the store, by host
	more   chan struct{}      // a slot became free, or something is due

	mu      sync.Mutex
	stopped bool
	wg      sync.WaitGroup
	flights map[tenant.Host]*flight
	retries int                       // flights of hosts that failed before
	lazy    int                       // flights that were begun because somebody came
	waiting map[tenant.Host]time.Time // hosts that handshakes don't try before that
	cooling map[tenant.Host]time.Time // hosts that nobody tries before that
	alarm   time.Time                 // when a round is to begin in any case
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
func (k *Keeper) Run(ctx context.Context) error {
	if err := k.resume(ctx); err != nil && ctx.Err() == nil {
		k.log.ErrorContext(ctx, "certificates that were asked for before", "error", err)
	}
	for _, h := range append(k.directory.Node().Hosts(), k.wildcards()...) {
		k.begin(ctx, task{host: h, kind: tenant.NodeHost, patient: true})
	}
	if k.internal != nil {
		k.wg.Go(func() { k.rotate(ctx) })
	}
	k.introduce(ctx)
	k.sweep(ctx)
	swept := time.Now()
	for {
		if err := k.round(ctx); err != nil && ctx.Err() == nil {
			k.log.ErrorContext(ctx, "certificates due", "error", err)
		}
		select {
		case <-ctx.Done():
			k.stop()
			return nil
		case <-k.custom.Wake():
		case <-k.more:
		case <-time.After(tick):
			if time.Since(swept) >= sweepTime {
				k.sweep(ctx)
				swept = time.Now()
			}
		}
	}
}

// sweep forgets hosts of tenants that were deleted. Of custom domains their registry tells.
func (k *Keeper) sweep(ctx context.Context) {
	hosts, err := k.own.hosts(ctx)
	if err != nil {
		k.log.ErrorContext(ctx, "certificates of deleted tenants", "error", err)
	}
	for _, h := range hosts {
		if _, served := k.site(h); !served {
			k.forget(ctx, h)
		}
	}
}

// stop ends all attempts and waits for them.
func (k *Keeper) stop() {
	k.mu.Lock()
	k.stopped = true
	for _, f := range k.flights {
		f.cancel()
	}
	k.mu.Unlock()
	k.wg.Wait()
}

// Close ends certmagic's own work. It may be called twice.
func (k *Keeper) Close() {
	k.closed.Do(func() {
		k.cache.Stop()
		for _, s := range k.sources {
			s.close()
		}
	})
}

// round begins what is due and fits in.
func (k *Keeper) round(ctx context.Context) error {
	now, room := time.Now(), 4*ordersAtOnce
	if rest := k.rest(now); rest != nil {
		k.wakeAt(rest.until)
		return k.postpone(ctx, rest)
	}
	tasks, err := k.custom.due(ctx, now, room)
	if err != nil {
		return err
	}
	own, err := k.own.due(ctx, now, room)
	if err != nil {
		return err
	}
	tired := k.tired(now)
	for _, t := range append(tasks, own...) {
		if !k.cools(t.host, now) && (t.attempts == 0 || !tired) {
			k.begin(ctx, t)
		}
	}
	return nil
}

// tired says whether no authority has room for hosts that failed before. They stay due, and are looked at again when there is.
func (k *Keeper) tired(now time.Time) bool {
	var first time.Time
	for _, s := range k.sources {
		wait := k.budget.retries(s, now)
		if wait == nil {
			return false
		}
		if first.IsZero() || wait.until.Before(first) {
			first = wait.until
		}
	}
	if k.sources == nil {
		return false
	}
	k.wakeAt(first)
	return true
}

// cools says whether the host is left alone for a moment.
func (k *Keeper) cools(host tenant.Host, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	until, cools := k.cooling[host]
	if cools && !until.After(now) {
		delete(k.cooling, host)
	}
	return until.After(now)
}

// begin starts an attempt unless one is under way or there is no room for it.
func (k *Keeper) begin(ctx context.Context, t task) {
	k.mu.Lock()
	defer k.mu.Unlock()
	full := len(k.flights)-k.lazy >= ordersAtOnce || t.attempts > 0 && k.retries >= retriesAtOnce
	if full || k.stopped || k.flights[t.host] != nil {
		return
	}
	k.fly(ctx, t)
}

// ensure returns when there is a certificate for the site or an attempt to get one has failed. It is what a handshake
// waits for that came first; the attempt goes on without it. A tenant's host waits a while for the one that covers all of them.
func (k *Keeper) ensure(ctx context.Context, site *tenant.Site) error {
	if parent, ok := k.parent(site.Host); ok && site.Kind == tenant.DefaultHost && k.byDNS != nil {
		if all, ok := k.site(wild + parent); ok {
			brief, cancel := context.WithTimeout(ctx, wildcardPatience)
			defer cancel()
			if k.await(brief, all) == nil {
				return nil
			}
		}
	}
	return k.await(ctx, site)
}

// await is ensure for one certificate.
func (k *Keeper) await(ctx context.Context, site *tenant.Site) error {
	k.mu.Lock()
	f := k.flights[site.Host]
	if f == nil {
		now := time.Now()
		full := k.sources != nil && k.lazy >= lazyAtOnce
		if k.stopped || full || k.waiting[site.Host].After(now) || k.rest(now) != nil {
			k.mu.Unlock()
			return errNotNow
		}
		f = k.fly(context.WithoutCancel(ctx), task{host: site.Host, kind: site.Kind, patient: true, lazy: true})
	}
	k.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.done:
		return f.err
	}
}

// fly starts an attempt. The caller holds the lock.
func (k *Keeper) fly(ctx context.Context, t task) *flight {
	ctx, cancel := context.WithTimeout(ctx, orderTime*time.Duration(max(len(k.sources), 1)))
	f := &flight{cancel: cancel, done: make(chan struct{})}
	k.flights[t.host] = f
	k.count(t, 1)
	k.wg.Go(func() {
		defer cancel()
		f.err = k.traced(ctx, t)
		k.mu.Lock()
		delete(k.flights, t.host)
		k.count(t, -1)
		k.mu.Unlock()
		close(f.done)
		k.again()
	})
	return f
}

func (k *Keeper) count(t task, n int) {
	if t.attempts > 0 {
		k.retries += n
	}
	if t.lazy {
		k.lazy += n
	}
}

// wakeAt has a round begin at that time, if none is to begin before.
func (k *Keeper) wakeAt(at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.alarm.After(now) && !at.Before(k.alarm) {
		return
	}
	k.alarm = at
	time.AfterFunc(at.Sub(now)+time.Second, k.again)
}

// again has the next round begin now.
func (k *Keeper) again() {
	select {
	case k.more <- struct{}{}:
	default:
	}
}

// Running is how many attempts are under way.
func (k *Keeper) Running() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.flights)
}

// forget stops everything for a host that is served no more: attempts, the certificate in memory, and what is stored.
func (k *Keeper) forget(ctx context.Context, host tenant.Host) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
	defer cancel()
	k.mu.Lock()
	if f := k.flights[host]; f != nil {
		f.cancel()
	}
	delete(k.waiting, host)
	k.mu.Unlock()
	k.shelf.remove(host)
	err := errors.Join(k.deleteStored(ctx, host), k.own.forget(ctx, host))
	if k.directory.Node().Owns(host) {
		if own := k.custom.RemoveCertificate(ctx, nil, string(host)); !errors.Is(own, tenant.ErrNotFound) {
			err = errors.Join(err, own)
		}
	}
	if err != nil {
		k.log.ErrorContext(ctx, "certificate not deleted", "host", host, "error", err)
	}
}

// deleteStored deletes the certificate and key of a host, whichever authority they are from.
func (k *Keeper) deleteStored(ctx context.Context, host tenant.Host) error {
	issuers, err := k.store.List(ctx, "certificates", false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, issuer := range issuers {
		err = errors.Join(err, k.store.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(path.Base(issuer), string(host))))
	}
	return err
}

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return append(ca.Tables(), assets, leases, orders, ownCertificates, pauses)
}
