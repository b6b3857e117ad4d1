package tickets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// pass is how far a tenant's tickets have followed what their times depend on.
type pass struct {
	// Wanted grows with every change of the policy or the rules. Done is the Wanted that all tickets follow.
	Wanted uint64 `cbor:"1,keyasint,omitempty"`
	Done   uint64 `cbor:"2,keyasint,omitempty"`
	// Settings are those of the tenant that the last pass began with.
	Settings string `cbor:"3,keyasint,omitempty"`
	// Under way: towards which Wanted, and where the pass stands.
	Towards uint64      `cbor:"4,keyasint,omitempty"`
	Status  Status      `cbor:"5,keyasint,omitempty"`
	After   storage.Key `cbor:"6,keyasint,omitempty"`
}

var passTable = storage.NewTable(storage.Declaration[pass]{
	ID: 173, Name: "ticket passes", Key: func(*pass) storage.Key { return storage.Key(nil).Uint(0) },
})

func passOf(tx *storage.Tx) (pass, error) {
	p, err := passTable.Get(tx, storage.Key(nil).Uint(0))
	if errors.Is(err, storage.ErrNotFound) {
		return pass{}, nil
	}
	return p, err
}

// Reschedule has the times of all tickets reckoned anew that are not closed, soon after the transaction: something that they
// depend on is changed in it.
func Reschedule(tx *storage.Tx) error {
	p, err := passOf(tx)
	if err != nil {
		return err
	}
	p.Wanted++
	return passTable.Put(tx, &p)
}

// timing are the tenant's settings that tickets' times depend on.
func timing(s tenant.Settings) string {
	return fmt.Sprint(s.AutoCloseDays, s.AutoCloseReminderDays, s.TimeZone)
}

// passed are the statuses whose tickets have times to be reckoned.
func passed() []Status {
	return []Status{StatusNew, StatusOpen, StatusPending, StatusOnHold, StatusResolved}
}

const (
	passPage = 20
	// passTime is how long a tenant's pass keeps the others waiting.
	passTime = 10 * time.Second
)

// catchUp reckons the times of the tickets anew if that is wanted, for a while; what is left is done by the next call, also
// after a restart.
func (d *Desk) catchUp(ctx context.Context, tn *tenant.Tenant) error {
	begun := time.Now()
	for time.Since(begun) < passTime {
		var more bool
		err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
			p, err := passOf(tx)
			more = p.Wanted != p.Done || p.Settings != timing(tn.Settings) || p.Status != ""
			return err
		})
		if err != nil || !more {
			return err
		}
		if err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error { return d.passOn(tx, tn) }); err != nil {
			return err
		}
	}
	return nil
}

// passOn goes one page further.
func (d *Desk) passOn(tx *storage.Tx, tn *tenant.Tenant) error {
	p, err := passOf(tx)
	if err != nil {
		return err
	}
	if p.Status == "" || p.Settings != timing(tn.Settings) {
		p.Towards, p.Settings, p.Status, p.After = p.Wanted, timing(tn.Settings), passed()[0], nil
	}
	r := storage.Range{Prefix: storage.Key(nil).Str(string(p.Status)), After: p.After, Limit: passPage}
	var found []Ref
	for e, err := range byStatusBirth.Scan(tx, r) {
		if err != nil {
			return err
		}
		found, p.After = append(found, refOf(e.Primary)), e.Key
	}
	for _, ref := range found {
		if err := d.reschedule(tx, tn, ref); err != nil {
			return err
		}
	}
	if len(found) < passPage {
		p.After = nil
		if i := slices.Index(passed(), p.Status); i+1 < len(passed()) {
			p.Status = passed()[i+1]
		} else {
			p.Status, p.Done = "", p.Towards
		}
	}
	return passTable.Put(tx, &p)
}

// reschedule reckons one ticket's times anew.
func (d *Desk) reschedule(tx *storage.Tx, tn *tenant.Tenant, r Ref) error {
	old, err := load(tx, r)
	if err != nil {
		return err
	}
	t := old
	if err := d.schedule(tx, tn, &t); err != nil {
		return err
	}
	same := t.DueAt.Equal(old.DueAt) && t.FirstResponseDue.Equal(old.FirstResponseDue) && t.ResolveDue.Equal(old.ResolveDue) &&
		t.Clock == old.Clock && len(t.Breached) == len(old.Breached)
	if same {
		return nil
	}
	if err := save(tx, &old, &t); err != nil {
		return err
	}
	return d.tellMissed(tx, tn, old.Breached, &old, &t, true) // of many tickets at once: no rule runs
}
