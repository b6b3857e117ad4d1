package domain_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestOneLiarAboutAddresses: one server of three that tells of other addresses, whichever it is, holds no certificate back; each
// letter is what one says: the node's address (h), one where a CDN forwards (c), or one where somebody else answers (x).
func TestOneLiarAboutAddresses(t *testing.T) {
	for _, tc := range []struct {
		says           string
		arrives, waits bool
		reason         string
	}{
		{"hhh", true, false, ""},
		{"xhh", true, false, "The DNS servers do not agree: visitors arrive here by what is seen by server1, server2, not by server0."},
		{"hhx", true, false, "The DNS servers do not agree: visitors arrive here by what is seen by server0, server1, not by server2."},
		{"xcc", true, false, "The DNS servers do not agree: visitors arrive here by what is seen by server1, server2, not by server0. " +
			"Visitors of help.acme.example arrive, by way of 203.0.113.80."},
		{"ccx", true, false, "The DNS servers do not agree: visitors arrive here by what is seen by server0, server1, not by server2."},
		{"hxx", false, false, "visitors arrive here by what is seen by server0, not by server1, server2. The proof is there, but help.acme.example leads to 203.0.113.66"},
		{"xxx", false, true, "The proof is there, but help.acme.example leads to 203.0.113.66"},
	} {
		t.Run(tc.says, func(t *testing.T) {
			t.Parallel()
			cdn, other := &elsewhere{}, &elsewhere{answer: replies(200, "Server", "nginx")}
			byAddress := outboundTo(map[string]*elsewhere{"203.0.113.80:80": cdn, "203.0.113.66:80": other})
			zones, servers := []*zone{{}, {}, {}}, []string{}
			for _, z := range zones {
				servers = append(servers, z.listen(t))
			}
			r, err := domain.NewResolver(servers)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, tenant.NodeOptions{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10")}},
				domain.Options{Resolver: r, Prober: byAddress, Challenged: true})
			cdn.become(forward(w))
			acmes := w.add(t, w.acme, host, domain.ByTenant)
			w.add(t, w.bee, "help.bee.example", domain.ByTenant)
			for i, z := range zones {
				publish(t, z, acmes)
				z.set(t, host+". A "+map[byte]string{'h': "192.0.2.10", 'c': "203.0.113.80", 'x': "203.0.113.66"}[tc.says[i]])
			}
			d := w.verify(t, host)
			said := strings.NewReplacer(servers[0], "server0", servers[1], "server1", servers[2], "server2").Replace(d.Reason.String())
			if d.Status != domain.Verified || d.Arrives != tc.arrives || !strings.Contains(said, tc.reason) || tc.reason == "" && said != "" {
				t.Errorf("%s, arrives %t (%s); want %t (%s)", d.Status, d.Arrives, said, tc.arrives, tc.reason)
			}
			due, err := w.domains.DueCertificates(t.Context(), time.Now().Add(time.Second), 10)
			if err != nil || (len(due) == 0) != tc.waits {
				t.Errorf("%d due, %v; want that the certificate waits: %t", len(due), err, tc.waits)
			}
		})
	}
}
