package tickets

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Change is what is to become different about a ticket: absent is unchanged, null is cleared. Requesters may give Status
// and Comment only.
type Change struct {
	// IfVersion is the version that the caller has seen; 0: whichever.
	IfVersion   uint64
	Title       Optional[string]
	Description Optional[string]
	Status      Optional[Status]
	Priority    Optional[Priority] // null: medium
	CategoryID  Optional[string]
	// Tags replaces all tags; AddTags and RemoveTags come after it.
	Tags       Optional[[]string]
	AddTags    []string
	RemoveTags []string
	// CustomFields merges: a nil value removes its key, null removes all.
	CustomFields Optional[map[string]any]
	Requester    Optional[Person]
	// Ensure, if not nil, finds or makes the requester, as in Draft.
	Ensure Finder
	// Assignee is an agent that the caller has made sure of.
	Assignee   Optional[Person]
	ExternalID Optional[string]
	// Organization is whose list has the ticket beside its requester's. A new requester brings their own, unless it is given.
	Organization Optional[string]
	Spam         Optional[bool]
	Comment      *Note
	// Idempotency counts before IfVersion: what was done already has made the version another one.
	Idempotency *Idempotency

	// back: the status is one that the ticket had, whichever may be chosen.
	back bool
}

// Updated is the ticket after a change, with the comment that came with it.
type Updated struct {
	Ticket   Ticket
	Comment  *Comment
	Replayed bool // this is the answer to an earlier request with the same idempotency key
}

// Update changes a ticket. ErrNotFound, ErrNotAllowed, ErrVersionConflict, a *TransitionError or a tenant.FieldErrors say
// why nothing was changed. A change that changes nothing leaves the version as it is.
func (d *Desk) Update(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, c Change) (Updated, error) {
	if err := c.allowed(a); err != nil {
		return Updated{}, err
	}
	o, done, err := d.running.begin(ctx, tn, a, "update "+r.String(), c.Idempotency)
	if err != nil {
		return Updated{}, err
	}
	defer done()
	var u Updated
	err = d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		old, err := d.findToChange(tx, tn, a, r)
		if err != nil {
			return err
		}
		x, found, err := o.earlier(tx)
		if found || err != nil {
			u = x.updated()
			return err
		}
		if c.IfVersion != 0 && c.IfVersion != old.Version {
			return ErrVersionConflict
		}
		if u, err = d.change(tx, tn, a, &old, &c); err != nil {
			return err
		}
		return o.keep(tx, answerTo(u), now())
	})
	return u, err
}

func answerTo(u Updated) answer {
	x := answer{Ticket: u.Ticket}
	if u.Comment != nil {
		x.Comment = *u.Comment
	}
	return x
}

// updated is what an earlier request was answered.
func (x *answer) updated() Updated {
	u := Updated{Ticket: x.Ticket, Replayed: true}
	if x.Comment.ID != "" {
		u.Comment = &x.Comment
	}
	return u
}

// allowed refuses what requesters may not change.
func (c *Change) allowed(a Actor) error {
	if !a.known() {
		return ErrNotFound
	}
	if c.Comment != nil {
		if err := c.Comment.check(a, "comment.body"); err != nil {
			return err
		}
	}
	staffOnly := c.Title.Present || c.Description.Present || c.Priority.Present || c.CategoryID.Present || c.Tags.Present ||
		len(c.AddTags) > 0 || len(c.RemoveTags) > 0 || c.CustomFields.Present || c.Requester.Present || c.Ensure != nil || c.Assignee.Present ||
		c.ExternalID.Present || c.Organization.Present || c.Spam.Present
	if staffOnly && !a.Staff() {
		return fmt.Errorf("%w: requesters may change the status and comment", ErrNotAllowed)
	}
	return nil
}

// change carries out what was asked for in one transaction.
func (d *Desk) change(tx *storage.Tx, tn *tenant.Tenant, a Actor, old *Ticket, c *Change) (Updated, error) {
	return d.alter(tx, tn, a, old, c, false)
}

// alter is change, also for what a rule does by itself.
func (d *Desk) alter(tx *storage.Tx, tn *tenant.Tenant, a Actor, old *Ticket, c *Change, automatic bool) (Updated, error) {
	if err := old.unchangeable(a); err != nil {
		return Updated{}, err
	}
	t := *old
	if err := c.apply(&t); err != nil {
		return Updated{}, err
	}
	if err := d.hand(tx, old, &t, c); err != nil {
		return Updated{}, err
	}
	if t.CategoryID != old.CategoryID {
		if err := checkCategory(tx, a, t.CategoryID); err != nil {
			return Updated{}, err
		}
	}
	t.UpdatedAt = later(old.UpdatedAt)
	if c.Spam.Present && c.Spam.Value != t.Spam() {
		if err := t.sortOut(tx); err != nil {
			return Updated{}, err
		}
	}
	if err := t.turn(a, c, old); err != nil {
		return Updated{}, err
	}
	if automatic {
		t.Ran = old.Ran // or two rules that wait could take turns for ever
	}
	if err := d.schedule(tx, tn, &t); err != nil {
		return Updated{}, err
	}
	changes := differences(old, &t)
	if len(changes) == 0 && c.Comment == nil {
		return Updated{Ticket: *old}, nil
	}
	t.Version++
	h := Happening{
		Event: Event{Type: TicketUpdated, Actor: a.author(), Changes: changes}, Before: old, After: &t, Automatic: automatic,
	}
	if c.Comment != nil {
		written, err := d.write(tx, &t, a, *c.Comment)
		if err != nil {
			return Updated{}, err
		}
		h.Comment, h.Event.Type = &written, TicketCommented
	}
	if err := save(tx, old, &t); err != nil {
		return Updated{}, err
	}
	if err := reword(tx, old, &t, c.Comment); err != nil {
		return Updated{}, err
	}
	err := d.record(tx, tn, h)
	return Updated{Ticket: t, Comment: h.Comment}, err
}

// hand makes whom the change finds the ticket's requester. A new one brings their organization.
func (d *Desk) hand(tx *storage.Tx, old, t *Ticket, c *Change) error {
	if err := t.askFor(tx, c.Ensure); err != nil {
		return err
	}
	if c.Organization.Present || t.owner() == old.owner() {
		return nil
	}
	return d.enrol(tx, t)
}

// sortOut puts the ticket away as spam, or takes it back.
func (t *Ticket) sortOut(tx *storage.Tx) error {
	if !t.Spam() {
		t.SpamAt = t.UpdatedAt
		return nil
	}
	t.SpamAt = time.Time{}
	return keepCategory(tx, t)
}

// later is now, or a millisecond after a time that is not over: each change of a ticket has a time of its own.
func later(than time.Time) time.Time {
	if at := now(); at.After(than) {
		return at
	}
	return than.Add(time.Millisecond)
}

// apply sets the fields that stand for themselves.
func (c *Change) apply(t *Ticket) error {
	k := newCheck()
	if c.Title.Present {
		t.Title = tenant.Line(c.Title.Value)
		k.title(t.Title)
	}
	if c.Description.Present {
		t.Description = c.Description.Value
		k.body("description", t.Description)
	}
	if c.Priority.Present {
		t.Priority = c.Priority.Value
		if c.Priority.Null {
			t.Priority = PriorityMedium
		}
		k.priority(t.Priority)
	}
	if c.Status.Present {
		k.status(c.Status.Value)
	}
	if c.CategoryID.Present {
		t.CategoryID = c.CategoryID.Value
	}
	if c.ExternalID.Present {
		t.ExternalID = strings.TrimSpace(c.ExternalID.Value)
		k.externalID(t.ExternalID)
	}
	if c.Organization.Present {
		t.Organization = k.organization(c.Organization.Value)
	}
	c.applyTags(k, t)
	if c.CustomFields.Present {
		was := t.CustomFields
		if c.CustomFields.Null {
			was = nil
		}
		t.CustomFields = k.customFields(was, c.CustomFields.Value)
	}
	if c.Requester.Present {
		t.ask(c.Requester.pointer())
		t.OwnTags, t.OwnFields = nil, nil // what somebody else gave is not theirs to see
	}
	if c.Assignee.Present {
		t.assign(c.Assignee.pointer())
		k.assignee(t.Assignee)
	}
	return k.errs.Or()
}

func (c *Change) applyTags(k check, t *Ticket) {
	tags := slices.Clone(t.Tags)
	if c.Tags.Present {
		tags = k.tags("tags", c.Tags.Value)
	}
	tags = append(tags, k.tags("add_tags", c.AddTags)...)
	slices.Sort(tags)
	tags = slices.Compact(tags)
	gone := k.tags("remove_tags", c.RemoveTags)
	tags = slices.DeleteFunc(tags, func(tag string) bool { return slices.Contains(gone, tag) })
	k.tagCount(tags)
	t.Tags = tags
}

// turn changes the status, as was chosen or as follows from what else happens, and the times that go with it.
func (t *Ticket) turn(a Actor, c *Change, old *Ticket) error {
	if c.Comment != nil && !a.Staff() && old.ClosedForGood() {
		return &TransitionError{From: StatusClosed, To: StatusOpen}
	}
	to := t.consequence(a, c, old)
	if c.Status.Present && c.Status.Value != old.Status {
		to = c.Status.Value
		if allowed := a.Moves(old.Status); !c.back && !slices.Contains(allowed, to) {
			return &TransitionError{From: old.Status, To: to, Allowed: allowed}
		}
	} else if c.Status.Present {
		to = old.Status
	}
	public := c.Comment != nil && c.Comment.Visibility != Internal
	if !a.Staff() {
		t.Imported = false
	}
	if public && a.Staff() && a.kind != KindSystem && t.FirstResponseAt.IsZero() {
		t.FirstResponseAt = t.UpdatedAt
	}
	t.enter(to)
	return nil
}

// consequence is the status that follows from a reply or an assignment.
func (t *Ticket) consequence(a Actor, c *Change, old *Ticket) Status {
	replied := c.Comment != nil && c.Comment.Visibility != Internal
	switch {
	case replied && !a.Staff() && old.Status != StatusNew:
		return StatusOpen
	case old.Status == StatusNew && replied && a.Staff() && a.kind != KindSystem:
		return StatusOpen
	case old.Status == StatusNew && t.assignee() != "" && t.assignee() != old.assignee():
		return StatusOpen
	}
	return old.Status
}

// enter sets the status at the time of the last change.
func (t *Ticket) enter(s Status) {
	if s == t.Status {
		return
	}
	t.Status, t.StatusSince, t.Ran = s, t.UpdatedAt, nil
	switch {
	case !s.done():
		t.ResolvedAt, t.ClosedAt = time.Time{}, time.Time{}
	case s == StatusResolved:
		t.ResolvedAt = t.UpdatedAt
	case s == StatusClosed:
		t.ClosedAt = t.UpdatedAt
		if t.ResolvedAt.IsZero() {
			t.ResolvedAt = t.UpdatedAt
		}
	}
}

// differences lists the fields that changed, those that people change first.
func differences(old, t *Ticket) []FieldChange {
	var out []FieldChange
	add := func(field, from, to string) {
		if from != to {
			out = append(out, FieldChange{Field: field, From: from, To: to})
		}
	}
	add("status", string(old.Status), string(t.Status))
	if old.assignee() != t.assignee() {
		out = append(out, FieldChange{Field: "assignee", From: nameOf(old.Assignee), To: nameOf(t.Assignee)})
	}
	add("priority", string(old.Priority), string(t.Priority))
	add("category_id", old.CategoryID, t.CategoryID)
	add("tags", strings.Join(old.Tags, ", "), strings.Join(t.Tags, ", "))
	add("title", old.Title, t.Title)
	if old.owner() != t.owner() || nameOf(old.Requester) != nameOf(t.Requester) {
		out = append(out, FieldChange{Field: "requester", From: nameOf(old.Requester), To: nameOf(t.Requester)})
	}
	add("external_id", old.ExternalID, t.ExternalID)
	add("organization", old.Organization, t.Organization)
	add("rating", old.stars(), t.stars())
	if old.Spam() != t.Spam() {
		add("spam", strconv.FormatBool(old.Spam()), strconv.FormatBool(t.Spam()))
	}
	if old.Description != t.Description {
		out = append(out, FieldChange{Field: "description"})
	}
	if !maps.Equal(old.CustomFields, t.CustomFields) {
		out = append(out, FieldChange{Field: "custom_fields"})
	}
	return out
}

func nameOf(p *Person) string {
	switch {
	case p == nil:
		return ""
	case p.Name == "":
		return p.Email
	case p.Email == "":
		return p.Name
	}
	return p.Name + " <" + p.Email + ">"
}

// reword brings what the ticket is found by up to date.
func reword(tx *storage.Tx, old, t *Ticket, n *Note) error {
	same := alike(old, t)
	if same && n == nil {
		return nil
	}
	was, err := documentTable.Get(tx, newest(nil, t.ulid()))
	if err != nil {
		return err
	}
	doc := was
	if !same {
		doc.rewrite(t)
	}
	if n != nil {
		doc.read(n.Body, n.Visibility)
		doc.attach(len(n.Files) > 0, n.Visibility)
	}
	return documentTable.Replace(tx, &was, &doc)
}
