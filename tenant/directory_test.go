package tenant_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

func TestLookup(t *testing.T) {
	h := open(t)
	h.bind(t, tenant.Binding{Host: "help.acme.example", Tenant: h.acme.ID, Served: true})
	h.bind(t, tenant.Binding{Host: "pending.acme.example", Tenant: h.acme.ID})
	h.bind(t, tenant.Binding{Host: "xn--bcher-kva.example", Tenant: h.bee.ID, Served: true})
	for _, tc := range []struct {
		host, slug string
		kind       tenant.SiteKind
	}{
		{"tickets.example", "", tenant.NodeHost},
		{"tickets.example:8443", "", tenant.NodeHost},
		{"help.example.", "", tenant.NodeHost},
		{"acme.tickets.example", "acme", tenant.DefaultHost},
		{"ACME.tickets.example:8443", "acme", tenant.DefaultHost},
		{"acme.help.example", "acme", tenant.DefaultHost},
		{"bee.tickets.example.:443", "bee", tenant.DefaultHost},
		{"help.acme.example", "acme", tenant.CustomHost},
		{"Help.Acme.Example.", "acme", tenant.CustomHost},
		{"xn--bcher-kva.example", "bee", tenant.CustomHost},
		{"pending.acme.example", "", 0},
		{"bücher.example", "", 0},
		{"acme.tickets.example..", "", 0},
		{"acme.tickets.example:http", "", 0},
		{"acme.tickets.example:1:2", "", 0},
		{"x.acme.tickets.example", "", 0},
		{"t.tickets.example", "", 0},
		{"acme", "", 0},
		{"", "", 0},
		{".", "", 0},
		{":", "", 0},
		{"acme.tickets.example\x00", "", 0},
		{"acme tickets.example", "", 0},
		{strings.Repeat("a", 300), "", 0},
		{strings.Repeat("A", 300), "", 0},
	} {
		site, ok := h.directory.Lookup(tc.host)
		switch {
		case ok != (tc.kind != 0):
			t.Errorf("Lookup(%q) = %+v, %t", tc.host, site, ok)
		case ok && site.Kind != tc.kind, ok && (site.Tenant != nil) != (tc.slug != ""), ok && tc.slug != "" && site.Tenant.Slug != tc.slug:
			t.Errorf("Lookup(%q) = %+v, want %s of kind %d", tc.host, site, tc.slug, tc.kind)
		}
	}
}

func TestPrimaryHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		start := time.Now().UTC()
		expect := func(want string) {
			t.Helper()
			acme, _ := h.directory.BySlug("acme")
			if got := h.directory.PrimaryURL(acme); got != want {
				t.Errorf("PrimaryURL = %s, want %s", got, want)
			}
		}
		expect("https://acme.tickets.example:8443")
		h.bind(t, tenant.Binding{Host: "a.acme.example", Tenant: h.acme.ID, Served: true})
		expect("https://acme.tickets.example:8443") // verified, but no certificate
		h.bind(t, tenant.Binding{Host: "z.acme.example", Tenant: h.acme.ID, Served: true, FitSince: start, FitUntil: start.Add(time.Hour)})
		h.bind(t, tenant.Binding{Host: "a.acme.example", Tenant: h.acme.ID, Served: true, FitSince: start.Add(time.Minute), FitUntil: start.Add(2 * time.Hour)})
		expect("https://z.acme.example:8443") // the first that got there
		if _, err := h.tenants.Set(t.Context(), "acme", map[string]string{"primary_host": "a.acme.example"}); err != nil {
			t.Fatal(err)
		}
		expect("https://a.acme.example:8443")
		acme, _ := h.directory.BySlug("acme")
		want := []tenant.Host{"a.acme.example", "z.acme.example", "acme.tickets.example", "acme.help.example"}
		if got := h.directory.Hosts(acme); !slices.Equal(got, want) {
			t.Errorf("Hosts = %q, want %q", got, want)
		}
		drifting := tenant.Binding{
			Host: "a.acme.example", Tenant: h.acme.ID, Served: true, Drifted: true, FitSince: start.Add(time.Minute), FitUntil: start.Add(2 * time.Hour),
		}
		h.bind(t, drifting)
		expect("https://z.acme.example:8443") // the next that may be handed out
		if got := h.directory.Hosts(acme); !slices.Equal(got, want[1:]) {
			t.Errorf("Hosts = %q while one drifts, want %q", got, want[1:])
		}
		if s := h.directory.Standing(acme, "a.acme.example"); s != tenant.Served {
			t.Errorf("standing while it drifts: %d, want Served", s)
		}
		drifting.Drifted, drifting.Served = false, false // it is suspended
		h.bind(t, drifting)
		if _, err := h.tenants.Set(t.Context(), "acme", map[string]string{"name": "Acme & Sons"}); err != nil {
			t.Errorf("another setting while the primary host is suspended: %v", err)
		}
		drifting.Served = true
		h.bind(t, drifting)
		expect("https://a.acme.example:8443") // as was chosen
		time.Sleep(90 * time.Minute)
		if s := h.directory.Standing(acme, "z.acme.example"); s != tenant.Served {
			t.Errorf("standing with an expired certificate: %d, want Served", s)
		}
		time.Sleep(time.Hour)
		expect("https://acme.tickets.example:8443") // both expired
		bee, _ := h.directory.BySlug("bee")
		if got := h.directory.PrimaryURL(bee); got != "https://bee.tickets.example:8443" {
			t.Errorf("the other tenant's PrimaryURL = %s", got)
		}
	})
}

func TestStanding(t *testing.T) {
	h := open(t)
	h.bind(t, tenant.Binding{Host: "pending.acme.example", Tenant: h.acme.ID})
	h.bind(t, tenant.Binding{Host: "served.acme.example", Tenant: h.acme.ID, Served: true})
	h.bind(t, tenant.Binding{Host: "fit.acme.example", Tenant: h.acme.ID, Served: true, FitSince: time.Now()})
	for host, want := range map[tenant.Host]tenant.Standing{
		"pending.acme.example": tenant.Registered,
		"served.acme.example":  tenant.Served,
		"fit.acme.example":     tenant.Fit,
		"acme.tickets.example": tenant.Fit,
		"acme.help.example":    tenant.Fit,
		"bee.tickets.example":  tenant.Foreign,
		"tickets.example":      tenant.Foreign,
		"www.acme.example":     tenant.Foreign,
	} {
		if got := h.directory.Standing(h.acme, host); got != want {
			t.Errorf("Standing(acme, %s) = %d, want %d", host, got, want)
		}
		if got := h.directory.Standing(h.bee, host); got != tenant.Foreign && host != "bee.tickets.example" {
			t.Errorf("Standing(bee, %s) = %d, want Foreign", host, got)
		}
	}
}

func TestOrigins(t *testing.T) {
	h := open(t)
	if _, err := h.tenants.Set(t.Context(), "acme", map[string]string{"allowed_origins": "https://www.acme.example,http://localhost:3000"}); err != nil {
		t.Fatal(err)
	}
	h.bind(t, tenant.Binding{Host: "help.acme.example", Tenant: h.acme.ID, Served: true})
	acme, _ := h.directory.BySlug("acme")
	for _, tc := range []struct {
		origin       string
		acme, anyone bool
	}{
		{"https://www.acme.example", true, true},
		{"http://localhost:3000", true, true},
		{"https://acme.tickets.example:8443", true, true},
		{"https://acme.help.example", true, true},
		{"https://help.acme.example:8443", true, true},
		{"https://bee.tickets.example:8443", false, true},
		{"http://www.acme.example", false, false},
		{"https://www.acme.example:444", false, false},
		{"https://www.acme.example.evil.example", false, false},
		{"https://evil-www.acme.example", false, false},
		{"https://WWW.acme.example", false, false},
		{"https://acme.tickets.example", false, false},
		{"http://acme.tickets.example:8443", false, false},
		{"https://ACME.tickets.example:8443", false, false},
		{"https://tickets.example:8443", false, false},
		{"null", false, false},
		{"", false, false},
		{"https://", false, false},
	} {
		if got := h.directory.AllowsOrigin(acme, tc.origin); got != tc.acme {
			t.Errorf("AllowsOrigin(acme, %q) = %t, want %t", tc.origin, got, tc.acme)
		}
		if got := h.directory.OriginKnown(tc.origin); got != tc.anyone {
			t.Errorf("OriginKnown(%q) = %t, want %t", tc.origin, got, tc.anyone)
		}
	}
	// A drifted host whose visitors still arrive is the tenant's; one that leads elsewhere is whoever's is there.
	const help = "https://help.acme.example:8443"
	for _, astray := range []bool{false, true} {
		h.bind(t, tenant.Binding{Host: "help.acme.example", Tenant: h.acme.ID, Served: true, Drifted: true, Astray: astray})
		if h.directory.AllowsOrigin(acme, help) == astray || h.directory.OriginKnown(help) == astray || !h.directory.OwnOrigin(acme, help) {
			t.Errorf("astray %t: allowed %t, known %t", astray, h.directory.AllowsOrigin(acme, help), h.directory.OriginKnown(help))
		}
	}
	// Two tenants allow one origin: it stays known until both forget it.
	for _, slug := range []string{"bee", "acme"} {
		if _, err := h.tenants.Set(t.Context(), slug, map[string]string{"allowed_origins": "https://both.example"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, slug := range []string{"bee", "acme"} {
		if !h.directory.OriginKnown("https://both.example") {
			t.Errorf("the origin is forgotten before %s dropped it", slug)
		}
		if _, err := h.tenants.Set(t.Context(), slug, map[string]string{"allowed_origins": ""}); err != nil {
			t.Fatal(err)
		}
	}
	if h.directory.OriginKnown("https://both.example") || h.directory.OriginKnown("https://www.acme.example") {
		t.Error("an origin that nobody allows any more is still known")
	}
}

// TestRun changes things behind the directory's back, as another process would, and compares the followed snapshot with one
// that is loaded anew.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		follower := tenant.NewDirectory(h.store, h.directory.Node(), nil)
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- follower.Run(ctx) }()
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 300 {
			host := tenant.Host(fmt.Sprintf("h%d.example", r.IntN(20)))
			n := r.IntN(2)
			owner, other := []*tenant.Tenant{h.acme, h.bee}[n], []*tenant.Tenant{h.bee, h.acme}[n]
			switch r.IntN(5) {
			case 0:
				h.update(t, func(tx *storage.Tx) error { return tenant.Unbind(tx, host, owner.ID) })
			case 1:
				_ = h.tenants.Mount(t.Context(), owner.ID, host, fmt.Sprintf("/m%d", i))
			case 2:
				origins := fmt.Sprintf("https://o%d.example,https://o%d.example", r.IntN(5), r.IntN(5))
				if _, err := h.tenants.Set(t.Context(), owner.Slug, map[string]string{"allowed_origins": origins}); err != nil {
					t.Fatal(err)
				}
			default:
				b := tenant.Binding{Host: host, Tenant: owner.ID, Served: r.IntN(3) > 0}
				if r.IntN(2) == 0 {
					b.FitSince = time.Unix(int64(r.IntN(1000)), 0)
				}
				h.update(t, func(tx *storage.Tx) error {
					if b.Served { // by one tenant at most
						if err := tenant.Bind(tx, tenant.Binding{Host: host, Tenant: other.ID}); err != nil {
							return err
						}
					}
					return tenant.Bind(tx, b)
				})
			}
		}
		time.Sleep(10 * time.Second)
		fresh := tenant.NewDirectory(h.store, h.directory.Node(), nil)
		if err := fresh.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := describe(fresh)
		for name, d := range map[string]*tenant.Directory{"followed": follower, "synced": h.directory} {
			if got := describe(d); got != want {
				t.Errorf("%s:\n%s\nloaded:\n%s", name, got, want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func describe(d *tenant.Directory) string {
	var b strings.Builder
	for _, tn := range d.Tenants() {
		fmt.Fprintln(&b, tn.Slug, tn.Settings.AllowedOrigins, d.Hosts(tn))
		for i := range 20 {
			host := tenant.Host(fmt.Sprintf("h%d.example", i))
			fmt.Fprint(&b, " ", d.Standing(tn, host))
			if s, ok := d.Lookup(string(host)); ok {
				fmt.Fprint(&b, s.Tenant.Slug, s.Mount)
			}
		}
		fmt.Fprintln(&b)
	}
	for i := range 5 {
		fmt.Fprint(&b, d.OriginKnown(fmt.Sprintf("https://o%d.example", i)), " ")
	}
	return b.String()
}

// hostOf is the i-th host of many.
func hostOf(i int) string { return fmt.Sprintf("support.customer-%d.example", i) }

// many is a directory of n custom domains of one tenant.
func many(tb testing.TB, n int) (*tenant.Directory, *storage.Store, *tenant.Tenant) {
	tb.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	if err != nil {
		tb.Fatal(err)
	}
	store := storagetest.Open(tb, tenant.Tables()...)
	d := tenant.NewDirectory(store, node, nil)
	r := tenant.NewRegistry(store, d)
	one, _, err := r.Create(tb.Context(), "acme", "")
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < n; i += 500 {
		err := store.Update(tb.Context(), storage.Node(), func(tx *storage.Tx) error {
			for j := i; j < min(i+500, n); j++ {
				if err := tenant.Bind(tx, tenant.Binding{Host: tenant.Host(hostOf(j)), Tenant: one.ID, Served: true}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := d.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return d, store, one
}

func TestLookupDoesNotAllocate(t *testing.T) {
	d, _, _ := many(t, 1000)
	hosts := make([]string, 50)
	for i := range hosts {
		hosts[i] = hostOf(i)
	}
	odd := "SUPPORT.customer-7.Example.:8443"
	n := testing.AllocsPerRun(100, func() {
		for _, h := range hosts {
			if _, ok := d.Lookup(h); !ok {
				t.Fatal(h)
			}
		}
		if _, ok := d.Lookup(odd); !ok {
			t.Fatal(odd)
		}
		d.Lookup("unknown.example")
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	const n = 100_000
	d, _, _ := many(b, n)
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)
	with := func(change func(string) string) []string {
		out := make([]string, n)
		for i, j := range order {
			out[i] = strings.Clone(change(hostOf(j)))
		}
		return out
	}
	for name, list := range map[string][]string{
		"canonical": with(func(h string) string { return h }),
		"port":      with(func(h string) string { return h + ":8443" }),
		"upper":     with(strings.ToUpper),
		"unknown":   with(func(h string) string { return "x" + h }),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				d.Lookup(list[i])
				if i++; i == len(list) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkChange brings one new host into a directory of 100,000, all of one tenant, which is the worst case.
func BenchmarkChange(b *testing.B) {
	d, store, owner := many(b, 100_000)
	i := 0
	for b.Loop() {
		host := tenant.Host(fmt.Sprintf("new%d.example", i%5000))
		i++
		err := store.Update(b.Context(), storage.Node(), func(tx *storage.Tx) error {
			return tenant.Bind(tx, tenant.Binding{Host: host, Tenant: owner.ID, Served: i%2 == 0})
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Sync(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoad reads 100,000 hosts from the store.
func BenchmarkLoad(b *testing.B) {
	d, _, _ := many(b, 100_000)
	for b.Loop() {
		if err := d.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzLookup: what is found for a raw name is what the canonical form of that name says.
func FuzzLookup(f *testing.F) {
	n, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example", "https://xn--bcher-kva.example"}})
	if err != nil {
		f.Fatal(err)
	}
	d := tenant.NewDirectory(nil, n, nil)
	for _, s := range []string{"tickets.example", "TICKETS.example.:443", "xn--Bcher-kva.example:", "bücher.example", "tickets.example..", ":1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		site, ok := d.Lookup(s)
		h, err := tenant.ParseHost(s)
		switch {
		case ok && (err != nil || h != site.Host):
			t.Errorf("Lookup(%q) finds %s, ParseHost says %q, %v", s, site.Host, h, err)
		case !ok && err == nil && n.IsNodeHost(h) && !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }):
			t.Errorf("Lookup(%q) finds nothing, ParseHost says %s", s, h)
		}
	})
}
