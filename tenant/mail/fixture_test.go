package mail_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
)

// house is a node with two tenants and a post office.
type house struct {
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	acme, bee *tenant.Tenant
	log       *bytes.Buffer
}

func open(tb testing.TB) *house {
	tb.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	ok(tb, err)
	h := &house{store: storagetest.Open(tb, append(tenant.Tables(), mail.Tables()...)...), log: &bytes.Buffer{}}
	h.directory = tenant.NewDirectory(h.store, node, nil)
	ok(tb, h.directory.Load(tb.Context()))
	h.tenants = tenant.NewRegistry(h.store, h.directory)
	h.acme, _, err = h.tenants.Create(tb.Context(), "acme", "Acme & Söhne")
	ok(tb, err)
	h.bee, _, err = h.tenants.Create(tb.Context(), "bee", "Bee")
	ok(tb, err)
	return h
}

// post is a post office with a mail server; nil: without one.
func (h *house) post(server *mail.Server) *mail.Post {
	return mail.New(mail.Config{
		Store: h.store, Directory: h.directory, Server: server, Render: words, From: "desk@tickets.example",
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
}

// words stands for the renderer of the product.
func words(_ context.Context, t *tenant.Tenant, l mail.Letter) (mail.Content, error) {
	body := t.Name + " at " + string(l.Host) + ": " + l.Fields["code"] + l.Fields["url"]
	return mail.Content{Subject: "About " + string(l.Kind) + " – ü", Text: body + "\n.\nlast line\n", HTML: "<p>" + body + "</p>"}, nil
}

// start runs a post office until stop is called, which returns when it is at its end.
func start(tb testing.TB, p *mail.Post) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- p.Run(ctx) }()
	once := sync.OnceFunc(func() {
		cancel()
		ok(tb, <-over)
	})
	tb.Cleanup(once)
	return once
}

// write puts a letter into the post of a tenant.
func (h *house) write(tb testing.TB, p *mail.Post, t *tenant.Tenant, l mail.Letter) {
	tb.Helper()
	ok(tb, h.store.Update(tb.Context(), t.Scope(), func(tx *storage.Tx) error { return p.Enqueue(tx, l) }))
}

// code is a letter with a code.
func code(to, code string) mail.Letter {
	return mail.Letter{Kind: mail.Code, To: to, Fields: map[string]string{"code": code}, Expires: time.Now().Add(24 * time.Hour)}
}

// events are the actions and details of a tenant's audit log about mail.
func (h *house) events(tb testing.TB, t *tenant.Tenant) (all []string) {
	tb.Helper()
	page, err := h.tenants.Audit(tb.Context(), t.ID, "", 100)
	ok(tb, err)
	for _, e := range page.Events {
		if e.Action == "mail.failed" {
			all = append(all, e.Object+" "+e.Detail)
		}
	}
	return all
}

// pass lets time go by in a bubble, until nothing happens any more.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func count(letters []mailtest.Letter, to string) (n int) {
	for _, l := range letters {
		if l.To == to {
			n++
		}
	}
	return n
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
