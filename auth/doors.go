package auth

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/outbound"
)

// Config is what this package stands on.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	// Tenants knows the keys that proofs are checked with.
	Tenants *tenant.Registry
	// Mail sends codes, invitations and notices. Nil, or not ready: what needs it says so.
	Mail *mail.Post
	// Standing says what a member of the tenant's staff is at the moment, or ErrNotFound: see package staff. Nil: there is no
	// staff.
	Standing func(tx *storage.Tx, member string) (Standing, error)
	// Outbound fetches what tenants' partners publish. Nil: one that reaches public addresses alone.
	Outbound *outbound.Client
	// Log takes what nobody waits for. Nil: nothing is said.
	Log *slog.Logger
}

// Doors are the ways in that this package has, sharing one store.
type Doors struct {
	Users     *Users
	Readers   *Readers
	Sessions  *Sessions
	Handoffs  *Handoffs
	Redirects *Redirects
	Tokens    *Tokens
	Widgets   *Widgets
	Partners  *partner.Verifier
	Simple    *SimpleAuth
	Limits    *limit.Limits
	Refusals  *Refusals

	Confirmations *Confirmations
	Devices       *Devices
}

// Open makes the doors and loads what they have counted so far.
func Open(ctx context.Context, c Config) (*Doors, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Outbound == nil {
		c.Outbound = outbound.New(outbound.Config{})
	}
	limits, err := limit.Open(ctx, c.Store, c.Log)
	if err != nil {
		return nil, err
	}
	d := &Doors{Limits: limits, Users: newUsers(c.Store), Readers: &Readers{store: c.Store}}
	d.Refusals = &Refusals{store: c.Store, limits: limits, log: c.Log}
	d.Sessions = newSessions(c.Store, c.Standing, c.Log)
	d.Tokens = newTokens(c.Store, c.Directory, limits, c.Log)
	d.Handoffs = newHandoffs(c.Store, c.Directory, d.Sessions)
	d.Partners = partner.New(partner.Config{Store: c.Store, Tenants: c.Tenants, Outbound: c.Outbound, Log: c.Log})
	d.Redirects = &Redirects{
		store: c.Store, directory: c.Directory, sessions: d.Sessions, handoffs: d.Handoffs,
		proofs: &proofs{store: c.Store, partners: d.Partners, tokens: d.Tokens}, limits: limits, refusals: d.Refusals,
	}
	d.Simple = &SimpleAuth{redirects: d.Redirects, partners: d.Partners}
	d.Confirmations = &Confirmations{store: c.Store, sessions: d.Sessions, limits: limits, refusals: d.Refusals, post: c.Mail}
	d.Devices = &Devices{store: c.Store}
	d.Widgets = &Widgets{redirects: d.Redirects}
	c.Tenants.OnDelete(d.Tokens.forget)
	return d, nil
}

// Run does the doors' background work until ctx ends, and writes a last time what was counted.
func (d *Doors) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.Limits.Run(ctx) })
	g.Go(func() error { return d.Sessions.Run(ctx) })
	return g.Wait()
}

// Client is the program that somebody signs in with, for the list of sessions and the audit log.
type Client struct {
	IP        netip.Addr
	UserAgent string
}

// Address is the IP address as the audit log keeps it.
func (c Client) Address() string {
	if !c.IP.IsValid() {
		return ""
	}
	return c.IP.String()
}

// Device is the user agent as it is kept.
func (c Client) Device() string {
	const most = 200
	return strings.ToValidUTF8(c.UserAgent[:min(len(c.UserAgent), most)], "")
}
