package transfer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/transfer"
)

// crowd is more tenants than are worked for at once, each of whose imports begins by asking for its team, and waits.
type crowd struct {
	*transfer.Transfers

	tenants []*tenant.Tenant
	begun   chan *tenant.Tenant
	goOn    chan struct{}
}

func newCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	c := &crowd{begun: make(chan *tenant.Tenant, 100), goOn: make(chan struct{})}
	for i := range n {
		c.tenants = append(c.tenants, &tenant.Tenant{ID: tenant.ID(strings.Repeat(string(rune('A'+i)), 26)), Slug: fmt.Sprintf("t%d", i)})
	}
	store := storagetest.Open(t, append(tickets.Tables(), transfer.Tables()...)...)
	all := func(context.Context) ([]*tenant.Tenant, error) { return c.tenants, nil }
	c.Transfers = transfer.New(transfer.Config{
		Store: store, Desk: tickets.New(tickets.Config{Store: store, Tenants: all}), Tenants: all, Ensure: none,
		Team: func(ctx context.Context, tn *tenant.Tenant) ([]tickets.Person, error) {
			c.begun <- tn
			select {
			case <-c.goOn:
			case <-ctx.Done():
			}
			return nil, ctx.Err()
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return c
}

// TestTenantsDoNotWaitForEachOther: each tenant has one import worked on at a time, some tenants at once, and who has many of them goes
// behind those who have one.
func TestTenantsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, transfer.AtOnce+2)
		for range 3 { // the first tenant has three
			if _, err := c.Begin(t.Context(), c.tenants[0], admin, "a.csv", strings.NewReader("title,description\na,b\n")); err != nil {
				t.Fatal(err)
			}
		}
		for _, tn := range c.tenants[1:] {
			if _, err := c.Begin(t.Context(), tn, admin, "b.csv", strings.NewReader("title,description\na,b\n")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		busy := map[*tenant.Tenant]int{}
		for range len(c.begun) {
			busy[<-c.begun]++
		}
		if len(busy) != transfer.AtOnce || busy[c.tenants[0]] != 1 {
			t.Errorf("worked for at once: %v, want %d tenants, once each", busy, transfer.AtOnce)
		}
		c.goOn <- struct{}{} // one of them ends
		synctest.Wait()
		if next := <-c.begun; busy[next] != 0 {
			t.Errorf("%s has its second turn before others have their first", next.Slug)
		}
		close(c.goOn)
		synctest.Wait()
		for _, tn := range c.tenants {
			jobs, err := c.Jobs(t.Context(), tn)
			for _, j := range jobs {
				if err != nil || j.State != transfer.Checked {
					t.Errorf("%s: %s, %v", tn.Slug, j.State, err)
				}
			}
		}
	})
}
