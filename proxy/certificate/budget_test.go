package certificate

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

var letsEncrypt = &source{acmeIssuer: &acmeIssuer{authority: Authority{Limited: true}, key: "letsEncrypt"}}

// The node's own names leave room for renewals, custom domains have a budget each, and what was ordered is not forgotten
// by a restart.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t, Tables()...)
		b, err := loadBudget(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		take := func(host string, kind tenant.SiteKind) error {
			_, err := b.take(t.Context(), letsEncrypt, task{host: tenant.Host(host), kind: kind})
			return err
		}
		begin := time.Now()
		for i := range defaultPerWindow {
			if err := take(fmt.Sprintf("t%d.desk.example.com", i), tenant.DefaultHost); err != nil {
				t.Fatalf("default host %d: %v", i, err)
			}
			time.Sleep(time.Second)
		}
		if b, err = loadBudget(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if take("late.desk.example.com", tenant.DefaultHost) == nil {
			t.Error("one default host too many")
		}
		for host, kind := range map[string]tenant.SiteKind{"desk.example.com": tenant.NodeHost, "support.acme.example": tenant.CustomHost} {
			if err := take(host, kind); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
		if until, err := BudgetSpent(t.Context(), s, "late.desk.example.com"); err != nil || !until.Equal(begin.Add(domainWindow).Add(time.Second)) {
			t.Errorf("spent until %v, %v; want a week after the second order", until, err)
		}
		if until, err := BudgetSpent(t.Context(), s, "acme.desk.other.example"); err != nil || !until.IsZero() {
			t.Errorf("another node's name: spent until %v, %v", until, err)
		}
		time.Sleep(domainWindow)
		if err := take("late.desk.example.com", tenant.DefaultHost); err != nil {
			t.Errorf("a week later: %v", err)
		}
	})
}

// Three hours hold so many orders and no more, whosoever they are.
func TestBudgetOfThreeHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := loadBudget(t.Context(), storagetest.Open(t, Tables()...))
		if err != nil {
			t.Fatal(err)
		}
		for i := range ordersPerWindow {
			if _, err := b.take(t.Context(), letsEncrypt, task{host: tenant.Host(fmt.Sprintf("support.acme%d.example", i)), kind: tenant.CustomHost}); err != nil {
				t.Fatalf("order %d: %v", i, err)
			}
		}
		if _, err := b.take(t.Context(), letsEncrypt, task{host: "support.late.example", kind: tenant.CustomHost}); err == nil {
			t.Error("one order too many")
		}
		time.Sleep(ordersWindow)
		if _, err := b.take(t.Context(), letsEncrypt, task{host: "support.late.example", kind: tenant.CustomHost}); err != nil {
			t.Errorf("three hours later: %v", err)
		}
	})
}
