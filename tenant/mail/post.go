package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbox"
	"github.com/deskgate/deskgate/tenant/span"
)

// ErrOff says that the node sends no mail, for it knows no server. Ask Ready first.
var ErrOff = errors.New("this node sends no mail")

// ErrMoot is a renderer's word for a letter that nobody needs any more: it is dropped without a trace.
var ErrMoot = errors.New("there is nothing left to tell")

// Config is what a Post stands on.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	// Server is the operator's mail server, nil where there is none.
	Server *Server
	// From is the address that letters come from. Empty: no-reply@ the node's first host.
	From string
	// Render puts letters into words, or returns ErrMoot.
	Render func(ctx context.Context, t *tenant.Tenant, l Letter) (Content, error)
	// Failed is called in the transaction in which a letter is given up, to note it; see Refused. Nil: nothing happens.
	Failed func(tx *storage.Tx, l Letter, cause error) error
	// Sent is called when the server has taken a letter. It may be called twice for one. Nil: nothing happens.
	Sent func(ctx context.Context, t *tenant.Tenant, l Letter) error
	// Spans has letters' ways traced. Nil: they are not.
	Spans *span.Source
	// Log takes what nobody waits for. Nil: nothing is said.
	Log *slog.Logger
}

// Content is a letter in words, as plain text and as a whole HTML document.
type Content struct {
	Subject, Text, HTML string
	// Unsubscribe is the URL at which one POST ends letters like this one (RFC 8058); empty: there is none.
	Unsubscribe string
}

// Post takes letters and sees that they are sent. It is safe for concurrent use; a nil Post is one that is not ready.
type Post struct {
	config  Config
	helo    string // the name that the node has for the server
	way     atomic.Pointer[way]
	courier *outbox.Courier[letter]
}

// way is how letters leave.
type way struct {
	server *Server // nil: not at all
	from   string
}

// New returns the node's post office.
func New(c Config) *Post {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	helo := string(c.Directory.Node().Hosts()[0])
	p := &Post{config: c, helo: helo}
	p.Change(c.Server, c.From)
	p.courier = outbox.NewCourier(letters, outbox.Config[letter]{
		Store: c.Store, Directory: c.Directory, Deliver: p.deliver, GiveUp: p.giveUp, Pauses: pauses(), Spans: c.Spans, Log: c.Log,
	})
	return p
}

// Change has letters leave by another server, or from another address, from the next one on.
func (p *Post) Change(s *Server, from string) {
	p.way.Store(&way{s, Sender(from, p.config.Directory.Node())})
}

// Sender is the address that a node's letters come from: the one that was chosen, or no-reply@ its first host.
func Sender(chosen string, n *tenant.Node) string {
	return cmp.Or(chosen, "no-reply@"+string(n.Hosts()[0]))
}

// pauses are the times between tries: about a day in all.
func pauses() []time.Duration {
	return []time.Duration{
		time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 9 * time.Hour,
	}
}

// Ready says whether the node can send letters. What needs them says so, where it is false, and all else works.
func (p *Post) Ready() bool { return p != nil && p.way.Load().server != nil }

// From is the address that letters come from.
func (p *Post) From() string { return p.way.Load().from }

// letters is the queue of what is still to be sent.
var letters = outbox.NewQueue[letter](40, "letters")

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{letters.Table()} }

// letter is a Letter on disk.
type letter struct {
	Kind   Kind              `cbor:"1,keyasint"`
	To     string            `cbor:"2,keyasint"`
	Name   string            `cbor:"3,keyasint,omitempty"`
	Fields map[string]string `cbor:"4,keyasint,omitempty"`
	Host   tenant.Host       `cbor:"5,keyasint,omitempty"`
	Thread string            `cbor:"6,keyasint,omitempty"`
	Opens  bool              `cbor:"7,keyasint,omitempty"`
}

// whole is the letter as it was put in.
func (l *letter) whole(expires time.Time) Letter {
	return Letter{
		Kind: l.Kind, To: l.To, Name: l.Name, Fields: l.Fields, Host: l.Host, Thread: l.Thread, Opens: l.Opens, Expires: expires,
	}
}

// Enqueue takes a letter in a tenant's transaction: it is sent if, and as soon as, the transaction is committed. ErrOff: the node sends
// no mail. Any other error is a mistake of the caller's, or the store's.
func (p *Post) Enqueue(tx *storage.Tx, l Letter) error {
	if !p.Ready() {
		return ErrOff
	}
	if err := l.check(); err != nil {
		return err
	}
	_, err := letters.Put(tx, letter{
		Kind: l.Kind, To: l.To, Name: l.Name, Fields: l.Fields, Host: l.Host, Thread: l.Thread, Opens: l.Opens,
	}, l.Expires.UTC().Truncate(time.Second))
	return err
}

// Run sends what is to be sent until ctx ends. A Post that is not ready keeps what is there for a time when it will be.
func (p *Post) Run(ctx context.Context) error {
	if !p.Ready() {
		return nil
	}
	return p.courier.Run(ctx)
}

// State is how the letters stand.
func (p *Post) State(ctx context.Context) (outbox.State, error) { return p.courier.State(ctx) }

// Check asks the server whether it would take letters from this node. ErrOff: there is none.
func (p *Post) Check(ctx context.Context) error {
	if !p.Ready() {
		return ErrOff
	}
	w := p.way.Load()
	return w.server.Check(ctx, p.helo, w.from)
}

// deliver sends one letter.
func (p *Post) deliver(ctx context.Context, t *tenant.Tenant, i outbox.Item[letter]) error {
	l := i.Payload.whole(i.Expires)
	if l.Host == "" {
		l.Host = p.config.Directory.PrimaryHost(t)
	}
	c, err := p.config.Render(ctx, t, l)
	switch {
	case errors.Is(err, ErrMoot):
		return nil
	case errors.Is(err, storage.ErrClosed), ctx.Err() != nil:
		return fmt.Errorf("render: %w", err)
	case err != nil:
		return outbox.Permanent(fmt.Errorf("render: %w", err))
	}
	w := p.way.Load()
	m, err := p.compose(t, i, c, w.from)
	if err != nil {
		return outbox.Permanent(err)
	}
	if err := w.server.send(ctx, p.helo, m); err != nil || p.config.Sent == nil {
		return err
	}
	if err := p.config.Sent(ctx, t, l); err != nil { // the letter is out, and is not to go again because of it
		p.config.Log.WarnContext(ctx, "that a letter was sent was not noted", slog.String("tenant", t.Slug), slog.Any("error", err))
	}
	return nil
}

// compose puts the words of a letter into an envelope. Its identity stays the same whenever it is sent again.
func (p *Post) compose(t *tenant.Tenant, i outbox.Item[letter], c Content, sender string) (*gomail.Msg, error) {
	l := i.Payload
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	from, err := address(t.Name, sender)
	if err != nil {
		return nil, err
	}
	to, err := address(l.Name, l.To)
	if err != nil {
		return nil, err
	}
	m.FromMailAddress(from)
	m.ToMailAddress(to)
	identify(m, t, i, sender)
	m.SetDateWithValue(i.CreatedAt)
	m.Subject(c.Subject)
	// No machine is to answer: RFC 3834, and what Exchange asks for.
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	if l.Kind.AboutTickets() {
		m.SetGenHeaderPreformatted("List-Id", "<tickets."+t.Slug+"."+p.helo+">")
		m.SetGenHeader(gomail.HeaderPrecedence, "bulk")
	}
	if c.Unsubscribe != "" {
		m.SetGenHeaderPreformatted(gomail.HeaderListUnsubscribe, "<"+c.Unsubscribe+">")
		m.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	m.SetBodyString(gomail.TypeTextPlain, c.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, c.HTML)
	return m, nil
}

// address is an address with a name as a header may hold it: any name will do, for people choose them, and one that does not fit must
// cost nobody their letters.
func address(name, at string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress("<" + at + ">")
	if err != nil {
		return nil, fmt.Errorf("the address %q: %w", at, err)
	}
	visible := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, " "))
	a.Name = strings.Join(strings.Fields(visible), " ")
	return a, nil
}

// identify names a letter, and the one that its thread began with.
func identify(m *gomail.Msg, t *tenant.Tenant, i outbox.Item[letter], sender string) {
	_, domain, _ := strings.Cut(sender, "@")
	thread := i.Payload.Thread + "." + strings.ToLower(string(t.ID)) + "@" + domain
	switch own := strings.ToLower(i.ID) + "@" + domain; {
	case i.Payload.Thread == "":
		m.SetMessageIDWithValue(own)
	case i.Payload.Opens:
		m.SetMessageIDWithValue(thread)
	default:
		m.SetMessageIDWithValue(own)
		m.SetGenHeaderPreformatted(gomail.HeaderInReplyTo, "<"+thread+">")
		m.SetGenHeaderPreformatted(gomail.HeaderReferences, "<"+thread+">")
	}
}
