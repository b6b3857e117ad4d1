package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// ErrNotFound says that nobody with this ID was ever erased.
var ErrNotFound = errors.New("there was no such erasure")

// Erasure is how far the program is with forgetting somebody.
type Erasure struct {
	// ID is the user's.
	ID string `cbor:"1,keyasint"`
	// By is who wanted it.
	By        string    `cbor:"2,keyasint,omitempty"`
	StartedAt time.Time `cbor:"3,keyasint"`
	// FinishedAt is zero while it is under way.
	FinishedAt time.Time `cbor:"4,keyasint,omitzero"`

	// Person is known until it is finished.
	Person Person `cbor:"5,keyasint,omitzero"`
	// Table is the one that is being worked on, behind the key After.
	Table uint16      `cbor:"6,keyasint,omitempty"`
	After storage.Key `cbor:"7,keyasint,omitempty"`
	// Again: the person is known by more since this round began.
	Again bool `cbor:"8,keyasint,omitempty"`
}

// Finished says whether nothing is left to do.
func (e *Erasure) Finished() bool { return !e.FinishedAt.IsZero() }

var (
	erasures = storage.NewTable(storage.Declaration[Erasure]{
		ID: 41, Name: "erasures", Sealed: true,
		Key: func(e *Erasure) storage.Key { return erasureKey(e.ID) },
	})
	underWay = storage.NewIndex(erasures, 1, func(e *Erasure) []storage.Key {
		if e.Finished() {
			return nil
		}
		return []storage.Key{erasureKey(e.ID)}
	}, func(*Erasure) storage.Bare { return storage.Bare{} })
)

func erasureKey(id string) storage.Key { return storage.Key(nil).Str(id) }

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{erasures} }

// Forgets is what this package's tables do about somebody who is to be forgotten.
func Forgets() []Answer {
	return []Answer{Never(erasures, "what it knows of the person goes when the erasure is finished")}
}

// Config is what an Eraser needs.
type Config struct {
	Store *storage.Store
	// Scopes are those of the tenants whose erasures Run ends.
	Scopes func(context.Context) ([]storage.Scope, error)
	// Answers are those of all rooms, in the order in which they are asked: who lets people in comes first.
	Answers []Answer
	// Tell is called in the transaction that begins an erasure, and in the one that ends it. Nil: nobody is told.
	Tell func(*storage.Tx, Erasure) error
	// Log takes what Run has to say. Nil: nothing is said.
	Log *slog.Logger
}

// Eraser has people forgotten. It is safe for concurrent use.
type Eraser struct {
	config Config
	// busy: this node is at it. Two at once would do no harm, and twice the work.
	busy sync.Mutex
	poke chan struct{}
}

// New returns an Eraser.
func New(c Config) *Eraser {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Tell == nil {
		c.Tell = func(*storage.Tx, Erasure) error { return nil }
	}
	return &Eraser{config: c, poke: make(chan struct{}, 1)}
}

// Find returns the erasure of the user with this ID, or ErrNotFound.
func (e *Eraser) Find(ctx context.Context, sc storage.Scope, id string) (Erasure, error) {
	var found Erasure
	err := e.config.Store.View(ctx, sc, func(tx *storage.Tx) (err error) {
		found, err = erasures.Get(tx, erasureKey(id))
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return Erasure{}, ErrNotFound
	}
	return found, err
}

// Erase has somebody forgotten. It comes back when that is done, or after some seconds while Run goes on with it: the erasure says
// which. Whoever is forgotten or about to be stays so: to ask again changes nothing.
func (e *Eraser) Erase(ctx context.Context, sc storage.Scope, p Person, by string) (Erasure, error) {
	const patience = 3 * time.Second
	var begun Erasure
	err := e.config.Store.Update(ctx, sc, func(tx *storage.Tx) (err error) {
		begun, err = erasures.Get(tx, erasureKey(p.ID))
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		p.grown = false
		begun = Erasure{ID: p.ID, By: by, StartedAt: now(), Person: p}
		if err := erasures.Insert(tx, &begun); err != nil {
			return err
		}
		return e.config.Tell(tx, begun)
	})
	if err != nil || begun.Finished() {
		return begun, err
	}
	some, end := context.WithTimeout(ctx, patience)
	defer end()
	if e.busy.TryLock() {
		err = e.finish(some, sc, p.ID)
		e.busy.Unlock()
	}
	if err != nil && some.Err() == nil {
		return begun, err
	}
	after, err := e.Find(ctx, sc, p.ID)
	if err == nil && !after.Finished() {
		e.wake()
	}
	return after, err
}

func (e *Eraser) wake() {
	select {
	case e.poke <- struct{}{}:
	default:
	}
}

// Run ends what is under way, until ctx ends.
func (e *Eraser) Run(ctx context.Context) error {
	const pause = 10 * time.Minute
	for {
		e.endAll(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-e.poke:
		case <-time.After(pause):
		}
	}
}

func (e *Eraser) endAll(ctx context.Context) {
	scopes, err := e.config.Scopes(ctx)
	if err != nil && ctx.Err() == nil {
		e.config.Log.ErrorContext(ctx, "erasures cannot list the tenants", slog.Any("error", err))
	}
	for _, sc := range scopes {
		if err := e.end(ctx, sc); err != nil && ctx.Err() == nil && !errors.Is(err, storage.ErrErased) {
			e.config.Log.ErrorContext(ctx, "an erasure is not at its end, and is tried again",
				slog.String("tenant_id", sc.ID()), slog.Any("error", err))
		}
	}
}

// end finishes what is under way at one tenant.
func (e *Eraser) end(ctx context.Context, sc storage.Scope) error {
	var open []string
	err := e.config.Store.View(ctx, sc, func(tx *storage.Tx) error {
		open = nil
		for one, err := range underWay.Records(tx, storage.Range{Limit: 100}) {
			if err != nil {
				return err
			}
			open = append(open, one.ID)
		}
		return nil
	})
	for _, id := range open {
		e.busy.Lock()
		err = errors.Join(err, e.finish(ctx, sc, id))
		e.busy.Unlock()
	}
	return err
}

// finish goes on with one erasure to its end.
func (e *Eraser) finish(ctx context.Context, sc storage.Scope, id string) error {
	one, err := e.Find(ctx, sc, id)
	for err == nil && !one.Finished() {
		if err = ctx.Err(); err != nil {
			break
		}
		i := e.index(one.Table)
		if i == len(e.config.Answers) {
			err = e.round(ctx, sc, &one)
			continue
		}
		err = e.step(ctx, sc, &one, i)
	}
	if err != nil {
		return fmt.Errorf("erase %s: %w", id, err)
	}
	return nil
}

// index is the answer of a table; that of no table is the first one. A table that is not there any more was the last.
func (e *Eraser) index(table uint16) int {
	if table == 0 {
		return 0
	}
	for i, a := range e.config.Answers {
		if a.Table.ID() == table {
			return i
		}
	}
	return len(e.config.Answers)
}

// lastTable is what an erasure is at whose round is at its end. No table has the number.
const lastTable = 1<<16 - 1

// step does a part of one table.
func (e *Eraser) step(ctx context.Context, sc storage.Scope, one *Erasure, i int) error {
	w := &work{store: e.config.Store, scope: sc, person: &one.Person}
	w.learnt = func(ctx context.Context) error {
		one.Again, one.Person.grown = true, false
		return e.save(ctx, sc, one)
	}
	next, done, err := e.config.Answers[i].step(ctx, w, one.After)
	if err != nil {
		return err
	}
	one.Table, one.After = e.config.Answers[i].Table.ID(), next
	if done {
		one.Table, one.After = lastTable, nil
		if i+1 < len(e.config.Answers) {
			one.Table = e.config.Answers[i+1].Table.ID()
		}
	}
	return e.save(ctx, sc, one)
}

// round ends a round: another one follows if the person is known by more than at its beginning.
func (e *Eraser) round(ctx context.Context, sc storage.Scope, one *Erasure) error {
	if one.Again {
		one.Again, one.Table = false, 0
		return e.save(ctx, sc, one)
	}
	*one = Erasure{ID: one.ID, By: one.By, StartedAt: one.StartedAt, FinishedAt: now()}
	return e.config.Store.Update(ctx, sc, func(tx *storage.Tx) error {
		if err := erasures.Put(tx, one); err != nil {
			return err
		}
		return e.config.Tell(tx, *one)
	})
}

func (e *Eraser) save(ctx context.Context, sc storage.Scope, one *Erasure) error {
	return e.config.Store.Update(ctx, sc, func(tx *storage.Tx) error { return erasures.Put(tx, one) })
}

// now is the present time as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
