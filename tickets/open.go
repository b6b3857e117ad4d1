package tickets

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
)

// Draft is a ticket that is to be opened.
type Draft struct {
	Title        string
	Description  string
	Priority     Priority // empty: medium
	CategoryID   string
	Tags         []string
	CustomFields map[string]any
	// Requester is whom staff opens the ticket for; nil: nobody. A requester is always the actor: then this must be nil.
	Requester *Person
	// Ensure, if not nil, finds or makes the requester in the ticket's own transaction, so that a draft that can't be taken
	// leaves nobody behind. For staff only, in the place of Requester.
	Ensure Finder
	// Assignee is an agent that the caller has made sure of. For staff only, as is ExternalID, which is unique in the tenant.
	Assignee   *Person
	ExternalID string
	// Source is what the ticket came by; empty: what goes with the actor (portal, agent, api or system).
	Source      string
	Files       []string // IDs of what the actor has uploaded for it
	Idempotency *Idempotency
}

// Finder finds somebody in a ticket's own transaction, or makes them.
type Finder = func(*storage.Tx) (Person, error)

// Opened is a ticket as it was when it was opened.
type Opened struct {
	Ticket   Ticket
	Replayed bool // this is the answer to an earlier request with the same idempotency key
}

// Open files a ticket. A tenant.FieldErrors says what is wrong with the draft, ErrNotAllowed that it has what only staff may
// give, ErrConfirmationRequired that the actor has to prove their address first.
func (d *Desk) Open(ctx context.Context, tn *tenant.Tenant, a Actor, draft Draft) (Opened, error) {
	t, err := draft.ticket(a)
	if err != nil {
		return Opened{}, err
	}
	if err := a.mayOpen(tn); err != nil {
		return Opened{}, err
	}
	o, done, err := d.running.begin(ctx, tn, a, "open", draft.Idempotency)
	if err != nil {
		return Opened{}, err
	}
	defer done()
	var doc document
	doc.rewrite(&t)
	var opened Opened
	err = d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		x, found, err := o.earlier(tx)
		if found || err != nil {
			opened = Opened{Ticket: x.Ticket, Replayed: true}
			return err
		}
		if err := checkCategory(tx, a, t.CategoryID); err != nil {
			return err
		}
		opened = Opened{Ticket: t}
		if err := opened.Ticket.askFor(tx, draft.Ensure); err != nil {
			return err
		}
		if err := d.enrol(tx, &opened.Ticket); err != nil {
			return err
		}
		known := doc
		if draft.Ensure != nil || opened.Ticket.Organization != "" {
			known.introduce(&opened.Ticket)
		}
		if err := d.insert(tx, tn, a, &opened.Ticket, known, draft.Files); err != nil {
			return err
		}
		return o.keep(tx, answer{Ticket: opened.Ticket}, opened.Ticket.CreatedAt)
	})
	return opened, err
}

// mayOpen is ErrConfirmationRequired for who has to prove their address first, as the tenant wants it.
func (a Actor) mayOpen(tn *tenant.Tenant) error {
	if a.kind == KindVisitor && tn.Settings.Unsigned == tenant.UnsignedConfirm {
		return ErrConfirmationRequired
	}
	return nil
}

// ticket is what the draft asks for, but for what only the transaction can tell.
func (draft *Draft) ticket(a Actor) (Ticket, error) {
	if !a.known() || !a.Staff() && (draft.Requester != nil || draft.Ensure != nil || draft.Assignee != nil || draft.ExternalID != "") {
		return Ticket{}, fmt.Errorf("%w: requester, assignee_id and external_id are for staff", ErrNotAllowed)
	}
	c := newCheck()
	t := Ticket{
		Title: tenant.Line(draft.Title), Description: draft.Description, Status: StatusNew, Priority: draft.Priority,
		CategoryID: draft.CategoryID, Tags: c.tags("tags", draft.Tags), CustomFields: c.customFields(nil, draft.CustomFields),
		ExternalID: strings.TrimSpace(draft.ExternalID), Source: draft.Source, Version: 1,
	}
	if a.kind == KindVisitor {
		// Anybody can say to be anybody, and is not to sort themselves before others.
		t.Tags = nil
		if t.Priority == PriorityHigh || t.Priority == PriorityUrgent {
			t.Priority = PriorityMedium
		}
	}
	if t.Priority == "" {
		t.Priority = PriorityMedium
	}
	if t.Source == "" {
		t.Source = a.source()
	}
	if t.assign(draft.Assignee); t.Assignee != nil {
		t.Status = StatusOpen
	}
	requester := draft.Requester
	if !a.Staff() {
		requester = &a.person
		t.OwnTags, t.OwnFields = t.Tags, t.CustomFields
	}
	t.ask(requester)
	c.title(t.Title)
	c.body("description", t.Description)
	c.priority(t.Priority)
	c.tagCount(t.Tags)
	c.externalID(t.ExternalID)
	c.assignee(t.Assignee)
	return t, c.errs.Or()
}

// ask makes p the ticket's requester; nil is nobody.
func (t *Ticket) ask(p *Person) {
	t.Requester, t.Assurance, t.Disowned = nil, "", false
	if p == nil {
		return
	}
	who := p.clean()
	t.Requester, t.Assurance = &who, Vouched
	if who.ID == "" {
		t.Assurance = Asserted
	}
}

// askFor makes whom ensure finds the ticket's requester; nil changes nothing.
func (t *Ticket) askFor(tx *storage.Tx, ensure Finder) error {
	if ensure == nil {
		return nil
	}
	p, err := ensure(tx)
	if err != nil {
		return err
	}
	t.ask(&p)
	return nil
}

// assign makes p the ticket's assignee; nil is nobody.
func (t *Ticket) assign(p *Person) {
	t.Assignee = nil
	if p != nil {
		who := p.clean()
		t.Assignee = &who
	}
}

// checkCategory refuses a category that is not there, and for requesters one that is not active.
func checkCategory(tx *storage.Tx, a Actor, id string) error {
	if id == "" {
		return nil
	}
	_, err := category(tx, a, id)
	if errors.Is(err, ErrNotFound) {
		return tenant.FieldErrors{"category_id": {"The selected category id is invalid."}}
	}
	return err
}

// insert gives a new ticket its number and ID and writes it with all that belongs to it, files that the actor has uploaded
// included. doc has the ticket's words but for the number.
func (d *Desk) insert(tx *storage.Tx, tn *tenant.Tenant, a Actor, t *Ticket, doc document, files []string) error {
	err := d.number(tx, tn, t)
	if err != nil {
		return err
	}
	if t.Files, err = attach(tx, a, files, file.Place{TicketID: t.ID}); err != nil {
		return err
	}
	doc.Files = len(t.Files) > 0
	return d.file(tx, tn, Happening{Event: Event{Type: TicketCreated, Actor: a.author()}, After: t}, doc)
}

// number gives a new ticket its number, its ID and its times.
func (d *Desk) number(tx *storage.Tx, tn *tenant.Tenant, t *Ticket) (err error) {
	if t.Number, err = numbers.Next(tx); err != nil {
		return err
	}
	t.CreatedAt = now()
	t.UpdatedAt, t.StatusSince = t.CreatedAt, t.CreatedAt
	t.ID = d.mint.next(ticketPrefix, t.CreatedAt)
	return d.schedule(tx, tn, t)
}

// file writes a new ticket with what it is found by, and that it happened.
func (d *Desk) file(tx *storage.Tx, tn *tenant.Tenant, h Happening, doc document) error {
	if err := save(tx, nil, h.After); err != nil {
		return err
	}
	doc.name(h.After)
	if err := documentTable.Insert(tx, &doc); err != nil {
		return err
	}
	return d.record(tx, tn, h)
}
