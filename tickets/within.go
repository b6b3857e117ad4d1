package tickets

import (
	"errors"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// What the node does in a desk by itself it does in a transaction in which it also notes that this is done: so it is done once,
// however often it is tried and on however many nodes.

// OpenIn opens a ticket in a transaction of the tenant's. The errors are those of Open.
func (d *Desk) OpenIn(tx *storage.Tx, tn *tenant.Tenant, a Actor, draft Draft) (Ticket, error) {
	t, err := draft.ticket(a)
	if err != nil {
		return Ticket{}, err
	}
	if err := checkCategory(tx, a, t.CategoryID); err != nil {
		return Ticket{}, err
	}
	var doc document
	doc.rewrite(&t)
	err = d.insert(tx, tn, a, &t, doc, draft.Files)
	return t, err
}

// UpdateIn changes a ticket that was read in this transaction. Unlike a person, the node may give it any status. The errors are
// those of Update.
func (d *Desk) UpdateIn(tx *storage.Tx, tn *tenant.Tenant, a Actor, t *Ticket, c Change) (Ticket, error) {
	if err := c.allowed(a); err != nil {
		return Ticket{}, err
	}
	c.back = a.kind == KindSystem
	u, err := d.change(tx, tn, a, t, &c)
	return u.Ticket, err
}

// ReadExternal returns the ticket that has an external ID and is not deleted, or ErrNotFound. It is the sister of Read.
func ReadExternal(tx *storage.Tx, a Actor, id string) (Ticket, error) {
	t, err := byExternal.Get(tx, storage.Key(nil).Str(id))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !a.sees(&t) {
		return Ticket{}, ErrNotFound
	}
	return t, err
}

// DomainChanged writes among the events what became of one of the tenant's own domains.
func (d *Desk) DomainChanged(tx *storage.Tx, tn *tenant.Tenant, e *domain.Event) error {
	field := "status"
	if e.AboutCertificate() {
		field = "certificate"
	}
	return d.record(tx, tn, Happening{Domain: e, Event: Event{
		Type: EventType(e.Type), Host: string(e.Is.Host), Actor: actorNamed(e.By),
		Changes: []FieldChange{{Field: field, From: e.Was, To: e.Status()}},
	}})
}
