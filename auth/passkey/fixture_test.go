package passkey_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

const (
	acmeHost = tenant.Host("acme.tickets.example")
	ownHost  = tenant.Host("help.acme.example")
	beeHost  = tenant.Host("bee.tickets.example")
)

// house is a node with two tenants; ann and bob are acme's staff, and bee has an ann of its own.
type house struct {
	store     *storage.Store
	tenants   *tenant.Registry
	doors     *auth.Doors
	staff     *staff.Members
	keys      *passkey.Keys
	acme, bee *tenant.Tenant

	ann, bob, beeAnn string
}

func open(t *testing.T) *house {
	t.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example:8443"}})
	ok(t, err)
	var tables []storage.Declared
	for _, room := range [][]storage.Declared{tenant.Tables(), auth.Tables(), staff.Tables(), passkey.Tables()} {
		tables = append(tables, room...)
	}
	h := &house{store: storagetest.Open(t, tables...)}
	directory := tenant.NewDirectory(h.store, node, nil)
	ok(t, directory.Load(t.Context()))
	h.tenants = tenant.NewRegistry(h.store, directory)
	h.doors, err = auth.Open(t.Context(), auth.Config{
		Store: h.store, Directory: directory, Tenants: h.tenants, Standing: staff.Standing,
	})
	ok(t, err)
	h.staff = staff.Open(staff.Config{Store: h.store, Directory: directory, Sessions: h.doors.Sessions, Limits: h.doors.Limits, Refusals: h.doors.Refusals})
	h.keys = passkey.New(passkey.Config{Store: h.store, Limits: h.doors.Limits, Staff: h.staff})
	h.acme, _, err = h.tenants.Create(t.Context(), "acme", "Acme")
	ok(t, err)
	h.bee, _, err = h.tenants.Create(t.Context(), "bee", "Bee")
	ok(t, err)
	h.ann, h.bob = h.member(t, h.acme, "ann@acme.example"), h.member(t, h.acme, "bob@acme.example")
	h.beeAnn = h.member(t, h.bee, "ann@acme.example")
	return h
}

func (h *house) member(t *testing.T, of *tenant.Tenant, email string) string {
	t.Helper()
	m, err := h.staff.Add(t.Context(), of, email, "", auth.RoleAgent, "operator")
	ok(t, err)
	return m.ID
}

// at is a browser at a host, whose cookie holds what the last challenge gave it.
func at(host tenant.Host) passkey.Ceremony {
	return passkey.Ceremony{
		Host: host, Origin: "https://" + string(host) + ":8443", Client: auth.Client{IP: netip.MustParseAddr("192.0.2.7")},
	}
}

// register gives a member of acme's a passkey at acme's host.
func (h *house) register(t *testing.T, member string) *device {
	t.Helper()
	c := at(acmeHost)
	d := newDevice(t, c.Origin, string(c.Host))
	q, err := h.keys.Prepare(t.Context(), h.acme, c, member)
	ok(t, err)
	c.Browser = q.Browser
	_, err = h.keys.Add(t.Context(), h.acme, c, member, "Phone", d.create(t, q.Options))
	ok(t, err)
	return d
}

// signIn has a device answer a fresh challenge at acme's host.
func (h *house) signIn(t *testing.T, d *device) (auth.Session, error) {
	t.Helper()
	c := at(acmeHost)
	q, err := h.keys.Ask(t.Context(), h.acme, c)
	ok(t, err)
	c.Browser = q.Browser
	s, _, err := h.keys.SignIn(t.Context(), h.acme, c, d.get(t, q.Options), "")
	return s, err
}

// audited is the newest entry about an action in acme's audit log.
func (h *house) audited(t *testing.T, action string) tenant.Event {
	t.Helper()
	page, err := h.tenants.Audit(t.Context(), h.acme.ID, "", 100)
	ok(t, err)
	for _, e := range page.Events {
		if e.Action == action {
			return e
		}
	}
	t.Errorf("the audit log has no %s", action)
	return tenant.Event{}
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
