package auth_test

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

const (
	acmeHost = tenant.Host("acme.tickets.example")
	beeHost  = tenant.Host("bee.tickets.example")
	partner  = "https://app.acme.example"
)

// house is a node with two tenants and their doors. Partner's origin is allowed by acme and by nobody else.
type house struct {
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	doors     *auth.Doors
	acme, bee *tenant.Tenant
}

func open(tb testing.TB) *house {
	tb.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	if err != nil {
		tb.Fatal(err)
	}
	h := &house{store: storagetest.Open(tb, slices.Concat(tenant.Tables(), mail.Tables(), auth.Tables(), staff.Tables())...)}
	h.directory = tenant.NewDirectory(h.store, node, nil)
	if err := h.directory.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	h.tenants = tenant.NewRegistry(h.store, h.directory)
	h.doors = h.reopen(tb)
	h.acme, h.bee = h.create(tb, "acme"), h.create(tb, "bee")
	h.set(tb, &h.acme, "allowed_origins", partner)
	return h
}

// reopen makes the doors as after a restart.
func (h *house) reopen(tb testing.TB) *auth.Doors {
	tb.Helper()
	// The letters stay in their queue, where tests read them.
	post := mail.New(mail.Config{Store: h.store, Directory: h.directory, Server: new(mail.Server)})
	doors, err := auth.Open(tb.Context(), auth.Config{
		Store: h.store, Directory: h.directory, Tenants: h.tenants, Mail: post, Standing: staff.Standing,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return doors
}

func (h *house) create(tb testing.TB, slug string) *tenant.Tenant {
	tb.Helper()
	made, _, err := h.tenants.Create(tb.Context(), slug, "Tenant "+slug)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

func (h *house) set(tb testing.TB, t **tenant.Tenant, key, value string) {
	tb.Helper()
	changed, err := h.tenants.Set(tb.Context(), (*t).Slug, map[string]string{key: value})
	if err != nil {
		tb.Fatal(err)
	}
	*t = changed
}

// bind gives a tenant a custom domain, as package domain does.
func (h *house) bind(tb testing.TB, b tenant.Binding) {
	tb.Helper()
	err := h.store.Update(tb.Context(), storage.Node(), func(tx *storage.Tx) error { return tenant.Bind(tx, b) })
	if err == nil {
		err = h.directory.Sync(tb.Context())
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// invite invites somebody to acme's staff and returns the invitation's token.
func (h *house) invite(tb testing.TB, email string, role auth.Role) string {
	tb.Helper()
	i, err := h.staff(h.doors).Invite(tb.Context(), h.acme, email, "", role, "operator")
	if err != nil {
		tb.Fatal(err)
	}
	_, token, _ := strings.Cut(i.URL, "?token=")
	return token
}

// staff keeps the tenants' staff, with the sessions of these doors.
func (h *house) staff(d *auth.Doors) *staff.Members {
	return staff.Open(staff.Config{Store: h.store, Directory: h.directory, Sessions: d.Sessions, Limits: d.Limits, Refusals: d.Refusals})
}

// token makes an API token and returns its secret.
func (h *house) token(tb testing.TB, t *tenant.Tenant, scopes auth.Scopes) string {
	tb.Helper()
	_, secret, err := h.doors.Tokens.Create(tb.Context(), t, auth.TokenRequest{Name: "test", Scopes: scopes, By: "operator"})
	if err != nil {
		tb.Fatal(err)
	}
	return secret
}

// mint makes a hand-off token for acme's host, for a claim with all that goes without saying.
func (h *house) mint(tb testing.TB, level auth.Level, email string) string {
	tb.Helper()
	token, err := h.doors.Handoffs.Mint(h.acme, acmeHost, auth.Claim{
		Level: level, Person: auth.Person{Email: email, Name: "Name of " + email}, Door: "redirect", Source: auth.FromListed, Landing: "/dashboard",
	})
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// signIn signs somebody in at acme's host, in a browser that has the session previous, and returns the new session's secret.
func (h *house) signIn(tb testing.TB, level auth.Level, email, previous string) (auth.Session, string) {
	tb.Helper()
	out, err := h.doors.Handoffs.Confirm(tb.Context(), auth.Arrival{
		Tenant: h.acme, Host: acmeHost, Token: h.mint(tb, level, email), Session: previous, Client: client,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out.Session, out.Secret
}

// find looks a requester's session up at acme's host.
func (h *house) find(tb testing.TB, secret string) (auth.Session, error) {
	tb.Helper()
	return h.doors.Sessions.Find(tb.Context(), h.acme, auth.RequesterSide, acmeHost, secret)
}

// audit returns the entries of a tenant's audit log, newest first.
func (h *house) audit(tb testing.TB, t *tenant.Tenant) []tenant.Event {
	tb.Helper()
	page, err := h.tenants.Audit(tb.Context(), t.ID, "", 100)
	if err != nil {
		tb.Fatal(err)
	}
	return page.Events
}

// audited is the entry in acme's audit log about an action.
func (h *house) audited(tb testing.TB, action string) tenant.Event {
	tb.Helper()
	for _, e := range h.audit(tb, h.acme) {
		if e.Action == action {
			return e
		}
	}
	tb.Errorf("the audit log has no %s", action)
	return tenant.Event{}
}

var client = auth.Client{IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Test/1.0"}

// addr is another address each time, for tests that are not about limits.
func addr() netip.Addr {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return netip.AddrFrom16(b)
}

// click is a browser that follows a link on a page.
func click(referer string) auth.Navigation {
	n := auth.Navigation{Method: "GET", Referer: referer, FetchSite: "cross-site", FetchMode: "navigate", FetchDest: "document"}
	if referer == "" {
		n.FetchSite = "none"
	}
	return n
}

// tokenOf is the token in a callback's URL.
func tokenOf(tb testing.TB, callback string) string {
	tb.Helper()
	u, err := url.Parse(callback)
	if err != nil || u.Path != "/auth/callback" {
		tb.Fatalf("%s is no callback", callback)
	}
	return u.Query().Get("token")
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
