package domain_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/outbound"
)

// elsewhere is the server that a host leads to instead of the node.
type elsewhere struct {
	mu     sync.Mutex
	answer http.HandlerFunc // nil: nobody takes a connection, for what err says
	err    error
	raw    string   // is said instead of an answer
	asked  []string // hosts and nonces
	dialed []string
}

// become has the server answer so from now on.
func (e *elsewhere) become(h http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = h
}

// dial connects to it without a network.
func (e *elsewhere) dial(_ context.Context, _, address string) (net.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dialed = append(e.dialed, address)
	if e.answer == nil && e.raw == "" {
		return nil, cmp.Or[error](e.err, syscall.ECONNREFUSED)
	}
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		r, err := http.ReadRequest(bufio.NewReader(theirs))
		if err != nil {
			return
		}
		if e.raw != "" {
			_, _ = io.WriteString(theirs, e.raw)
			return
		}
		w := httptest.NewRecorder()
		e.mu.Lock()
		e.asked = append(e.asked, r.Host+" "+strings.TrimPrefix(r.URL.Path, domain.ProbePath))
		answer := e.answer
		e.mu.Unlock()
		answer(w, r)
		_ = w.Result().Write(theirs) // who asks may be gone
	}()
	return ours, nil
}

func (e *elsewhere) prober() *outbound.Prober {
	return outbound.NewProber(outbound.Config{Dial: e.dial})
}

// outboundTo is a prober to servers at addresses; at others nobody takes a connection.
func outboundTo(at map[string]*elsewhere) *outbound.Prober {
	return outbound.NewProber(outbound.Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if e := at[address]; e != nil {
			return e.dial(ctx, network, address)
		}
		return nil, errors.New("connection refused")
	}})
}

// forward is a CDN that passes requests on to the node.
func forward(w *world, header ...string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		answer, ok := w.domains.AnswerProbe(tenant.Host(r.Host), strings.TrimPrefix(r.URL.Path, domain.ProbePath))
		if !ok {
			rw.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		_, _ = io.WriteString(rw, answer)
	}
}

// replies is a server that knows nothing of the node.
func replies(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// newFront is a world in which acme's host is proved by TXT, and leads to another address than the node's.
func newFront(t *testing.T, e *elsewhere, r func(*zone) domain.Resolver) (*world, *zone) {
	t.Helper()
	z := &zone{}
	w := newWorld(t, tenant.NodeOptions{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10")}},
		domain.Options{Resolver: r(z), Prober: e.prober(), Challenged: true})
	d := w.add(t, w.acme, host, domain.ByTenant)
	z.set(t, fmt.Sprintf("_deskgate.%s. TXT %q", host, record(t, d, "TXT").Value), host+". A 203.0.113.80")
	return w, z
}

func TestFront(t *testing.T) {
	const target = "Have %s forward help.acme.example to TARGET with the Host header kept."
	for _, tc := range []struct {
		name    string
		zone    []string
		answer  func(*world) http.HandlerFunc
		arrives bool
		behind  bool
		waits   bool // for visitors, before a certificate is asked for
		err     error
		raw     string
		reason  string
	}{
		{
			name: "Cloudflare forwards", arrives: true, behind: true,
			answer: func(w *world) http.HandlerFunc { return forward(w, "Server", "cloudflare", "CF-Ray", "8f-FRA") },
			reason: "Cloudflare stands in front of help.acme.example: visitors arrive through it.",
		},
		{
			name: "somebody forwards", arrives: true, behind: true, answer: func(w *world) http.HandlerFunc { return forward(w) },
			reason: "Visitors of help.acme.example arrive, by way of 203.0.113.80.",
		},
		{
			name: "a CDN that does not know the host", waits: true,
			answer: func(*world) http.HandlerFunc { return replies(404, "X-Amz-Cf-Id", "x", "Server", "CloudFront") },
			reason: "leads to 203.0.113.80, not to this node as far as DNS shows. Visitors do not arrive: the answer was 404 from server Amazon CloudFront. " +
				fmt.Sprintf(target, "Amazon CloudFront"),
		},
		{
			name: "another server", waits: true, answer: func(*world) http.HandlerFunc { return replies(200, "Server", "nginx/1.22") },
			reason: `Visitors do not arrive: the answer was 200 from server "nginx/1.22". Set CNAME help.acme.example TARGET. ` +
				"Or have the CDN that stands in front forward help.acme.example to TARGET with the Host header kept.",
		},
		{
			name: "a server without a name", waits: true, answer: func(*world) http.HandlerFunc { return replies(500) },
			reason: "Visitors do not arrive: the answer was 500 from a server without a name. Set CNAME",
		},
		{
			name: "a redirect to another host", waits: true,
			answer: func(*world) http.HandlerFunc { return replies(301, "Location", "https://www.acme.example/") },
			reason: "Visitors do not arrive: they are sent on to https://www.acme.example/. Set CNAME",
		},
		{
			name: "a CDN by the alias alone", zone: []string{host + ". CNAME d1.cloudfront.net.", "d1.cloudfront.net. A 203.0.113.81"}, waits: true,
			answer: func(*world) http.HandlerFunc { return replies(404) },
			reason: fmt.Sprintf(target, "Amazon CloudFront"),
		},
		{
			name: "a guard", answer: func(*world) http.HandlerFunc { return replies(403, "Server", "cloudflare") },
			reason: "Whether visitors arrive could not be found out: Cloudflare turned help.acme.example/.well-known/deskgate/probe/ away with status 403.",
		},
		{
			name: "nobody", answer: func(*world) http.HandlerFunc { return nil },
			reason: "Whether they forward visitors here could not be found out: nobody listens at port 80 there. Set CNAME",
		},
		{
			name: "a firewall", answer: func(*world) http.HandlerFunc { return nil }, err: os.ErrDeadlineExceeded,
			reason: "could not be found out: port 80 there does not answer. A firewall may keep this node out. Set CNAME",
		},
		{
			name: "no way", answer: func(*world) http.HandlerFunc { return nil }, err: syscall.ENETUNREACH,
			reason: "could not be found out: this node has no way to port 80 there. Set CNAME",
		},
		{
			name: "another protocol", answer: func(*world) http.HandlerFunc { return nil }, raw: "SSH-2.0-OpenSSH_9.2\r\n",
			reason: "could not be found out: what answers at port 80 there does not speak HTTP. Set CNAME",
		},
		{
			name: "half an answer", answer: func(*world) http.HandlerFunc { return nil }, raw: "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\nabc",
			reason: "could not be found out: port 80 there takes connections, and ends them without a whole answer. Set CNAME",
		},
		{
			name:   "a redirect to no TLS",
			answer: func(*world) http.HandlerFunc { return replies(301, "Location", "https://"+host+"/") },
			reason: "could not be found out: they send them on to https, and no TLS connection can be made at port 443 there. Set CNAME",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := &elsewhere{err: tc.err, raw: tc.raw}
			w, z := newFront(t, e, func(z *zone) domain.Resolver { return z.serve(t) })
			if tc.zone != nil {
				z.clear(host)
				z.set(t, tc.zone...)
			}
			e.become(tc.answer(w))
			d := w.verify(t, host)
			want := strings.ReplaceAll(tc.reason, "TARGET", record(t, d, "CNAME").Value)
			if d.Status != domain.Verified || !strings.Contains(d.Reason.String(), want) {
				t.Errorf("%s (%s), want verified (%s)", d.Status, d.Reason, want)
			}
			if d.Arrives != tc.arrives || d.BehindCDN != tc.behind {
				t.Errorf("arrives %t, behind a CDN %t; want %t, %t", d.Arrives, d.BehindCDN, tc.arrives, tc.behind)
			}
			due, err := w.domains.DueCertificates(t.Context(), time.Now().Add(time.Second), 10)
			if err != nil || d.Certificate.Status != domain.CertificateQueued || (len(due) == 0) != tc.waits {
				t.Errorf("certificate %s (%s), %d due, %v; want that it waits: %t", d.Certificate.Status, d.Certificate.Reason, len(due), err, tc.waits)
			}
			if waits := strings.HasPrefix(d.Certificate.Reason.String(), "Waiting until visitors of help.acme.example arrive here"); waits != tc.waits {
				t.Errorf("certificate (%s), want that it says that it waits: %t", d.Certificate.Reason, tc.waits)
			}
		})
	}
}

// TestFrontIsFixed: who waits for visitors is looked at often, and gets a certificate as soon as they arrive; who loses them later
// keeps it.
func TestFrontIsFixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &elsewhere{answer: replies(404)}
		w, _ := newFront(t, e, func(z *zone) domain.Resolver { return memory{z} })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.domains.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(time.Hour)
		if d := w.find(t, host); d.Status != domain.Verified || !d.Certificate.NextAttempt.IsZero() {
			t.Errorf("%s, the next attempt at %s; want verified, and none", d.Status, d.Certificate.NextAttempt)
		}
		e.become(forward(w))
		time.Sleep(15 * time.Minute)
		due, err := w.domains.DueCertificates(t.Context(), time.Now(), 10)
		if err != nil || len(due) != 1 || due[0].Host != host || !due[0].BehindCDN {
			t.Fatalf("due %+v, %v; want acme's host behind a CDN", due, err)
		}
		r := domain.Report{Status: domain.CertificateActive, NotAfter: time.Now().Add(90 * 24 * time.Hour), NextAttempt: time.Now().Add(60 * 24 * time.Hour)}
		if err := w.domains.ReportCertificate(t.Context(), host, r); err != nil {
			t.Fatal(err)
		}
		e.become(replies(404))
		time.Sleep(26 * time.Hour)
		if d := w.find(t, host); d.Status != domain.Active || d.Certificate.Status != domain.CertificateActive || d.Arrives ||
			!strings.Contains(d.Reason.String(), "Visitors do not arrive") {
			t.Errorf("%s (%s), certificate %s, arrives %t; want active with a reason", d.Status, d.Reason, d.Certificate.Status, d.Arrives)
		}
	})
}

// TestProbe: what a probe is answered with is said by the node alone, for one host, for a minute; and only who has proved a host
// has it asked.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &elsewhere{answer: replies(404)}
		w, z := newFront(t, e, func(z *zone) domain.Resolver { return memory{z} })
		w.verify(t, host)
		if len(e.asked) != 1 {
			t.Fatalf("asked %q, want one probe", e.asked)
		}
		at, nonce, _ := strings.Cut(e.asked[0], " ")
		answer, ok := w.domains.AnswerProbe(host, nonce)
		if at != host || !ok || len(answer) != 64 || strings.Contains(answer, nonce) {
			t.Errorf("probe of %s: %q, %t", at, answer, ok)
		}
		for name, ask := range map[string][2]string{
			"another host": {"help.bee.example", nonce}, "no nonce": {host, ""}, "a nonce of one's own": {host, strings.Repeat("ab", 32)},
			"a changed one": {host, "ff" + nonce[2:]}, "capitals": {host, strings.ToUpper(nonce)}, "a short one": {host, nonce[:62]}, "the answer": {host, answer},
		} {
			if said, ok := w.domains.AnswerProbe(tenant.Host(ask[0]), ask[1]); ok {
				t.Errorf("%s: %q", name, said)
			}
		}
		time.Sleep(61 * time.Second)
		if said, ok := w.domains.AnswerProbe(host, nonce); ok {
			t.Errorf("after a minute: %q", said)
		}
		// An echo of an earlier answer arrives nowhere.
		e.become(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, answer) })
		if d := w.verify(t, host); d.Arrives {
			t.Error("an old answer arrives")
		}
		z.clear("_deskgate." + host)
		e.asked = nil
		w.add(t, w.bee, "shop.bee.example", domain.ByOperator)
		z.set(t, "shop.bee.example. A 203.0.113.80")
		if d := w.verify(t, "shop.bee.example"); d.Served() || len(e.asked) > 0 {
			t.Errorf("%s, asked %q; want that nothing is asked for who has proved nothing", d.Status, e.asked)
		}
	})
}

// TestFlattened: an alias at the top of a zone is seen as the addresses that it leads to.
func TestFlattened(t *testing.T) {
	z, e := &zone{}, &elsewhere{}
	w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: z.serve(t), Prober: e.prober(), Challenged: true})
	d := w.add(t, w.acme, "acme.example", domain.ByTenant)
	z.set(t, fmt.Sprintf("_deskgate.acme.example. TXT %q", record(t, d, "TXT").Value), "acme.example. A 203.0.113.10",
		record(t, d, "ALIAS").Value+". A 203.0.113.10")
	if d = w.verify(t, "acme.example"); d.Status != domain.Verified || !d.Arrives || d.BehindCDN || d.Reason != nil || len(e.dialed) > 0 {
		t.Errorf("%s (%s), arrives %t, behind a CDN %t, asked at %q; want that it arrives, unasked", d.Status, d.Reason, d.Arrives, d.BehindCDN, e.dialed)
	}
	z.set(t, "acme.example. A 203.0.113.11")
	want := "Remove A acme.example 203.0.113.11: it leads elsewhere, and so do a part of the visitors."
	if d = w.verify(t, "acme.example"); d.Arrives || d.Reason.String() != want {
		t.Errorf("arrives %t (%s), want %q", d.Arrives, d.Reason, want)
	}
	if len(e.dialed) != 1 || e.dialed[0] != "203.0.113.11:80" {
		t.Errorf("asked at %q, want the address that is not ours", e.dialed)
	}
}

// TestOwnCertificateWaitsForNobody: who brings a certificate needs no authority.
func TestOwnCertificateWaitsForNobody(t *testing.T) {
	e := &elsewhere{answer: replies(404)}
	w, _ := newFront(t, e, func(z *zone) domain.Resolver { return z.serve(t) })
	chain, key := proxytest.NewSigner(t, "CA", proxytest.NewSigner(t, "Root", nil)).Pair(t, nil, nil, host)
	if _, err := w.domains.SetCertificate(t.Context(), w.acme, host, chain, key); err != nil {
		t.Fatal(err)
	}
	w.verify(t, host)
	if due, err := w.domains.DueCertificates(t.Context(), time.Now().Add(time.Second), 10); err != nil || len(due) != 1 {
		t.Errorf("%d due, %v; want the one that was brought", len(due), err)
	}
}
