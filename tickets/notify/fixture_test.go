package notify_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/notify"
)

var (
	ann  = person("usr_ann", "ann@partner.example", "Ann")
	bob  = person("usr_bob", "bob@partner.example", "Bob")
	zoe  = person("agt_zoe", "zoe@acme.example", "Zoe")
	yan  = person("agt_yan", "yan@acme.example", "Yan")
	eve  = tickets.Visitor(tickets.Person{Lineage: "lin_eve", Email: "ann@partner.example", Name: "Buy Pills"})
	long = 30 * time.Minute
)

func person(id, email, name string) tickets.Person {
	return tickets.Person{ID: id, Email: email, Name: name}
}

// world is a desk with two tenants, a mail server and a notifier. It stands in a bubble.
type world struct {
	t         testing.TB
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	acme, bee *tenant.Tenant
	mail      *mailtest.Server
	post      *mail.Post
	desk      *tickets.Desk
	*notify.Notifier

	halts []func()

	mu    sync.Mutex
	staff map[tenant.ID][]notify.Reader
	users map[string]notify.Reader
}

// open makes a world that does not run yet. Off: it has no mail server.
func open(tb testing.TB, o mailtest.Options, off bool) *world {
	tb.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://desk.example"}})
	ok(tb, err)
	w := &world{
		t: tb, store: storagetest.Open(tb, slices.Concat(tenant.Tables(), mail.Tables(), tickets.Tables(), notify.Tables(), erasure.Tables())...),
		staff: map[tenant.ID][]notify.Reader{}, users: map[string]notify.Reader{},
	}
	w.directory = tenant.NewDirectory(w.store, node, nil)
	ok(tb, w.directory.Load(tb.Context()))
	w.tenants = tenant.NewRegistry(w.store, w.directory)
	w.acme, _, err = w.tenants.Create(tb.Context(), "acme", "Acme")
	ok(tb, err)
	w.bee, _, err = w.tenants.Create(tb.Context(), "bee", "Bee")
	ok(tb, err)
	for _, p := range []tickets.Person{ann, bob} {
		w.users[p.ID] = notify.Reader{ID: p.ID, Email: p.Email, Name: p.Name}
	}
	w.employ(w.acme, zoe)
	c := mail.Config{
		Store: w.store, Directory: w.directory, Render: w.render(notify.NewThreads(w.store, w.directory, w.people())),
		Failed: notify.Failed, Sent: notify.Sent(w.store), From: "desk@desk.example",
	}
	if !off {
		o.Pipes = true
		w.mail = mailtest.Start(tb, o)
		c.Server = w.mail.Server(tb)
	}
	w.post = mail.New(c)
	w.Notifier = w.notifier()
	w.desk = tickets.New(tickets.Config{
		Store: w.store, Tenants: w.tenants.List, Followers: []tickets.Follower{w.Follow},
	})
	return w
}

// start is open, and runs what has to run until the test ends.
func start(tb testing.TB, o mailtest.Options) *world {
	tb.Helper()
	w := open(tb, o, false)
	w.halts = append(w.halts, w.run(w.post.Run), w.run(w.Run))
	return w
}

// halt ends what runs, so that much time can go by quickly.
func (w *world) halt() {
	for _, stop := range w.halts {
		stop()
	}
}

func (w *world) notifier() *notify.Notifier {
	return notify.New(notify.Config{Store: w.store, Directory: w.directory, Post: w.post, People: w.people()})
}

// run runs something until stop is called, or the test ends.
func (w *world) run(fn func(context.Context) error) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- fn(ctx) }()
	once := sync.OnceFunc(func() {
		cancel()
		ok(w.t, <-over)
	})
	w.t.Cleanup(once)
	return once
}

// people are those of the world, each tenant's apart.
func (w *world) people() notify.People {
	return notify.People{
		Requester: func(_ *storage.Tx, id string) (notify.Reader, bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			r, found := w.users[id]
			return r, found, nil
		},
		Staff: func(tx *storage.Tx) ([]notify.Reader, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.Clone(w.staff[tenant.ID(tx.Scope().ID())]), nil
		},
	}
}

// employ has the tenant's staff be those, and nobody else.
func (w *world) employ(t *tenant.Tenant, all ...tickets.Person) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.staff[t.ID] = nil
	for _, p := range all {
		w.staff[t.ID] = append(w.staff[t.ID], notify.Reader{ID: p.ID, Email: p.Email, Name: p.Name})
	}
}

// render writes down the facts of a letter.
func (w *world) render(threads *notify.Threads) func(context.Context, *tenant.Tenant, mail.Letter) (mail.Content, error) {
	return func(ctx context.Context, t *tenant.Tenant, l mail.Letter) (mail.Content, error) {
		f, err := threads.Read(ctx, t, l)
		if err != nil {
			return mail.Content{}, err
		}
		var b strings.Builder
		if l.Kind == mail.Digest {
			return w.renderDigest(t, &f), nil
		}
		fmt.Fprintf(&b, "%s: %v\n", t.Slug, f.What)
		for _, m := range f.New {
			fmt.Fprintf(&b, "new: %s: %s\n", m.Author, m.Body)
		}
		for _, m := range f.Earlier {
			fmt.Fprintf(&b, "earlier: %s: %s\n", m.Author, m.Body)
		}
		fmt.Fprintf(&b, "url %s\nrate %s\nend %s\nmore %d last %t\n", f.URL, f.Rate, f.Unsubscribe, f.More, f.Last)
		return mail.Content{
			Subject: fmt.Sprintf("[#%d] %s", f.Ticket.Number, f.Ticket.Title), Text: b.String(), HTML: "<p>", Unsubscribe: f.Unsubscribe,
		}, nil
	}
}

// renderDigest writes down the facts of a letter about several tickets: their numbers in the first line, then a line each.
func (*world) renderDigest(t *tenant.Tenant, f *notify.Facts) mail.Content {
	var numbers []string
	var b strings.Builder
	for i := range f.Tickets {
		one := &f.Tickets[i]
		numbers = append(numbers, fmt.Sprintf("#%d%v", one.Ticket.Number, one.What))
		fmt.Fprintf(&b, "%s last %t", one.URL, one.Last)
		for _, m := range one.New {
			fmt.Fprintf(&b, " %s: %s", m.Author, m.Body)
		}
		b.WriteByte('\n')
	}
	return mail.Content{
		Subject: fmt.Sprintf("%d tickets", len(f.Tickets)), HTML: "<p>", Unsubscribe: f.Unsubscribe,
		Text: fmt.Sprintf("%s: %s\nmore %d over %t\nurl %s\nend %s\n%s", t.Slug, strings.Join(numbers, " "), f.More, f.Over, f.URL, f.Unsubscribe, b.String()),
	}
}

// file opens a ticket at acme.
func (w *world) file(a tickets.Actor, change ...func(*tickets.Draft)) tickets.Ticket {
	w.t.Helper()
	d := tickets.Draft{Title: "Printer", Description: "It burns."}
	for _, f := range change {
		f(&d)
	}
	o, err := w.desk.Open(w.t.Context(), w.acme, a, d)
	ok(w.t, err)
	return o.Ticket
}

func (w *world) say(a tickets.Actor, t tickets.Ticket, body string, v tickets.Visibility) {
	w.t.Helper()
	_, err := w.desk.Comment(w.t.Context(), w.acme, a, t.Ref(), tickets.Note{Body: body, Visibility: v})
	ok(w.t, err)
}

func (w *world) change(a tickets.Actor, t tickets.Ticket, c tickets.Change) {
	w.t.Helper()
	_, err := w.desk.Update(w.t.Context(), w.acme, a, t.Ref(), c)
	ok(w.t, err)
}

// got are the letters to an address since it was last asked for, as the first lines of their texts.
func (w *world) got(to tickets.Person) (all []string) {
	for _, l := range w.letters(to) {
		first, _, _ := strings.Cut(l.Text, "\n")
		all = append(all, first)
	}
	return all
}

// letters are all letters to somebody so far.
func (w *world) letters(to tickets.Person) (all []mailtest.Letter) {
	for _, l := range w.mail.Letters() {
		if l.To == to.Email {
			all = append(all, l)
		}
	}
	return all
}

// want fails the test unless somebody has got exactly these letters.
func (w *world) want(to tickets.Person, want ...string) {
	w.t.Helper()
	if got := w.got(to); !slices.Equal(got, want) {
		w.t.Errorf("%s got %q, want %q", to.Email, got, want)
	}
}

// pass lets time go by in a bubble, until nothing happens any more.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func requester(p tickets.Person) tickets.Actor { return tickets.Requester(p) }
func agent(p tickets.Person) tickets.Actor     { return tickets.Agent(p) }

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
