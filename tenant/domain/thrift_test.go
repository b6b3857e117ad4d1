package domain_test

import (
	"testing"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestCAAIsAskedForWhatIsProved: its questions, one for each label, are no stranger's to multiply.
func TestCAAIsAskedForWhatIsProved(t *testing.T) {
	for _, tc := range []struct {
		name        string
		authorities []domain.Authority
		proved      bool
		want        int // servers that are asked about the zone above
	}{
		{"not proved", []domain.Authority{{Names: []string{"ca.example"}}}, false, 0},
		{"no authority", nil, true, 0},
		{"proved", []domain.Authority{{Names: []string{"ca.example"}}}, true, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			zones := []*zone{{}, {}, {}}
			w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: ask(t, zones...), Authorities: tc.authorities})
			w.add(t, w.bee, "help.bee.example", domain.ByTenant)
			d := w.add(t, w.acme, host, domain.ByTenant)
			for _, z := range zones {
				if tc.proved {
					publish(t, z, d)
				}
			}
			d, n := w.verify(t, host), 0
			for _, z := range zones {
				z.mu.Lock()
				n += z.asked["acme.example."]
				z.mu.Unlock()
			}
			if d.Served() != tc.proved || n != tc.want {
				t.Errorf("%s (%s), %d servers were asked about acme.example; want %d", d.Status, d.Reason, n, tc.want)
			}
		})
	}
}
