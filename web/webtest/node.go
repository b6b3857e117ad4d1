// Package webtest runs the whole product in the process, with two tenants, for tests.
package webtest

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/oidc/oidctest"
	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tenant/outbound"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/domains"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/tickets/rule"
	"github.com/deskgate/deskgate/tickets/transfer"
	"github.com/deskgate/deskgate/tickets/webhook"
	"github.com/deskgate/deskgate/web"
)

// nodeHost is the host of every Node. Its port is the listener's.
const nodeHost = "desk.example"

// Node is a product that serves, with two tenants that know nothing of each other.
type Node struct {
	Store     *storage.Store
	Directory *tenant.Directory
	Tenants   *tenant.Registry
	Domains   *domain.Registry
	Doors     *auth.Doors
	Post      *mail.Post
	Staff     *staff.Members
	OIDC      *oidc.Logins
	Passkeys  *passkey.Keys
	Desk      *tickets.Desk
	Webhooks  *webhook.Hooks
	Eraser    *erasure.Eraser
	Transfers *transfer.Transfers
	Rules     *rule.Engine
	Notifier  *notify.Notifier
	Watch     *domains.Watch
	// Mail is the mail server of a node that was started with WithMail, else nil.
	Mail *mailtest.Server
	// URL is the node's base URL.
	URL        string
	Acme, Bolt *Tenant
	// RootPEM is the root certificate of the node's own CA.
	RootPEM []byte

	dns  *zone
	addr string
	// patience is that of the node's event streams.
	patience time.Duration
	roots    *x509.CertPool
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

// Option changes what Start starts.
type Option func(testing.TB, *Node)

// WithMail gives the node a mail server. See Node.Mail.
func WithMail() Option {
	return func(tb testing.TB, n *Node) {
		tb.Helper()
		n.Mail = mailtest.Start(tb, mailtest.Options{})
	}
}

// WithBusyMail gives the node a mail server that takes nothing at the moment: letters wait.
func WithBusyMail() Option { return WithMailFor(func(string) error { return mailtest.ErrHangup }) }

// WithMailFor gives the node a mail server that answers each recipient as rcpt does; nil: it takes the letter.
func WithMailFor(rcpt func(to string) error) Option {
	return func(tb testing.TB, n *Node) {
		tb.Helper()
		n.Mail = mailtest.Start(tb, mailtest.Options{Rcpt: rcpt})
	}
}

// WithStreamPatience gives those who listen to event streams so long for what is sent to them.
func WithStreamPatience(d time.Duration) Option {
	return func(tb testing.TB, n *Node) {
		tb.Helper()
		n.patience = d
	}
}

// Start runs a node until the test ends.
func Start(tb testing.TB, options ...Option) *Node {
	tb.Helper()
	n := &Node{Store: storagetest.Open(tb, tables()...), dns: newZone()}
	for _, option := range options {
		option(tb, n)
	}
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	ok(tb, err)
	n.addr = listener.Addr().String()
	_, port, err := net.SplitHostPort(n.addr)
	ok(tb, err)
	n.URL = "https://" + nodeHost + ":" + port
	names, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{n.URL}})
	ok(tb, err)

	n.Directory = tenant.NewDirectory(n.Store, names, nil)
	ok(tb, n.Directory.Load(tb.Context()))
	n.Tenants = tenant.NewRegistry(n.Store, n.Directory)
	n.Post = n.post(tb)
	n.Doors, err = auth.Open(tb.Context(), auth.Config{
		Store: n.Store, Directory: n.Directory, Tenants: n.Tenants, Standing: staff.Standing, Mail: n.Post,
	})
	ok(tb, err)
	n.Staff = staff.Open(staff.Config{
		Store: n.Store, Directory: n.Directory, Sessions: n.Doors.Sessions, Limits: n.Doors.Limits, Refusals: n.Doors.Refusals, Mail: n.Post,
	})
	n.OIDC = oidc.New(oidc.Config{Store: n.Store, Limits: n.Doors.Limits, Staff: n.Staff, Client: oidctest.Client(tb)})
	n.Passkeys = passkey.New(passkey.Config{Store: n.Store, Limits: n.Doors.Limits, Staff: n.Staff})
	n.Notifier = notify.New(notify.Config{
		Store: n.Store, Directory: n.Directory, Post: n.Post, People: web.LetterReaders(), Delay: notifyDelay,
	})
	n.Rules = rule.New(rule.Config{Store: n.Store, Page: web.TicketPage(n.Directory), Agents: func(tx *storage.Tx) ([]tickets.Person, error) {
		joined, err := staff.Joined(tx)
		return web.Persons(joined), err
	}})
	n.Webhooks = n.webhooks()
	n.Desk = tickets.New(tickets.Config{
		Store: n.Store, Tenants: n.Tenants.List, Organizations: auth.OrganizationOf, Followers: []tickets.Follower{n.Webhooks.Follow, n.Notifier.Follow}, Agents: n.team, Rules: n.Rules.Rules, Waits: n.Rules.Waits,
	})
	speech, err := web.DomainSpeech()
	ok(tb, err)
	n.Watch = domains.New(domains.Config{
		Store: n.Store, Directory: n.Directory, Desk: n.Desk, Speech: speech, Page: web.DomainPage(n.Directory),
	})
	n.Transfers = transfer.New(transfer.Config{
		Store: n.Store, Desk: n.Desk, Tenants: n.Tenants.List, Ensure: web.EnsureRequester, Team: n.team,
		Sections: web.Exported{
			Directory: n.Directory, Tenants: n.Tenants, Users: n.Doors.Users, Staff: n.Staff, Desk: n.Desk, Rules: n.Rules,
		}.Sections(),
	})
	n.Eraser = n.newEraser()
	n.serve(tb, listener)
	n.Acme, n.Bolt = n.tenant(tb, "acme", "Acme"), n.tenant(tb, "bolt", "Bolt & Sons")
	return n
}

// webhooks are those of a node whose receivers are on this machine.
func (n *Node) webhooks() *webhook.Hooks {
	return webhook.New(webhook.Config{
		Store: n.Store, Directory: n.Directory, Render: web.NewPayloads(n.Directory).Webhook, Off: n.Notifier.WebhookOff,
		Client: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Patience: webhook.Patience}),
	})
}

func (n *Node) team(ctx context.Context, t *tenant.Tenant) ([]tickets.Person, error) {
	return web.Team(ctx, n.Staff, t)
}

// notifyDelay is how long news of a ticket is gathered: long enough for what one request does, and no longer.
const notifyDelay = 200 * time.Millisecond

// post is the node's post office, which is ready if the test wants a mail server.
func (n *Node) post(tb testing.TB) *mail.Post {
	tb.Helper()
	letters, err := web.NewLetters(notify.NewThreads(n.Store, n.Directory, web.LetterReaders()))
	ok(tb, err)
	c := mail.Config{Store: n.Store, Directory: n.Directory, Render: letters.Render, Failed: notify.Failed, Sent: notify.Sent(n.Store)}
	if n.Mail != nil {
		c.Server = n.Mail.Server(tb)
	}
	return mail.New(c)
}

// serve puts the edge before the product and runs both until the test ends.
func (n *Node) serve(tb testing.TB, listener net.Listener) {
	tb.Helper()
	log := slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	n.Domains = domain.New(n.Store, n.Tenants, n.Directory, domain.Options{Resolver: n.dns, Prober: n.prober(tb), Log: log})
	product, err := web.New(web.Config{
		Directory: n.Directory, Tenants: n.Tenants, Domains: n.Domains, Doors: n.Doors, Staff: n.Staff, OIDC: n.OIDC, Passkeys: n.Passkeys, Desk: n.Desk, Webhooks: n.Webhooks, Rules: n.Rules, Eraser: n.Eraser, Transfers: n.Transfers, Notifier: n.Notifier, Log: log, StreamPatience: n.patience,
	})
	ok(tb, err)
	edge, err := proxy.New(tb.Context(), proxy.Config{
		Store: n.Store, Directory: n.Directory, Node: n.Directory.Node(), Product: product, Gate: product, Log: log,
		Page: func(r *http.Request, v *tenant.Visit, n proxy.Notice) proxy.Page {
			return proxy.Page(product.Notice(r, v, web.Notice(n)))
		},
		Domains: n.Domains, HTTPSListener: listener, TLS: proxy.Internal,
		// A test may say where a visitor comes from.
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	ok(tb, err)
	ctx, stop := context.WithCancel(context.Background())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.Directory.Run(ctx) })
	g.Go(func() error { return edge.Run(ctx) })
	g.Go(func() error { return n.Post.Run(ctx) })
	g.Go(func() error { return n.Eraser.Run(ctx) })
	g.Go(func() error { return n.Transfers.Run(ctx) })
	g.Go(func() error { return n.Notifier.Run(ctx) })
	g.Go(func() error { return n.Desk.Live.Run(ctx) })
	g.Go(func() error { return n.Webhooks.Run(ctx) })
	g.Go(func() error { return n.Watch.Run(ctx) })
	g.Go(func() error { return n.Desk.RunHeld(ctx) })
	tb.Cleanup(func() {
		stop()
		if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("node: %v", err)
		}
	})
	n.RootPEM, err = certificate.RootPEM(tb.Context(), n.Store)
	ok(tb, err)
	n.roots = x509.NewCertPool()
	n.roots.AppendCertsFromPEM(n.RootPEM)
}

func tables() []storage.Declared {
	var all []storage.Declared
	for _, room := range [][]storage.Declared{tenant.Tables(), domain.Tables(), mail.Tables(), auth.Tables(), staff.Tables(), oidc.Tables(), passkey.Tables(), tickets.Tables(), webhook.Tables(), rule.Tables(), transfer.Tables(), notify.Tables(), domains.Tables(), proxy.Tables(), erasure.Tables()} {
		all = append(all, room...)
	}
	return all
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

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
