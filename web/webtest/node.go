// Package webtest runs the whole product in the process, with two tenants, for tests.
package webtest

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web"
)

// nodeHost is the host of every Node. Its port is the listener's.
const nodeHost = "desk.example"

// Node is a product that serves, with two tenants that know nothing of each other.
type Node struct {
	Store     *storage.Store
	Directory *tenant.Directory
	Tenants   *tenant.Registry
	Doors     *auth.Doors
	Desk      *tickets.Desk
	// URL is the node's base URL.
	URL        string
	Acme, Bolt *Tenant

	server *httptest.Server
}

// Tenant is one of a Node's tenants, with all that opens its doors.
type Tenant struct {
	*tenant.Tenant

	// URL is the base URL of the tenant's default host.
	URL string
	// Token is the secret of an API token with every scope.
	Token string
	Keys  tenant.Keys
}

// Start runs a node until the test ends.
func Start(tb testing.TB) *Node {
	tb.Helper()
	n := &Node{Store: storagetest.Open(tb, tables()...)}
	n.server = httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(n.server.Listener.Addr().String())
	ok(tb, err)
	n.URL = "https://" + nodeHost + ":" + port
	names, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{n.URL}})
	ok(tb, err)

	n.Directory = tenant.NewDirectory(n.Store, names, nil)
	ok(tb, n.Directory.Load(tb.Context()))
	n.Tenants = tenant.NewRegistry(n.Store, n.Directory)
	n.Doors, err = auth.Open(tb.Context(), auth.Config{Store: n.Store, Directory: n.Directory, Tenants: n.Tenants})
	ok(tb, err)
	n.Desk = tickets.New(tickets.Config{Store: n.Store, Tenants: n.Tenants.List})
	product, err := web.New(web.Config{
		Directory: n.Directory, Tenants: n.Tenants, Doors: n.Doors, Desk: n.Desk,
		Log: slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	ok(tb, err)
	n.server.Config.Handler = n.front(product)
	n.server.StartTLS()
	tb.Cleanup(n.server.Close)
	n.run(tb)
	n.Acme, n.Bolt = n.tenant(tb, "acme", "Acme"), n.tenant(tb, "bolt", "Bolt & Sons")
	return n
}

func tables() []storage.Declared {
	var all []storage.Declared
	for _, room := range [][]storage.Declared{tenant.Tables(), auth.Tables(), tickets.Tables()} {
		all = append(all, room...)
	}
	return all
}

// run keeps the directory up to date until the test ends.
func (n *Node) run(tb testing.TB) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Directory.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("directory: %v", err)
		}
	})
}

func (n *Node) tenant(tb testing.TB, slug, name string) *Tenant {
	tb.Helper()
	made, keys, err := n.Tenants.Create(tb.Context(), slug, name)
	ok(tb, err)
	t := &Tenant{Tenant: made, Keys: keys, URL: n.Directory.Node().URLFor(n.Directory.Node().TenantHost(slug))}
	_, t.Token, err = n.Doors.Tokens.Create(tb.Context(), made, auth.TokenRequest{
		Name: "test", Scopes: auth.AllScopes, By: "operator",
	})
	ok(tb, err)
	return t
}

// Set changes settings of a tenant.
func (n *Node) Set(tb testing.TB, t *Tenant, values map[string]string) {
	tb.Helper()
	changed, err := n.Tenants.Set(tb.Context(), t.Slug, values)
	ok(tb, err)
	t.Tenant = changed
}

// front stands in for the edge: it finds the tenant of a request. A test may choose the visitor's address.
func (n *Node) front(product http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, served := n.Directory.Lookup(r.Host)
		if !served {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		address := netip.MustParseAddr("192.0.2.1")
		if text := r.Header.Get("X-Forwarded-For"); text != "" {
			address = netip.MustParseAddr(text)
		}
		product.ServeHTTP(w, r.WithContext(tenant.WithVisit(r.Context(), &tenant.Visit{
			Site: site, Tenant: site.Tenant, Host: site.Host, Mount: site.Mount, ClientIP: address,
			Scheme: "https", RequestID: strings.ToLower(rand.Text()),
		})))
	})
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
