package proxy_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant/domain"
)

// newNodeOf is a node with several authorities, which are started with these options.
func newNodeOf(t *testing.T, each ...proxytest.ACMEOptions) (*node, []*proxytest.ACME) {
	t.Helper()
	n := newNode(t, proxy.ACME)
	n.config.HTTPListener, n.config.HTTPSListener = listen(t), listen(t)
	var all []*proxytest.ACME
	for _, o := range each {
		o.HTTPPort, o.TLSPort, o.DNS = port(t, n.config.HTTPListener), port(t, n.config.HTTPSListener), n.dns
		ca := proxytest.StartACME(t, o)
		all = append(all, ca)
		n.config.ACME.Authorities = append(n.config.ACME.Authorities, certificate.Authority{Directory: ca.Directory, Roots: ca.Trust})
	}
	n.dns.Set(t, "tickets.example. 60 IN A 127.0.0.1")
	return n, all
}

// TestSecondAuthority: where the first authority can't or won't, the second one is asked at once; a host that fails by itself is
// no reason to ask it.
func TestSecondAuthority(t *testing.T) {
	const problem = `{"type":"urn:ietf:params:acme:error:%s","status":%d,"detail":"no"}`
	for _, tc := range []struct {
		name   string
		refuse func(*testing.T, *node, *proxytest.ACME)
		second bool
	}{
		{"wants fewer requests", func(_ *testing.T, _ *node, ca *proxytest.ACME) {
			ca.Refuse(http.StatusTooManyRequests, fmt.Sprintf(problem, "rateLimited", 429), "Retry-After", "7200")
		}, true},
		{"is out of order", func(_ *testing.T, _ *node, ca *proxytest.ACME) { ca.Break(true) }, true},
		{"does not like the name", func(_ *testing.T, _ *node, ca *proxytest.ACME) {
			ca.Refuse(http.StatusForbidden, fmt.Sprintf(problem, "rejectedIdentifier", 403))
		}, true},
		{"is not there", func(_ *testing.T, n *node, _ *proxytest.ACME) {
			n.config.ACME.Authorities[0].Directory = "https://127.0.0.1:1/dir"
		}, true},
		{"sees that the host is elsewhere", func(t *testing.T, n *node, _ *proxytest.ACME) {
			t.Helper()
			n.dns.Set(t, "tickets.example. 60 IN A 127.0.0.2")
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, cas := newNodeOf(t, proxytest.ACMEOptions{}, proxytest.ACMEOptions{})
			tc.refuse(t, n, cas[0])
			n.start(t)
			_, err := n.hello(t.Context(), "tickets.example", cas[1].Roots)
			if got := err == nil; got != tc.second {
				t.Errorf("handshake with a certificate of the second authority: %v, want %v", err, tc.second)
			}
			if got := cas[1].OrdersFor("tickets.example"); (got == 1) != tc.second {
				t.Errorf("%d orders with the second authority", got)
			}
		})
	}
}

// TestRetryAfter: the header holds, for that authority alone, also over a restart.
func TestRetryAfter(t *testing.T) {
	n, cas := newNodeOf(t, proxytest.ACMEOptions{}, proxytest.ACMEOptions{})
	cas[0].Refuse(http.StatusTooManyRequests, `{"type":"urn:ietf:params:acme:error:rateLimited","status":429,"detail":"slow down"}`, "Retry-After", "7200")
	n.start(t)
	if _, err := n.hello(t.Context(), "tickets.example", cas[1].Roots); err != nil {
		t.Fatal(err)
	}
	if first := n.server.Authorities()[0]; time.Until(first.Until) < time.Hour || !strings.Contains(first.Reason.String(), "slow down") {
		t.Errorf("the first authority rests until %s: %s", first.Until, first.Reason)
	}
	asked := cas[0].Orders()
	cas[0].Refuse(0, "")
	n.dns.Set(t, "acme.tickets.example. 60 IN A 127.0.0.1")
	if _, err := n.hello(t.Context(), "acme.tickets.example", cas[1].Roots); err != nil {
		t.Error(err)
	}
	n.config.HTTPListener, n.config.HTTPSListener = nil, nil
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	cas[1].Refuse(http.StatusServiceUnavailable, `{"type":"urn:ietf:params:acme:error:serverInternal","status":503}`, "Retry-After", "3600")
	n.start(t)
	n.dns.Set(t, "bee.tickets.example. 60 IN A 127.0.0.1")
	if _, err := n.hello(t.Context(), "bee.tickets.example", cas[0].Roots); err == nil {
		t.Error("a certificate, while one authority rests and the other is out of order")
	}
	if got := cas[0].Orders(); got != asked {
		t.Errorf("%d orders while the authority wants none", got-asked)
	}
}

// TestRetryAfterByAnotherClock: a date is one of the authority's clock, whatever this machine's shows, and both are told.
func TestRetryAfterByAnotherClock(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"ours is behind": 50 * time.Hour, "ours is ahead": -50 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			n, cas := newNodeOf(t, proxytest.ACMEOptions{}, proxytest.ACMEOptions{})
			theirs := time.Now().Add(ahead)
			cas[0].Refuse(http.StatusTooManyRequests, `{"type":"urn:ietf:params:acme:error:rateLimited","status":429,"detail":"slow down"}`,
				"Date", theirs.UTC().Format(http.TimeFormat), "Retry-After", theirs.Add(5*time.Hour).UTC().Format(http.TimeFormat))
			n.start(t)
			if _, err := n.hello(t.Context(), "tickets.example", cas[1].Roots); err != nil {
				t.Fatal(err)
			}
			first := n.server.Authorities()[0]
			if rest := time.Until(first.Until); rest < 4*time.Hour || rest > 6*time.Hour {
				t.Errorf("it rests for %s, want 5h", rest)
			}
			if (first.Ahead - ahead).Abs() > time.Minute {
				t.Errorf("its clock is ahead by %s, want %s", first.Ahead, ahead)
			}
			if second := n.server.Authorities()[1]; second.Ahead != 0 {
				t.Errorf("the other one's clock is ahead by %s", second.Ahead)
			}
		})
	}
}

// TestAuthoritySwitchedOff: one that nobody answers at is passed over, and asked again when it is back.
func TestAuthoritySwitchedOff(t *testing.T) {
	n, cas := newNodeOf(t, proxytest.ACMEOptions{}, proxytest.ACMEOptions{})
	cas[0].Switch(false)
	n.config.Metrics = "127.0.0.1:0"
	n.start(t)
	first := `{authority="` + strings.TrimPrefix(strings.TrimSuffix(cas[0].Directory, "/dir"), "https://") + `"}`
	if _, err := n.hello(t.Context(), "tickets.example", cas[1].Roots); err != nil {
		t.Fatal(err)
	}
	if got := n.server.Authorities()[0].Faults; got != 1 {
		t.Errorf("%d faults in a row, want 1", got)
	}
	wantMetrics(t, n.metrics(t), map[string]float64{
		"deskgate_acme_faults" + first: 1, "deskgate_acme_failures_total" + first: 1, "deskgate_acme_rest_until_seconds" + first: 0,
	})
	cas[0].Switch(true)
	n.dns.Set(t, acmeHost+". 60 IN A 127.0.0.1")
	if _, err := n.hello(t.Context(), acmeHost, cas[0].Roots); err != nil {
		t.Errorf("when it is back: %v", err)
	}
	wantMetrics(t, n.metrics(t), map[string]float64{"deskgate_acme_faults" + first: 0, "deskgate_acme_failures_total" + first: 1})
}

// TestRenewalInfo: a certificate that its authority wants replaced, as after a mass revocation, is replaced at once, by an order that says
// so, and the operator is told where that is explained.
func TestRenewalInfo(t *testing.T) {
	n, cas := newNodeOf(t, proxytest.ACMEOptions{})
	n.start(t)
	state, err := n.hello(t.Context(), "tickets.example", cas[0].Roots)
	if err != nil {
		t.Fatal(err)
	}
	first := state.PeerCertificates[0]
	begin := first.NotBefore.UTC()
	cas[0].Suggest(t, first, fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q},"explanationURL":"https://ca.example/incident"}`,
		begin.Format(time.RFC3339), begin.Add(time.Second).Format(time.RFC3339)))
	other := *n // another process on the same store: it looks at its own names as it starts
	other.config.HTTPListener, other.config.HTTPSListener = nil, nil
	other.start(t)
	if said := n.waitFor(t, "the certificate authority wants a certificate renewed early"); fmt.Sprint(said[0]["explanation"]) != "https://ca.example/incident" {
		t.Errorf("the operator is told %v", said[0])
	}
	n.eventually(t, func() string {
		state, err := other.hello(t.Context(), "tickets.example", cas[0].Roots)
		if err != nil || state.PeerCertificates[0].Equal(first) {
			return fmt.Sprintf("it is not replaced: %v", err)
		}
		return ""
	})
	id, err := acme.ARIUniqueIdentifier(first)
	if err != nil {
		t.Fatal(err)
	}
	if got := cas[0].Replaced(); len(got) != 1 || got[0] != id {
		t.Errorf("orders replace %q, want %q", got, id)
	}
}

// TestExternalAccount: an authority that wants its customers' accounts gets the node's, and says why it does not take others.
func TestExternalAccount(t *testing.T) {
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	for name, tc := range map[string]struct {
		account *certificate.ExternalAccount
		want    domain.CertificateStatus
	}{
		"right": {&certificate.ExternalAccount{KeyID: "kid-1", Key: key}, domain.CertificateActive},
		"wrong": {&certificate.ExternalAccount{KeyID: "kid-1", Key: strings.ToLower(key)}, domain.CertificateQueued},
		"none":  {nil, domain.CertificateQueued},
	} {
		t.Run(name, func(t *testing.T) {
			n, cas := newNodeOf(t, proxytest.ACMEOptions{Accounts: map[string]string{"kid-1": key}})
			n.config.ACME.Authorities[0].External = tc.account
			n.start(t)
			n.add(t)
			n.verify(t)
			n.eventually(t, func() string {
				d := n.await(t, tc.want)
				if tc.want == domain.CertificateQueued && !strings.Contains(d.Certificate.Reason.String(), "does not take the node as a customer") {
					return "it is not said why: " + d.Certificate.Reason.String()
				}
				return ""
			})
			if _, err := n.hello(t.Context(), custom, cas[0].Roots); (err == nil) != (tc.want == domain.CertificateActive) {
				t.Errorf("handshake: %v", err)
			}
			n.log.mu.Lock()
			defer n.log.mu.Unlock()
			if log := n.log.b.String(); strings.Contains(strings.ToLower(log), strings.ToLower(key)) {
				t.Error("the key is in the log")
			}
		})
	}
}

// TestProfile: certificates are of the kind that the operator wants, where the authority has it.
func TestProfile(t *testing.T) {
	const six = 6 * 24 * time.Hour
	n, cas := newNodeOf(t, proxytest.ACMEOptions{Profiles: map[string]time.Duration{"shortlived": six}}, proxytest.ACMEOptions{})
	for i := range n.config.ACME.Authorities {
		n.config.ACME.Authorities[i].Profile = "shortlived"
	}
	n.start(t)
	life := func(host string, ca *proxytest.ACME) time.Duration {
		t.Helper()
		state, err := n.hello(context.WithoutCancel(t.Context()), host, ca.Roots)
		if err != nil {
			t.Fatal(err)
		}
		leaf := state.PeerCertificates[0]
		return leaf.NotAfter.Sub(leaf.NotBefore).Round(time.Hour)
	}
	if got := life("tickets.example", cas[0]); got != six {
		t.Errorf("valid for %s, want %s", got, six)
	}
	cas[0].Break(true)
	n.dns.Set(t, acmeHost+". 60 IN A 127.0.0.1")
	if got := life(acmeHost, cas[1]); got <= six {
		t.Errorf("valid for %s, want the usual time of an authority that has no such profile", got)
	}
	if said := n.waitFor(t, "the certificate authority does not offer the profile; certificates are of its usual one"); len(said) != 1 {
		t.Errorf("said %d times", len(said))
	}
}

// TestBadNonces: that an authority refuses every third nonce is no reason to fail.
func TestBadNonces(t *testing.T) {
	n, cas := newNodeOf(t, proxytest.ACMEOptions{BadNonces: 35})
	n.start(t)
	if _, err := n.hello(t.Context(), "tickets.example", cas[0].Roots); err != nil {
		t.Error(err)
	}
}

// TestSlowValidation: handshakes of several hosts wait for an authority that takes its time, and none takes a second order.
func TestSlowValidation(t *testing.T) {
	n, cas := newNodeOf(t, proxytest.ACMEOptions{Slow: 2})
	hosts := []string{"tickets.example", acmeHost, "bee.tickets.example"}
	for _, host := range hosts {
		n.dns.Set(t, host+". 60 IN A 127.0.0.1")
	}
	n.start(t)
	var wg sync.WaitGroup
	for _, host := range hosts {
		wg.Go(func() {
			if _, err := n.hello(t.Context(), host, cas[0].Roots); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		})
	}
	wg.Wait()
	if got := cas[0].Orders(); got != len(hosts) {
		t.Errorf("%d orders for %d hosts", got, len(hosts))
	}
}
