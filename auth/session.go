package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// How long sessions last: without use, and at all.
const (
	sessionIdle  = 8 * time.Hour
	vouchedLife  = 30 * 24 * time.Hour
	assertedLife = 24 * time.Hour
	staffLife    = 12 * time.Hour
	// seenEvery is how exactly the last use is known: it is written no more often.
	seenEvery = 5 * time.Minute
)

// Session is one browser that is signed in at one host. Its secret is in the browser's cookie and nowhere else.
type Session struct {
	// ID is the session's public name, for lists and for ending it. It opens nothing.
	ID    string
	Level Level
	// User is the vouched requester's or the member of staff's ID; empty for an asserted requester.
	User    string
	Lineage string
	Email   string
	Name    string
	Role    Role // staff only
	Host    tenant.Host
	// ReturnLink is the partner's page that "Back to …" leads to, or empty.
	ReturnLink string
	IP         string
	UserAgent  string
	// Method is how a member of staff came in; empty for requesters.
	Method Method
	// ProvenAt is when a member of staff last proved who they are, here and by themselves; zero: another site has vouched for
	// them, and nothing since.
	ProvenAt  time.Time
	CreatedAt time.Time
	SeenAt    time.Time
	// EndsAt is when the session ends at the latest.
	EndsAt time.Time
	// Embedder is the origin of the page that the widget is on; empty for a session of the host's own pages.
	Embedder string

	hash   SecretHash
	tenant tenant.ID
}

// Identity is who the session stands for.
func (s Session) Identity() Identity {
	return Identity{
		Tenant: s.tenant, Level: s.Level, ID: s.User, Lineage: s.Lineage, Email: s.Email, Name: s.Name, Role: s.Role, Session: s.ID,
	}
}

// Side says which kind of sessions is meant. Each has a cookie of its own, and they know nothing of each other.
type Side uint8

// The sides. A requester's session in the widget is none of the host's own pages.
const (
	RequesterSide Side = iota + 1
	StaffSide
	WidgetSide
)

// Sessions keeps the sessions of requesters and of staff. It is safe for concurrent use.
type Sessions struct {
	store *storage.Store
	log   *slog.Logger
	// standing says what a member of staff is now.
	standing func(*storage.Tx, string) (Standing, error)
	// warm are requesters' sessions that were looked up just now. A member's session is always read, with the member.
	warm *cache[Session]
	// bearers are widgets' sessions by their bearers.
	bearers *cache[Session]
}

func newSessions(store *storage.Store, standing func(*storage.Tx, string) (Standing, error), log *slog.Logger) *Sessions {
	if standing == nil {
		standing = func(*storage.Tx, string) (Standing, error) { return Standing{}, ErrNotFound }
	}
	return &Sessions{store: store, standing: standing, log: log, warm: newCache[Session](), bearers: newCache[Session]()}
}

// Find returns the session whose secret a browser sent to this host, and notes now and then that it is still in use.
// ErrSignedOut: there is none, it is over, or it belongs to another host, side or tenant.
func (s *Sessions) Find(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, secret string) (Session, error) {
	hash, ok := HashSecret(secret)
	if !ok {
		return Session{}, ErrSignedOut
	}
	read := func() (Session, error) { return s.read(ctx, t, side, host, hash) }
	var (
		found Session
		err   error
	)
	if side == RequesterSide {
		found, err = s.warm.get(hash, read)
	} else {
		found, err = read()
	}
	if err != nil {
		return Session{}, err
	}
	if found.tenant != t.ID || found.Host != host || !time.Now().Before(endOf(found.SeenAt, found.EndsAt)) {
		return Session{}, ErrSignedOut
	}
	if time.Since(found.SeenAt) >= seenEvery {
		s.touch(ctx, t, side, host, hash)
	}
	return found, nil
}

func (s *Sessions) read(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, hash SecretHash) (Session, error) {
	var found Session
	err := s.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := load(tx, side, host, hash)
		if err != nil {
			return err
		}
		found, err = s.open(tx, t, side, r)
		return err
	})
	return found, err
}

// touch notes that a session is in use. That it could not be noted is no reason to refuse the visitor.
func (s *Sessions) touch(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, hash SecretHash) {
	err := s.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := load(tx, side, host, hash)
		if err != nil || time.Since(r.SeenAt) < seenEvery {
			return err
		}
		r.SeenAt = now()
		tx.OnCommit(func() { s.warm.drop(hash) })
		return side.table().Put(tx, &r)
	})
	if err != nil && !errors.Is(err, ErrSignedOut) {
		s.log.DebugContext(ctx, "session stays as it was last seen", "error", err)
	}
}

// End ends the session with this secret. One that is over already is no error.
func (s *Sessions) End(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, secret string) error {
	return s.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		_, err := s.end(tx, side, host, secret)
		return err
	})
}

// end deletes a session and returns what it was. The zero sessionRecord: there was none.
func (s *Sessions) end(tx *storage.Tx, side Side, host tenant.Host, secret string) (sessionRecord, error) {
	hash, ok := HashSecret(secret)
	if !ok {
		return sessionRecord{}, nil
	}
	r, err := load(tx, side, host, hash)
	if errors.Is(err, ErrSignedOut) {
		return sessionRecord{}, nil
	}
	if err != nil {
		return sessionRecord{}, err
	}
	return r, s.erase(tx, side, &r)
}

// List returns the sessions of whoever the identity is, the one last used first. For an asserted requester these are those
// of its lineage.
func (s *Sessions) List(ctx context.Context, t *tenant.Tenant, who Identity) ([]Session, error) {
	side := sideOf(who.Level)
	var all []Session
	err := s.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		rs, err := held(tx, side, who)
		if err != nil {
			return err
		}
		all = make([]Session, 0, len(rs))
		for _, r := range rs {
			one, err := s.open(tx, t, r.side(side), r)
			if errors.Is(err, ErrSignedOut) {
				continue
			}
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b Session) int { return b.SeenAt.Compare(a.SeenAt) })
	return all, err
}

// Still is nil as long as the session that the identity came in by goes on, and ErrSignedOut when it is over. Asking does not
// count as a use of the session: what only listens keeps nobody signed in.
func (s *Sessions) Still(ctx context.Context, t *tenant.Tenant, who Identity) error {
	all, err := s.List(ctx, t, who)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(one Session) bool { return one.ID == who.Session && one.Role == who.Role }) {
		return ErrSignedOut
	}
	return nil
}

func sideOf(l Level) Side {
	if l == Staff {
		return StaffSide
	}
	return RequesterSide
}

// Revoke ends one of the identity's sessions by its public ID, or returns ErrNotFound.
func (s *Sessions) Revoke(ctx context.Context, t *tenant.Tenant, who Identity, id string) error {
	return s.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error { return s.RevokeWithin(tx, who, id) })
}

// RevokeWithin is Revoke in the caller's transaction.
func (s *Sessions) RevokeWithin(tx *storage.Tx, who Identity, id string) error {
	side := sideOf(who.Level)
	rs, err := held(tx, side, who)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rs, func(r sessionRecord) bool { return publicID(r.Hash) == id })
	if i < 0 {
		return ErrNotFound
	}
	return s.erase(tx, rs[i].side(side), &rs[i])
}

const secretSize = 32

// NewSecret is 256 random bits as text.
func NewSecret() string {
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// HashSecret is what is stored of a secret that NewSecret made. False: it is none.
func HashSecret(secret string) (SecretHash, bool) {
	if len(secret) != base64.RawURLEncoding.EncodedLen(secretSize) {
		return SecretHash{}, false
	}
	return sha256.Sum256([]byte(secret)), true
}

func publicID(hash []byte) string { return "ses_" + hex.EncodeToString(hash[:12]) }
