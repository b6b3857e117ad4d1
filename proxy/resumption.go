package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// resumptionKey is what tickets of TLS sessions are sealed with on one day. All nodes of a store have the same.
type resumptionKey struct {
	Day uint64 `cbor:"1,keyasint"` // since 1970, UTC
	Key []byte `cbor:"2,keyasint"`
}

var resumptionKeys = storage.NewTable(storage.Declaration[resumptionKey]{
	ID: 198, Name: "proxy.resumption", Sealed: true,
	Key:     func(k *resumptionKey) storage.Key { return dayKey(k.Day) },
	Expires: func(k *resumptionKey) time.Time { return dayBegins(k.Day + 2) },
})

func dayKey(day uint64) storage.Key { return storage.Key{}.Uint(day) }

const (
	secondsPerDay = 24 * 60 * 60
	// resumptionCheck is how often the day is looked at. Nodes need not change keys at the same time: each knows those of
	// the day before and the day after.
	resumptionCheck = 10 * time.Minute
)

func today() uint64 { return uint64(time.Now().Unix()) / secondsPerDay }

func dayBegins(day uint64) time.Time { return time.Unix(int64(day)*secondsPerDay, 0) }

// resumption lets clients go on with a TLS session that they had with any node of this store, today or yesterday, at the host
// that they had it with.
type resumption struct {
	store *storage.Store
	log   *slog.Logger
	day   uint64
	// vault has the keys, and is no listener's: configs are copied, and a copy would keep the keys of its day.
	vault tls.Config
}

// setUp makes a config issue tickets and take them.
func (s *resumption) setUp(c *tls.Config) {
	c.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		session.Extra = append(session.Extra, ticketHost(state.ServerName))
		return s.vault.EncryptTicket(state, session)
	}
	c.UnwrapSession = func(ticket []byte, state tls.ConnectionState) (*tls.SessionState, error) {
		session, err := s.vault.DecryptTicket(ticket, state)
		if err != nil || session == nil {
			return nil, err //nolint:nilnil // crypto/tls wants it so: a whole handshake
		}
		for _, extra := range session.Extra {
			if string(extra) == string(ticketHost(state.ServerName)) {
				return session, nil
			}
		}
		return nil, nil //nolint:nilnil // see above
	}
}

func ticketHost(name string) []byte { return []byte("deskgate host " + name) }

// Run changes keys until ctx ends.
func (s *resumption) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(resumptionCheck):
		}
		if today() != s.day {
			s.change(ctx)
		}
	}
}

// change takes the keys of today. Where the store does not have them and can't be written, those at hand stay; a node that
// has none makes its own.
func (s *resumption) change(ctx context.Context) {
	day := today()
	keys, err := s.keys(ctx, day)
	if err != nil {
		s.log.WarnContext(ctx, "keys of TLS sessions not renewed", "error", err)
		return
	}
	s.vault.SetSessionTicketKeys(keys)
	s.day = day
}

// keys are those of a day, of the day before and of the day after, as far as there are any; the first one seals.
func (s *resumption) keys(ctx context.Context, day uint64) (keys [][32]byte, err error) {
	err = s.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		keys, err = storedKeys(tx, day, false)
		return err
	})
	if err == nil || !errors.Is(err, storage.ErrNotFound) {
		return keys, err
	}
	err = s.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		keys, err = storedKeys(tx, day, true)
		return err
	})
	return keys, err
}

// storedKeys reads the keys, and makes those of today and tomorrow if it may.
func storedKeys(tx *storage.Tx, day uint64, fill bool) ([][32]byte, error) {
	var keys [][32]byte
	for _, d := range [...]uint64{day, day - 1, day + 1} {
		k, err := resumptionKeys.Get(tx, dayKey(d))
		if errors.Is(err, storage.ErrNotFound) {
			if d < day {
				continue // the node did not run yesterday
			}
			if !fill {
				return nil, err
			}
			k = resumptionKey{Day: d, Key: newKey()}
			err = resumptionKeys.Put(tx, &k)
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, [32]byte(k.Key))
	}
	return keys, nil
}

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}
