package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

// fit is the custom host of acme that holds a certificate; served has none yet, pending is not verified.
const (
	fit     = "help.acme.example"
	served  = "new.acme.example"
	pending = "later.acme.example"
)

// hosts gives acme a custom host of each kind.
func (h *house) hosts(tb testing.TB) {
	tb.Helper()
	until := time.Now().Add(24 * time.Hour)
	h.bind(tb, tenant.Binding{Host: fit, Tenant: h.acme.ID, Served: true, FitSince: time.Now(), FitUntil: until})
	h.bind(tb, tenant.Binding{Host: served, Tenant: h.acme.ID, Served: true})
	h.bind(tb, tenant.Binding{Host: pending, Tenant: h.acme.ID})
	h.bind(tb, tenant.Binding{Host: "help.bee.example", Tenant: h.bee.ID, Served: true, FitSince: time.Now(), FitUntil: until})
	h.bind(tb, tenant.Binding{Host: "later.bee.example", Tenant: h.bee.ID})
}

// begin is a redirect login of bob at acme with the proof that spares the counts.
func (h *house) begin(tb testing.TB, secret, redirectURL string) (auth.Redirected, error) {
	tb.Helper()
	return h.doors.Redirects.Begin(tb.Context(), auth.RedirectRequest{
		Slug: "acme", Email: "bob@example.com", Name: "Bob", RedirectURL: redirectURL, APIToken: secret, Client: client,
	})
}

func TestRedirectURL(t *testing.T) {
	h := open(t)
	h.hosts(t)
	secret := h.token(t, h.acme, auth.SessionsCreate)
	for _, tc := range []struct {
		raw, host, landing, back string
		dropped                  bool
	}{
		{"", fit, "/dashboard", "", false},
		{"/", fit, "/", "", false},
		{"/tickets/create", fit, "/tickets/create", "", false},
		{"/tickets/?a=1&b=%20c#frag", fit, "/tickets/?a=1&b=%20c#frag", "", false},
		{"/zür?q=ü#ö", fit, "/z%C3%BCr?q=%C3%BC#%C3%B6", "", false},
		{"/a?next=https://evil.example//x", fit, "/a?next=https://evil.example//x", "", false},
		{"/files/a%2Fb", fit, "/files/a%2Fb", "", false},
		{"https://" + fit + "/tickets", fit, "/tickets", "", false},
		{"HTTPS://HELP.acme.example:443/tickets", fit, "/tickets", "", false},
		{"https://help.acme.example./tickets", fit, "/tickets", "", false},
		{"https://help.acme.example", fit, "/", "", false},
		{"https://acme.tickets.example/tickets", "acme.tickets.example", "/tickets", "", false},
		{"https://" + served + "/tickets", fit, "/tickets", "", false},
		{partner + "/page?x=1#y", fit, "/dashboard", partner + "/page?x=1#y", false},
		{partner, fit, "/dashboard", partner + "/", false},
		{"https://APP.ACME.example:443/page", fit, "/dashboard", partner + "/page", false},

		// Not ours, not allowed.
		{"https://evil.example/", fit, "/dashboard", "", true},
		{"https://bee.tickets.example/", fit, "/dashboard", "", true},
		{"https://help.bee.example/", fit, "/dashboard", "", true},
		{"https://later.bee.example/", fit, "/dashboard", "", true},
		{"https://tickets.example/", fit, "/dashboard", "", true},
		{"http://help.acme.example/", fit, "/dashboard", "", true},
		{"https://help.acme.example:8443/", fit, "/dashboard", "", true},
		{"http://app.acme.example/", fit, "/dashboard", "", true},
		{partner + ":444/", fit, "/dashboard", "", true},
		{partner + ".evil.example/", fit, "/dashboard", "", true},
		{"https://evilapp.acme.example/", fit, "/dashboard", "", true},
		{"null", fit, "/dashboard", "", true},
		{"about:blank", fit, "/dashboard", "", true},

		// Read in more than one way.
		{"//evil.example", fit, "/dashboard", "", true},
		{"///evil.example", fit, "/dashboard", "", true},
		{`/\evil.example`, fit, "/dashboard", "", true},
		{`\\evil.example`, fit, "/dashboard", "", true},
		{`\/evil.example`, fit, "/dashboard", "", true},
		{"/%2Fevil.example", fit, "/dashboard", "", true},
		{"/%5Cevil.example", fit, "/dashboard", "", true},
		{"/%252Fevil.example", fit, "/dashboard", "", true},
		{"/.//evil.example", fit, "/dashboard", "", true},
		{"/x/..//evil.example", fit, "/dashboard", "", true},
		{"/%2e%2e//evil.example", fit, "/dashboard", "", true},
		{"/\t/evil.example", fit, "/dashboard", "", true},
		{"/\n/evil.example", fit, "/dashboard", "", true},
		{"/a\r\nSet-Cookie: x=y", fit, "/dashboard", "", true},
		{"/a%0d%0aSet-Cookie: x=y", fit, "/dashboard", "", true},
		{"/a%00", fit, "/dashboard", "", true},
		{" /a", fit, "/dashboard", "", true},
		{"/a\u202eb", fit, "/dashboard", "", true},
		{"/\xff", fit, "/dashboard", "", true},
		{"https:evil.example", fit, "/dashboard", "", true},
		{"https:/evil.example", fit, "/dashboard", "", true},
		{"https:///evil.example", fit, "/dashboard", "", true},
		{"https://evil.example@help.acme.example/", fit, "/dashboard", "", true},
		{"https://help.acme.example@evil.example/", fit, "/dashboard", "", true},
		{"https://help.acme.example:pw@evil.example/", fit, "/dashboard", "", true},
		{`https://evil.example\@help.acme.example/`, fit, "/dashboard", "", true},
		{"https://help.acme.example%2eevil.example/", fit, "/dashboard", "", true},
		{"https://help.acme.example%00.evil.example/", fit, "/dashboard", "", true},
		{"https://[::1]/", fit, "/dashboard", "", true},
		{"https://192.0.2.1/", fit, "/dashboard", "", true},
		{"https://help.acme.example:99999/", fit, "/dashboard", "", true},
		{"https://xn--/", fit, "/dashboard", "", true},
		{"javascript:alert(1)", fit, "/dashboard", "", true},
		{"javascript://help.acme.example/%0aalert(1)", fit, "/dashboard", "", true},
		{"data:text/html,x", fit, "/dashboard", "", true},
		{"ftp://help.acme.example/", fit, "/dashboard", "", true},
		{"tickets", fit, "/dashboard", "", true},
		{"?x=1", fit, "/dashboard", "", true},
		{"#x", fit, "/dashboard", "", true},
		{"/" + strings.Repeat("a", 2000), fit, "/dashboard", "", true},

		// Our own doors.
		{"/auth/callback?token=x", fit, "/dashboard", "", true},
		{"/auth", fit, "/dashboard", "", true},
		{"/simpleauth/login?token=x", fit, "/dashboard", "", true},
		{"/staffroom/simpleauth/logout?token=x", fit, "/dashboard", "", true},
		{"https://" + fit + "/auth/continue", fit, "/dashboard", "", true},
		{"/authors", fit, "/authors", "", false},
	} {
		got, err := h.begin(t, secret, tc.raw)
		if err != nil {
			t.Errorf("%.80q: %v", tc.raw, err)
			continue
		}
		if string(got.Host) != tc.host || got.Landing != tc.landing || got.ReturnLink != tc.back || len(got.Warnings) != 0 != tc.dropped {
			t.Errorf("%.80q = host %s, landing %s, return link %q, warnings %q", tc.raw, got.Host, got.Landing, got.ReturnLink, got.Warnings)
		}
		if wanted := "https://" + tc.host + "/auth/callback?token="; !strings.HasPrefix(got.URL, wanted) {
			t.Errorf("%.80q leads to %s", tc.raw, got.URL)
		}
	}
}

func TestRedirectURLToAnUnverifiedHost(t *testing.T) {
	h := open(t)
	h.hosts(t)
	secret := h.token(t, h.acme, auth.SessionsCreate)
	for _, raw := range []string{"https://" + pending, "https://LATER.acme.example.:443/tickets", "http://" + pending + "/x"} {
		_, err := h.begin(t, secret, raw)
		var d *auth.DomainError
		if !errors.As(err, &d) || d.Host != pending {
			t.Errorf("%q: %v, want the host", raw, err)
		}
	}
}

func TestExternalRedirect(t *testing.T) {
	h := open(t)
	h.hosts(t)
	secret := h.token(t, h.acme, auth.SessionsCreate)
	h.set(t, &h.acme, "external_redirect", "follow")
	if got, err := h.begin(t, secret, partner+"/page"); err != nil || got.Landing != partner+"/page" || got.ReturnLink != "" {
		t.Errorf("follow: %+v, %v", got, err)
	}
	if got, err := h.begin(t, secret, "https://evil.example/"); err != nil || got.Landing != "/dashboard" || len(got.Warnings) != 1 {
		t.Errorf("follow, not allowed: %+v, %v", got, err)
	}
	h.set(t, &h.acme, "external_redirect", "strict")
	for _, raw := range []string{"https://evil.example/", "//evil.example", "javascript:alert(1)"} {
		_, err := h.begin(t, secret, raw)
		var d *auth.DomainError
		if !errors.As(err, &d) || d.Host == "" {
			t.Errorf("strict, %s: %v", raw, err)
		}
	}
	if got, err := h.begin(t, secret, partner+"/page"); err != nil || got.ReturnLink != partner+"/page" {
		t.Errorf("strict, allowed: %+v, %v", got, err)
	}
	if got, err := h.begin(t, secret, "/tickets"); err != nil || got.Landing != "/tickets" {
		t.Errorf("strict, a path: %+v, %v", got, err)
	}
}

// The warning about a dropped URL reaches the audit log with the sign-in, and the return link the session.
func TestWhatTheSessionKeeps(t *testing.T) {
	h := open(t)
	secret := h.token(t, h.acme, auth.SessionsCreate)
	for _, tc := range []struct{ raw, back, detail string }{
		{partner + "/page", partner + "/page", ""},
		{"https://evil.example/x", "", "evil.example"},
	} {
		got, err := h.begin(t, secret, tc.raw)
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.doors.Handoffs.Arrive(t.Context(), h.at(tokenOf(t, got.URL), click(partner)))
		if err != nil || out.Session.ReturnLink != tc.back || out.Landing != "/dashboard" {
			t.Errorf("%s: %+v, %v", tc.raw, out, err)
		}
		if tc.detail == "" {
			continue
		}
		found := false
		for _, e := range h.audit(t, h.acme) {
			found = found || e.Action == "session.started" && strings.Contains(e.Detail, tc.detail)
		}
		if !found {
			t.Errorf("%s: nothing in the audit log", tc.raw)
		}
	}
}

// TestDroppedURLsAreNoted: the audit log tells of a dropped URL also where no visitor arrives, once an hour for each host.
func TestDroppedURLsAreNoted(t *testing.T) {
	h := open(t)
	secret := h.token(t, h.acme, auth.SessionsCreate)
	for _, raw := range []string{"https://evil.example/x", "https://evil.example/y", "//other", "/tickets", partner + "/page", "https://third.example"} {
		if _, err := h.begin(t, secret, raw); err != nil {
			t.Fatal(err)
		}
	}
	noted := func(of *tenant.Tenant) (objects []string) {
		for _, e := range h.audit(t, of) {
			if e.Action == "redirect.dropped" {
				objects = append(objects, e.Object)
			}
		}
		slices.Sort(objects)
		return objects
	}
	want := []string{"evil.example", "not a URL that can be used", "third.example"}
	if got := noted(h.acme); !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
	if got := noted(h.bee); got != nil {
		t.Errorf("another tenant's audit log has %q", got)
	}
}

func TestLandingBelowTheMount(t *testing.T) {
	h := open(t)
	h.hosts(t)
	if err := h.tenants.Mount(t.Context(), h.acme.ID, fit, "/support"); err != nil {
		t.Fatal(err)
	}
	secret := h.token(t, h.acme, auth.SessionsCreate)
	for raw, landing := range map[string]string{"": "/support/dashboard", "/shop": "/shop", "/support/auth/x": "/support/dashboard", "/support/simpleauth/logout?token=x": "/support/dashboard", "https://acme.tickets.example/": "/"} {
		if got, err := h.begin(t, secret, raw); err != nil || got.Landing != landing {
			t.Errorf("%q lands on %q, %v, want %q", raw, got.Landing, err, landing)
		}
	}
}

// Wherever a redirect_url leads, it is a path on a host of the tenant, or the allowed origin: as browsers read it, too.
func FuzzRedirectURL(f *testing.F) {
	h := open(f)
	h.hosts(f)
	h.set(f, &h.acme, "external_redirect", "follow")
	for _, s := range []string{
		"/x", "//evil", `/\evil`, "https:evil", "https://a@b/", "/a\r\nb", "https://help.acme.example./x", partner + "/p?q#f", "/%2F%2fevil", "https://bücher.example",
		"https://help.acme.example:443\\@evil.example", "/\t/evil", "http://later.acme.example", "/a/../..//b", "https://help.acme.example#@evil.example/", "https://help.acme.example?@evil.example/",
	} {
		f.Add(s)
	}
	n := uint32(0)
	f.Fuzz(func(t *testing.T, raw string) {
		n++
		got, err := h.doors.Redirects.Begin(t.Context(), auth.RedirectRequest{
			Slug: "acme", Email: "bob@example.com", Name: "Bob", RedirectURL: raw, Navigation: auth.Navigation{Origin: partner},
			Client: auth.Client{IP: netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})},
		})
		if err != nil {
			var d *auth.DomainError
			if !errors.As(err, &d) || d.Host != pending {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		base, err := url.Parse("https://" + string(got.Host) + "/auth/callback")
		if err != nil {
			t.Fatal(err)
		}
		if err := leads(base, got.Landing, string(got.Host)); err != nil {
			t.Errorf("%q lands on %q at %s: %v", raw, got.Landing, got.Host, err)
		}
		if again := string(got.Host); again != fit && again != string(acmeHost) {
			t.Errorf("%q chooses host %q", raw, again)
		}
	})
}

// leads says whether a browser that reads target at base stays at the host or the partner's origin.
func leads(base *url.URL, target, host string) error {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<' {
			return fmt.Errorf("byte %#x at %d", c, i)
		}
	}
	u, err := base.Parse(target)
	if err != nil {
		return err
	}
	if u.User != nil || strings.HasPrefix(target, "//") || strings.HasPrefix(u.Path, "//") {
		return errors.New("authority")
	}
	if origin := u.Scheme + "://" + u.Host; origin != "https://"+host && origin != partner {
		return errors.New(origin)
	}
	return nil
}
