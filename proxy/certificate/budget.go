package certificate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// What Let's Encrypt allows one account, and what we leave unused for what the operator does by hand.
const (
	ordersWindow    = 3 * time.Hour
	ordersPerWindow = 280 // of 300
	domainWindow    = 7 * 24 * time.Hour
	domainPerWindow = 48 // of 50
	// defaultPerWindow is what {slug}.{node host} may take of domainPerWindow: the node's own name has to be renewed as well.
	defaultPerWindow = 40
	// retriesPerWindow is what hosts that failed before may take of ordersPerWindow, so that thousands of them leave room for
	// those that never did.
	retriesPerWindow = 140
	// hostPerWindow bounds the orders for one host. Each may count as a failure, of which five an hour are too many.
	hostWindow    = time.Hour
	hostPerWindow = 4
)

// order is one that was made, so that a restart, or a loop of them, doesn't begin to count anew.
type order struct {
	At     time.Time   `cbor:"1,keyasint"`
	Host   tenant.Host `cbor:"2,keyasint"`
	Domain string      `cbor:"3,keyasint"` // the registered one
	// Authority is who was asked; Limited: the limits are those above. Retry: the host had failed before.
	Authority string `cbor:"4,keyasint,omitempty"`
	Limited   bool   `cbor:"5,keyasint,omitempty"`
	Retry     bool   `cbor:"6,keyasint,omitempty"`
	Failed    bool   `cbor:"7,keyasint,omitempty"` // it gave no certificate
}

var orders = storage.NewTable(storage.Declaration[order]{
	ID: 195, Name: "proxy.order",
	Key:     func(o *order) storage.Key { return storage.Key{}.Time(o.At).Str(string(o.Host)).Str(o.Authority) },
	Expires: func(o *order) time.Time { return o.At.Add(domainWindow) },
})

// budget holds the node within the authorities' limits.
type budget struct {
	store *storage.Store

	mu   sync.Mutex
	made []order // of the last domainWindow, old before new
}

func loadBudget(ctx context.Context, s *storage.Store) (*budget, error) {
	b := &budget{store: s}
	err := storage.Each(ctx, s, storage.Node(), orders, func(o *order) error {
		b.made = append(b.made, *o)
		return nil
	})
	return b, err
}

// take notes an order for the task's host. *waitError: there is none to be had now.
func (b *budget) take(ctx context.Context, s *source, t task) (order, error) {
	o := order{
		At: time.Now().UTC().Truncate(time.Microsecond), Host: t.host, Domain: registered(t.host),
		Authority: s.key, Limited: s.authority.Limited, Retry: t.attempts > 0,
	}
	if err := b.reserve(o, t.kind); err != nil {
		return o, err
	}
	return o, b.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		return orders.Put(tx, &o)
	})
}

// missed notes that an order gave no certificate. One that the authority never took counts no more; others count, but not for the
// certificates of a registered domain. Of an attempt that was cut short nobody knows: it counts in full.
func (b *budget) missed(ctx context.Context, o order, taken bool) error {
	b.mu.Lock()
	i := slices.IndexFunc(b.made, func(m order) bool { return m.At.Equal(o.At) && m.Host == o.Host && m.Authority == o.Authority })
	switch {
	case i < 0:
	case taken:
		b.made[i].Failed = true
	default:
		b.made = slices.Delete(b.made, i, i+1)
	}
	b.mu.Unlock()
	o.Failed = true
	return b.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		if taken {
			return orders.Put(tx, &o)
		}
		return orders.Delete(tx, orders.KeyOf(&o))
	})
}

func (b *budget) reserve(o order, kind tenant.SiteKind) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ask(o, kind); err != nil {
		return err
	}
	b.made = append(b.made, o)
	return nil
}

// tally counts orders of one sort, the newest first, until there are as many as a window may hold.
type tally struct {
	most   int
	window time.Duration
	reason domain.Reason
	counts func(order) bool
	count  int
}

// add counts an order that was made before now. *waitError: it was the last one that there is room for.
func (t *tally) add(m order, now time.Time) *waitError {
	if !t.counts(m) || now.Sub(m.At) >= t.window {
		return nil
	}
	if t.count++; t.count < t.most {
		return nil
	}
	return &waitError{m.At.Add(t.window), t.reason}
}

// tallies are the limits that an order has to keep to.
func tallies(o order, kind tenant.SiteKind) []tally {
	all := []tally{{
		most: hostPerWindow, window: hostWindow, counts: func(m order) bool { return m.Host == o.Host },
		reason: domain.Say("Waiting: a certificate authority is asked a limited number of times an hour for %s.", string(o.Host)),
	}}
	if !o.Limited {
		return all
	}
	crowded := domain.Say("Waiting: the certificate authority takes a limited number of orders in three hours.")
	all = append(all, tally{most: ordersPerWindow, window: ordersWindow, reason: crowded, counts: func(order) bool { return true }})
	if o.Retry {
		all = append(all, tally{most: retriesPerWindow, window: ordersWindow, reason: crowded, counts: func(m order) bool { return m.Retry }})
	}
	perDomain := domainPerWindow
	if kind == tenant.DefaultHost {
		perDomain = defaultPerWindow
	}
	return append(all, tally{
		most: perDomain, window: domainWindow, counts: func(m order) bool { return m.Domain == o.Domain && !m.Failed },
		reason: domain.Say("Waiting: the certificate authority issues a limited number of certificates a week for %s.", o.Domain),
	})
}

// ask says whether there is room for an order. The caller has the lock.
func (b *budget) ask(o order, kind tenant.SiteKind) error {
	for len(b.made) > 0 && o.At.Sub(b.made[0].At) >= domainWindow {
		b.made = b.made[1:]
	}
	limits := tallies(o, kind)
	for _, m := range slices.Backward(b.made) {
		if m.Authority != o.Authority {
			continue
		}
		for i := range limits {
			if full := limits[i].add(m, o.At); full != nil {
				return full
			}
		}
	}
	return nil
}

// retries says until when hosts that failed before get no more orders from an authority; nil if they do.
func (b *budget) retries(s *source, now time.Time) *waitError {
	var wait *waitError
	b.mu.Lock()
	defer b.mu.Unlock()
	o := order{At: now, Authority: s.key, Limited: s.authority.Limited, Retry: true}
	errors.As(b.ask(o, tenant.CustomHost), &wait)
	return wait
}

// BudgetSpent says until when the node orders no certificate for a tenant's default host, because the limits of the authorities
// that it asked this week would be passed; the zero time: it does.
func BudgetSpent(ctx context.Context, s *storage.Store, host tenant.Host) (until time.Time, err error) {
	b, err := loadBudget(ctx, s)
	if err != nil {
		return until, err
	}
	asked := map[string]bool{}
	for _, m := range b.made {
		asked[m.Authority] = m.Limited
	}
	for authority, limited := range asked {
		var wait *waitError
		o := order{At: time.Now().UTC(), Domain: registered(host), Authority: authority, Limited: limited}
		if !errors.As(b.ask(o, tenant.DefaultHost), &wait) {
			return time.Time{}, nil
		}
		if until.IsZero() || wait.until.Before(until) {
			until = wait.until
		}
	}
	return until, nil
}

// registered is the part of a host that limits count by: the public suffix and one label more.
func registered(h tenant.Host) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(string(h)); err == nil {
		return d
	}
	return string(h)
}
