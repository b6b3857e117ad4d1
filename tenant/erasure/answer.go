package erasure

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/deskgate/deskgate/storage"
)

// Verdict is what becomes of a record about the person.
type Verdict uint8

// The verdicts.
const (
	Keep Verdict = iota // as it is; or the room has written it already
	Put                 // as the room has changed it
	Drop                // not at all
)

// Answer says what one table does about somebody who is to be forgotten.
type Answer struct {
	// Table is the table that it speaks for.
	Table storage.Declared
	// step does the part behind a key and returns where it got to; done: that was all.
	step func(ctx context.Context, w *work, after storage.Key) (next storage.Key, done bool, err error)
}

// work is one step of one person's erasure.
type work struct {
	store  *storage.Store
	scope  storage.Scope
	person *Person
	// learnt notes in the store what the person is known by.
	learnt func(context.Context) error
}

// Never is the answer of a table that never has anything of a requester in it; why is for whoever reads the code.
func Never(t storage.Declared, _ string) Answer {
	return Answer{Table: t, step: func(context.Context, *work, storage.Key) (storage.Key, bool, error) { return nil, true, nil }}
}

// Own is the answer of a table whose records about the person are found without looking at all others. forget does it in one
// transaction, and says whether there is more to do in another.
func Own(t storage.Declared, forget func(tx *storage.Tx, p *Person) (more bool, err error)) Answer {
	return Answer{Table: t, step: func(ctx context.Context, w *work, _ storage.Key) (storage.Key, bool, error) {
		for more := true; more; {
			err := w.store.Update(ctx, w.scope, func(tx *storage.Tx) (err error) {
				more, err = forget(tx, w.person)
				return err
			})
			if err != nil {
				return nil, false, err
			}
			if w.person.grown {
				if err := w.learnt(ctx); err != nil {
					return nil, false, err
				}
			}
		}
		return nil, true, nil
	}}
}

// Each is the answer of a table all of whose records are looked at: about says whether one is about the person, and may let the
// person Learn of it; forget then does with it what has to be done, in a transaction for it alone, which may run twice.
func Each[T any](t *storage.Table[T], about func(*Person, *T) bool, forget func(*storage.Tx, *Person, *T) (Verdict, error)) Answer {
	return Answer{Table: t, step: func(ctx context.Context, w *work, after storage.Key) (storage.Key, bool, error) {
		return through(ctx, w, t, about, after, func(k storage.Key, _ *T) error {
			return w.store.Update(ctx, w.scope, func(tx *storage.Tx) error { return settle(tx, t, k, w.person, about, forget) })
		})
	}}
}

// Walk is Each for records that one transaction may not be enough for: forget opens its own, in the tenant's scope. It leaves the
// record as one that is not about the person any more when all else is done, so that it comes again after a crash before that.
func Walk[T any](t *storage.Table[T], about func(*Person, *T) bool, forget func(context.Context, storage.Scope, *Person, *T) error) Answer {
	return Answer{Table: t, step: func(ctx context.Context, w *work, after storage.Key) (storage.Key, bool, error) {
		return through(ctx, w, t, about, after, func(_ storage.Key, v *T) error { return forget(ctx, w.scope, w.person, v) })
	}}
}

// through does the records about the person in the next part of a table.
func through[T any](
	ctx context.Context, w *work, t *storage.Table[T], about func(*Person, *T) bool, after storage.Key, do func(storage.Key, *T) error,
) (next storage.Key, done bool, err error) {
	found, next, err := look(ctx, w, t, about, after)
	if err != nil {
		return nil, false, err
	}
	if w.person.grown {
		if err := w.learnt(ctx); err != nil {
			return nil, false, err
		}
	}
	for i := range found {
		if err := do(slices.Clone(t.KeyOf(&found[i])), &found[i]); err != nil {
			return nil, false, err
		}
	}
	return next, next == nil, nil
}

// Dropped is the answer of a table whose records about the person go.
func Dropped[T any](t *storage.Table[T], about func(*Person, *T) bool) Answer {
	return Each(t, about, func(*storage.Tx, *Person, *T) (Verdict, error) { return Drop, nil })
}

// Scrubbed is the answer of a table whose records stay without the person: see Person.Scrub.
func Scrubbed[T any](t *storage.Table[T]) Answer {
	return Each(t, Mention[T], func(_ *storage.Tx, p *Person, v *T) (Verdict, error) {
		if p.Scrub(v) {
			return Put, nil
		}
		return Keep, nil
	})
}

// Redacted is the answer of a table with words of the team's: see Person.Redact.
func Redacted[T any](t *storage.Table[T]) Answer {
	return Each(t, func(p *Person, v *T) bool { return p.Told(v) }, func(_ *storage.Tx, p *Person, v *T) (Verdict, error) {
		if p.Redact(v) {
			return Put, nil
		}
		return Keep, nil
	})
}

// Mention says that a record has the person in any of its texts.
func Mention[T any](p *Person, v *T) bool { return p.Mentioned(v) }

// look finds the records about the person in the next part of a table, and where the part behind it begins; nil: nowhere.
func look[T any](
	ctx context.Context, w *work, t *storage.Table[T], about func(*Person, *T) bool, after storage.Key,
) (found []T, next storage.Key, err error) {
	const page = 500
	err = w.store.View(ctx, w.scope, func(tx *storage.Tx) error {
		found, next = nil, nil
		n := 0
		for v, err := range t.Scan(tx, storage.Range{After: after, Limit: page}) {
			if err != nil {
				return err
			}
			if n++; n == page {
				next = slices.Clone(t.KeyOf(&v))
			}
			if about(w.person, &v) {
				found = append(found, v)
			}
		}
		return nil
	})
	return found, next, err
}

// settle does one record. It may have changed or gone since it was found.
func settle[T any](
	tx *storage.Tx, t *storage.Table[T], k storage.Key, p *Person, about func(*Person, *T) bool, forget func(*storage.Tx, *Person, *T) (Verdict, error),
) error {
	v, err := t.Get(tx, k)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !about(p, &v) {
		return nil
	}
	if err != nil {
		return err
	}
	verdict, err := forget(tx, p, &v)
	switch {
	case err != nil:
		return fmt.Errorf("forget in %s: %w", t.Name(), err)
	case verdict == Put:
		return t.Put(tx, &v)
	case verdict == Drop:
		return t.Delete(tx, k)
	}
	return nil
}

// Unanswered are the tables that no answer speaks for, or more than one.
func Unanswered(tables []storage.Declared, answers []Answer) []string {
	given := map[uint16]int{}
	for _, a := range answers {
		given[a.Table.ID()]++
	}
	var names []string
	for _, t := range tables {
		if given[t.ID()] != 1 {
			names = append(names, fmt.Sprintf("%s (%d): %d answers", t.Name(), t.ID(), given[t.ID()]))
		}
	}
	return names
}
