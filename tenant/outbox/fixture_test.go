package outbox_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbox"
)

// parcel is what these tests deliver.
type parcel struct {
	Words string `cbor:"1,keyasint"`
}

var parcels = outbox.NewQueue[parcel](60, "parcels")

// house is a node with two tenants, and a queue.
type house struct {
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	acme, bee *tenant.Tenant
}

func open(tb testing.TB) *house {
	tb.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	ok(tb, err)
	h := &house{store: storagetest.Open(tb, append(tenant.Tables(), parcels.Table())...)}
	h.directory = tenant.NewDirectory(h.store, node, nil)
	ok(tb, h.directory.Load(tb.Context()))
	h.tenants = tenant.NewRegistry(h.store, h.directory)
	h.acme, _, err = h.tenants.Create(tb.Context(), "acme", "Acme")
	ok(tb, err)
	h.bee, _, err = h.tenants.Create(tb.Context(), "bee", "Bee")
	ok(tb, err)
	return h
}

// put writes a parcel in a transaction of its own.
func (h *house) put(tb testing.TB, t *tenant.Tenant, words string, expires time.Time) {
	tb.Helper()
	ok(tb, h.store.Update(tb.Context(), t.Scope(), func(tx *storage.Tx) error {
		_, err := parcels.Put(tx, parcel{words}, expires)
		return err
	}))
}

// run runs a courier until stop is called, which returns when it is at its end.
func (h *house) run(tb testing.TB, c *outbox.Courier[parcel]) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- c.Run(ctx) }()
	once := sync.OnceFunc(func() {
		cancel()
		ok(tb, <-over)
	})
	tb.Cleanup(once)
	return once
}

func (h *house) courier(c outbox.Config[parcel]) *outbox.Courier[parcel] {
	c.Store, c.Directory = h.store, h.directory
	return outbox.NewCourier(parcels, c)
}

// recorder notes what is delivered.
type recorder struct {
	mu   sync.Mutex
	got  []string
	at   []time.Time
	fail func(words string, n int) error // n: how often it came before
}

func (r *recorder) deliver(_ context.Context, t *tenant.Tenant, i outbox.Item[parcel]) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	said := t.Slug + " " + i.Payload.Words
	for _, s := range r.got {
		if s == said {
			n++
		}
	}
	r.got, r.at = append(r.got, said), append(r.at, time.Now())
	if r.fail != nil {
		return r.fail(i.Payload.Words, n)
	}
	return nil
}

// all is what came so far, and when.
func (r *recorder) all() ([]string, []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.got...), append([]time.Time{}, r.at...)
}

// pass lets time go by in a bubble, until nothing happens any more.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func state(tb testing.TB, c *outbox.Courier[parcel]) outbox.State {
	tb.Helper()
	s, err := c.State(tb.Context())
	ok(tb, err)
	return s
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
