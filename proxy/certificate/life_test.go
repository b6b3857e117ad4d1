package certificate

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// town is a node with tenants whose domains are all proven, and an authority.
type town struct {
	*testing.T

	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	domains   *domain.Registry
	lab       *lab
	proofs    proofs

	keeper *Keeper
	crash  func()
}

// proofs is DNS in which everybody has put what they were told to.
type proofs struct {
	mu    sync.Mutex
	texts map[string]string
}

func (p *proofs) TXT(_ context.Context, name string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text, ok := p.texts[name]; ok {
		return []string{text}, nil
	}
	return nil, nil
}
func (p *proofs) CNAMEs(context.Context, string) ([]string, error)        { return nil, nil }
func (p *proofs) Addresses(context.Context, string) ([]netip.Addr, error) { return nil, nil }
func (p *proofs) CAA(context.Context, string) ([]domain.CAA, error)       { return nil, nil }
func (p *proofs) Apex(_ context.Context, name string) (string, error)     { return name, nil }

func newTown(t *testing.T, lifetime time.Duration) *town {
	t.Helper()
	names, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://desk.example"}})
	if err != nil {
		t.Fatal(err)
	}
	w := &town{T: t, store: storagetest.Open(t, slices.Concat(tenant.Tables(), domain.Tables(), Tables())...), lab: newLab(t, lifetime)}
	w.directory = tenant.NewDirectory(w.store, names, nil)
	if err := w.directory.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.proofs.texts = map[string]string{}
	w.tenants = tenant.NewRegistry(w.store, w.directory)
	w.domains = domain.New(w.store, w.tenants, w.directory, domain.Options{Resolver: &w.proofs})
	return w
}

func (w *town) tenant(slug string) *tenant.Tenant {
	made, _, err := w.tenants.Create(w.Context(), slug, "")
	if err != nil {
		w.Fatal(err)
	}
	return made
}

// join has a tenant add a domain, and prove it.
func (w *town) join(t *tenant.Tenant, host string) {
	d, err := w.domains.Add(w.Context(), t, host, domain.ByOperator)
	if err != nil {
		w.Fatal(err)
	}
	for _, r := range d.Records {
		if r.Type == "TXT" {
			w.proofs.mu.Lock()
			w.proofs.texts[strings.TrimSuffix(r.Name, ".")] = r.Value
			w.proofs.mu.Unlock()
		}
	}
	if d, err = w.domains.Verify(w.Context(), host); err != nil || !d.Served() {
		w.Fatalf("%s: %v, %v", host, d, err)
	}
}

// start runs a keeper over the store, as a process that was begun anew would.
func (w *town) start() {
	k, err := New(w.Context(), Options{
		Store: w.store, Directory: w.directory, Domains: w.domains, HTTP: true, HandshakeTime: 15 * time.Second,
		ACME:  &ACME{Authorities: []Authority{{Directory: labURL + "/dir", Limited: true}}},
		Hello: func(string) {}, Attempt: func(string) {}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.Fatal(err)
	}
	for _, s := range k.sources {
		s.wire = w.lab
	}
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	w.keeper, w.crash = k, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.Error(err)
		}
		k.Close()
	})
	w.Cleanup(func() { w.crash() })
}

// certified says whether a valid certificate for the host is in hand.
func (w *town) certified(host string) bool {
	site, served := w.directory.Lookup(host)
	if !served {
		return false
	}
	h, err := w.keeper.read(w.Context(), site)
	return err == nil && h.valid(time.Now())
}

// TestNinetyDays: for ninety days, with crashes, an authority that is out of order, slow, or wants to be left alone, and domains that never
// succeed: no limit is passed, and whoever has had a certificate never is without one again.
func TestNinetyDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		w := newTown(t, 30*day)
		chance, nonces := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(3, 4)) // the second one is the lab's
		w.lab.slow = 20 * time.Second
		w.lab.broken = func(host string) bool { return strings.HasPrefix(host, "broken") }
		var away, busy time.Time
		w.lab.trouble = func(now time.Time, r *http.Request) *http.Response {
			switch {
			case now.Before(away):
				return refused(http.StatusServiceUnavailable, "serverInternal")
			case now.Before(busy) && r.URL.Path == "/new":
				return refused(http.StatusTooManyRequests, "rateLimited", "Retry-After", strconv.Itoa(int(busy.Sub(now).Seconds())))
			case r.Method == http.MethodPost && nonces.IntN(100) < 5:
				return refused(http.StatusBadRequest, "badNonce", "Replay-Nonce", "again")
			}
			return nil
		}
		big := w.tenant("big")
		joined := map[string]time.Time{}
		for i := range 52 { // more than a week's certificates for one registered domain
			joined[fmt.Sprintf("t%d.big.test", i)] = time.Now()
		}
		for i := range 4 {
			joined[fmt.Sprintf("help.acme%d.test", i)] = time.Now()
		}
		for host := range joined {
			w.join(big, host)
		}
		for i := range 2 {
			w.join(big, fmt.Sprintf("broken%d.test", i))
		}
		w.start()
		had := map[string]bool{}
		for hour := range 90 * 24 {
			time.Sleep(time.Hour)
			now := time.Now()
			switch {
			case chance.IntN(24*4) == 0: // a loop of crashes
				for range 1 + chance.IntN(5) {
					w.crash()
					w.start()
					time.Sleep(time.Duration(chance.IntN(20)) * time.Second)
				}
			case chance.IntN(24*6) == 0:
				w.lab.mu.Lock()
				away = now.Add(time.Duration(1+chance.IntN(20)) * time.Hour)
				w.lab.mu.Unlock()
			case chance.IntN(24*6) == 0:
				w.lab.mu.Lock()
				busy = now.Add(time.Duration(1+chance.IntN(10)) * time.Hour)
				w.lab.mu.Unlock()
			}
			if hour%12 != 11 {
				continue
			}
			for host, since := range joined {
				has := w.certified(host)
				if late := now.Sub(since) > 10*day; !has && (had[host] || late) {
					t.Fatalf("after %d hours %s has no valid certificate", hour, host)
				}
				had[host] = had[host] || has
			}
		}
		if len(w.lab.passed) > 0 {
			t.Errorf("limits were passed: %s", strings.Join(w.lab.passed, "\n"))
		}
		t.Logf("%d orders, %d requests, %d failures of broken0", len(w.lab.orders), w.lab.requests, len(w.lab.failures["broken0.test"]))
	})
}

// TestLaunch: of more domains than an authority takes orders for, all have a certificate as soon as its limits allow, and the limits are
// kept, though the node falls down every few seconds.
func TestLaunch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 90*24*time.Hour)
		w.lab.slow = time.Second
		many := w.tenant("many")
		var hosts []string
		for i := range 330 {
			hosts = append(hosts, fmt.Sprintf("help.shop%d.test", i))
			w.join(many, hosts[i])
		}
		for range 40 {
			w.start()
			time.Sleep(20 * time.Second)
			w.crash()
		}
		w.start()
		time.Sleep(5 * time.Hour)
		for _, host := range hosts {
			if !w.certified(host) {
				t.Errorf("%s has no certificate", host)
			}
		}
		if len(w.lab.passed) > 0 {
			t.Errorf("limits were passed: %s", strings.Join(w.lab.passed, "\n"))
		}
	})
}

// TestBrokenDomainsDelayNobody: 5,000 domains that fail again and again keep a new one waiting for one tick at most.
func TestBrokenDomainsDelayNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 90*24*time.Hour)
		w.lab.slow = 10 * time.Second
		w.lab.broken = func(host string) bool { return strings.HasPrefix(host, "broken") }
		many, one := w.tenant("many"), w.tenant("one")
		for i := range 5000 {
			host := fmt.Sprintf("broken%d.test", i)
			w.join(many, host)
			r := domain.Report{Status: domain.CertificateFailing, Reason: domain.Say("It failed before."), NextAttempt: time.Now().Add(time.Minute)}
			if err := w.domains.ReportCertificate(t.Context(), tenant.Host(host), r); err != nil {
				t.Fatal(err)
			}
		}
		w.start()
		for hours := range 4 { // whenever it comes
			time.Sleep(time.Hour)
			host := fmt.Sprintf("help.healthy%d.test", hours)
			w.join(one, host)
			time.Sleep(tick)
			if !w.certified(host) {
				t.Errorf("after %d hours of broken domains a healthy one waits for more than %s", hours+1, tick)
			}
		}
		if len(w.lab.failures) == 0 {
			t.Error("nothing broken was tried")
		}
		if len(w.lab.passed) > 0 {
			t.Errorf("limits were passed: %s", strings.Join(w.lab.passed, "\n"))
		}
	})
}
