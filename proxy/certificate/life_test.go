package certificate

import (
	"bytes"
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
	second    *lab             // is asked where the first one can't or won't; nil: there is none
	external  *ExternalAccount // with the first one
	proofs    proofs
	log       bytes.Buffer

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
	authorities, labs := []Authority{{Directory: w.lab.url + "/dir", Limited: true, External: w.external}}, []*lab{w.lab}
	if w.second != nil {
		authorities, labs = append(authorities, Authority{Directory: w.second.url + "/dir", Limited: true}), append(labs, w.second)
	}
	k, err := New(w.Context(), Options{
		Store: w.store, Directory: w.directory, Domains: w.domains, HTTP: true, HandshakeTime: 15 * time.Second,
		ACME:  &ACME{Authorities: authorities},
		Hello: func(string) {}, Attempt: func(string) {}, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	if err != nil {
		w.Fatal(err)
	}
	for i, s := range k.sources {
		s.wire = labs[i]
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

// holds is the certificate of a host that is in hand, nil if there is none.
func (w *town) holds(host string) *held {
	site, served := w.directory.Lookup(host)
	if !served {
		return nil
	}
	h, err := w.keeper.read(w.Context(), site)
	if err != nil {
		return nil
	}
	return h
}

// certified says whether a valid certificate for the host is in hand.
func (w *town) certified(host string) bool { return w.holds(host).valid(time.Now()) }

// usual is the window that authorities suggest as a rule: around the time when a third of a life is left.
func usual(o *labOrder, life time.Duration) any {
	middle := o.issuedAt.Add(2 * life / 3)
	return window(middle.Add(-24*time.Hour), middle.Add(24*time.Hour))
}

// window is a document of RFC 9773.
func window(start, end time.Time) map[string]any {
	return map[string]any{"suggestedWindow": map[string]any{"start": start.UTC(), "end": end.UTC()}, "explanationURL": "https://lab.example/why"}
}

// weather is what goes wrong with authorities in a simulation.
type weather struct {
	chance     *rand.Rand
	nonces     *rand.Rand // of the lab
	away, busy time.Time
	seconds    time.Time // until then the second authority is away
	mild       bool      // no authority is away for days
	revoked    time.Time // all certificates from before that are to be replaced
}

// trouble is that of the first authority. What it says about when to come back, it says as a date of its clock each second time.
func (b *weather) trouble(now time.Time, r *http.Request) *http.Response {
	switch {
	case now.Before(b.away):
		return refused(http.StatusServiceUnavailable, "serverInternal")
	case now.Before(b.busy) && r.URL.Path == "/new":
		later := strconv.Itoa(int(b.busy.Sub(now).Seconds()))
		if b.nonces.IntN(2) == 0 {
			later = b.busy.UTC().Format(http.TimeFormat)
		}
		return refused(http.StatusTooManyRequests, "rateLimited", "Retry-After", later)
	case r.Method == http.MethodPost && b.nonces.IntN(100) < 5:
		return refused(http.StatusBadRequest, "badNonce", "Replay-Nonce", "again")
	}
	return nil
}

// advice moves windows: to now for what is revoked; and for some it makes no sense.
func (b *weather) advice(life time.Duration) func(time.Time, *labOrder) any {
	return func(now time.Time, o *labOrder) any {
		switch {
		case o.issuedAt.Before(b.revoked):
			return window(now.Add(-time.Hour), now.Add(-30*time.Minute))
		case strings.HasPrefix(o.host, "t1"):
			return window(time.Unix(0, 0), time.Unix(3600, 0))
		case strings.HasPrefix(o.host, "t2"):
			return window(now.Add(time.Hour), now)
		case strings.HasPrefix(o.host, "t3"):
			return window(o.issuedAt.Add(2*life), o.issuedAt.Add(3*life))
		}
		return usual(o, life)
	}
}

// change is what an hour brings.
func (b *weather) change(w *town, now time.Time) {
	if b.chance.IntN(24*4) == 0 { // a loop of crashes
		for range 1 + b.chance.IntN(5) {
			w.crash()
			w.start()
			time.Sleep(time.Duration(b.chance.IntN(20)) * time.Second)
		}
		return
	}
	w.lab.mu.Lock()
	defer w.lab.mu.Unlock()
	switch {
	case b.chance.IntN(24*6) == 0:
		b.away = now.Add(time.Duration(1+b.chance.IntN(20)) * time.Hour)
	case b.chance.IntN(24*6) == 0:
		b.busy = now.Add(time.Duration(1+b.chance.IntN(10)) * time.Hour)
	case !b.mild && b.chance.IntN(24*30) == 0: // switched off, for days
		b.away = now.Add(time.Duration(3+b.chance.IntN(5)) * 24 * time.Hour)
	case b.chance.IntN(24*30) == 0:
		b.revoked = now
	}
}

// residents join, and the town remembers since when: more hosts below one registered domain than it may have certificates a week, and
// some below others.
func (w *town) residents(many, others int) map[string]time.Time {
	joined, all := map[string]time.Time{}, w.tenant("big")
	for i := range many {
		joined[fmt.Sprintf("t%d.big.test", i)] = time.Now()
	}
	for i := range others {
		joined[fmt.Sprintf("help.acme%d.test", i)] = time.Now()
	}
	for host := range joined {
		w.join(all, host)
	}
	for i := range 2 {
		w.join(all, fmt.Sprintf("broken%d.test", i))
	}
	for _, l := range []*lab{w.lab, w.second} {
		if l != nil {
			l.slow, l.again = 20*time.Second, "86400" // fewer looks, for a quicker test
			l.broken = func(host string) bool { return strings.HasPrefix(host, "broken") }
		}
	}
	return joined
}

// live lets days pass, and has each hour bring something: whoever has had a certificate is never without one again, and after ten days
// everybody has had one.
func (w *town) live(days int, joined map[string]time.Time, hourly func(now time.Time)) {
	w.Helper()
	had := map[string]bool{}
	for hour := range days * 24 {
		time.Sleep(time.Hour)
		now := time.Now()
		hourly(now)
		if hour%12 != 11 {
			continue
		}
		for host, since := range joined {
			has := w.certified(host)
			if late := now.Sub(since) > 10*24*time.Hour; !has && (had[host] || late) {
				w.Fatalf("after %d hours %s has no valid certificate", hour, host)
			}
			had[host] = had[host] || has
		}
	}
	for _, l := range []*lab{w.lab, w.second} {
		if l != nil && len(l.passed) > 0 {
			w.Errorf("limits of %s were passed: %s", l.url, strings.Join(l.passed, "\n"))
		}
	}
}

// TestNinetyDays: for ninety days, with crashes, authorities that are out of order, slow, or want to be left alone, for hours or days,
// that revoke all certificates or suggest nonsense, and domains that never succeed: no limit is passed, and whoever has had a
// certificate never is without one again.
func TestNinetyDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const life = 30 * 24 * time.Hour
		w := newTown(t, life)
		w.second = newLab(t, life)
		w.second.url = "https://second.example"
		b := &weather{chance: rand.New(rand.NewPCG(1, 2)), nonces: rand.New(rand.NewPCG(3, 4))}
		w.lab.trouble, w.lab.suggest = b.trouble, b.advice(life)
		w.second.trouble = func(now time.Time, _ *http.Request) *http.Response {
			if now.Before(b.seconds) {
				return refused(http.StatusBadGateway, "serverInternal")
			}
			return nil
		}
		joined := w.residents(52, 4)
		w.start()
		w.live(90, joined, func(now time.Time) {
			b.change(w, now)
			if b.chance.IntN(24*5) == 0 {
				w.second.mu.Lock()
				b.seconds = now.Add(time.Duration(1+b.chance.IntN(40)) * time.Hour)
				w.second.mu.Unlock()
			}
		})
		w.crash()
		replaced := 0
		for _, o := range w.lab.orders {
			if o.replaces != "" {
				replaced++
			}
		}
		if len(w.second.orders) < 20 || replaced < 100 || len(w.lab.failures["broken0.test"]) < 20 {
			t.Errorf("%d orders of the second authority, %d certificates were replaced: nothing is shown", len(w.second.orders), replaced)
		}
		t.Logf("%d orders (%d replace others), %d requests, %d failures of broken0; the second authority: %d orders",
			len(w.lab.orders), replaced, w.lab.requests, len(w.lab.failures["broken0.test"]), len(w.second.orders))
	})
}

// TestClocks: the node's clock is hours or days before or behind that of the authority.
func TestClocks(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-5 * 24 * time.Hour, -7 * time.Hour, 7 * time.Hour, 5 * 24 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const life = 30 * 24 * time.Hour
				w := newTown(t, life)
				b := &weather{chance: rand.New(rand.NewPCG(5, 6)), nonces: rand.New(rand.NewPCG(7, 8)), mild: true}
				w.lab.ahead, w.lab.trouble, w.lab.suggest = ahead, b.trouble, b.advice(life)
				joined := w.residents(2, 2)
				w.start()
				w.live(24, joined, func(now time.Time) {
					b.change(w, now.Add(ahead))
					for host := range joined {
						if h := w.holds(host); h != nil && !h.valid(w.lab.now()) {
							t.Fatalf("the certificate of %s is over for the rest of the world", host)
						}
					}
				})
				if got := w.keeper.Rests()[0].Ahead; (got - ahead).Abs() > time.Minute {
					t.Errorf("the authority's clock is ahead by %s, want %s", got, ahead)
				}
			})
		})
	}
}

// TestClockFarAhead: certificates that are over or nearly so by the node's clock when they come use up neither the authority nor the
// node's orders, and as soon as the clock is right all is well.
func TestClockFarAhead(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ahead time.Duration // of the node
		most  int           // orders in two days
	}{{5 * 24 * time.Hour, 6}, {10 * 24 * time.Hour, 8}} {
		t.Run(tc.ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, 6*24*time.Hour) // as Let's Encrypt's short ones
				w.lab.ahead = -tc.ahead
				w.join(w.tenant("one"), "help.one.test")
				w.start()
				for range 48 {
					time.Sleep(time.Hour)
					site, _ := w.directory.Lookup("help.one.test")
					if _, err := w.keeper.fetch(t.Context(), site); err != nil { // as a handshake does
						t.Fatal(err)
					}
				}
				if n := len(w.lab.made()); n > 2*tc.most {
					t.Errorf("%d orders for two hosts in two days", n)
				}
				w.lab.mu.Lock()
				w.lab.ahead = 0
				w.lab.mu.Unlock()
				time.Sleep(25 * time.Hour)
				if h := w.holds("help.one.test"); !h.valid(time.Now()) || time.Until(h.leaf.NotAfter) < 3*24*time.Hour {
					t.Error("the clock is right again, and the certificate is not")
				}
			})
		})
	}
}

// TestAdvice: what an authority suggests is done, when it changes its mind too; what makes no sense is left alone.
func TestAdvice(t *testing.T) {
	t.Parallel()
	const life, day = 30 * 24 * time.Hour, 24 * time.Hour
	for _, tc := range []struct {
		name        string
		suggest     func(now time.Time, o *labOrder) any
		first, last time.Duration // when the certificate is replaced, after its beginning
		ahead       time.Duration // of the authority's clock
	}{
		{"around two thirds", func(_ time.Time, o *labOrder) any { return usual(o, life) }, life*2/3 - day, life*2/3 + 2*day, 0},
		{"early", func(_ time.Time, o *labOrder) any { return window(o.issuedAt.Add(9*day), o.issuedAt.Add(10*day)) }, 9 * day, 10*day + 8*time.Hour, 0},
		{"early, by another clock", func(_ time.Time, o *labOrder) any { return window(o.issuedAt.Add(9*day), o.issuedAt.Add(10*day)) }, 9 * day, 10*day + 8*time.Hour, 3 * day},
		{"for a second", func(now time.Time, o *labOrder) any {
			if now.Sub(o.issuedAt) > 5*day && o.replaces == "" {
				return window(now.Add(-time.Hour), now.Add(-time.Hour+time.Second))
			}
			return usual(o, life)
		}, 5 * day, 5*day + 9*time.Hour, 0},
		{"at once, for all times", func(time.Time, *labOrder) any { return window(time.Unix(0, 0), time.Unix(1, 0)) }, life * 2 / 3, life*2/3 + 2*day, 0},
		{"backwards", func(now time.Time, _ *labOrder) any { return window(now, now.Add(-day)) }, life * 2 / 3, life*2/3 + 2*day, 0},
		{"too late", func(_ time.Time, o *labOrder) any { return window(o.issuedAt.Add(life-day), o.issuedAt.Add(life)) }, life * 2 / 3, life*2/3 + 2*day, 0},
		{"no dates", func(time.Time, *labOrder) any { return map[string]string{"suggestedWindow": "soon"} }, life * 2 / 3, life*2/3 + 2*day, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, life)
				w.lab.suggest, w.lab.ahead = tc.suggest, tc.ahead
				w.join(w.tenant("one"), "help.one.test")
				w.start()
				all := w.lab.made()
				for len(all) < 3 || all[2].issued == nil { // the node's own host is one of them
					time.Sleep(time.Hour)
					if all = w.lab.made(); len(all) > 0 && w.lab.now().Sub(all[0].at) > life {
						t.Fatal("nothing was renewed")
					}
				}
				o := all[2]
				first := all[slices.IndexFunc(all, func(f labOrder) bool { return f.host == o.host })]
				if after := o.at.Sub(first.issuedAt); after < tc.first || after > tc.last || !first.replaced {
					t.Errorf("replaced (%v) after %s, want from %s to %s", first.replaced, after, tc.first, tc.last)
				}
				time.Sleep(2 * day)
				if n := len(w.lab.made()); n > 4 {
					t.Errorf("%d orders for two hosts", n)
				}
				w.crash()
				if said := strings.Contains(w.log.String(), "explanation=https://lab.example/why"); said != (tc.last < life/2) {
					t.Errorf("why it is early was said: %v", said)
				}
			})
		})
	}
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
