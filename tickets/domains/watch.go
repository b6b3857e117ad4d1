package domains

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tickets"
)

// Config is what a Watch needs.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	Desk      *tickets.Desk
	// Speech is how a tenant's people are spoken to.
	Speech func(*tenant.Tenant) Speech
	// Page is the URL at which the tenant's staff sees a domain; without a host all of them.
	Page func(*tenant.Tenant, tenant.Host) string
	// Log takes what Run has to say. Nil: nothing is said.
	Log *slog.Logger
}

// Speech is a language and a time zone.
type Speech struct {
	// T says an English sentence, with what stands in it, in the language. Time says when.
	T    func(key string, args ...any) string
	Time func(time.Time) string
}

// Watch takes the events of all tenants' domains. Several may run on one store.
type Watch struct {
	config Config
	due    map[tenant.ID]time.Time // when there is something to do, as far as is known
	failed map[tenant.ID]failure
	taken  map[tenant.ID]uint64 // the last event that was taken of those that are there in a row
}

// failure is an event that could not be taken.
type failure struct {
	seq   uint64
	times int
}

// New returns a watch. It takes events while it Runs, which it does once.
func New(c Config) *Watch {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Watch{config: c, due: map[tenant.ID]time.Time{}, failed: map[tenant.ID]failure{}, taken: map[tenant.ID]uint64{}}
}

// Run takes events until ctx ends, those first that came while nothing ran.
func (w *Watch) Run(ctx context.Context) error {
	changed := make(chan []tenant.ID)
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.lookOut(ctx, changed)
	}()
	defer func() { <-over }()
	for {
		timer := time.NewTimer(time.Until(w.first()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case some := <-changed:
			for _, id := range some {
				w.due[id] = time.Now()
			}
		case <-timer.C:
		}
		timer.Stop()
		w.work(ctx)
	}
}

// first is when there is something to do, an hour from now at the latest.
func (w *Watch) first() time.Time {
	at := time.Now().Add(time.Hour)
	for _, due := range w.due {
		if due.Before(at) {
			at = due
		}
	}
	return at
}

// lookOut names all tenants when it begins, and then those whose domains have events.
func (w *Watch) lookOut(ctx context.Context, changed chan<- []tenant.ID) {
	const pause = time.Second
	for ctx.Err() == nil {
		err := w.follow(ctx, changed)
		if ctx.Err() == nil && !errors.Is(err, storage.ErrTruncated) {
			w.config.Log.ErrorContext(ctx, "domains' tickets cannot follow the store", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (w *Watch) follow(ctx context.Context, changed chan<- []tenant.ID) error {
	from, err := w.config.Store.Revision(ctx)
	if err != nil {
		return err
	}
	hand := func(some []tenant.ID) error {
		if len(some) == 0 {
			return nil
		}
		select {
		case changed <- some:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var all []tenant.ID
	for _, t := range w.config.Directory.Tenants() {
		all = append(all, t.ID)
	}
	if err := hand(all); err != nil {
		return err
	}
	return w.config.Store.Follow(ctx, from, func(changes []storage.Change) error {
		var some []tenant.ID
		for i := range changes {
			c := &changes[i]
			if id := tenant.ID(c.Tenant); domain.IsEvent(c) && (len(some) == 0 || some[len(some)-1] != id) {
				some = append(some, id)
			}
		}
		return hand(some)
	})
}

const (
	// turn is how many events of a tenant are taken until it is the next one's turn.
	turn = 50
	// again is when a tenant is looked at once more that something went wrong with.
	again = 10 * time.Second
)

// work does what is due in all tenants.
func (w *Watch) work(ctx context.Context) {
	for more := true; more && ctx.Err() == nil; {
		more = false
		for id, at := range w.due {
			if ctx.Err() != nil || at.After(time.Now()) {
				continue
			}
			delete(w.due, id)
			tn, served := w.config.Directory.ByID(id)
			if !served {
				delete(w.failed, id)
				continue
			}
			left, err := w.attend(ctx, tn)
			switch {
			case err != nil:
				w.complain(ctx, tn, err)
				w.due[id] = time.Now().Add(again)
			case left:
				w.due[id], more = time.Now(), true
			}
		}
	}
}

func (w *Watch) complain(ctx context.Context, tn *tenant.Tenant, err error) {
	if ctx.Err() == nil && !errors.Is(err, storage.ErrErased) {
		w.config.Log.WarnContext(ctx, "domains' tickets stopped short", slog.String("tenant", tn.Slug), slog.Any("error", err))
	}
}

// attend takes some of a tenant's events and says what was held back. Left: there is more to be done at once.
func (w *Watch) attend(ctx context.Context, tn *tenant.Tenant) (left bool, err error) {
	for range turn {
		there, err := w.any(ctx, tn)
		if err == nil && there {
			there, err = w.take(ctx, tn)
		}
		if err != nil {
			return false, err
		}
		if !there {
			delete(w.taken, tn.ID)
			return false, w.catchUp(ctx, tn)
		}
	}
	return true, nil
}

// any says whether there is an event: with many tenants most have none when a node starts, and reading costs next to nothing.
func (w *Watch) any(ctx context.Context, tn *tenant.Tenant) (there bool, err error) {
	err = w.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		_, err := domain.NextEvent(tx, w.taken[tn.ID])
		if there = err == nil; errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	})
	return there, err
}

// hopeless is after how many tries an event has no ticket.
const hopeless = 3

// take takes a tenant's next event. False: there is none.
func (w *Watch) take(ctx context.Context, tn *tenant.Tenant) (taken bool, err error) {
	var seq uint64
	mute := false
	err = w.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		e, err := domain.NextEvent(tx, w.taken[tn.ID])
		seq = e.Seq
		if taken = err == nil; errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		mute = w.failed[tn.ID] == failure{seq, hopeless}
		b, err := w.open(tx, tn)
		if err != nil {
			return err
		}
		return b.take(&e, mute)
	})
	switch {
	case err == nil && taken:
		delete(w.failed, tn.ID)
		w.taken[tn.ID] = seq
	case err != nil && seq != 0 && !passing(ctx, err):
		w.failed[tn.ID] = failure{seq, w.failed[tn.ID].of(seq) + 1}
	}
	return taken, err
}

// passing says whether an error is the store's and may be over soon, so that it says nothing about the event.
func passing(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, storage.ErrReadOnly) || errors.Is(err, storage.ErrClosed) || errors.Is(err, storage.ErrOutcomeUnknown)
}

// of is how often that event could not be taken.
func (f failure) of(seq uint64) int {
	if f.seq != seq {
		return 0
	}
	return min(f.times, hopeless-1)
}

// catchUp says what was held back and is due by now, and notes when the rest is.
func (w *Watch) catchUp(ctx context.Context, tn *tenant.Tenant) error {
	for {
		var key storage.Key
		var at time.Time
		err := w.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
			key, at = nil, time.Time{}
			for e, err := range mattersByDue.Scan(tx, storage.Range{Limit: 1}) {
				if err != nil {
					return err
				}
				key, at = e.Primary, e.Key.Parts().Time()
			}
			return nil
		})
		switch {
		case err != nil || key == nil:
			return err
		case at.After(time.Now()):
			w.due[tn.ID] = at
			return nil
		}
		err = w.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
			b, err := w.open(tx, tn)
			if err != nil {
				return err
			}
			return b.release(key)
		})
		if err != nil {
			return err
		}
	}
}
