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
)

// UndoFor is how long an agent may take back a reply.
const UndoFor = 15 * time.Second

// Held is a public reply that its author may still take back. It is no comment yet: requesters see nothing of it, no search
// finds it, and nothing goes out because of it before its time.
type Held struct {
	ID       string   `cbor:"1,keyasint"` // "hld_" and a ULID
	TicketID string   `cbor:"2,keyasint"`
	Author   Person   `cbor:"3,keyasint"`
	Admin    bool     `cbor:"4,keyasint,omitempty"`
	Body     string   `cbor:"5,keyasint"`
	Files    []string `cbor:"6,keyasint,omitempty"`
	// Status is what the ticket is to become with it, empty for what follows from the reply; From is what it was then.
	Status Status `cbor:"7,keyasint,omitempty"`
	From   Status `cbor:"8,keyasint"`
	// For is the owner of the ticket whom the author meant to write to.
	For    string    `cbor:"9,keyasint,omitempty"`
	HeldAt time.Time `cbor:"10,keyasint"`
	DueAt  time.Time `cbor:"11,keyasint"`
	Number uint64    `cbor:"12,keyasint"`           // the ticket's
	Tags   []string  `cbor:"13,keyasint,omitempty"` // that the ticket gets with it
}

// Sending is a public reply that is to be sent.
type Sending struct {
	Body  string
	Files []string
	// Status, if not empty, is what the ticket becomes with it; Tags are those that it gets.
	Status      Status
	Tags        []string
	Idempotency *Idempotency
}

// actor is the author, as they were when they sent the reply.
func (h *Held) actor() Actor {
	if h.Admin {
		return Admin(h.Author)
	}
	return Agent(h.Author)
}

// Returned says why a reply went back to its author's drafts instead of out.
type Returned string

// The reasons.
const (
	ReturnedDeleted   Returned = "deleted"   // the ticket was deleted
	ReturnedMerged    Returned = "merged"    // it was merged: the draft is in the other ticket
	ReturnedSpam      Returned = "spam"      // it was marked as spam
	ReturnedRequester Returned = "requester" // the ticket is somebody else's now
	ReturnedRefused   Returned = "refused"   // the reply can no longer be written as it is
)

const heldPrefix = "hld_"

var (
	heldTable = storage.NewTable(storage.Declaration[Held]{
		ID: 166, Name: "held replies", Key: heldKey,
	})
	heldByDue = storage.NewIndex(heldTable, 1, func(h *Held) []storage.Key {
		return []storage.Key{storage.Key(nil).Time(h.DueAt)}
	}, func(*Held) storage.Bare { return storage.Bare{} })
	heldByAuthor = storage.NewIndex(heldTable, 2, func(h *Held) []storage.Key {
		return []storage.Key{storage.Key(nil).Str(h.Author.ID).Time(h.DueAt)}
	}, func(*Held) storage.Bare { return storage.Bare{} })
)

// A held reply lies below its ticket.
func heldKey(h *Held) storage.Key {
	return oldest(newest(nil, parseID(ticketPrefix, h.TicketID)), parseID(heldPrefix, h.ID))
}

// Hold sends a public reply after UndoFor, unless Undo takes it back before. A reply of the same agent that waits already is
// sent at once, so that replies keep their order. Errors are those of Update. A request that was carried out before returns
// the zero Held.
func (d *Desk) Hold(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, x Sending) (Held, error) {
	if !a.agent() {
		return Held{}, fmt.Errorf("%w: only agents take their replies back", ErrNotAllowed)
	}
	n := Note{Body: x.Body, Visibility: Public}
	if err := n.check(a, "comment.body"); err != nil {
		return Held{}, err
	}
	o, done, err := d.running.begin(ctx, tn, a, "hold "+r.String(), x.Idempotency)
	if err != nil {
		return Held{}, err
	}
	defer done()
	var h Held
	var refused []string // earlier ones, which go back to their author when their time has come
	hold := func(tx *storage.Tx) error {
		h = Held{}
		t, err := find(tx, a, r, false)
		if err != nil {
			return err
		}
		if _, found, err := o.earlier(tx); found || err != nil {
			return err
		}
		if t, err = d.hurry(tx, tn, a, t, refused); err != nil {
			return err
		}
		if h, err = d.hold(tx, a, &t, x); err != nil {
			return err
		}
		tx.OnCommit(func() { d.holds.expect(tn, h.DueAt) })
		return o.keep(tx, answer{Ticket: t}, h.HeldAt)
	}
	for {
		err := d.store.Update(ctx, tn.Scope(), hold)
		earlier, again := errors.AsType[*refusedReplyError](err)
		if !again {
			return h, err
		}
		refused = append(refused, earlier.id)
	}
}

// hold writes the reply down, and forgets the draft that it was.
func (d *Desk) hold(tx *storage.Tx, a Actor, t *Ticket, x Sending) (Held, error) {
	if err := t.frozen(); err != nil {
		return Held{}, err
	}
	check := newCheck()
	tags := check.tags("tags", x.Tags)
	if err := check.errs.Or(); err != nil {
		return Held{}, err
	}
	status := x.Status
	if status == t.Status {
		status = ""
	}
	if allowed := a.Moves(t.Status); status != "" && !slices.Contains(allowed, status) {
		return Held{}, &TransitionError{From: t.Status, To: status, Allowed: allowed}
	}
	at := now()
	h := Held{
		ID: d.mint.next(heldPrefix, at), TicketID: t.ID, Number: t.Number, Author: a.person, Admin: a.kind == KindAdmin, Body: x.Body,
		Status: status, From: t.Status, For: t.owner(), HeldAt: at, DueAt: at.Add(UndoFor), Files: x.Files, Tags: tags,
	}
	if err := heldTable.Insert(tx, &h); err != nil {
		return Held{}, err
	}
	return h, dropDraft(tx, t, a.person.ID)
}

// hurry sends what waits of an agent in a ticket at once, but for some, and returns what became of the ticket.
func (d *Desk) hurry(tx *storage.Tx, tn *tenant.Tenant, a Actor, t Ticket, but []string) (Ticket, error) {
	waiting, err := heldIn(tx, &t)
	if err != nil {
		return t, err
	}
	for i := range waiting {
		if waiting[i].Author.ID != a.person.ID || slices.Contains(but, waiting[i].ID) {
			continue
		}
		if err := d.release(tx, tn, &waiting[i]); err != nil {
			return t, err
		}
	}
	return load(tx, t.Ref())
}

func heldIn(tx *storage.Tx, t *Ticket) ([]Held, error) {
	var all []Held
	for h, err := range heldTable.Scan(tx, storage.Range{Prefix: newest(nil, t.ulid()), Limit: maxLimit}) {
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// HeldIn lists the replies in a ticket that are not sent yet, for staff.
func (d *Desk) HeldIn(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (all []Held, err error) {
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := find(tx, a, r, false)
		if err != nil {
			return err
		}
		if !a.Staff() {
			return fmt.Errorf("%w: replies that are not sent are staff's", ErrNotAllowed)
		}
		all, err = heldIn(tx, &t)
		return err
	})
	return all, err
}

// HeldBy lists the actor's own replies that are not sent yet, the first to go out first. At most ten.
func (d *Desk) HeldBy(ctx context.Context, tn *tenant.Tenant, a Actor) (all []Held, err error) {
	const most = 10
	if !a.agent() {
		return nil, nil
	}
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		all = all[:0]
		own := storage.Range{Prefix: storage.Key(nil).Str(a.person.ID), Limit: most}
		for e, err := range heldByAuthor.Scan(tx, own) {
			if err != nil {
				return err
			}
			h, err := heldTable.Get(tx, e.Primary)
			if err != nil {
				return err
			}
			all = append(all, h)
		}
		return nil
	})
	return all, err
}

// Undo takes a reply back: it becomes its author's draft again, before what was begun meanwhile. ErrNotFound: it is not the
// actor's, or was sent.
func (d *Desk) Undo(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, id string) error {
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		h, err := d.ownHeld(tx, a, r, id)
		if err != nil {
			return err
		}
		return takeBack(tx, h, h.TicketID, "")
	})
}

// SendNow sends a reply that waits. ErrNotFound as for Undo. A tenant.FieldErrors: it can no longer be written as it is, and is the
// author's draft again.
func (d *Desk) SendNow(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, id string) error {
	return d.releasing(ctx, tn, func(tx *storage.Tx) error {
		h, err := d.ownHeld(tx, a, r, id)
		if err != nil {
			return err
		}
		return d.release(tx, tn, h)
	})
}

// ownHeld is a reply of the actor's that is not sent yet.
func (d *Desk) ownHeld(tx *storage.Tx, a Actor, r Ref, id string) (*Held, error) {
	t, err := find(tx, a, r, true)
	if err != nil {
		return nil, err
	}
	h, err := heldTable.Get(tx, heldKey(&Held{TicketID: t.ID, ID: id}))
	if errors.Is(err, storage.ErrNotFound) || err == nil && h.Author.ID != a.person.ID {
		return nil, ErrNotFound
	}
	return &h, err
}

// takeBack makes a reply its author's draft again, in its ticket or in the one that this was merged into.
func takeBack(tx *storage.Tx, h *Held, ticket string, why Returned) error {
	if err := heldTable.Delete(tx, heldKey(h)); err != nil {
		return err
	}
	x, err := draftTable.Get(tx, newest(nil, parseID(ticketPrefix, ticket)).Str(h.Author.ID))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if strings.TrimSpace(x.Body) != "" && x.Body != h.Body {
		x.Body = h.Body + "\n\n" + x.Body
	} else {
		x.Body = h.Body
	}
	x.TicketID, x.AgentID, x.SavedAt, x.Internal = ticket, h.Author.ID, now(), false
	x.Status, x.Tags, x.Returned = h.Status, h.Tags, why
	x.Files = append(slices.Clone(h.Files), x.Files...)
	return keepDraft(tx, &x)
}

// release sends a reply and forgets that it waited, in one transaction. What happened meanwhile counts: a reply to a ticket
// that was deleted, merged or marked as spam, or is somebody else's now, goes back to its author; the status is left as it is where a colleague has
// changed it, or the requester has written once more.
func (d *Desk) release(tx *storage.Tx, tn *tenant.Tenant, h *Held) error {
	t, err := load(tx, Ref{id: parseID(ticketPrefix, h.TicketID)})
	if errors.Is(err, storage.ErrNotFound) {
		return heldTable.Delete(tx, heldKey(h))
	}
	if err != nil {
		return err
	}
	if why := h.stuck(&t); why != "" {
		return takeBack(tx, h, cmp.Or(t.MergedInto, t.ID), why)
	}
	c := Change{Comment: &Note{Body: h.Body, Visibility: Public, Files: h.Files}, AddTags: h.Tags}
	if h.Status != "" {
		wanted, err := h.statusWanted(tx, &t)
		if err != nil {
			return err
		}
		if wanted {
			c.Status = Set(h.Status)
		}
	}
	if err := heldTable.Delete(tx, heldKey(h)); err != nil {
		return err
	}
	_, err = d.change(tx, tn, h.actor(), &t, &c)
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return &refusedReplyError{h.ID, heldKey(h), wrong}
	}
	return err
}

// stuck says why the reply must not go out any more; empty: it may.
func (h *Held) stuck(t *Ticket) Returned {
	switch {
	case t.Deleted() || t.Purging:
		return ReturnedDeleted
	case t.MergedInto != "":
		return ReturnedMerged
	case t.Spam():
		return ReturnedSpam
	case t.owner() != h.For:
		return ReturnedRequester
	}
	return ""
}

// statusWanted says whether the ticket is still to become what the author wanted.
func (h *Held) statusWanted(tx *storage.Tx, t *Ticket) (bool, error) {
	if t.Status != h.From || !slices.Contains(h.actor().Moves(t.Status), h.Status) {
		return false, nil
	}
	last, err := readComments(tx, Actor{}, t, nil, 1, true)
	if err != nil || len(last) == 0 {
		return err == nil, err
	}
	return last[0].Author.Role != "requester" || !last[0].CreatedAt.After(h.HeldAt), nil
}
