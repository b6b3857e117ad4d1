package certificate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/domain"
)

// pause says that an authority is left alone until some time, also after a restart.
type pause struct {
	Authority string        `cbor:"1,keyasint"`
	Until     time.Time     `cbor:"2,keyasint"`
	Reason    domain.Reason `cbor:"3,keyasint,omitempty"`
	// Setup is set where the authority did not take the node as a customer: what the operator had set by then.
	Setup []byte `cbor:"4,keyasint,omitempty"`
}

var pauses = storage.NewTable(storage.Declaration[pause]{
	ID: 199, Name: "proxy.pause",
	Key:     func(p *pause) storage.Key { return pauseKey(p.Authority) },
	Expires: func(p *pause) time.Time { return p.Until },
})

func pauseKey(authority string) storage.Key { return storage.Key{}.Str(authority) }

const (
	// faultsInARow is how often in a row an authority has to be out of order before it is left alone: one order that it can't
	// cope with must not stop all others.
	faultsInARow = 3
	// firstPause and longestPause bound how long: twice as long each time.
	firstPause, longestPause = time.Minute, 30 * time.Minute
)

// source is an authority, and whether it is to be asked now.
type source struct {
	*acmeIssuer

	store *storage.Store

	mu     sync.Mutex
	paused pause
	faults int // in a row
	failed uint64
}

// loadSource reads whether the authority is paused.
func loadSource(ctx context.Context, i *acmeIssuer, s *storage.Store) (*source, error) {
	src := &source{acmeIssuer: i, store: s}
	err := s.View(ctx, storage.Node(), func(tx *storage.Tx) (err error) {
		src.paused, err = pauses.Get(tx, pauseKey(i.key))
		if errors.Is(err, storage.ErrNotFound) {
			err = nil
		}
		return err
	})
	if src.paused.void(&i.authority) {
		src.paused = pause{}
	}
	return src, err
}

// rests is why the authority is not to be asked, and until when; nil if it is.
func (s *source) rests(now time.Time) *waitError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paused.Until.After(now) {
		return nil
	}
	return &waitError{s.paused.Until, s.paused.Reason}
}

// works notes that the authority does what it is for.
func (s *source) works() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = 0
}

// took notes what follows for the authority from an attempt that failed, and returns what follows for the host.
func (s *source) took(ctx context.Context, f failing, now time.Time) (failing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed++
	switch {
	case f.fault:
		if s.faults++; s.faults >= faultsInARow {
			f.everywhere, f.postponed = true, true
			if rest := now.Add(min(firstPause<<min(s.faults-faultsInARow, 8), longestPause)); rest.After(f.until) {
				f.until = rest
			}
		}
	case !f.postponed:
		s.faults = 0 // it works, it only says no
	}
	if !f.everywhere || !f.until.After(s.paused.Until) {
		return f, nil
	}
	s.paused = pause{Authority: s.key, Until: f.until.UTC().Truncate(time.Millisecond), Reason: f.reason}
	if f.customer {
		s.paused.Setup = s.authority.setup()
	}
	p := s.paused
	return f, s.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error { return pauses.Put(tx, &p) })
}

// rest is until when no authority is to be asked, and why; nil if there is one.
func (k *Keeper) rest(now time.Time) *waitError {
	var first *waitError
	for _, s := range k.sources {
		w := s.rests(now)
		if w == nil {
			return nil
		}
		if first == nil || w.until.Before(first.until) {
			first = w
		}
	}
	return first
}
