package certificate

import (
	"context"
	"errors"
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
)

// order is one that was made, so that a restart, or a loop of them, doesn't begin to count anew.
type order struct {
	At     time.Time   `cbor:"1,keyasint"`
	Host   tenant.Host `cbor:"2,keyasint"`
	Domain string      `cbor:"3,keyasint"` // the registered one
}

var orders = storage.NewTable(storage.Declaration[order]{
	ID: 195, Name: "proxy.order",
	Key:     func(o *order) storage.Key { return storage.Key{}.Time(o.At).Str(string(o.Host)) },
	Expires: func(o *order) time.Time { return o.At.Add(domainWindow) },
})

// budget holds the node within an authority's limits. A nil budget has none.
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

// take notes an order for the host. *waitError: there is none to be had now.
func (b *budget) take(ctx context.Context, host tenant.Host, kind tenant.SiteKind) error {
	if b == nil {
		return nil
	}
	o := order{At: time.Now().UTC().Truncate(time.Microsecond), Host: host, Domain: registered(host)}
	if err := b.reserve(o, kind); err != nil {
		return err
	}
	return b.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		return orders.Put(tx, &o)
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

// ask says whether there is room for an order. The caller has the lock.
func (b *budget) ask(o order, kind tenant.SiteKind) error {
	for len(b.made) > 0 && o.At.Sub(b.made[0].At) >= domainWindow {
		b.made = b.made[1:]
	}
	perDomain := domainPerWindow
	if kind == tenant.DefaultHost {
		perDomain = defaultPerWindow
	}
	recent, same := 0, 0
	for i := len(b.made) - 1; i >= 0; i-- {
		m := b.made[i]
		if o.At.Sub(m.At) < ordersWindow {
			if recent++; recent == ordersPerWindow {
				return &waitError{m.At.Add(ordersWindow), domain.Say("Waiting: the certificate authority takes a limited number of orders in three hours.")}
			}
		}
		if m.Domain == o.Domain {
			if same++; same == perDomain {
				return &waitError{m.At.Add(domainWindow), domain.Say("Waiting: the certificate authority issues a limited number of certificates a week for %s.", o.Domain)}
			}
		}
	}
	return nil
}

// BudgetSpent says until when the node orders no certificate for a tenant's default host, because the authority's limits
// would be passed; the zero time: it does.
func BudgetSpent(ctx context.Context, s *storage.Store, host tenant.Host) (time.Time, error) {
	b, err := loadBudget(ctx, s)
	if err != nil {
		return time.Time{}, err
	}
	var wait *waitError
	if errors.As(b.ask(order{At: time.Now().UTC(), Domain: registered(host)}, tenant.DefaultHost), &wait) {
		return wait.until, nil
	}
	return time.Time{}, nil
}

// registered is the part of a host that limits count by: the public suffix and one label more.
func registered(h tenant.Host) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(string(h)); err == nil {
		return d
	}
	return string(h)
}
