package auth

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// ended says that a requester's session is over, for all nodes that have it in memory. It is needed no longer than they keep
// anything there.
type ended struct {
	Hash []byte    `cbor:"1,keyasint"`
	At   time.Time `cbor:"2,keyasint"`
}

var endings = storage.NewTable(storage.Declaration[ended]{
	ID: 79, Name: "ended sessions", Watched: true,
	Key:     func(e *ended) storage.Key { return storage.Key(nil).Bytes(e.Hash) },
	Expires: func(e *ended) time.Time { return e.At.Add(time.Minute) },
})

// Run forgets sessions that ended at other nodes, until ctx ends. Without it they are seen for as long as the memory of them
// lasts, which is seconds.
func (s *Sessions) Run(ctx context.Context) error {
	const pause = time.Second
	for {
		err := s.follow(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.log.WarnContext(ctx, "sessions that end elsewhere are noticed late", slog.Any("error", err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (s *Sessions) follow(ctx context.Context) error {
	from, err := s.store.Revision(ctx)
	if err != nil {
		return err
	}
	for _, all := range []*cache[Session]{s.warm, s.bearers} {
		all.dropIf(func(*Session) bool { return true }) // what may have ended before that
	}
	return s.store.Follow(ctx, from, func(changes []storage.Change) error {
		for i := range changes {
			s.heed(&changes[i])
		}
		return nil
	})
}

// heed forgets what a change has ended.
func (s *Sessions) heed(c *storage.Change) {
	switch c.Table {
	case endings.ID():
		key := c.Key.Parts()
		if hash := key.Bytes(); key.Err() == nil && len(hash) == len(SecretHash{}) {
			s.warm.drop(SecretHash(hash))
			s.dropBearers(SecretHash(hash))
		}
	case voids.ID():
		key := c.Key.Parts()
		if address := key.Bytes(); key.Err() == nil {
			s.dropAsserted(tenant.ID(c.Tenant), address)
		}
	}
}

// dropAsserted forgets the asserted sessions of an address.
func (s *Sessions) dropAsserted(t tenant.ID, address []byte) {
	for _, all := range []*cache[Session]{s.warm, s.bearers} {
		all.dropIf(func(one *Session) bool {
			return one.tenant == t && one.Level == Asserted && bytes.Equal(addressOf(one.Email), address)
		})
	}
}

// SignOut ends all sessions of whoever the identity is, and forgets the browsers that are remembered for them.
func (s *Sessions) SignOut(ctx context.Context, t *tenant.Tenant, who Identity, c Client) error {
	err := s.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		if err := forgetAll(tx, who); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{
			Actor: who.Actor(), Action: "session.ended", Object: who.Email, Detail: "everywhere", IP: c.Address(),
		})
	})
	for more, after := true, storage.Key(nil); more && err == nil; {
		var last storage.Key
		err = s.store.Update(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
			last, more, err = s.endSome(tx, who, after)
			return err
		})
		after = last
	}
	return err
}

// endSome ends as many of somebody's sessions as one transaction can take. It returns where it got to, and whether there may
// be more behind that.
func (s *Sessions) endSome(tx *storage.Tx, who Identity, after storage.Key) (last storage.Key, more bool, err error) {
	const atOnce = 100
	side := sideOf(who.Level)
	rs, last, n, err := heldBehind(tx, side, who, after, atOnce)
	if err != nil {
		return nil, false, err
	}
	for i := range rs {
		if err := s.erase(tx, rs[i].side(side), &rs[i]); err != nil {
			return nil, false, err
		}
	}
	return last, n == atOnce, nil
}
