package tickets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
)

// Splitting says which messages of a ticket become a ticket of their own, and what that one is to be like.
type Splitting struct {
	IfVersion uint64   // of the ticket that is split; 0: whichever
	Comments  []string // IDs of its comments, at most MaxSplit
	// Title, CategoryID and Priority are those of the ticket that is split where they are not given.
	Title       string
	CategoryID  Optional[string]
	Priority    Priority
	Tags        []string
	Assignee    *Person
	Idempotency *Idempotency
}

const (
	// MaxSplit is how many messages can be split off at once.
	MaxSplit = 20
	// maxSplits is how often one ticket can be split.
	maxSplits = 50
)

// Split makes comments of a ticket a ticket of their own, which it returns. Staff only. They are moved with their authors,
// times, files and visibility. The new ticket is the same requester's if one of them is public, for that one they have read;
// else it is nobody's. The first public one that the requester wrote becomes the description; where there is none, the title
// stands in its place, so that no word of staff is taken for theirs. A tenant.FieldErrors says what is wrong.
func (d *Desk) Split(ctx context.Context, tn *tenant.Tenant, a Actor, from Ref, s Splitting) (Opened, error) {
	if !a.Staff() {
		return Opened{}, d.refuse(ctx, tn, a, from)
	}
	o, done, err := d.running.begin(ctx, tn, a, "split "+from.String(), s.Idempotency)
	if err != nil {
		return Opened{}, err
	}
	defer done()
	var opened Opened
	err = d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		x, found, err := o.earlier(tx)
		if found || err != nil {
			opened = Opened{Ticket: x.Ticket, Replayed: true}
			return err
		}
		of, err := find(tx, a, from, false)
		if err != nil {
			return err
		}
		t, err := d.split(tx, tn, a, &of, &s)
		if err != nil {
			return err
		}
		opened = Opened{Ticket: t}
		return o.keep(tx, answer{Ticket: t}, t.CreatedAt)
	})
	return opened, err
}

func (d *Desk) split(tx *storage.Tx, tn *tenant.Tenant, a Actor, of *Ticket, s *Splitting) (Ticket, error) {
	if err := of.frozen(); err != nil {
		return Ticket{}, err
	}
	if s.IfVersion != 0 && s.IfVersion != of.Version {
		return Ticket{}, ErrVersionConflict
	}
	parts, err := chosen(tx, of, s.Comments)
	if err != nil {
		return Ticket{}, err
	}
	t, err := s.ticket(a, of, parts)
	if err != nil {
		return t, err
	}
	if err := checkCategory(tx, a, t.CategoryID); err != nil {
		return t, err
	}
	if err := d.number(tx, tn, &t); err != nil {
		return t, err
	}
	var doc document
	if err := moveParts(tx, &t, &doc, parts); err != nil {
		return t, err
	}
	doc.rewrite(&t)
	h := Happening{Event: Event{Type: TicketCreated, Actor: a.author(), Changes: []FieldChange{{Field: "split_from", To: of.label()}}}, After: &t}
	if err := d.file(tx, tn, h, doc); err != nil {
		return t, err
	}
	return t, d.recordSplit(tx, tn, a, of, &t)
}

// chosen are the comments of the ticket with these IDs, the oldest first.
func chosen(tx *storage.Tx, t *Ticket, ids []string) ([]Comment, error) {
	wrong := func(sentence string) error { return tenant.FieldErrors{"comment_ids": {sentence}} }
	ids = distinct(ids)
	if len(ids) == 0 || len(ids) > MaxSplit {
		return nil, wrong(fmt.Sprintf("There must be 1 to %d comments.", MaxSplit))
	}
	var parts []Comment
	size, files := 0, 0
	for _, id := range ids {
		c, err := commentIn(tx, t, id)
		if errors.Is(err, ErrNotFound) {
			return nil, wrong("There is no comment with this id in this ticket.")
		}
		if err != nil {
			return nil, err
		}
		parts, size, files = append(parts, c), size+len(c.Body), files+len(c.Files)
	}
	if size > carryBytes || files > carryFiles {
		return nil, wrong("These are too long to be moved at once: choose fewer.")
	}
	slices.SortFunc(parts, func(x, y Comment) int { return strings.Compare(x.ID, y.ID) })
	return parts, nil
}

// commentIn is a comment of the ticket, public or internal, or ErrNotFound.
func commentIn(tx *storage.Tx, t *Ticket, id string) (Comment, error) {
	if parseID(commentPrefix, id).IsZero() {
		return Comment{}, ErrNotFound
	}
	for _, v := range []Visibility{Public, Internal} {
		c, err := commentTable.Get(tx, commentKey(&Comment{ID: id, TicketID: t.ID, Visibility: v}))
		if !errors.Is(err, storage.ErrNotFound) {
			return c, err
		}
	}
	return Comment{}, ErrNotFound
}

// ticket is the new ticket, but for what only the transaction can tell.
func (s *Splitting) ticket(a Actor, of *Ticket, parts []Comment) (Ticket, error) {
	c := newCheck()
	t := Ticket{
		Title: cmp.Or(tenant.Line(s.Title), of.Title), Status: StatusNew, Priority: cmp.Or(s.Priority, of.Priority), CategoryID: of.CategoryID,
		Tags: c.tags("tags", s.Tags), Source: a.source(), SplitFrom: of.ID, Version: 1,
	}
	if s.CategoryID.Present {
		t.CategoryID = s.CategoryID.Value
	}
	if slices.ContainsFunc(parts, func(p Comment) bool { return p.Visibility == Public }) {
		t.Requester, t.Assurance, t.Disowned, t.Organization = of.Requester, of.Assurance, of.Disowned, of.Organization
	}
	if t.assign(s.Assignee); t.Assignee != nil {
		t.Status = StatusOpen
	}
	c.title(t.Title)
	c.priority(t.Priority)
	c.tagCount(t.Tags)
	c.assignee(t.Assignee)
	if len(of.SplitInto) >= maxSplits {
		c.fail("comment_ids", "can't be split off: this ticket was split %d times already.", maxSplits)
	}
	return t, c.errs.Or()
}

// wrote says whether the ticket's requester wrote the comment, for all to read.
func (t *Ticket) wrote(c *Comment) bool {
	p := t.Requester
	return p != nil && c.Visibility == Public && c.Author.Role == "requester" &&
		(c.Author.ID == p.ID || c.Author.ID == "") && (c.Author.ID != "" || c.Author.Email == p.Email)
}

// moveParts takes the comments out of their ticket and into the new one, and reads them into what that is found by.
func moveParts(tx *storage.Tx, t *Ticket, doc *document, parts []Comment) error {
	asks := slices.IndexFunc(parts, func(c Comment) bool { return t.wrote(&c) })
	t.Description = t.Title
	for i, c := range parts {
		if err := commentTable.Delete(tx, commentKey(&c)); err != nil {
			return err
		}
		place := file.Place{TicketID: t.ID, CommentID: c.ID, Internal: c.Visibility == Internal}
		if i == asks {
			place.CommentID = ""
			t.Description, t.WrittenAt, t.Files = c.Body, c.CreatedAt, c.Files
		}
		if err := file.Move(tx, c.Files, place); err != nil {
			return err
		}
		doc.attach(len(c.Files) > 0, c.Visibility)
		if i == asks {
			continue
		}
		c.TicketID = t.ID
		if err := commentTable.Put(tx, &c); err != nil {
			return err
		}
		doc.read(c.Body, c.Visibility)
	}
	return nil
}

// recordSplit writes into the ticket that was split what has gone from it. Its requester is told if that is theirs.
func (d *Desk) recordSplit(tx *storage.Tx, tn *tenant.Tenant, a Actor, old, gone *Ticket) error {
	t := *old
	t.SplitInto = append(slices.Clone(old.SplitInto), gone.ID)
	t.Version++
	t.UpdatedAt = later(old.UpdatedAt)
	if err := d.schedule(tx, tn, &t); err != nil {
		return err
	}
	if err := save(tx, old, &t); err != nil {
		return err
	}
	if err := rebuild(tx, &t); err != nil {
		return err
	}
	e := Event{Type: TicketSplit, Actor: a.author(), Changes: append(differences(old, &t), FieldChange{Field: "split_into", To: gone.label()})}
	if gone.Requester == nil {
		e.Visibility = Internal
	}
	return d.record(tx, tn, Happening{Event: e, Before: old, After: &t})
}

// Asked is when the description was written: before the ticket, if that was split off another one.
func (t *Ticket) Asked() time.Time {
	if t.WrittenAt.IsZero() {
		return t.CreatedAt
	}
	return t.WrittenAt
}
