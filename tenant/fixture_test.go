package tenant_test

import (
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

// house is a node with two tenants.
type house struct {
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	acme, bee *tenant.Tenant
}

func open(t *testing.T) *house {
	t.Helper()
	n, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example:8443", "https://help.example"}})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{store: storagetest.Open(t, tenant.Tables()...)}
	h.directory = tenant.NewDirectory(h.store, n, nil)
	if err := h.directory.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.tenants = tenant.NewRegistry(h.store, h.directory)
	h.acme, h.bee = h.create(t, "acme"), h.create(t, "bee")
	return h
}

func (h *house) create(t *testing.T, slug string) *tenant.Tenant {
	t.Helper()
	made, _, err := h.tenants.Create(t.Context(), slug, "Tenant "+slug)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// bind stores a custom domain as package domain does.
func (h *house) bind(t *testing.T, b tenant.Binding) {
	t.Helper()
	h.update(t, func(tx *storage.Tx) error { return tenant.Bind(tx, b) })
}

func (h *house) update(t *testing.T, fn func(*storage.Tx) error) {
	t.Helper()
	if err := h.store.Update(t.Context(), storage.Node(), fn); err != nil {
		t.Fatal(err)
	}
	if err := h.directory.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}
