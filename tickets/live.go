package tickets

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Live wakes whoever watches a tenant's events. One follower of the store serves all of them, however many there are, and
// what they read of the newest events is read once.
type Live struct {
	store *storage.Store
	log   *slog.Logger

	mu    sync.Mutex
	rooms map[string]*room // by the tenant's ID, as long as somebody watches
}

// room is what the watchers of one tenant share.
type room struct {
	watchers int
	grown    chan struct{} // closed when there is something new

	reading sync.Mutex
	recent  []Event // the newest that were read, one after the other
}

// mostRecent is how many events a room remembers.
const mostRecent = 256

func newLive(s *storage.Store, log *slog.Logger) *Live {
	return &Live{store: s, log: log, rooms: map[string]*room{}}
}

// Run follows the store until ctx ends. Watchers see nothing new while nobody runs it.
func (l *Live) Run(ctx context.Context) error {
	const pause = time.Second
	for ctx.Err() == nil {
		err := l.follow(ctx)
		if ctx.Err() == nil && !errors.Is(err, storage.ErrTruncated) {
			l.log.ErrorContext(ctx, "the events cannot be followed", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

func (l *Live) follow(ctx context.Context) error {
	from, err := l.store.Revision(ctx)
	if err != nil {
		return err
	}
	l.wakeAll() // for what happened while nobody followed
	return l.store.Follow(ctx, from, func(changes []storage.Change) error {
		last := ""
		for i := range changes {
			if c := &changes[i]; c.Table == eventTable.ID() && c.Tenant != last {
				last = c.Tenant
				l.wake(last)
			}
		}
		return nil
	})
}

func (l *Live) wake(tenantID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r, watched := l.rooms[tenantID]; watched {
		r.wake()
	}
}

func (l *Live) wakeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.rooms {
		r.wake()
	}
}

func (r *room) wake() {
	close(r.grown)
	r.grown = make(chan struct{})
}

// enter opens a tenant's room for one watcher more.
func (l *Live) enter(tenantID string) *room {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, open := l.rooms[tenantID]
	if !open {
		r = &room{grown: make(chan struct{})}
		l.rooms[tenantID] = r
	}
	r.watchers++
	return r
}

func (l *Live) leave(tenantID string, r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.watchers--; r.watchers == 0 {
		delete(l.rooms, tenantID)
	}
}

func (l *Live) whenGrown(r *room) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return r.grown
}

// forget has what was read of a tenant's events read anew.
func (l *Live) forget(tenantID string) {
	l.mu.Lock()
	r := l.rooms[tenantID]
	l.mu.Unlock()
	if r != nil {
		r.reading.Lock()
		defer r.reading.Unlock()
		r.recent = nil
	}
}

// Watcher sees what happens in a tenant, as far as its actor may know of it. It is for one goroutine.
type Watcher struct {
	desk  *Desk
	tn    *tenant.Tenant
	actor Actor
	room  *room
	at    uint64
}

// Watch begins to watch behind the event number after, Newest being the last one that there is. Whoever watches has to
// Close. ErrEventsGone: events behind that one are not kept any more, or it never was.
func (d *Desk) Watch(ctx context.Context, tn *tenant.Tenant, a Actor, after uint64) (*Watcher, error) {
	w := &Watcher{desk: d, tn: tn, actor: a, at: after}
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		if after == Newest {
			w.at, err = eventNumbers.Last(tx)
			return err
		}
		return eventsKept(tx, after)
	})
	if err != nil {
		return nil, err
	}
	w.room = d.Live.enter(tn.Scope().ID())
	return w, nil
}

// Close ends the watching.
func (w *Watcher) Close() { w.desk.Live.leave(w.tn.Scope().ID(), w.room) }

// At is the number of the last event that was looked at, whether the actor may know of it or not: watching goes on from
// there without a loss.
func (w *Watcher) At() uint64 { return w.at }

// Next returns what has happened since, and waits for something until ctx ends. ErrEventsGone: the watcher is so far behind
// that events it has not seen are gone.
func (w *Watcher) Next(ctx context.Context) ([]Event, error) {
	for {
		grown := w.desk.Live.whenGrown(w.room)
		all, err := w.room.after(ctx, w.desk, w.tn, w.at)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			select {
			case <-grown:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		seen, err := w.desk.readable(ctx, w.tn, w.actor, all)
		if err != nil {
			return nil, err
		}
		w.at = all[len(all)-1].Seq
		if len(seen) > 0 {
			return seen, nil
		}
	}
}

// after reads some of the events behind a number, the newest ones once for all watchers.
func (r *room) after(ctx context.Context, d *Desk, tn *tenant.Tenant, seq uint64) ([]Event, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	n := len(r.recent)
	if n > 0 && r.recent[0].Seq <= seq+1 && seq < r.recent[n-1].Seq {
		return r.recent[seq+1-r.recent[0].Seq:], nil
	}
	var all []Event
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		all, err = eventsBehind(tx, seq, maxLimit)
		return err
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if n > 0 && r.recent[n-1].Seq == seq {
		r.recent = append(r.recent[max(0, n-mostRecent):n:n], all...) // a new array: others may hold a part of the old one
	} else if n == 0 || seq > r.recent[n-1].Seq {
		r.recent = all
	}
	return all, nil
}
