package tickets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Habits are how an agent works with the console. The zero Habits are those to begin with.
type Habits struct {
	AgentID string `cbor:"1,keyasint"`
	// KeysOff: single keys do nothing. UndoOff: replies are sent at once.
	KeysOff bool `cbor:"2,keyasint,omitempty"`
	UndoOff bool `cbor:"3,keyasint,omitempty"`
}

// Presence is an agent who looks at a ticket at the moment.
type Presence struct {
	TicketID string    `cbor:"1,keyasint"`
	AgentID  string    `cbor:"2,keyasint"`
	Name     string    `cbor:"3,keyasint,omitempty"`
	Until    time.Time `cbor:"4,keyasint"`
	// WritesUntil is after the present for who writes something.
	WritesUntil time.Time `cbor:"5,keyasint,omitzero"`
}

// Writes says whether the agent writes something at the moment.
func (p *Presence) Writes() bool { return p.WritesUntil.After(now()) }

const (
	// Attending is how often an agent who goes on looking has to say so; attended is how long it is believed.
	Attending = 30 * time.Second
	attended  = 75 * time.Second
	// Writing is how often one who goes on writing has to say so; written is how long it is believed.
	Writing = 5 * time.Second
	written = 12 * time.Second
)

// What belongs to agents' work and to nobody else.
var (
	presenceTable = storage.NewTable(storage.Declaration[Presence]{
		ID: 168, Name: "presence", Key: presenceKey,
		Expires: func(p *Presence) time.Time { return p.Until },
	})
	habitsTable = storage.NewTable(storage.Declaration[Habits]{
		ID: 169, Name: "agents' habits", Key: func(h *Habits) storage.Key { return storage.Key(nil).Str(h.AgentID) },
	})
)

// Habits returns how the actor works.
func (d *Desk) Habits(ctx context.Context, tn *tenant.Tenant, a Actor) (h Habits, err error) {
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		h, err = habitsTable.Get(tx, storage.Key(nil).Str(a.person.ID))
		if errors.Is(err, storage.ErrNotFound) {
			h, err = Habits{AgentID: a.person.ID}, nil
		}
		return err
	})
	return h, err
}

// SetHabits has the actor work otherwise. Agents only.
func (d *Desk) SetHabits(ctx context.Context, tn *tenant.Tenant, a Actor, h Habits) error {
	if !a.agent() {
		return fmt.Errorf("%w: habits are agents'", ErrNotAllowed)
	}
	h.AgentID = a.person.ID
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error { return habitsTable.Put(tx, &h) })
}

// agent says whether the actor is a person on the staff.
func (a Actor) agent() bool { return a.kind == KindAgent || a.kind == KindAdmin }

// Attend says that the agent looks at a ticket, or writes in it. It is written when that is news, or about to be forgotten:
// whoever goes on says so every Attending, or every Writing.
func (d *Desk) Attend(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, writes bool) error {
	at := now()
	p, news, err := d.attendance(ctx, tn, a, r)
	if err != nil {
		return err
	}
	if writes {
		news = news || p.WritesUntil.Sub(at) < written-Writing
		p.WritesUntil = at.Add(written)
	}
	if p.Until.Sub(at) < attended-Attending {
		news = true
	}
	if !news {
		return nil
	}
	p.Name, p.Until = a.person.Name, at.Add(attended)
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error { return presenceTable.Put(tx, &p) })
}

// attendance is what is known of the actor at a ticket, and whether that is nothing.
func (d *Desk) attendance(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (p Presence, none bool, err error) {
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := d.workOn(tx, a, r)
		if err != nil {
			return err
		}
		p, err = presenceTable.Get(tx, newest(nil, t.ulid()).Str(a.person.ID))
		if none = errors.Is(err, storage.ErrNotFound); none {
			p, err = Presence{TicketID: t.ID, AgentID: a.person.ID}, nil
		}
		return err
	})
	return p, none, err
}

// workOn is find for what is agents' own business at a ticket.
func (d *Desk) workOn(tx *storage.Tx, a Actor, r Ref) (Ticket, error) {
	t, err := find(tx, a, r, false)
	if err == nil && !a.agent() {
		return t, fmt.Errorf("%w: this is agents' own", ErrNotAllowed)
	}
	return t, err
}

// Leave says that the agent no longer looks at a ticket.
func (d *Desk) Leave(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) error {
	p, none, err := d.attendance(ctx, tn, a, r)
	if err != nil || none {
		return err
	}
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		return presenceTable.Delete(tx, presenceKey(&p))
	})
}

func presenceKey(p *Presence) storage.Key {
	return newest(nil, parseID(ticketPrefix, p.TicketID)).Str(p.AgentID)
}

// Present lists the other agents who look at a ticket, in the order of their IDs.
func (d *Desk) Present(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) ([]Presence, error) {
	var others []Presence
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		others = others[:0]
		t, err := d.workOn(tx, a, r)
		if err != nil {
			return err
		}
		for p, err := range presenceTable.Scan(tx, storage.Range{Prefix: newest(nil, t.ulid()), Limit: maxLimit}) {
			if err != nil {
				return err
			}
			if p.AgentID != a.person.ID && p.Until.After(now()) {
				others = append(others, p)
			}
		}
		return nil
	})
	return others, err
}
