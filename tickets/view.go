package tickets

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// View is a list of tickets that staff comes back to: one of those that every desk has, or a search that somebody saved.
type View struct {
	ID string `cbor:"1,keyasint"` // "viw_" and a ULID, or the name of a built-in one: inbox, mine …
	// Name is for people. That of a built-in view is English.
	Name string `cbor:"2,keyasint"`
	// Text is what the search box says.
	Text     string    `cbor:"3,keyasint"`
	Sort     Sort      `cbor:"4,keyasint,omitempty"`
	Owner    string    `cbor:"5,keyasint,omitempty"` // the agent's ID; empty: all of the staff's
	Position int       `cbor:"6,keyasint,omitempty"`
	Version  uint64    `cbor:"7,keyasint"`
	Updated  time.Time `cbor:"8,keyasint"`
	// BuiltIn views cannot be changed.
	BuiltIn bool `cbor:"-"`
	// Count is how many tickets there are, if it is Counted. More: at least so many.
	Count         int  `cbor:"-"`
	Counted, More bool `cbor:"-"`
}

// Shared says whether the view is all of the staff's.
func (v *View) Shared() bool { return v.Owner == "" }

func (v *View) keeping() (owner string, version uint64) { return v.Owner, v.Version }

// Query is what the view has, with what in its text cannot be understood.
func (v *View) Query() (Query, []Problem) {
	q, problems := ParseSearch(v.Text)
	q.Sort = cmp.Or(v.Sort, q.Sort)
	return q, problems
}

// ViewChange is what a view is to be: absent is unchanged. A new one needs a Name; it is the actor's own and comes last, if
// nothing else is said.
type ViewChange struct {
	IfVersion uint64 // 0: whichever
	Name      Optional[string]
	Text      Optional[string]
	Sort      Optional[Sort] // null: the one that the search has by itself
	Shared    Optional[bool]
	Position  Optional[int]
}

// builtIn are the views that every desk has, in their order.
func builtIn() []View {
	views := []View{
		{ID: "inbox", Name: "Inbox", Text: "is:open"},
		{ID: "mine", Name: "Mine", Text: "assignee:me -is:done"},
		{ID: "unassigned", Name: "Unassigned", Text: "is:unassigned -is:done"},
		{ID: "waiting", Name: "Waiting", Text: "is:waiting"},
		{ID: "overdue", Name: "Overdue", Text: "is:overdue"},
		{ID: "done", Name: "Done", Text: "is:done"},
		{ID: "all", Name: "All", Text: ""},
		{ID: "spam", Name: "Spam", Text: "is:spam"},
	}
	for i := range views {
		views[i].BuiltIn = true
	}
	return views
}

// Views returns the views that the actor may use, with counts: the built-in ones, then their own, then the shared ones, each
// by position. Staff only. Programs have no view of tickets that are theirs.
func (d *Desk) Views(ctx context.Context, tn *tenant.Tenant, a Actor) ([]View, error) {
	var saved []View
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		saved, err = kept(tx, a, viewTable)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(saved, func(x, y View) int {
		return cmp.Or(compareBool(x.Shared(), y.Shared()), cmp.Compare(x.Position, y.Position), strings.Compare(x.ID, y.ID))
	})
	views := builtIn()
	if a.kind == KindToken || a.kind == KindSystem {
		views = slices.DeleteFunc(views, func(v View) bool { return v.ID == "mine" })
	}
	views = append(views, saved...)
	return views, d.countViews(ctx, tn, a, views)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// View returns one of the views that the actor may use, without its count, or ErrNotFound.
func (d *Desk) View(ctx context.Context, tn *tenant.Tenant, a Actor, id string) (View, error) {
	if _, err := a.keepers(); err != nil {
		return View{}, err
	}
	for _, v := range builtIn() {
		if v.ID == id {
			return v, nil
		}
	}
	var v View
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		v, err = findKept(tx, a, viewTable, id)
		return err
	})
	return v, err
}

// AddView saves a search. Agents save their own, admins and programs shared ones as well.
func (d *Desk) AddView(ctx context.Context, tn *tenant.Tenant, a Actor, change ViewChange) (View, error) {
	v := View{Owner: a.person.ID}
	if a.kind == KindToken || a.kind == KindSystem {
		v.Owner = ""
	}
	if !change.Name.Present {
		change.Name = Set("")
	}
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		next := v
		next.ID = d.mint.next(viewPrefix, now())
		if err := change.apply(a, &next); err != nil {
			return err
		}
		if err := full(tx, viewTable, next.Owner); err != nil {
			return err
		}
		if !change.Position.Present {
			if err := last(tx, &next); err != nil {
				return err
			}
		}
		v = next
		return viewTable.Insert(tx, &v)
	})
	return v, err
}

// last puts a view behind all others of its keeper.
func last(tx *storage.Tx, v *View) error {
	for other, err := range viewTable.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(v.Owner)}) {
		if err != nil {
			return err
		}
		v.Position = min(max(v.Position, other.Position+1), maxPosition)
	}
	return nil
}

// ChangeView changes a saved view. ErrVersionConflict, ErrNotAllowed (it is shared, or built in), ErrNotFound.
func (d *Desk) ChangeView(ctx context.Context, tn *tenant.Tenant, a Actor, id string, change ViewChange) (View, error) {
	if err := d.mutable(ctx, tn, a, id); err != nil {
		return View{}, err
	}
	return changeKept(ctx, d, tn, a, viewTable, id, change.IfVersion, func(v *View) error { return change.apply(a, v) })
}

// RemoveView forgets a saved view.
func (d *Desk) RemoveView(ctx context.Context, tn *tenant.Tenant, a Actor, id string, ifVersion uint64) error {
	if err := d.mutable(ctx, tn, a, id); err != nil {
		return err
	}
	return onKept(ctx, d, tn, a, viewTable, id, ifVersion, func(tx *storage.Tx, old *View) error {
		return viewTable.Delete(tx, viewKey(old))
	})
}

// mutable refuses what is built in.
func (d *Desk) mutable(ctx context.Context, tn *tenant.Tenant, a Actor, id string) error {
	if v, err := d.View(ctx, tn, a, id); err != nil || v.BuiltIn {
		return cmp.Or(err, ErrNotAllowed)
	}
	return nil
}

// apply changes the view as was asked for.
func (change *ViewChange) apply(a Actor, v *View) error {
	k := newCheck()
	if change.Name.Present {
		v.Name = tenant.Line(change.Name.Value)
		k.keptName(v.Name)
	}
	if change.Text.Present {
		v.Text = strings.TrimSpace(change.Text.Value)
		if len(v.Text) > maxQueryText || !utf8.ValidString(v.Text) {
			k.fail("query", "must be text of at most %d bytes.", maxQueryText)
		}
	}
	if change.Sort.Present {
		if v.Sort = change.Sort.Value; v.Sort != "" && !slices.Contains(Sorts(), v.Sort) {
			k.fail("sort", "must be one of %s.", list(Sorts()))
		}
	}
	if change.Position.Present {
		v.Position = change.Position.Value
		k.position(v.Position)
	}
	if err := k.errs.Or(); err != nil {
		return err
	}
	shared := v.Shared()
	if change.Shared.Present {
		shared = change.Shared.Value
	}
	var err error
	v.Owner, err = a.keeper(shared)
	v.Version++
	v.Updated = now()
	return err
}
