package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// BearerPrefix is how a widget's bearer begins, so that nobody takes it for an API token.
	BearerPrefix = "dgw_"
	// bearerLife is how long a bearer is good at most. Its session may last longer, and buy another one.
	bearerLife = 8 * time.Hour
)

// bearerRecord is a bearer on disk, under the hash of the whole text: no cookie of any side has the same hash.
type bearerRecord struct {
	Hash []byte `cbor:"1,keyasint"`
	// Session is the hash of the widget's session.
	Session []byte    `cbor:"2,keyasint"`
	EndsAt  time.Time `cbor:"3,keyasint"`
}

var (
	widgetSessions = sessionTable(100, "widget sessions")
	bearers        = storage.NewTable(storage.Declaration[bearerRecord]{
		ID: 101, Name: "widget bearers",
		Key:     func(b *bearerRecord) storage.Key { return storage.Key(nil).Bytes(b.Hash) },
		Expires: func(b *bearerRecord) time.Time { return b.EndsAt },
	})
)

// issue stores a bearer for a widget's session and returns when it ends.
func issue(tx *storage.Tx, r *sessionRecord, bearer string) (time.Time, error) {
	hash := hashToken(bearer)
	b := bearerRecord{Hash: hash[:], Session: r.Hash, EndsAt: now().Add(bearerLife)}
	if r.EndsAt.Before(b.EndsAt) {
		b.EndsAt = r.EndsAt
	}
	return b.EndsAt, bearers.Insert(tx, &b)
}

// FindBearer returns the widget's session that a bearer stands for at this host, and notes now and then that it is still in
// use. ErrSignedOut: there is none, it is over, or it belongs to another host or tenant.
func (s *Sessions) FindBearer(ctx context.Context, t *tenant.Tenant, host tenant.Host, bearer string) (Session, error) {
	if _, ok := HashSecret(strings.TrimPrefix(bearer, BearerPrefix)); !ok || !strings.HasPrefix(bearer, BearerPrefix) {
		return Session{}, ErrSignedOut
	}
	hash := hashToken(bearer)
	found, err := s.bearers.get(hash, func() (Session, error) { return s.readBearer(ctx, t, host, hash) })
	if err != nil {
		return Session{}, err
	}
	if found.tenant != t.ID || found.Host != host || !time.Now().Before(endOf(found.SeenAt, found.EndsAt)) {
		return Session{}, ErrSignedOut
	}
	if time.Since(found.SeenAt) >= seenEvery {
		s.touch(ctx, t, WidgetSide, host, found.hash)
		s.bearers.drop(hash)
	}
	return found, nil
}

// readBearer is the session of a bearer. It ends with the bearer.
func (s *Sessions) readBearer(ctx context.Context, t *tenant.Tenant, host tenant.Host, hash SecretHash) (Session, error) {
	var found Session
	err := s.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		b, r, err := loadBearer(tx, host, hash)
		if err != nil {
			return err
		}
		if found, err = s.open(tx, t, WidgetSide, r); err != nil {
			return err
		}
		if b.EndsAt.Before(found.EndsAt) {
			found.EndsAt = b.EndsAt
		}
		return nil
	})
	return found, err
}

// loadBearer reads a bearer of this host with its session, neither of which is over.
func loadBearer(tx *storage.Tx, host tenant.Host, hash SecretHash) (bearerRecord, sessionRecord, error) {
	b, err := bearers.Get(tx, storage.Key(nil).Bytes(hash[:]))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !time.Now().Before(b.EndsAt) {
		return b, sessionRecord{}, ErrSignedOut
	}
	if err != nil {
		return b, sessionRecord{}, err
	}
	r, err := load(tx, WidgetSide, host, SecretHash(b.Session))
	return b, r, err
}

// dropBearers forgets the bearers of a widget's session that is over. Their rows go by themselves.
func (s *Sessions) dropBearers(session SecretHash) {
	s.bearers.dropIf(func(one *Session) bool { return one.hash == session })
}
