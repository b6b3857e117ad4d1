package staff_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

const acmeHost = tenant.Host("acme.tickets.example")

var client = auth.Client{IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Test/1.0"}

// house is a node with two tenants and the keeper of their staff.
type house struct {
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	doors     *auth.Doors
	staff     *staff.Members
	acme, bee *tenant.Tenant
}

func open(tb testing.TB) *house {
	tb.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	if err != nil {
		tb.Fatal(err)
	}
	var tables []storage.Declared
	for _, room := range [][]storage.Declared{tenant.Tables(), auth.Tables(), staff.Tables()} {
		tables = append(tables, room...)
	}
	h := &house{store: storagetest.Open(tb, tables...)}
	h.directory = tenant.NewDirectory(h.store, node, nil)
	if err := h.directory.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	h.tenants = tenant.NewRegistry(h.store, h.directory)
	h.staff = h.reopen(tb)
	h.acme, h.bee = h.create(tb, "acme"), h.create(tb, "bee")
	return h
}

// reopen makes the keeper as after a restart.
func (h *house) reopen(tb testing.TB) *staff.Members {
	tb.Helper()
	doors, err := auth.Open(tb.Context(), auth.Config{
		Store: h.store, Directory: h.directory, Tenants: h.tenants, Standing: staff.Standing,
	})
	if err != nil {
		tb.Fatal(err)
	}
	h.doors = doors
	return staff.Open(staff.Config{Store: h.store, Directory: h.directory, Sessions: doors.Sessions, Limits: doors.Limits})
}

func (h *house) create(tb testing.TB, slug string) *tenant.Tenant {
	tb.Helper()
	made, _, err := h.tenants.Create(tb.Context(), slug, "Tenant "+slug)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// audited is the newest entry in acme's audit log about an action.
func (h *house) audited(tb testing.TB, action string) tenant.Event {
	tb.Helper()
	page, err := h.tenants.Audit(tb.Context(), h.acme.ID, "", 100)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range page.Events {
		if e.Action == action {
			return e
		}
	}
	tb.Errorf("the audit log has no %s", action)
	return tenant.Event{}
}

// want fails the test unless err is the error that is expected.
func want(tb testing.TB, what string, err, expected error) {
	tb.Helper()
	if !errors.Is(err, expected) {
		tb.Errorf("%s: %v, want %v", what, err, expected)
	}
}

// fields is what a FieldErrors says, as text.
func fields(err error) string {
	var fe tenant.FieldErrors
	if !errors.As(err, &fe) {
		return ""
	}
	return strings.TrimSpace(fe.Error())
}
