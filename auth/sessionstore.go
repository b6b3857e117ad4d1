package auth

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
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
	Method     Method      `cbor:"14,keyasint,omitempty"`
	ProvenAt   time.Time   `cbor:"15,keyasint,omitzero"`
	// Epoch is the member's when a session of staff began: see Standing.
	Epoch    uint64 `cbor:"16,keyasint,omitempty"`
	Embedder string `cbor:"20,keyasint,omitempty"`

	// What is known of a session only while it is begun: that its user never proved their address before, and that the browser
	// was enough to prove it now.
	first, remembered bool
}

// side is the side that the session is of, among those of a holder that are listed for this side.
func (r *sessionRecord) side(listed Side) Side {
	if r.Embedder != "" {
		return WidgetSide
	}
	return listed
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

// void says that all asserted sessions of an address that began before are over, however many there are. The feed keeps its
// key for longer than some people may be known here, so the address is not in it.
type void struct {
	Address []byte    `cbor:"1,keyasint"`
	Before  time.Time `cbor:"2,keyasint"`
}

// addressOf is what stands for an address where it must not stand itself.
func addressOf(email string) []byte {
	sum := sha256.Sum256([]byte("asserted " + email))
	return sum[:16]
}

func holdingKey(holder string, hash []byte) storage.Key {
	return storage.Key(nil).Str(holder).Bytes(hash)
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
		Key:     func(h *holding) storage.Key { return holdingKey(h.Holder, h.Hash) },
		Expires: func(h *holding) time.Time { return h.EndsAt },
	})
	voids = storage.NewTable(storage.Declaration[void]{
		ID: 69, Name: "ended asserted sessions", Watched: true,
		Key:     func(v *void) storage.Key { return storage.Key(nil).Bytes(v.Address) },
		Expires: func(v *void) time.Time { return v.Before.Add(assertedLife + time.Hour) },
	})
)

func (s Side) table() *storage.Table[sessionRecord] {
	switch s {
	case StaffSide:
		return staffSessions
	case WidgetSide:
		return widgetSessions
	default:
		return requesterSessions
	}
}

// start stores a new session. Its secret was made by NewSecret.
func start(tx *storage.Tx, side Side, secret string, r sessionRecord) (sessionRecord, error) {
	hash, _ := HashSecret(secret)
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

// load reads a session of this host that is not over.
func load(tx *storage.Tx, side Side, host tenant.Host, hash SecretHash) (sessionRecord, error) {
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
	v, err := voids.Get(tx, storage.Key(nil).Bytes(addressOf(r.Email)))
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err == nil && !r.CreatedAt.After(v.Before) {
		return ErrSignedOut
	}
	return err
}

// open makes a record into a session. A member's role is what it is now, and one who was removed is signed out.
func (s *Sessions) open(tx *storage.Tx, t *tenant.Tenant, side Side, r sessionRecord) (Session, error) {
	one := Session{
		ID: publicID(r.Hash), Level: r.Level, User: r.User, Lineage: r.Lineage, Email: r.Email, Name: r.Name, Host: r.Host,
		ReturnLink: r.ReturnLink, IP: r.IP, UserAgent: r.UserAgent, CreatedAt: r.CreatedAt, SeenAt: r.SeenAt, EndsAt: r.EndsAt,
		Method: r.Method, ProvenAt: r.ProvenAt, Embedder: r.Embedder, hash: SecretHash(r.Hash), tenant: t.ID,
	}
	if side != StaffSide {
		return one, nil
	}
	m, err := s.standing(tx, r.User)
	if errors.Is(err, ErrNotFound) || err == nil && m.ends(&r) {
		return one, ErrSignedOut
	}
	one.Role, one.Name, one.Email = m.Role, m.Name, m.Email
	return one, err
}

// held are the sessions of a holder that are not over, of ten thousand at most: somebody who has signed in often may have one
// that counts among many that were ended all together. A requester's are those in widgets, too.
func held(tx *storage.Tx, side Side, who Identity) ([]sessionRecord, error) {
	const most = 10_000
	rs, _, _, err := heldBehind(tx, side, who, nil, most)
	return rs, err
}

// heldBehind is held for the rows behind a key. It looks at n rows, most of them at the most, and returns the key of the last:
// many rows may be those of sessions that are over.
func heldBehind(tx *storage.Tx, side Side, who Identity, after storage.Key, most int) (rs []sessionRecord, last storage.Key, n int, err error) {
	mine := storage.Range{Prefix: storage.Key(nil).Str(holder(who.Level, who.ID, who.Lineage)), After: after, Limit: most}
	for h, err := range holdings.Scan(tx, mine) {
		if err != nil {
			return nil, nil, 0, err
		}
		n, last = n+1, holdingKey(h.Holder, h.Hash)
		r, err := side.table().Get(tx, storage.Key(nil).Bytes(h.Hash))
		if errors.Is(err, storage.ErrNotFound) && side == RequesterSide {
			r, err = widgetSessions.Get(tx, storage.Key(nil).Bytes(h.Hash))
		}
		if err == nil {
			err = alive(tx, &r)
		}
		switch {
		case err == nil:
			rs = append(rs, r)
		case !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, ErrSignedOut):
			return nil, nil, 0, err
		}
	}
	return rs, last, n, nil
}

func (s *Sessions) erase(tx *storage.Tx, side Side, r *sessionRecord) error {
	hash := SecretHash(r.Hash)
	tx.OnCommit(func() { s.warm.drop(hash) })
	if err := holdings.Delete(tx, holdingKey(r.holder(), r.Hash)); err != nil {
		return err
	}
	if side == WidgetSide {
		tx.OnCommit(func() { s.dropBearers(hash) })
	}
	if side != StaffSide {
		if err := endings.Put(tx, &ended{Hash: r.Hash, At: now()}); err != nil {
			return err
		}
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
