package tickets

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Reply is a canned reply: a text that staff writes again and again, with what else is done then.
type Reply struct {
	ID       string `cbor:"1,keyasint"` // "rpl_" and a ULID
	Name     string `cbor:"2,keyasint"`
	Shortcut string `cbor:"3,keyasint,omitempty"` // unique among its keeper's
	// Body is Markdown with placeholders: see Placeholders.
	Body    string    `cbor:"4,keyasint"`
	Status  Status    `cbor:"5,keyasint,omitempty"` // what the ticket becomes with the answer; empty: what it does by itself
	Tags    []string  `cbor:"6,keyasint,omitempty"` // that the ticket gets
	Owner   string    `cbor:"7,keyasint,omitempty"` // the agent's ID; empty: all of the staff's
	Version uint64    `cbor:"8,keyasint"`
	Updated time.Time `cbor:"9,keyasint"`
}

// Shared says whether the reply is all of the staff's.
func (r *Reply) Shared() bool { return r.Owner == "" }

func (r *Reply) keeping() (owner string, version uint64) { return r.Owner, r.Version }

// ReplyChange is what a reply is to be: absent is unchanged. A new one needs a Name and a Body and is the actor's own, if
// nothing else is said.
type ReplyChange struct {
	IfVersion uint64 // 0: whichever
	Name      Optional[string]
	Shortcut  Optional[string]
	Body      Optional[string]
	Status    Optional[Status]
	Tags      Optional[[]string]
	Shared    Optional[bool]
}

const maxShortcut = 32

// Replies returns the canned replies that the actor may use, by name. Staff only.
func (d *Desk) Replies(ctx context.Context, tn *tenant.Tenant, a Actor) ([]Reply, error) {
	all := []Reply{}
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		found, err := kept(tx, a, replyTable)
		all = append(all[:0], found...)
		return err
	})
	slices.SortFunc(all, func(x, y Reply) int {
		return cmp.Or(strings.Compare(fold(x.Name), fold(y.Name)), strings.Compare(x.ID, y.ID))
	})
	return all, err
}

// Reply returns one of the canned replies that the actor may use, or ErrNotFound.
func (d *Desk) Reply(ctx context.Context, tn *tenant.Tenant, a Actor, id string) (Reply, error) {
	var r Reply
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		r, err = findKept(tx, a, replyTable, id)
		return err
	})
	return r, err
}

// AddReply keeps a canned reply. Agents keep their own, admins and programs shared ones as well. A tenant.FieldErrors says
// what is wrong with it.
func (d *Desk) AddReply(ctx context.Context, tn *tenant.Tenant, a Actor, change ReplyChange) (Reply, error) {
	var r Reply
	if !change.Name.Present {
		change.Name = Set("")
	}
	if !change.Body.Present {
		change.Body = Set("")
	}
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		r = Reply{ID: d.mint.next(replyPrefix, now()), Owner: a.person.ID}
		if a.kind == KindToken || a.kind == KindSystem {
			r.Owner = ""
		}
		if err := change.apply(a, &r); err != nil {
			return err
		}
		if err := full(tx, replyTable, r.Owner); err != nil {
			return err
		}
		return replyTable.Put(tx, &r)
	})
	return r, freeShortcut(err)
}

// ChangeReply changes a canned reply. ErrVersionConflict, ErrNotAllowed (it is shared), ErrNotFound.
func (d *Desk) ChangeReply(ctx context.Context, tn *tenant.Tenant, a Actor, id string, change ReplyChange) (Reply, error) {
	r, err := changeKept(ctx, d, tn, a, replyTable, id, change.IfVersion, func(r *Reply) error { return change.apply(a, r) })
	return r, freeShortcut(err)
}

// RemoveReply forgets a canned reply.
func (d *Desk) RemoveReply(ctx context.Context, tn *tenant.Tenant, a Actor, id string, ifVersion uint64) error {
	return onKept(ctx, d, tn, a, replyTable, id, ifVersion, func(tx *storage.Tx, old *Reply) error {
		return replyTable.Delete(tx, replyKey(old))
	})
}

// freeShortcut says what it means that a reply like this exists.
func freeShortcut(err error) error {
	if errors.Is(err, storage.ErrExists) {
		return tenant.FieldErrors{"shortcut": {"The shortcut has already been taken."}}
	}
	return err
}

// apply changes the reply as was asked for.
func (change *ReplyChange) apply(a Actor, r *Reply) error {
	k := newCheck()
	if change.Name.Present {
		r.Name = tenant.Line(change.Name.Value)
		k.keptName(r.Name)
	}
	if change.Shortcut.Present {
		r.Shortcut = strings.ToLower(strings.TrimSpace(change.Shortcut.Value))
		if len(r.Shortcut) > maxShortcut || strings.ContainsFunc(r.Shortcut, notInShortcut) {
			k.fail("shortcut", "must have at most %d letters, digits and hyphens.", maxShortcut)
		}
	}
	if change.Body.Present {
		r.Body = change.Body.Value
		k.body("body", r.Body)
		k.placeholders("body", r.Body)
	}
	if change.Status.Present {
		if r.Status = change.Status.Value; r.Status != "" {
			k.status(r.Status)
		}
	}
	if change.Tags.Present {
		r.Tags = k.tags("tags", change.Tags.Value)
		k.tagCount(r.Tags)
	}
	if err := k.errs.Or(); err != nil {
		return err
	}
	shared := r.Shared()
	if change.Shared.Present {
		shared = change.Shared.Value
	}
	var err error
	r.Owner, err = a.keeper(shared)
	r.Version++
	r.Updated = now()
	return err
}

func notInShortcut(r rune) bool {
	return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
}
