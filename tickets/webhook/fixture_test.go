package webhook_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/webhook"
)

var (
	ann   = tickets.Requester(tickets.Person{ID: "usr_ann", Email: "ann@partner.example", Name: "Ann"})
	agent = tickets.Agent(tickets.Person{ID: "agt_zoe", Email: "zoe@acme.example", Name: "Zoe"})
)

// house is a node with two tenants, their desk and their webhooks.
type house struct {
	*webhook.Hooks

	t         *testing.T
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	net       *pipes
	desk      *tickets.Desk
	acme, bee *tenant.Tenant

	off []string // the webhooks that were switched off, with the status of the last answer
}

func open(t *testing.T) *house {
	t.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	ok(t, err)
	tables := append(append(tenant.Tables(), tickets.Tables()...), webhook.Tables()...)
	h := &house{t: t, store: storagetest.Open(t, tables...), net: &pipes{hosts: map[string]*receiver{}}}
	h.directory = tenant.NewDirectory(h.store, node, nil)
	ok(t, h.directory.Load(t.Context()))
	h.tenants = tenant.NewRegistry(h.store, h.directory)
	h.acme, _, err = h.tenants.Create(t.Context(), "acme", "Acme")
	ok(t, err)
	h.bee, _, err = h.tenants.Create(t.Context(), "bee", "Bee")
	ok(t, err)
	h.Hooks = h.hooks()
	h.desk = tickets.New(tickets.Config{Store: h.store, Followers: []tickets.Follower{h.Follow}})
	return h
}

// hooks are the webhooks of another node with the same store.
func (h *house) hooks() *webhook.Hooks {
	return webhook.New(webhook.Config{
		Store: h.store, Directory: h.directory,
		Off: func(tx *storage.Tx, hook *webhook.Webhook, last *webhook.Attempt) error {
			tx.OnCommit(func() { h.off = append(h.off, fmt.Sprint(hook.ID, " ", last.Status)) })
			return nil
		},
		Client: outbound.New(outbound.Config{
			Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Patience: webhook.Patience, Dial: h.net.dial,
		}),
		Render: func(_ *tenant.Tenant, m webhook.Message) ([]byte, error) {
			words := map[string]any{"id": m.Event.ID, "type": m.Event.Type, "sequence": m.Event.Seq, "comment_id": m.Event.CommentID}
			if m.Ticket != nil {
				words["title"] = m.Ticket.Title
			}
			if m.Comment != nil {
				words["comment"] = m.Comment.Body
			}
			return json.Marshal(words)
		},
	})
}

// run delivers until stop is called, which returns when it is at its end.
func (h *house) run(hooks *webhook.Hooks) (stop func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- hooks.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		ok(h.t, <-over)
	})
	h.t.Cleanup(stop)
	return stop
}

func (h *house) hook(tn *tenant.Tenant, url string, change ...func(*webhook.Change)) (webhook.Webhook, string) {
	h.t.Helper()
	c := webhook.Change{URL: tickets.Set(url), Name: tickets.Set("Test")}
	for _, f := range change {
		f(&c)
	}
	hook, secret, err := h.Create(h.t.Context(), tn, "operator", c)
	ok(h.t, err)
	return hook, secret
}

func (h *house) file(tn *tenant.Tenant, title string) tickets.Ticket {
	h.t.Helper()
	o, err := h.desk.Open(h.t.Context(), tn, ann, tickets.Draft{Title: title, Description: "It does not work."})
	ok(h.t, err)
	return o.Ticket
}

func (h *house) comment(t tickets.Ticket, body string, v tickets.Visibility) {
	h.t.Helper()
	_, err := h.desk.Comment(h.t.Context(), h.acme, agent, t.Ref(), tickets.Note{Body: body, Visibility: v})
	ok(h.t, err)
}

func (h *house) find(id string) webhook.Webhook {
	h.t.Helper()
	hook, err := h.Find(h.t.Context(), h.acme, id)
	ok(h.t, err)
	return hook
}

func (h *house) deliveries(id string) []webhook.Delivery {
	h.t.Helper()
	page, err := h.Deliveries(h.t.Context(), h.acme, id, "", 100)
	ok(h.t, err)
	return page.Deliveries
}

// got is a message as a receiver got it.
type got struct {
	header http.Header
	body   []byte
	words  map[string]any
	at     time.Time
}

// pipes are a network without sockets: a bubble's time goes on while somebody waits for it.
type pipes struct {
	mu    sync.Mutex
	hosts map[string]*receiver
}

var errNobody = errors.New("connection refused")

func (p *pipes) dial(_ context.Context, _, address string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	host, _, _ := net.SplitHostPort(address)
	r, there := p.hosts[host]
	if !there || r.down.Load() {
		return nil, errNobody
	}
	client, server := net.Pipe()
	go r.serve(server)
	return client, nil
}

// receiver takes messages.
type receiver struct {
	url  string
	down atomic.Bool

	mu     sync.Mutex
	all    []got
	answer http.HandlerFunc // nil: 200
}

// receive starts a receiver.
func (h *house) receive(host string) *receiver {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	r := &receiver{url: "http://" + host + "/hook"}
	h.net.hosts[host] = r
	return r
}

// serve answers one request of a connection.
func (r *receiver) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	q, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, q)
	answer := w.Result()
	answer.Close = true
	_ = answer.Write(conn) // who asked may be gone
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	g := got{header: q.Header, at: time.Now()}
	g.body, _ = io.ReadAll(q.Body)
	_ = json.Unmarshal(g.body, &g.words)
	r.mu.Lock()
	r.all = append(r.all, g)
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, q)
	}
}

func (r *receiver) takes(h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = h
}

func (r *receiver) got() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got{}, r.all...)
}

func status(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
}

// pass lets time go by in a bubble, until nothing happens any more.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
