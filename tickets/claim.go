package tickets

import (
	"context"
	"errors"
	"fmt"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Claims are the tickets that somebody filed who only said to have the requester's address: all that are open for the
// requester's word, the newest first, at most limit of them. They have none for anybody but a requester who is known for sure.
func (d *Desk) Claims(ctx context.Context, tn *tenant.Tenant, a Actor, limit int) ([]Ticket, error) {
	all := []Ticket{}
	if !a.owns() {
		return all, nil
	}
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		all = all[:0]
		for t, err := range byClaim.Records(tx, claimsOf(a, limit)) {
			if err != nil {
				return err
			}
			all = append(all, t)
		}
		return nil
	})
	return all, err
}

// CountClaims says how many Claims there are, up to a limit, without reading them: strangers decide how long they are.
func (d *Desk) CountClaims(ctx context.Context, tn *tenant.Tenant, a Actor, limit int) (int, error) {
	n := 0
	if !a.owns() {
		return n, nil
	}
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		n = 0
		for _, err := range byClaim.Keys(tx, claimsOf(a, limit)) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// claimsOf is where the claims of a requester stand.
func claimsOf(a Actor, limit int) storage.Range {
	return storage.Range{Prefix: storage.Key(nil).Str(a.person.Email), Limit: clampLimit(limit)}
}

// Claim takes the requester's word for one of their Claims. Accepted, the ticket is theirs as if they had filed it after
// they had proven their address; otherwise it stays with staff and never becomes theirs by itself. ErrNotFound: it is none
// of their claims, or not any more.
func (d *Desk) Claim(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, accept bool) (Ticket, error) {
	var t Ticket
	if !a.owns() {
		return t, ErrNotFound
	}
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		old, err := load(tx, r)
		if errors.Is(err, storage.ErrNotFound) || err == nil && old.claimant() != a.person.Email {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		t, err = d.claim(tx, tn, a, old, accept)
		return err
	})
	return t, err
}

// TakeOver gives a requester who is known for sure what was filed under a lineage of theirs: in the very browser in which
// they have proven their address just now.
func (d *Desk) TakeOver(ctx context.Context, tn *tenant.Tenant, a Actor, lineage string) error {
	const atOnce = 10 // the writes of one transaction are limited
	if !a.owns() || lineage == "" {
		return nil
	}
	// Also what was uploaded for a request that waits for the proof.
	if err := d.files.Hand(ctx, tn, owner(Person{Lineage: lineage}), a.uploader()); err != nil {
		return fmt.Errorf("take over the files of a lineage: %w", err)
	}
	r := storage.Range{Prefix: storage.Key(nil).Str(owner(Person{Lineage: lineage})), Limit: atOnce}
	for n := atOnce; n == atOnce; {
		var last storage.Key
		err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
			n = 0
			var found []Ref
			for e, err := range byOwner.Scan(tx, r) {
				if err != nil {
					return err
				}
				n, last = n+1, e.Key
				found = append(found, refOf(e.Primary))
			}
			return d.takeOver(tx, tn, a, found)
		})
		if err != nil {
			return fmt.Errorf("take over the tickets of a lineage: %w", err)
		}
		r.After = last
	}
	return nil
}

func (d *Desk) takeOver(tx *storage.Tx, tn *tenant.Tenant, a Actor, found []Ref) error {
	for _, ref := range found {
		old, err := load(tx, ref)
		if err != nil {
			return err
		}
		if old.claimant() != a.person.Email {
			continue
		}
		if _, err := d.claim(tx, tn, a, old, true); err != nil {
			return err
		}
	}
	return nil
}

// claim writes the requester's word into the ticket and its history.
func (d *Desk) claim(tx *storage.Tx, tn *tenant.Tenant, a Actor, old Ticket, accept bool) (Ticket, error) {
	t, e := old, Event{Type: TicketDisowned, Actor: a.author()}
	t.Disowned = true
	if accept {
		t.ask(&a.person)
		if err := d.enrol(tx, &t); err != nil {
			return t, err
		}
		e.Type = TicketClaimed
		e.Changes = append(differences(&old, &t), FieldChange{
			Field: "requester_assurance", From: string(old.Assurance), To: string(t.Assurance),
		})
	}
	t.Version++
	t.UpdatedAt = later(old.UpdatedAt)
	if err := save(tx, &old, &t); err != nil {
		return t, err
	}
	if t.Organization != "" {
		if err := reword(tx, &old, &t, nil); err != nil {
			return t, err
		}
	}
	err := d.record(tx, tn, Happening{Event: e, Before: &old, After: &t})
	return t, err
}

// owns says whether the actor is a requester who is known for sure.
func (a Actor) owns() bool {
	return a.kind == KindRequester && a.person.ID != "" && a.person.Email != ""
}

// claimant is the address whose owner has not been asked yet whether the ticket is theirs; empty where nobody is to be.
func (t *Ticket) claimant() string {
	if t.Assurance != Asserted || t.Disowned || t.shelf() != inLists || t.Purging {
		return ""
	}
	return t.Requester.Email
}
