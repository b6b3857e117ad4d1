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
	CreatedAt  time.Time
	SeenAt     time.Time
	// EndsAt is when the session ends at the latest.
	EndsAt time.Time

	tenant tenant.ID
}

// Identity is who the session stands for.
func (s Session) Identity() Identity {
	return Identity{
		Tenant: s.tenant, Level: s.Level, ID: s.User, Lineage: s.Lineage, Email: s.Email, Name: s.Name, Role: s.Role, Session: s.ID,
	}
}

// Side says which of the two kinds of sessions is meant. They have a cookie each and know nothing of each other.
type Side uint8

// The sides.
const (
	RequesterSide Side = iota + 1
	StaffSide
)

// sessionRecord is a session on disk, under the hash of its secret.
type sessionRecord struct {
	Hash       []byte      `cbor:"1,keyasint"`
	Level      Level       `cbor:"2,keyasint"`
	User       string      `cbor:"3,keyasint,omitempty"`
	Lineage    string      `cbor:"4,keyasint,omitempty"`
	Email      string      `cbor:"5,keyasint"`
	Name       string      `cbor:"6,keyasint"`
	Host       tenant.Host `cbor:"7,keyasint"`
	ReturnLink string      `cbor:"8,keyasint,omitempty"`
	IP         string      `cbor:"9,keyasint,omitempty"`
	UserAgent  string      `cbor:"10,keyasint,omitempty"`
	CreatedAt  time.Time   `cbor:"11,keyasint"`
	SeenAt     time.Time   `cbor:"12,keyasint"`
	EndsAt     time.Time   `cbor:"13,keyasint"`
}

// expires is when the session ends if nobody uses it.
func (r *sessionRecord) expires() time.Time { return endOf(r.SeenAt, r.EndsAt) }

func endOf(seen, ends time.Time) time.Time {
	if idle := seen.Add(sessionIdle); idle.Before(ends) {
		return idle
	}
	return ends
}

// holding says that a session is one of its holder's. The row outlives the session, never the session's longest life.
type holding struct {
	Holder string    `cbor:"1,keyasint"`
	Hash   []byte    `cbor:"2,keyasint"`
	EndsAt time.Time `cbor:"3,keyasint"`
}

// void says that all asserted sessions of an address that began before are over, however many there are.
type void struct {
	Email  string    `cbor:"1,keyasint"`
	Before time.Time `cbor:"2,keyasint"`
}

func sessionTable(id uint16, name string) *storage.Table[sessionRecord] {
	return storage.NewTable(storage.Declaration[sessionRecord]{
		ID: id, Name: name,
		Key:     func(r *sessionRecord) storage.Key { return storage.Key(nil).Bytes(r.Hash) },
		Expires: func(r *sessionRecord) time.Time { return r.expires() },
	})
}

var (
	requesterSessions = sessionTable(66, "sessions")
	staffSessions     = sessionTable(67, "staff sessions")
	holdings          = storage.NewTable(storage.Declaration[holding]{
		ID: 68, Name: "sessions by holder",
		Key:     func(h *holding) storage.Key { return storage.Key(nil).Str(h.Holder).Bytes(h.Hash) },
		Expires: func(h *holding) time.Time { return h.EndsAt },
	})
	voids = storage.NewTable(storage.Declaration[void]{
		ID: 69, Name: "ended asserted sessions",
		Key:     func(v *void) storage.Key { return storage.Key(nil).Str(v.Email) },
		Expires: func(v *void) time.Time { return v.Before.Add(assertedLife + time.Hour) },
	})
)

func (s Side) table() *storage.Table[sessionRecord] {
	if s == StaffSide {
		return staffSessions
	}
	return requesterSessions
}

// Sessions keeps the sessions of requesters and of staff. It is safe for concurrent use.
type Sessions struct {
	store *storage.Store
	log   *slog.Logger
	// warm are requesters' sessions that were looked up just now. A member's session is always read, with the member.
	warm *cache[Session]
}

func newSessions(store *storage.Store, log *slog.Logger) *Sessions {
	return &Sessions{store: store, log: log, warm: newCache[Session]()}
}

// Find returns the session whose secret a browser sent to this host, and notes now and then that it is still in use.
// ErrSignedOut: there is none, it is over, or it belongs to another host, side or tenant.
func (s *Sessions) Find(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, secret string) (Session, error) {
	hash, ok := hashSecret(secret)
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

func (s *Sessions) read(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, hash secretHash) (Session, error) {
	var found Session
	err := s.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := load(tx, side, host, hash)
		if err != nil {
			return err
		}
		found, err = open(tx, t, side, r)
		return err
	})
	return found, err
}

// load reads a session of this host that is not over.
func load(tx *storage.Tx, side Side, host tenant.Host, hash secretHash) (sessionRecord, error) {
	r, err := side.table().Get(tx, storage.Key(nil).Bytes(hash[:]))
	if errors.Is(err, storage.ErrNotFound) || err == nil && r.Host != host {
		return r, ErrSignedOut
	}
	if err != nil {
		return r, err
	}
	return r, alive(tx, &r)
}

// alive is ErrSignedOut if the session is over.
func alive(tx *storage.Tx, r *sessionRecord) error {
	if !time.Now().Before(r.expires()) {
		return ErrSignedOut
	}
	if r.Level != Asserted {
		return nil
	}
	v, err := voids.Get(tx, storage.Key(nil).Str(r.Email))
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err == nil && !r.CreatedAt.After(v.Before) {
		return ErrSignedOut
	}
	return err
}

// open makes a record into a session. A member's role is what it is now, and one who was removed is signed out.
func open(tx *storage.Tx, t *tenant.Tenant, side Side, r sessionRecord) (Session, error) {
	s := Session{
		ID: publicID(r.Hash), Level: r.Level, User: r.User, Lineage: r.Lineage, Email: r.Email, Name: r.Name, Host: r.Host,
		ReturnLink: r.ReturnLink, IP: r.IP, UserAgent: r.UserAgent, CreatedAt: r.CreatedAt, SeenAt: r.SeenAt, EndsAt: r.EndsAt,
		tenant: t.ID,
	}
	if side != StaffSide {
		return s, nil
	}
	m, err := members.Get(tx, storage.Key(nil).Str(r.User))
	if errors.Is(err, storage.ErrNotFound) {
		return s, ErrSignedOut
	}
	s.Role, s.Name, s.Email = m.Role, m.Name, m.Email
	return s, err
}

// touch notes that a session is in use. That it could not be noted is no reason to refuse the visitor.
func (s *Sessions) touch(ctx context.Context, t *tenant.Tenant, side Side, host tenant.Host, hash secretHash) {
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
	hash, ok := hashSecret(secret)
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

func (s *Sessions) erase(tx *storage.Tx, side Side, r *sessionRecord) error {
	hash := secretHash(r.Hash)
	tx.OnCommit(func() { s.warm.drop(hash) })
	h := holding{Holder: r.holder(), Hash: r.Hash}
	if err := holdings.Delete(tx, storage.Key(nil).Str(h.Holder).Bytes(h.Hash)); err != nil {
		return err
	}
	return side.table().Delete(tx, storage.Key(nil).Bytes(r.Hash))
}

// holder is whose session it is. An asserted one is nobody's but its own lineage's.
func (r *sessionRecord) holder() string {
	return holder(r.Level, r.User, r.Lineage)
}

func holder(level Level, user, lineage string) string {
	if level == Asserted {
		return level.String() + ":" + lineage
	}
	return level.String() + ":" + user
}

// start stores a new session. Its secret was made by newSecret.
func start(tx *storage.Tx, side Side, secret string, r sessionRecord) (sessionRecord, error) {
	hash, _ := hashSecret(secret)
	r.Hash = hash[:]
	r.SeenAt = now()
	if r.CreatedAt.IsZero() {
		r.CreatedAt = r.SeenAt
	}
	if r.EndsAt.IsZero() {
		r.EndsAt = r.CreatedAt.Add(lifeOf(r.Level))
	}
	if err := holdings.Put(tx, &holding{Holder: r.holder(), Hash: r.Hash, EndsAt: r.EndsAt}); err != nil {
		return r, err
	}
	return r, side.table().Insert(tx, &r)
}

func lifeOf(l Level) time.Duration {
	switch l {
	case Vouched:
		return vouchedLife
	case Staff:
		return staffLife
	default:
		return assertedLife
	}
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
		all = make([]Session, len(rs))
		for i, r := range rs {
			if all[i], err = open(tx, t, side, r); err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b Session) int { return b.SeenAt.Compare(a.SeenAt) })
	return all, err
}

// held are the sessions of a holder that are not over.
func held(tx *storage.Tx, side Side, who Identity) ([]sessionRecord, error) {
	const most = 1000
	var rs []sessionRecord
	mine := storage.Range{Prefix: storage.Key(nil).Str(holder(who.Level, who.ID, who.Lineage)), Limit: most}
	for h, err := range holdings.Scan(tx, mine) {
		if err != nil {
			return nil, err
		}
		r, err := side.table().Get(tx, storage.Key(nil).Bytes(h.Hash))
		if err == nil {
			err = alive(tx, &r)
		}
		switch {
		case err == nil:
			rs = append(rs, r)
		case !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, ErrSignedOut):
			return nil, err
		}
	}
	return rs, nil
}

func sideOf(l Level) Side {
	if l == Staff {
		return StaffSide
	}
	return RequesterSide
}

// Revoke ends one of the identity's sessions by its public ID, or returns ErrNotFound.
func (s *Sessions) Revoke(ctx context.Context, t *tenant.Tenant, who Identity, id string) error {
	side := sideOf(who.Level)
	return s.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		rs, err := held(tx, side, who)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rs, func(r sessionRecord) bool { return publicID(r.Hash) == id })
		if i < 0 {
			return ErrNotFound
		}
		return s.erase(tx, side, &rs[i])
	})
}

const secretSize = 32

// newSecret is 256 random bits as text.
func newSecret() string {
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashSecret is what is stored of a secret. False: it is none.
func hashSecret(secret string) (secretHash, bool) {
	if len(secret) != base64.RawURLEncoding.EncodedLen(secretSize) {
		return secretHash{}, false
	}
	return sha256.Sum256([]byte(secret)), true
}

func publicID(hash []byte) string { return "ses_" + hex.EncodeToString(hash[:12]) }
