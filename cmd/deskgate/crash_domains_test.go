package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/proxytest"
)

// TestDomainTicketsAfterKills kills a node with SIGKILL again and again while its tenant's domains drift and come back: each of them
// has one ticket and one event for each step, and all tickets are resolved in the end.
func TestDomainTicketsAfterKills(t *testing.T) {
	const many, kills = 4, 3
	dns := proxytest.StartDNS(t)
	c := newCrashing(t, "error")
	c.flags = append(c.flags, "--dns-resolver", dns.Addr)
	node := c.start()
	c.populate()
	c.command(nil, "tenant", "set", "acme", "api_requests_per_minute=1000000")
	var hosts []string
	proofs := map[string]string{}
	for i := range many {
		host := fmt.Sprintf("h%d.acme.example", i)
		var doc oneDomain
		c.command(&doc, "domain", "add", "acme", host)
		hosts, proofs[host] = append(hosts, host), fmt.Sprintf("%s. 1 IN TXT %q", doc.Domain.Records[0].Name, doc.Domain.Records[0].Value)
		dns.Set(t, proofs[host])
		c.command(nil, "domain", "verify", host)
	}
	c.until("all domains are active", func() bool { return c.steps("domain.active") == many })
	// verify has the node look, or the command itself where the node is just dead; it may die with it.
	verify := func(host string) {
		_ = exec.CommandContext(t.Context(), "deskgate", "--data", c.data, "domain", "verify", host).Run()
	}
	for round, event := range []string{"domain.drifted", "domain.active"} {
		for _, host := range hosts {
			if dns.Clear("_deskgate." + host); round == 1 {
				dns.Set(t, proofs[host])
			}
		}
		for i := range kills {
			looked := make(chan struct{})
			go func() {
				defer close(looked)
				for _, host := range hosts[:i+1] {
					verify(host)
				}
			}()
			<-time.After(time.Duration(50+70*i) * time.Millisecond)
			node = c.again(node)
			<-looked
		}
		for _, host := range hosts {
			verify(host)
		}
		c.until("all domains are there: "+event, func() bool { return c.steps(event) >= many*(round+1) })
	}
	c.until("all tickets are resolved", func() bool { return c.count("&status=resolved") == many })
	node = c.again(node)
	c.compare() // no number twice, none left out
	if n := c.count(""); n != many {
		t.Errorf("%d tickets about %d domains", n, many)
	}
	for event, want := range map[string]int{"domain.verified": many, "domain.active": 2 * many, "domain.drifted": many, "ticket.created": many} {
		if n := c.steps(event); n != want {
			t.Errorf("%d times %s, want %d", n, event, want)
		}
	}
	var page struct {
		Data []struct {
			ExternalID string `json:"external_id"`
		}
	}
	if _, err := c.call(t.Context(), http.MethodGet, "/api/tickets", nil, &page); err != nil {
		t.Fatal(err)
	}
	for _, one := range page.Data {
		if !strings.HasPrefix(one.ExternalID, "domain:h") {
			t.Errorf("external ID %q", one.ExternalID)
		}
	}
	c.end(node)
}

// steps is how often something has happened, 100 times at most.
func (c *crashing) steps(event string) int {
	c.t.Helper()
	var page struct{ Data []any }
	if _, err := c.call(c.t.Context(), http.MethodGet, "/api/events?limit=100&type="+event, nil, &page); err != nil {
		c.t.Fatal(err)
	}
	return len(page.Data)
}
