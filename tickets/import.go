package tickets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tickets/file"
)

// Imported is a ticket that was somewhere else before, as it was there. Zero times are unknown.
type Imported struct {
	Title, Description string
	Status             Status   // empty: open
	Priority           Priority // empty: medium
	CategoryID         string
	Tags               []string
	CustomFields       map[string]any
	// Erased is a requester who was erased where the ticket was: nobody any more. Emptied: nothing that they wrote is left of it.
	Erased, Emptied bool
	// Claimed is a requester who only said who they are. Ensure finds or makes one who is known, as in Draft.
	Claimed    *Person
	Ensure     Finder
	Assignee   *Person
	ExternalID string
	Source     string // empty: import
	// Organization is the requester's at that time.
	Organization string

	CreatedAt, UpdatedAt, FirstResponseAt, ResolvedAt, ClosedAt time.Time

	Files []file.Loose
}

// Check says what is wrong with it: a tenant.FieldErrors, or nil.
func (in *Imported) Check() error {
	_, err := in.ticket(now())
	return err
}

// ticket is what comes of it, but for what only the transaction can tell.
func (in *Imported) ticket(at time.Time) (Ticket, error) {
	c := newCheck()
	t := Ticket{
		Title: tenant.Line(in.Title), Description: in.Description, Status: in.Status, Priority: in.Priority,
		CategoryID: in.CategoryID, Tags: c.tags("tags", in.Tags), CustomFields: c.customFields(nil, in.CustomFields),
		ExternalID: strings.TrimSpace(in.ExternalID), Source: in.Source, Version: 1,
		CreatedAt: in.CreatedAt, UpdatedAt: in.UpdatedAt, FirstResponseAt: in.FirstResponseAt,
		ResolvedAt: in.ResolvedAt, ClosedAt: in.ClosedAt,
	}
	if t.Status == "" {
		t.Status = StatusOpen
	}
	if t.Priority == "" {
		t.Priority = PriorityMedium
	}
	if t.Source == "" {
		t.Source = "import"
	}
	switch {
	case in.Erased:
		t.Requester, t.Erased = &Person{Name: erasure.Erased}, in.Emptied
	case in.Claimed != nil:
		t.ask(&Person{Email: in.Claimed.Email, Name: in.Claimed.Name})
	}
	t.assign(in.Assignee)
	t.Organization = c.organization(in.Organization)
	c.title(t.Title)
	c.body("description", t.Description)
	c.status(t.Status)
	c.priority(t.Priority)
	c.tagCount(t.Tags)
	c.externalID(t.ExternalID)
	c.assignee(t.Assignee)
	c.line("source", t.Source)
	if in.Claimed != nil {
		c.line("requester.email", in.Claimed.Email)
		c.line("requester.name", in.Claimed.Name)
	}
	for field, when := range map[string]time.Time{
		"created_at": t.CreatedAt, "updated_at": t.UpdatedAt, "first_response_at": t.FirstResponseAt,
		"resolved_at": t.ResolvedAt, "closed_at": t.ClosedAt,
	} {
		c.past(field, when, at)
	}
	t.settle(at)
	return t, c.errs.Or()
}

// line holds what is imported of somebody, or about where it was, to what fits anywhere.
func (c check) line(field, s string) {
	const longest = 254 // an address
	if utf8.RuneCountInString(s) > longest || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsFunc(s, tenant.Turns) {
		c.fail(field, "must be a line of at most %d characters.", longest)
	}
}

// past holds a time, unless it is not known, to those that were.
func (c check) past(field string, when, at time.Time) {
	if when.After(at.Add(24*time.Hour)) || !when.IsZero() && when.Year() < 1970 {
		c.fail(field, "must be a time between 1970 and now.")
	}
}

// settle fills in the times that are not known and brings them into order.
func (t *Ticket) settle(at time.Time) {
	for _, when := range []*time.Time{&t.CreatedAt, &t.UpdatedAt, &t.FirstResponseAt, &t.ResolvedAt, &t.ClosedAt} {
		*when = when.UTC().Truncate(time.Millisecond)
	}
	if t.CreatedAt.IsZero() {
		t.CreatedAt = at
	}
	if t.UpdatedAt.Before(t.CreatedAt) {
		t.UpdatedAt = t.CreatedAt
	}
	if !t.Status.done() {
		t.ResolvedAt, t.ClosedAt = time.Time{}, time.Time{}
		t.StatusSince = t.UpdatedAt
		return
	}
	if t.ResolvedAt.IsZero() {
		t.ResolvedAt = t.UpdatedAt
	}
	if t.Status == StatusClosed && t.ClosedAt.IsZero() {
		t.ClosedAt = t.ResolvedAt
	}
	if t.Status == StatusResolved {
		t.ClosedAt = time.Time{}
	}
	t.StatusSince = t.ResolvedAt
}

// importedAction is what the history of a ticket calls its import. Who imports it has not worked on it.
const importedAction = "imported"

// Import writes a ticket with its times, in the caller's transaction. What the node does by the passing of time begins with the
// next word of its requester, but that a resolved ticket is closed, which it tells nobody. Unless tells, nobody is told: there is no event, and nothing
// goes out. A tenant.FieldErrors says why not.
func (d *Desk) Import(tx *storage.Tx, tn *tenant.Tenant, by Actor, in *Imported, tells bool) (Ticket, error) {
	t, err := in.ticket(now())
	if err != nil {
		return Ticket{}, err
	}
	if err := t.askFor(tx, in.Ensure); err != nil {
		return Ticket{}, err
	}
	if t.Status == StatusResolved && now().Sub(t.ResolvedAt) > tn.Settings.AutoClose() { // as it would be here by now
		t.Status, t.ClosedAt = StatusClosed, t.ResolvedAt.Add(tn.Settings.AutoClose())
	}
	t.Imported = true
	if t.Number, err = numbers.Next(tx); err != nil {
		return Ticket{}, err
	}
	t.ID = d.mint.next(ticketPrefix, t.CreatedAt)
	if t.Files, err = d.files.AddTo(tx, by.uploader(), in.Files, file.Place{TicketID: t.ID}); err != nil {
		return Ticket{}, err
	}
	if err := d.schedule(tx, tn, &t); err != nil {
		return Ticket{}, err
	}
	if err := insertImported(tx, &t); err != nil {
		return Ticket{}, err
	}
	h := Happening{Event: Event{Type: TicketCreated, Actor: by.author(), CreatedAt: t.UpdatedAt}, After: &t, Action: importedAction, Automatic: true}
	if tells {
		h.Event.CreatedAt = now()
		return t, d.record(tx, tn, h)
	}
	h.Event.TicketID = t.ID
	if err := d.measured(tx, tn, &h); err != nil {
		return t, fmt.Errorf("measure ticket %d: %w", t.Number, err)
	}
	return t, d.remember(tx, &h)
}

func insertImported(tx *storage.Tx, t *Ticket) error {
	err := ticketTable.Insert(tx, t)
	if errors.Is(err, storage.ErrExists) {
		return tenant.FieldErrors{"external_id": {"The external id has already been taken."}}
	}
	if err != nil {
		return fmt.Errorf("import ticket %d: %w", t.Number, err)
	}
	var doc document
	doc.name(t)
	doc.rewrite(t)
	doc.attach(len(t.Files) > 0, Public)
	if err := documentTable.Insert(tx, &doc); err != nil {
		return err
	}
	return count(tx, nil, t)
}

// ImportedComment is a comment that was somewhere else before.
type ImportedComment struct {
	Body       string
	Visibility Visibility // empty: public
	Author     Author     // whose role is requester unless it says agent, admin, api or system
	CreatedAt  time.Time  // zero: as the ticket
	Files      []file.Loose
}

// Check says what is wrong with it: a tenant.FieldErrors, or nil.
func (in *ImportedComment) Check() error {
	n := Note{Body: in.Body, Visibility: in.Visibility}
	if err := n.check(System("import"), "body"); err != nil {
		return err
	}
	c := newCheck()
	c.line("author.name", in.Author.Name)
	c.line("author.email", in.Author.Email)
	c.past("created_at", in.CreatedAt, now())
	return c.errs.Or()
}

// ImportComment writes a comment of an imported ticket, in the caller's transaction. Nobody is told.
func (d *Desk) ImportComment(tx *storage.Tx, by Actor, ticketID string, in *ImportedComment) error {
	old, err := load(tx, Ref{id: parseID(ticketPrefix, ticketID)})
	if err != nil {
		return err
	}
	if err := in.Check(); err != nil {
		return err
	}
	c := Comment{TicketID: old.ID, Body: in.Body, Visibility: in.Visibility, Author: in.Author, CreatedAt: in.CreatedAt.UTC().Truncate(time.Millisecond)}
	if c.Visibility == "" {
		c.Visibility = Public
	}
	switch c.Author.Role {
	case "agent", "admin", "api", "system":
	default:
		c.Author.Role = "requester"
	}
	if c.CreatedAt.Before(old.CreatedAt) {
		c.CreatedAt = old.CreatedAt
	}
	c.ID = d.mint.next(commentPrefix, c.CreatedAt)
	place := file.Place{TicketID: old.ID, CommentID: c.ID, Internal: c.Visibility == Internal}
	if c.Files, err = d.files.AddTo(tx, by.uploader(), in.Files, place); err != nil {
		return err
	}
	if err := commentTable.Put(tx, &c); err != nil {
		return err
	}
	return reword(tx, &old, &old, &Note{Body: c.Body, Visibility: c.Visibility, Files: make([]string, len(c.Files))})
}

// KnowsExternalID says whether a ticket has this external ID.
func (d *Desk) KnowsExternalID(ctx context.Context, tn *tenant.Tenant, id string) (known bool, err error) {
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		_, err := byExternal.Get(tx, storage.Key(nil).Str(id))
		known = err == nil
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	})
	return known, err
}
