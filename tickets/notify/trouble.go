package notify

import (
	"context"
	"errors"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

const (
	// mostRefusals is after how many refused letters, each within forgetAfter of the one before and none that was taken between, an
	// address gets no more of the kind.
	mostRefusals = 3
	// forgetAfter is how long a refusal counts.
	forgetAfter = 30 * day
)

// Trouble says that letters of a kind cannot be delivered to an address.
type Trouble struct {
	Address string    `cbor:"1,keyasint"`
	Kind    mail.Kind `cbor:"2,keyasint"`
	// Count is how many were refused.
	Count int `cbor:"3,keyasint"`
	// Reason is what the mail server said last, at At.
	Reason string    `cbor:"4,keyasint,omitempty"`
	At     time.Time `cbor:"5,keyasint"`
}

// GivenUp says whether the address gets no more letters of the kind, until somebody lifts it or a month is over.
func (t *Trouble) GivenUp() bool { return t.Count >= mostRefusals }

var troubleTable = storage.NewTable(storage.Declaration[Trouble]{
	ID: 158, Name: "addresses that refuse letters",
	Key:     func(t *Trouble) storage.Key { return troubleKey(t.Address, t.Kind) },
	Expires: func(t *Trouble) time.Time { return t.At.Add(forgetAfter) },
})

func troubleKey(address string, k mail.Kind) storage.Key {
	return storage.Key(nil).Str(address).Str(string(sameAs(k)))
}

// sameAs is the kind of letters that one counts among: an address that takes no news of one ticket takes none of several.
func sameAs(k mail.Kind) mail.Kind {
	if k == mail.Digest {
		return mail.Work
	}
	return k
}

// Failed notes a letter about a ticket that the mail server refused because of its recipient. It is what mail.Config.Failed wants.
func Failed(tx *storage.Tx, l mail.Letter, cause error) error {
	if !l.Kind.AboutTickets() || !errors.Is(cause, mail.ErrRefused) {
		return nil
	}
	t, err := troubleTable.Get(tx, troubleKey(l.To, l.Kind))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return troubleTable.Put(tx, &Trouble{
		Address: l.To, Kind: sameAs(l.Kind), Count: t.Count + 1, Reason: cause.Error(), At: time.Now().UTC(),
	})
}

// Sent forgets what an address has refused before: it takes letters again. It is what mail.Config.Sent wants.
func Sent(s *storage.Store) func(context.Context, *tenant.Tenant, mail.Letter) error {
	return func(ctx context.Context, tn *tenant.Tenant, l mail.Letter) error {
		if !l.Kind.AboutTickets() {
			return nil
		}
		key, has := troubleKey(l.To, l.Kind), false
		err := s.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
			has, err = troubleTable.Has(tx, key)
			return err
		})
		if err != nil || !has {
			return err
		}
		return s.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
			has, err := troubleTable.Has(tx, key)
			if err != nil || !has {
				return err
			}
			return troubleTable.Delete(tx, key)
		})
	}
}

func givenUp(tx *storage.Tx, address string, k mail.Kind) (bool, error) {
	t, err := troubleTable.Get(tx, troubleKey(address, k))
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return t.GivenUp(), err
}

// Trouble is what keeps letters from requesters' address, and whether anything does.
func (n *Notifier) Trouble(ctx context.Context, tn *tenant.Tenant, address string) (worst Trouble, troubled bool, err error) {
	all, err := n.troubles(ctx, tn, storage.Range{Prefix: storage.Key(nil).Str(address)})
	for _, t := range all {
		if t.Kind != mail.Work && t.Count > worst.Count {
			worst = t
		}
	}
	return worst, worst.Count > 0, err
}

// Troubles are the addresses that letters cannot be delivered to, at most so many.
func (n *Notifier) Troubles(ctx context.Context, tn *tenant.Tenant, most int) ([]Trouble, error) {
	return n.troubles(ctx, tn, storage.Range{Limit: most})
}

func (n *Notifier) troubles(ctx context.Context, tn *tenant.Tenant, r storage.Range) (all []Trouble, err error) {
	err = n.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		all = nil
		for t, err := range troubleTable.Scan(tx, r) {
			if err != nil {
				return err
			}
			all = append(all, t)
		}
		return nil
	})
	return all, err
}

// Lift has letters sent to an address again that was given up.
func (n *Notifier) Lift(ctx context.Context, tn *tenant.Tenant, address, by string) error {
	return n.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		found := false
		for _, k := range []mail.Kind{mail.Request, mail.Claimed, mail.Work} {
			key := troubleKey(address, k)
			has, err := troubleTable.Has(tx, key)
			if err != nil || !has {
				if err != nil {
					return err
				}
				continue
			}
			found = true
			if err := troubleTable.Delete(tx, key); err != nil {
				return err
			}
		}
		if !found {
			return nil
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "mail.resumed", Object: address})
	})
}
