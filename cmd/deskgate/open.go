package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/outbound"
	"github.com/deskgate/deskgate/tenant/span"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/domains"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/tickets/rule"
	"github.com/deskgate/deskgate/tickets/transfer"
	"github.com/deskgate/deskgate/tickets/webhook"
	"github.com/deskgate/deskgate/web"
)

// operator has the open rooms and does what the node's operator asks for. It is the same in the running node and in a
// command that opened the data folder by itself.
type operator struct {
	store     *storage.Store
	names     *tenant.Node
	directory *tenant.Directory
	tenants   *tenant.Registry
	domains   *domain.Registry
	doors     *auth.Doors
	staff     *staff.Members
	oidc      *oidc.Logins
	passkeys  *passkey.Keys
	desk      *tickets.Desk
	rules     *rule.Engine
	webhooks  *webhook.Hooks
	outbound  *outbound.Client
	spans     *span.Source // of what no request waits for
	post      *mail.Post
	eraser    *erasure.Eraser
	transfers *transfer.Transfers
	notifier  *notify.Notifier
	lookout   *domains.Watch
	backlog   *tally[domains.Backlog] // of the lookout
	tls       string                  // the setting
	data      string                  // the folder
	edge      *proxy.Server           // nil where no node runs
}

// byOperator is how the audit log names whoever uses the commands.
const byOperator = "operator"

// tables are all tables of the program.
func tables() []storage.Declared {
	return slices.Concat(tenant.Tables(), domain.Tables(), mail.Tables(), auth.Tables(), staff.Tables(), oidc.Tables(), passkey.Tables(), tickets.Tables(), webhook.Tables(), rule.Tables(), transfer.Tables(), notify.Tables(), domains.Tables(), proxy.Tables(), erasure.Tables())
}

// forgets is what all tables of the program do about somebody who is to be forgotten: who lets people in comes first, then what
// they wrote, then what was noted about it.
func (o *operator) forgets() []erasure.Answer {
	return slices.Concat(o.doors.Forgets(), o.desk.Forgets(), o.webhooks.Forgets(), rule.Forgets(), o.transfers.Forgets(), notify.Forgets(), domains.Forgets(), mail.Forgets(), tenant.Forgets(), domain.Forgets(), staff.Forgets(),
		oidc.Forgets(), passkey.Forgets(), proxy.Forgets(), erasure.Forgets())
}

// newEraser makes the room that has people forgotten, once all others are open.
func (o *operator) newEraser(log *slog.Logger) *erasure.Eraser {
	return erasure.New(erasure.Config{
		Store: o.store, Scopes: o.tenants.Scopes, Answers: o.forgets(), Log: log,
		Tell: func(tx *storage.Tx, e erasure.Erasure) error {
			err := tenant.RecordErasure(tx, e)
			if t, known := o.directory.ByID(tenant.ID(tx.Scope().ID())); known && e.Finished() && err == nil {
				err = o.desk.UserErased(tx, t, e)
			}
			return err
		},
	})
}

// storeOptions are the options of the store that the settings name. The engine gets half of the memory.
func (s *settings) storeOptions(log *slog.Logger) storage.Options {
	return storage.Options{URL: s.store, Dir: s.data, MasterKey: s.masterKey, Memory: s.memory / 2, Tables: tables(), Log: log}
}

// open opens the store and makes the rooms. Whoever opens them has to close the store.
func open(ctx context.Context, s *settings, log *slog.Logger) (*operator, error) {
	node, err := s.node()
	if err != nil {
		return nil, err
	}
	resolver, err := domain.NewResolver(s.resolvers)
	if err != nil {
		return nil, &settingError{"--dns-resolver", err}
	}
	store, err := storage.Open(ctx, s.storeOptions(log))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.data, err)
	}
	o := &operator{store: store, names: node, tls: s.tls, data: s.data, spans: &span.Source{}}
	o.directory = tenant.NewDirectory(store, node, log)
	o.tenants = tenant.NewRegistry(store, o.directory)
	o.domains = domain.New(store, o.tenants, o.directory, domain.Options{
		Resolver: resolver, Authorities: s.authoritiesInDNS(), Challenged: s.tls == tlsACME, Spans: o.spans, Log: log,
		Prober: outbound.NewProber(outbound.Config{Allow: s.outboundAllow, Agent: "Deskgate/" + thisVersion().Version}),
	})
	if err := o.directory.Load(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	o.outbound = outbound.New(outbound.Config{Allow: s.outboundAllow, Agent: "Deskgate/" + thisVersion().Version})
	if o.post, err = s.post(o, log); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	o.notifier = notify.New(notify.Config{
		Store: store, Directory: o.directory, Post: o.post, People: web.LetterReaders(), Delay: s.notifyDelay, Log: log,
	})
	o.rules = rule.New(rule.Config{Store: store, Agents: colleagues, Page: web.TicketPage(o.directory), Log: log})
	o.webhooks = s.newWebhooks(o, log)
	o.desk = tickets.New(tickets.Config{
		Store: store, Tenants: o.tenants.List, Agents: o.team, Organizations: auth.OrganizationOf, Followers: []tickets.Follower{o.webhooks.Follow, o.notifier.Follow}, Rules: o.rules.Rules, Waits: o.rules.Waits, Log: log,
	})
	if o.lookout, err = o.newWatch(log); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	o.backlog = &tally[domains.Backlog]{look: o.lookout.Backlog, fresh: time.Minute}
	o.doors, err = auth.Open(ctx, auth.Config{
		Store: store, Directory: o.directory, Tenants: o.tenants, Standing: staff.Standing, Outbound: o.outbound, Mail: o.post, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	o.staff = staff.Open(staff.Config{
		Store: store, Directory: o.directory, Sessions: o.doors.Sessions, Limits: o.doors.Limits, Refusals: o.doors.Refusals, Mail: o.post,
	})
	o.oidc = oidc.New(oidc.Config{Store: store, Limits: o.doors.Limits, Staff: o.staff, Client: o.outbound.HTTP()})
	o.passkeys = passkey.New(passkey.Config{Store: store, Limits: o.doors.Limits, Staff: o.staff})
	o.transfers = transfer.New(transfer.Config{
		Store: store, Desk: o.desk, Tenants: o.tenants.List, Ensure: web.EnsureRequester, Log: log,
		Team: func(ctx context.Context, t *tenant.Tenant) ([]tickets.Person, error) {
			return web.Team(ctx, o.staff, t)
		},
		Sections: web.Exported{
			Directory: o.directory, Tenants: o.tenants, Users: o.doors.Users, Staff: o.staff, Desk: o.desk, Rules: o.rules,
		}.Sections(),
	})
	o.eraser = o.newEraser(log)
	return o, nil
}

// team is a tenant's staff, for searches by their names.
func (o *operator) team(ctx context.Context, t *tenant.Tenant) ([]tickets.Person, error) {
	return web.Team(ctx, o.staff, t)
}

// colleagues are those whom a tenant's rules may assign tickets to.
func colleagues(tx *storage.Tx) ([]tickets.Person, error) {
	joined, err := staff.Joined(tx)
	return web.Persons(joined), err
}

// newWebhooks makes the room that tells tenants' own programs what happens.
func (s *settings) newWebhooks(o *operator, log *slog.Logger) *webhook.Hooks {
	return webhook.New(webhook.Config{
		Store: o.store, Directory: o.directory, Spans: o.spans, Log: log, Render: web.NewPayloads(o.directory).Webhook, Off: o.notifier.WebhookOff,
		Client: outbound.New(outbound.Config{Allow: s.outboundAllow, Agent: "Deskgate/" + thisVersion().Version, Patience: webhook.Patience, TellTrace: true}),
	})
}

// newWatch makes the room that tells tenants' desks of their own domains.
func (o *operator) newWatch(log *slog.Logger) (*domains.Watch, error) {
	speech, err := web.DomainSpeech()
	return domains.New(domains.Config{
		Store: o.store, Directory: o.directory, Desk: o.desk, Speech: speech, Page: web.DomainPage(o.directory), Log: log,
	}), err
}

// authoritiesInDNS are the CAs as CAA records name them, as far as that is known without asking them.
func (s *settings) authoritiesInDNS() (all []domain.Authority) {
	if s.tls != tlsACME {
		return nil
	}
	for _, directory := range s.acmeDirectories() {
		all = append(all, domain.Authority{Names: certificate.CAANames(directory)})
	}
	return all
}

// node is what the settings say about the node's names.
func (s *settings) node() (*tenant.Node, error) {
	if len(s.nodeURLs) == 0 {
		return nil, &settingError{"--node-url", errors.New("is required: the public base URL of the node, e.g. https://tickets.example.com")}
	}
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: s.nodeURLs, TLSOff: s.tls == tlsOff, Addresses: s.nodeAddresses})
	if err != nil {
		return nil, &settingError{"--node-url", err}
	}
	return node, nil
}

// openStore opens the store alone. It needs no names: those of a folder that was just restored are not known yet.
func openStore(ctx context.Context, s *settings, log *slog.Logger) (*operator, error) {
	store, err := storage.Open(ctx, s.storeOptions(log))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.data, err)
	}
	return &operator{store: store}, nil
}

// withRooms opens the data folder for one command and closes it again. What is about the store alone makes none
// where there is none.
func (p *program) withRooms(ctx context.Context, s *settings, r reaching) error {
	if _, err := os.Stat(s.data); err != nil {
		return &failure{
			Code: codeNotFound, Message: "There is no data folder.",
			Details: fmt.Sprintf("there is no data folder at %s: say with --data where it is, or start a node with deskgate serve", s.data),
		}
	}
	if err := ownedByUs(s.data); err != nil {
		return err
	}
	enter := open
	if r.storeOnly {
		if enter = openStore; !storage.Exists(s.data) {
			return &failure{
				Code: codeNotFound, Message: "There is nothing in the data folder.",
				Details: fmt.Sprintf("no node has run in the data folder %s: say with --data where it is, or start a node with deskgate serve", s.data),
			}
		}
	}
	o, err := enter(ctx, s, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(r.alone(o), o.store.Close())
}

// ownedByUs refuses to open what belongs to the node's user as somebody else, also as root: the node could not read
// what that leaves behind.
func ownedByUs(dir string) error {
	info, err := os.Stat(filepath.Join(dir, nodeFile))
	if err != nil {
		return nil //nolint:nilerr // no node ran here yet
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() {
		return nil
	}
	name := strconv.Itoa(int(owner.Uid))
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return &failure{
		Code: codeForbidden, Message: "The data folder belongs to another user.",
		Details: fmt.Sprintf("no node runs, and the data folder %s belongs to %s: start the node, or run this as that user (sudo -u %s deskgate …)", dir, name, name),
	}
}
