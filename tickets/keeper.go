package tickets

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Views and canned replies belong to one agent or, shared, to the whole staff. Each agent keeps their own; what is shared is
// kept by admins and programs, which have none of their own.

const (
	maxKept     = 100 // views, and replies, of one agent, and as many shared ones
	maxKeptName = 100 // characters
	maxPosition = 1_000_000
)

// keeper is whose things they are: an agent's ID, or "" for all of the staff's.
func (a Actor) keeper(shared bool) (string, error) {
	switch {
	case !a.Staff():
		return "", fmt.Errorf("%w: views and replies are staff's", ErrNotAllowed)
	case shared && a.kind == KindAgent:
		return "", fmt.Errorf("%w: what is shared is kept by admins", ErrNotAllowed)
	case shared:
		return "", nil
	case a.kind == KindToken || a.kind == KindSystem:
		return "", fmt.Errorf("%w: programs have only what is shared", ErrNotAllowed)
	}
	return a.person.ID, nil
}

// keepers are those whose things the actor may use.
func (a Actor) keepers() ([]string, error) {
	switch a.kind {
	case KindAgent, KindAdmin:
		return []string{a.person.ID, ""}, nil
	case KindToken, KindSystem:
		return []string{""}, nil
	}
	return nil, fmt.Errorf("%w: views and replies are staff's", ErrNotAllowed)
}

// kept reads what the actor may use of a table whose keys begin with the keeper.
func kept[T any](tx *storage.Tx, a Actor, table *storage.Table[T]) ([]T, error) {
	keepers, err := a.keepers()
	if err != nil {
		return nil, err
	}
	var all []T
	for _, k := range keepers {
		for v, err := range table.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(k)}) {
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	}
	return all, nil
}

// findKept reads one of them. ErrNotFound: there is none with that ID that the actor may use.
func findKept[T any](tx *storage.Tx, a Actor, table *storage.Table[T], id string) (v T, err error) {
	keepers, err := a.keepers()
	if err != nil {
		return v, err
	}
	for _, k := range keepers {
		v, err = table.Get(tx, storage.Key(nil).Str(k).Str(id))
		if !errors.Is(err, storage.ErrNotFound) {
			return v, err
		}
	}
	return v, ErrNotFound
}

// keepsake is a view or a reply.
type keepsake[T any] interface {
	*T
	// keeping is whose it is, and which version of it this is.
	keeping() (owner string, version uint64)
}

// onKept does something to one of them that the actor may change. ErrVersionConflict, ErrNotAllowed (it is shared), ErrNotFound.
func onKept[T any, P keepsake[T]](
	ctx context.Context, d *Desk, tn *tenant.Tenant, a Actor, table *storage.Table[T], id string, ifVersion uint64,
	fn func(*storage.Tx, P) error,
) error {
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		old, err := findKept(tx, a, table, id)
		if err != nil {
			return err
		}
		owner, version := P(&old).keeping()
		if _, err := a.keeper(owner == ""); err != nil {
			return err
		}
		if ifVersion != 0 && ifVersion != version {
			return ErrVersionConflict
		}
		return fn(tx, &old)
	})
}

// changeKept is onKept that stores what apply makes of it, which may have another keeper then.
func changeKept[T any, P keepsake[T]](
	ctx context.Context, d *Desk, tn *tenant.Tenant, a Actor, table *storage.Table[T], id string, ifVersion uint64, apply func(P) error,
) (v T, err error) {
	err = onKept(ctx, d, tn, a, table, id, ifVersion, func(tx *storage.Tx, old P) error {
		v = *old
		if err := apply(&v); err != nil {
			return err
		}
		before, _ := old.keeping()
		after, _ := P(&v).keeping()
		if before == after {
			return table.Put(tx, &v)
		}
		if err := full(tx, table, after); err != nil {
			return err
		}
		if err := table.Delete(tx, storage.Key(nil).Str(before).Str(id)); err != nil {
			return err
		}
		return table.Put(tx, &v)
	})
	return v, err
}

// full says that the keeper has as many as there may be.
func full[T any](tx *storage.Tx, table *storage.Table[T], keeper string) error {
	n := 0
	for _, err := range table.Keys(tx, storage.Range{Prefix: storage.Key(nil).Str(keeper), Limit: maxKept}) {
		if err != nil {
			return err
		}
		n++
	}
	if n == maxKept {
		return tenant.FieldErrors{"name": {fmt.Sprintf("There are %d already.", maxKept)}}
	}
	return nil
}

// keptName checks the name of a view or a reply.
func (c check) keptName(name string) {
	switch {
	case !strings.ContainsFunc(name, visible):
		c.fail("name", "is required.")
	case utf8.RuneCountInString(name) > maxKeptName:
		c.fail("name", "must not be longer than %d characters.", maxKeptName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		c.fail("name", "must be one line of text.")
	}
}

func (c check) position(n int) {
	if n < 0 || n > maxPosition {
		c.fail("position", "must be between 0 and %d.", maxPosition)
	}
}
