package oidc_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/oidc/oidctest"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

const (
	acmeHost = tenant.Host("acme.tickets.example")
	beeHost  = tenant.Host("bee.tickets.example")
	callback = "https://acme.tickets.example/auth/oidc/callback"
)

var client = auth.Client{IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Test/1.0"}

// ann is acme's admin at the provider.
var ann = oidctest.Person{Subject: "user-1", Email: "ann@acme.example", Name: "Ann Lee"}

// house is a node with two tenants whose staff may sign in at one provider each. Ann is acme's admin, and has not joined.
type house struct {
	store     *storage.Store
	tenants   *tenant.Registry
	doors     *auth.Doors
	staff     *staff.Members
	logins    *oidc.Logins
	provider  *oidctest.Provider
	acme, bee *tenant.Tenant
	http      *http.Client
	// client is who signs in.
	client auth.Client
}

func open(t *testing.T) *house {
	t.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	ok(t, err)
	var tables []storage.Declared
	for _, room := range [][]storage.Declared{tenant.Tables(), auth.Tables(), staff.Tables(), oidc.Tables()} {
		tables = append(tables, room...)
	}
	h := &house{store: storagetest.Open(t, tables...), provider: oidctest.New(t, "login"), client: client}
	directory := tenant.NewDirectory(h.store, node, nil)
	ok(t, directory.Load(t.Context()))
	h.tenants = tenant.NewRegistry(h.store, directory)
	h.doors, err = auth.Open(t.Context(), auth.Config{
		Store: h.store, Directory: directory, Tenants: h.tenants, Standing: staff.Standing,
	})
	ok(t, err)
	h.staff = staff.Open(staff.Config{Store: h.store, Directory: directory, Sessions: h.doors.Sessions, Limits: h.doors.Limits, Refusals: h.doors.Refusals})
	h.http = oidctest.Client(t)
	h.logins = h.reopen()
	h.acme, h.bee = h.create(t, "acme"), h.create(t, "bee")
	_, err = h.staff.Invite(t.Context(), h.acme, ann.Email, "", auth.RoleAdmin, "operator")
	ok(t, err)
	h.provider.SignIn(ann)
	return h
}

// reopen makes the door as after a restart.
func (h *house) reopen() *oidc.Logins {
	return oidc.New(oidc.Config{Store: h.store, Limits: h.doors.Limits, Staff: h.staff, Client: h.http})
}

// create makes a tenant whose provider is the house's.
func (h *house) create(t *testing.T, slug string) *tenant.Tenant {
	t.Helper()
	_, _, err := h.tenants.Create(t.Context(), slug, "Tenant "+slug)
	ok(t, err)
	made := h.set(t, slug, map[string]string{"oidc_issuer": h.provider.Issuer, "oidc_client_id": oidctest.ClientID})
	ok(t, h.logins.SetSecret(t.Context(), made, oidctest.Secret, "operator"))
	return made
}

func (h *house) set(t *testing.T, slug string, values map[string]string) *tenant.Tenant {
	t.Helper()
	changed, err := h.tenants.Set(t.Context(), slug, values)
	ok(t, err)
	return changed
}

// begin starts a sign-in at acme's host.
func (h *house) begin(t *testing.T) oidc.Started {
	t.Helper()
	started, err := h.logins.Begin(t.Context(), h.acme, oidc.Start{Host: acmeHost, Callback: callback, Next: "/agent/x", Client: h.client})
	ok(t, err)
	return started
}

// answer is what the browser of a sign-in at acme's host brings back once its user has agreed.
func (h *house) answer(t *testing.T, s oidc.Started) oidc.Return {
	t.Helper()
	return oidc.Return{Host: acmeHost, Cookie: s.Cookie, Query: h.provider.Approve(t, s.URL).Query(), Client: client}
}

// finish ends a sign-in at acme's host.
func (h *house) finish(t *testing.T, r oidc.Return) (oidc.Finished, error) {
	t.Helper()
	return h.logins.Finish(t.Context(), h.acme, r)
}

// signIn signs in at acme's host whoever is signed in at the provider.
func (h *house) signIn(t *testing.T) (oidc.Finished, error) {
	t.Helper()
	return h.finish(t, h.answer(t, h.begin(t)))
}

// audited is the newest entry about an action in a tenant's audit log.
func (h *house) audited(t *testing.T, of *tenant.Tenant, action string) tenant.Event {
	t.Helper()
	page, err := h.tenants.Audit(t.Context(), of.ID, "", 100)
	ok(t, err)
	for _, e := range page.Events {
		if e.Action == action {
			return e
		}
	}
	t.Errorf("the audit log has no %s", action)
	return tenant.Event{}
}

// addr is another address each time, for tests that are not about limits.
func addr() netip.Addr {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return netip.AddrFrom16(b)
}

// with is a copy of parameters with some changed; an empty value takes one away.
func with(q url.Values, changes ...string) url.Values {
	out := url.Values{}
	for name, values := range q {
		out[name] = append([]string(nil), values...)
	}
	for i := 0; i < len(changes); i += 2 {
		if out.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			out.Del(changes[i])
		}
	}
	return out
}

func want(t *testing.T, what string, err, expected error) {
	t.Helper()
	if !errors.Is(err, expected) {
		t.Errorf("%s: %v, want %v", what, err, expected)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
