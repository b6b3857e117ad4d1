package tenant_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

func TestCreate(t *testing.T) {
	h := open(t)
	made, keys, err := h.tenants.Create(t.Context(), "third", "")
	if err != nil {
		t.Fatal(err)
	}
	if made.Name != "third" || len(made.ID) != 26 || made.Settings.Unsigned != tenant.UnsignedOpen {
		t.Errorf("created %+v", made)
	}
	if found, err := h.tenants.Find(t.Context(), "third"); err != nil || found.ID != made.ID || !found.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("Find: %+v, %v", found, err)
	}
	want := []string{"jwt_secret", "redirect_key", "simpleauth_key", "simpleauth_operator_key"}
	if got := slices.Sorted(maps.Keys(keys.Secrets())); !slices.Equal(got, want) {
		t.Errorf("secrets %q, want %q", got, want)
	}
	if s, ok := h.directory.BySlug("third"); !ok || s.ID != made.ID {
		t.Errorf("the directory does not know the new tenant")
	}
	if _, _, err := h.tenants.Create(t.Context(), "acme", ""); !errors.Is(err, tenant.ErrExists) {
		t.Errorf("second acme: %v, want ErrExists", err)
	}
	for _, tc := range []struct{ slug, name, field string }{
		{"t", "", "slug"},
		{"Upper", "", "slug"},
		{"ok", strings.Repeat("x", 201), "name"},
		{"ok", "new\nline", "name"},
	} {
		_, _, err := h.tenants.Create(t.Context(), tc.slug, tc.name)
		if fields, ok := errors.AsType[tenant.FieldErrors](err); !ok || fields[tc.field] == nil {
			t.Errorf("Create(%q, %q): %v, want an error of field %s", tc.slug, tc.name, err, tc.field)
		}
	}
}

// TestCreateAtOnce: of many who want one slug, one gets it.
func TestCreateAtOnce(t *testing.T) {
	h := open(t)
	const n = 8
	errs := make(chan error, n)
	for range n {
		go func() {
			_, _, err := h.tenants.Create(t.Context(), "wanted", "")
			errs <- err
		}()
	}
	won := 0
	for range n {
		switch err := <-errs; {
		case err == nil:
			won++
		case !errors.Is(err, tenant.ErrExists):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d got the slug", won)
	}
	list, err := h.tenants.List(t.Context())
	if err != nil || len(list) != 3 || list[0].Slug != "acme" || list[1].Slug != "bee" || list[2].Slug != "wanted" {
		t.Errorf("List: %+v, %v", list, err)
	}
	for _, tn := range list {
		if found, ok := h.directory.ByID(tn.ID); !ok || found.Slug != tn.Slug {
			t.Errorf("ByID(%s) = %+v, %t", tn.ID, found, ok)
		}
	}
}

func TestWith(t *testing.T) {
	s, err := tenant.Settings{}.With("cookie_samesite", "lax")
	if err != nil || s.CookieSameSite != tenant.SameSiteLax || s.AdminFolder != "admin" || s.AutoClose() != 7*24*time.Hour {
		t.Errorf("With: %+v, %v", s, err)
	}
	if same, err := s.With("cookie_samesite", "strict"); err == nil || same.CookieSameSite != tenant.SameSiteLax {
		t.Errorf("With a wrong value: %+v, %v", same, err)
	}
	for _, k := range tenant.AllSettings() {
		changed, err := s.With(k.Key, k.Value(&tenant.Tenant{Name: "x", Settings: s}))
		if err != nil || changed.CookieSameSite != s.CookieSameSite {
			t.Errorf("%s does not take its own value: %v", k.Key, err)
		}
	}
}

func TestCheckSlugAgainstNodeHosts(t *testing.T) {
	n, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://desk.example", "https://support.desk.example", "https://a.b.desk.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for slug, ok := range map[string]bool{"acme": true, "support": false, "b": false, "a": true} {
		if err := n.CheckSlug(slug); (err == nil) != ok {
			t.Errorf("CheckSlug(%q): %v, want ok = %t", slug, err, ok)
		}
	}
}

func TestNewNode(t *testing.T) {
	for _, tc := range []struct {
		urls   string
		tlsOff bool
		ok     bool
	}{
		{"https://tickets.example.com", false, true},
		{"https://Tickets.Example.com:443/", false, true},
		{"http://tickets.example.com", false, false},
		{"http://tickets.example.com:8080", true, true},
		{"https://tickets.example.com/path", false, false},
		{"https://192.0.2.1", false, false},
		{"https://[::1]", false, false},
		{"tickets.example.com", false, false},
		{"https://a.example https://A.example:8443", false, false},
		{"", false, false},
	} {
		_, err := tenant.NewNode(tenant.NodeOptions{URLs: strings.Fields(tc.urls), TLSOff: tc.tlsOff})
		if (err == nil) != tc.ok {
			t.Errorf("NewNode(%q): %v, want ok = %t", tc.urls, err, tc.ok)
		}
	}
}

func TestSet(t *testing.T) {
	h := open(t)
	changed, err := h.tenants.As("agent ann").Set(t.Context(), "acme", map[string]string{
		"name":                    "Acme & Sons",
		"allowed_origins":         "https://WWW.acme.example:443, http://localhost:3000,https://www.acme.example",
		"unsigned":                "confirm",
		"origin_mode":             "enforce",
		"external_redirect":       "strict",
		"simpleauth_operators":    "true",
		"admin_folder":            "staff",
		"cookie_samesite":         "lax",
		"api_requests_per_minute": "1200",
		"auto_close_days":         "14",
		"oidc_issuer":             "https://login.acme.example/realms/staff/",
		"oidc_client_id":          "deskgate",
		"oidc_domains":            "Acme.example, acme.test,acme.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	s := changed.Settings
	if want := []string{"https://www.acme.example", "http://localhost:3000"}; !slices.Equal(s.AllowedOrigins, want) {
		t.Errorf("allowed origins %q, want %q", s.AllowedOrigins, want)
	}
	if want := []string{"acme.example", "acme.test"}; !slices.Equal(s.OIDCDomains, want) || s.OIDCIssuer != "https://login.acme.example/realms/staff/" {
		t.Errorf("provider %q for %q, want the one that was set for %q", s.OIDCIssuer, s.OIDCDomains, want)
	}
	if s.Unsigned != tenant.UnsignedConfirm || s.AdminFolder != "staff" || !s.SimpleAuthOperators || s.APIRequestsPerMinute != 1200 ||
		s.RedirectRequestsPerHour != 60 || changed.Name != "Acme & Sons" {
		t.Errorf("changed to %+v", changed)
	}
	if bee, _ := h.directory.BySlug("bee"); bee.Settings.Unsigned != tenant.UnsignedOpen || bee.Name != "Tenant bee" {
		t.Errorf("the other tenant changed: %+v", bee)
	}
	back, err := h.tenants.Set(t.Context(), "acme", map[string]string{"unsigned": "", "allowed_origins": "", "auto_close_days": ""})
	if err != nil || back.Settings.Unsigned != tenant.UnsignedOpen || len(back.Settings.AllowedOrigins) != 0 || back.Settings.AutoCloseDays != 7 {
		t.Errorf("back to the defaults: %+v, %v", back, err)
	}
}

func TestSetRefuses(t *testing.T) {
	h := open(t)
	h.bind(t, tenant.Binding{Host: "pending.acme.example", Tenant: h.acme.ID})
	h.bind(t, tenant.Binding{Host: "help.bee.example", Tenant: h.bee.ID, Served: true})
	for _, tc := range []struct{ key, value, says string }{
		{"colour", "red", "api_requests_per_minute"},
		{"unsigned", "maybe", "open, confirm, signed"},
		{"origin_mode", "off", "confirm, enforce"},
		{"external_redirect", "FOLLOW", "link, follow, strict"},
		{"cookie_samesite", "strict", "none, lax"},
		{"simpleauth_operators", "yes", "true or false"},
		{"allowed_origins", "https://ok.example,*", "origins such as"},
		{"allowed_origins", "null", "origins such as"},
		{"admin_folder", "a/b", "1 to 32"},
		{"admin_folder", "api", "in use"},
		{"api_requests_per_minute", "0", "whole number"},
		{"redirect_requests_per_hour", "many", "whole number"},
		{"auto_close_days", "-1", "whole number"},
		{"hsts_days", "-1", "whole number"},
		{"hsts_days", "731", "whole number"},
		{"primary_host", "elsewhere.example", "none of the tenant's hosts"},
		{"primary_host", "help.bee.example", "none of the tenant's hosts"},
		{"primary_host", "bee.tickets.example", "none of the tenant's hosts"},
		{"primary_host", "pending.acme.example", "not verified"},
		{"name", " ", "characters"},
		{"oidc_issuer", "http://login.example.com", "the issuer as"},
		{"oidc_issuer", "https://ann@login.example.com", "the issuer as"},
		{"oidc_issuer", "https://login.example.com?x=1", "the issuer as"},
		{"oidc_issuer", "https://login.example.com/#a", "the issuer as"},
		{"oidc_issuer", "https://127.0.0.1", "the issuer as"},
		{"oidc_issuer", "login.example.com", "the issuer as"},
		{"oidc_client_id", "a b", "printable"},
		{"oidc_client_id", strings.Repeat("x", 256), "printable"},
		{"oidc_domains", "co.uk", "public suffix"},
		{"oidc_domains", "*.example.com", "domains of"},
	} {
		_, err := h.tenants.Set(t.Context(), "acme", map[string]string{tc.key: tc.value})
		fields, ok := errors.AsType[tenant.FieldErrors](err)
		if !ok || !strings.Contains(strings.Join(fields[tc.key], " "), tc.says) {
			t.Errorf("Set %s=%q: %v, want something with %q", tc.key, tc.value, err, tc.says)
		}
	}
	if _, err := h.tenants.Set(t.Context(), "nobody", map[string]string{"name": "x"}); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("Set of an unknown tenant: %v, want ErrNotFound", err)
	}
	if found, err := h.tenants.Find(t.Context(), "acme"); err != nil || found.Settings.AutoCloseDays != 7 {
		t.Errorf("a refused Set changed something: %+v, %v", found, err)
	}
}

// A deletion that can't be ended stops nothing else, and is tried again.
func TestRunEndsDeletions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		var full atomic.Bool
		full.Store(true)
		h.tenants.OnDelete(func(context.Context, *tenant.Tenant) error {
			if full.Load() {
				return errors.New("the disk is full")
			}
			return nil
		})
		if err := h.tenants.Delete(t.Context(), "acme"); err == nil {
			t.Fatal("Delete with a failing cleaner succeeded")
		}
		over := make(chan error)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { over <- h.tenants.Run(ctx) }()
		select {
		case err := <-over:
			t.Fatalf("Run ended with %v before the deletion did", err)
		case <-time.After(time.Hour):
		}
		full.Store(false)
		time.Sleep(time.Hour)
		h.create(t, "acme")
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

func TestDelete(t *testing.T) {
	h := open(t)
	var cleaned []string
	boom := errors.New("boom")
	fail := true
	h.tenants.OnDelete(func(_ context.Context, t *tenant.Tenant) error {
		cleaned = append(cleaned, t.Slug)
		if fail {
			return boom
		}
		return nil
	})
	if err := h.tenants.AddRoute(t.Context(), h.acme.ID, "acme.tickets.example", tenant.Route{Prefix: "/shop", Upstreams: []string{"http://10.0.0.1"}}); err != nil {
		t.Fatal(err)
	}
	if err := h.tenants.Delete(t.Context(), "acme"); !errors.Is(err, boom) {
		t.Fatalf("Delete with a failing cleaner: %v, want boom", err)
	}
	if _, ok := h.directory.Lookup("acme.tickets.example"); ok {
		t.Errorf("a tenant whose deletion began is still served")
	}
	if _, err := h.tenants.Find(t.Context(), "acme"); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("Find of a tenant whose deletion began: %v, want ErrNotFound", err)
	}
	fail = false
	if err := h.tenants.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(cleaned, []string{"acme", "acme"}) {
		t.Errorf("cleaned %q", cleaned)
	}
	again := h.create(t, "acme")
	if again.ID == h.acme.ID {
		t.Errorf("the ID was used again")
	}
	if s, ok := h.directory.Lookup("acme.tickets.example"); !ok || s.Tenant.ID != again.ID || len(s.Routes) != 0 {
		t.Errorf("Lookup finds %+v, want the new tenant without the old one's routes", s)
	}
	if keys, err := h.tenants.Keys(t.Context(), h.acme.ID); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("keys of the deleted tenant: %v, %v", keys, err)
	}
	if _, ok := h.directory.BySlug("bee"); !ok {
		t.Errorf("the other tenant is gone as well")
	}
}
