package domains_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/domains"
)

const host = "shop.acme.example"

var (
	staff = tickets.Admin(tickets.Person{ID: "agt_zoe", Email: "zoe@acme.example", Name: "Zoe"})
	ann   = tickets.Requester(tickets.Person{ID: "usr_ann", Email: "ann@partner.example", Name: "Ann"})
	day   = 24 * time.Hour
)

// world is a node with two tenants, their domains and their desks.
type world struct {
	t         *testing.T
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	domains   *domain.Registry
	desk      *tickets.Desk
	dns       *zone
	acme, bee *tenant.Tenant
	// told is what happened, by tenant, as followers of the desk hear of it; of several watches each tells by itself.
	told map[tenant.ID][]tickets.Event
	mu   sync.Mutex
	// fail, if not nil, undoes what a follower is told of.
	fail func(*tickets.Happening) error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, dns: &zone{texts: map[string]string{}}, told: map[tenant.ID][]tickets.Event{},
		store: storagetest.Open(t, slices.Concat(tenant.Tables(), domain.Tables(), tickets.Tables(), domains.Tables())...),
	}
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	w.ok(err)
	w.directory = tenant.NewDirectory(w.store, node, nil)
	w.ok(w.directory.Load(t.Context()))
	w.tenants = tenant.NewRegistry(w.store, w.directory)
	w.domains = domain.New(w.store, w.tenants, w.directory, domain.Options{Resolver: w.dns})
	w.desk = tickets.New(tickets.Config{Store: w.store, Tenants: w.tenants.List, Followers: []tickets.Follower{w.follow}})
	w.acme, _, err = w.tenants.Create(t.Context(), "acme", "Acme")
	w.ok(err)
	w.bee, _, err = w.tenants.Create(t.Context(), "bee", "Bee")
	w.ok(err)
	return w
}

// follow notes what happens, once it has.
func (w *world) follow(tx *storage.Tx, tn *tenant.Tenant, h *tickets.Happening) error {
	if w.fail != nil {
		if err := w.fail(h); err != nil {
			return err
		}
	}
	e := h.Event
	tx.OnCommit(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told[tn.ID] = append(w.told[tn.ID], e)
	})
	return nil
}

// watch is that of one node.
func (w *world) watch() *domains.Watch {
	return domains.New(domains.Config{
		Store: w.store, Directory: w.directory, Desk: w.desk,
		Speech: func(*tenant.Tenant) domains.Speech {
			return domains.Speech{T: fmt.Sprintf, Time: func(at time.Time) string { return at.Format(time.DateTime) }}
		},
		Page: func(tn *tenant.Tenant, h tenant.Host) string { return "https://" + tn.Slug + "/domains/" + string(h) },
	})
}

// run runs a watch until stop is called.
func (w *world) run(one *domains.Watch) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- one.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		w.ok(<-over)
	})
	w.t.Cleanup(stop)
	return stop
}

// settle waits until nothing happens any more.
func (w *world) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// bring makes a host a domain of a tenant's that is verified, with a certificate for 90 days.
func (w *world) bring(tn *tenant.Tenant, h string) {
	w.t.Helper()
	_, err := w.domains.Add(w.t.Context(), tn, h, domain.ByTenant)
	w.ok(err)
	w.prove(tn, h)
	w.verify(h)
	w.certify(h)
}

// prove puts the proof into DNS.
func (w *world) prove(tn *tenant.Tenant, h string) {
	w.t.Helper()
	d, err := w.domains.FindOwn(w.t.Context(), tn, h)
	w.ok(err)
	w.dns.set(d.Records[0].Name, d.Records[0].Value)
}

// unprove takes it away.
func (w *world) unprove(h string) { w.dns.set("_deskgate."+h, "") }

func (w *world) verify(h string) {
	w.t.Helper()
	_, err := w.domains.Verify(w.t.Context(), h)
	w.ok(err)
}

// drift has the proof go, or come back, and the node notice it.
func (w *world) drift(h string) { w.unprove(h); w.verify(h) }

func (w *world) mend(tn *tenant.Tenant, h string) {
	w.prove(tn, h)
	w.verify(h)
}

func (w *world) report(h string, r domain.Report) {
	w.t.Helper()
	w.ok(w.domains.ReportCertificate(w.t.Context(), tenant.Host(h), r))
}

func (w *world) certify(h string) {
	end := time.Now().Add(90 * day)
	w.report(h, domain.Report{Status: domain.CertificateActive, NotAfter: end, NextAttempt: end.Add(-30 * day)})
}

// tickets are all of a tenant's, the oldest first.
func (w *world) tickets(tn *tenant.Tenant) []tickets.Ticket {
	w.t.Helper()
	p, err := w.desk.List(w.t.Context(), tn, staff, tickets.Query{Limit: 100})
	w.ok(err)
	slices.SortFunc(p.Tickets, func(a, b tickets.Ticket) int { return int(a.Number) - int(b.Number) })
	return p.Tickets
}

// only is the only ticket of acme's.
func (w *world) only() tickets.Ticket {
	w.t.Helper()
	all := w.tickets(w.acme)
	if len(all) != 1 {
		w.t.Fatalf("%d tickets, want one: %s", len(all), titles(all))
	}
	return all[0]
}

func titles(all []tickets.Ticket) string {
	var s []string
	for i := range all {
		s = append(s, fmt.Sprintf("%s (%s, %s)", all[i].Title, all[i].Status, all[i].Priority))
	}
	return strings.Join(s, "; ")
}

// is checks acme's only ticket, how many comments it has, and what the last one says.
func (w *world) is(status tickets.Status, priority tickets.Priority, comments int, last string) tickets.Ticket {
	w.t.Helper()
	w.settle()
	t := w.only()
	if t.Status != status || t.Priority != priority {
		w.t.Errorf("the ticket is %s and %s, want %s and %s", t.Status, t.Priority, status, priority)
	}
	all := w.comments(&t)
	if len(all) != comments {
		w.t.Errorf("%d comments, want %d", len(all), comments)
	}
	if n := len(all); n > 0 && !strings.Contains(all[n-1].Body, last) {
		w.t.Errorf("the last comment is %q, want %q in it", all[n-1].Body, last)
	}
	return t
}

func (w *world) comments(t *tickets.Ticket) []tickets.Comment {
	w.t.Helper()
	p, err := w.desk.Comments(w.t.Context(), w.acme, staff, t.Ref(), "", 100)
	w.ok(err)
	return p.Comments
}

func (w *world) change(t tickets.Ticket, c tickets.Change) {
	w.t.Helper()
	_, err := w.desk.Update(w.t.Context(), w.acme, staff, t.Ref(), c)
	w.ok(err)
}

func (w *world) set(key, value string) {
	w.t.Helper()
	_, err := w.tenants.Set(w.t.Context(), w.acme.Slug, map[string]string{key: value})
	w.ok(err)
	w.ok(w.directory.Sync(w.t.Context()))
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

var errBroken = errors.New("the power went")

// zone is DNS with nothing but texts.
type zone struct {
	mu    sync.Mutex
	texts map[string]string
}

func (z *zone) set(name, text string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.texts[name] = text
}

// TXT returns the text of this name.
func (z *zone) TXT(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if text := z.texts[name]; text != "" {
		return []string{text}, nil
	}
	return nil, nil
}

// CNAMEs returns nothing.
func (*zone) CNAMEs(context.Context, string) ([]string, error) { return nil, nil }

// Addresses returns nothing.
func (*zone) Addresses(context.Context, string) ([]netip.Addr, error) { return nil, nil }

// CAA returns nothing.
func (*zone) CAA(context.Context, string) ([]domain.CAA, error) { return nil, nil }

// Apex knows of no zone.
func (*zone) Apex(context.Context, string) (string, error) { return "", nil }
