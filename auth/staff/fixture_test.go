package staff_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
)

const acmeHost = tenant.Host("acme.tickets.example")

var client = auth.Client{IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Test/1.0"}

// house is a node with two tenants and the keeper of their staff.
type house struct {
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	doors     *auth.Doors
	staff     *staff.Members
	acme, bee *tenant.Tenant
	// post is nil on a node that sends no mail; letters is where it sends it to.
	post    *mail.Post
	letters *mailtest.Server
}

// open makes a node that sends no mail.
func open(tb testing.TB) *house {
	tb.Helper()
	return build(tb, nil)
}

// openWithMail makes a node that sends mail.
func openWithMail(tb testing.TB) *house {
	tb.Helper()
	letters := mailtest.Start(tb, mailtest.Options{Pipes: true})
	h := build(tb, letters)
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- h.post.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		if err := <-over; err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("post: %v", err)
		}
	})
	return h
}

func build(tb testing.TB, letters *mailtest.Server) *house {
	tb.Helper()
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://tickets.example"}})
	if err != nil {
		tb.Fatal(err)
	}
	var tables []storage.Declared
	for _, room := range [][]storage.Declared{tenant.Tables(), mail.Tables(), auth.Tables(), staff.Tables()} {
		tables = append(tables, room...)
	}
	h := &house{store: storagetest.Open(tb, tables...), letters: letters}
	h.directory = tenant.NewDirectory(h.store, node, nil)
	if err := h.directory.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	h.tenants = tenant.NewRegistry(h.store, h.directory)
	if letters != nil {
		h.post = mail.New(mail.Config{Store: h.store, Directory: h.directory, Server: letters.Server(tb), Render: plainly})
	}
	h.staff = h.reopen(tb)
	h.acme, h.bee = h.create(tb, "acme"), h.create(tb, "bee")
	return h
}

// reopen makes the keeper as after a restart.
func (h *house) reopen(tb testing.TB) *staff.Members {
	tb.Helper()
	doors, err := auth.Open(tb.Context(), auth.Config{
		Store: h.store, Directory: h.directory, Tenants: h.tenants, Standing: staff.Standing,
	})
	if err != nil {
		tb.Fatal(err)
	}
	h.doors = doors
	return staff.Open(staff.Config{Store: h.store, Directory: h.directory, Sessions: doors.Sessions, Limits: doors.Limits, Refusals: doors.Refusals, Mail: h.post})
}

// plainly puts a letter into the fewest words.
func plainly(_ context.Context, _ *tenant.Tenant, l mail.Letter) (mail.Content, error) {
	text := string(l.Kind) + " " + l.Fields["what"] + " " + l.Fields["url"]
	return mail.Content{Subject: string(l.Kind), Text: text, HTML: text}, nil
}

// demand has acme demand a second factor.
func (h *house) demand(tb testing.TB) {
	tb.Helper()
	changed, err := h.tenants.Set(tb.Context(), "acme", map[string]string{"staff_second_factor": "required"})
	if err != nil {
		tb.Fatal(err)
	}
	h.acme = changed
}

// found looks a session of staff up at acme's host.
func (h *house) found(tb testing.TB, secret string) error {
	tb.Helper()
	_, err := h.doors.Sessions.Find(tb.Context(), h.acme, auth.StaffSide, acmeHost, secret)
	return err
}

func (h *house) create(tb testing.TB, slug string) *tenant.Tenant {
	tb.Helper()
	made, _, err := h.tenants.Create(tb.Context(), slug, "Tenant "+slug)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// audited is the newest entry in acme's audit log about an action.
func (h *house) audited(tb testing.TB, action string) tenant.Event {
	tb.Helper()
	page, err := h.tenants.Audit(tb.Context(), h.acme.ID, "", 100)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range page.Events {
		if e.Action == action {
			return e
		}
	}
	tb.Errorf("the audit log has no %s", action)
	return tenant.Event{}
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

// addr is another address each time, for tests that are not about limits.
func addr() netip.Addr {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return netip.AddrFrom16(b)
}
