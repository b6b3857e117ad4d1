package archive

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// Slug is the archive's tenant.
const Slug = "acme"

// Store is an open data folder with a desk in it.
type Store struct {
	*storage.Store

	Desk   *tickets.Desk
	Tenant *tenant.Tenant
	Keys   tenant.Keys // of a tenant that was just made
}

// Open opens the data folder, and makes the tenant if it is not there. Memory is as storage.Options has it.
func Open(ctx context.Context, dir string, memory int64) (*Store, error) {
	store, err := storage.Open(ctx, storage.Options{Dir: dir, Memory: memory, Tables: append(tenant.Tables(), tickets.Tables()...)})
	if err != nil {
		return nil, err
	}
	s := &Store{Store: store, Desk: tickets.New(tickets.Config{Store: store})}
	if err := s.enter(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return s, nil
}

func (s *Store) enter(ctx context.Context) error {
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://deskgate.localhost"}})
	if err != nil {
		return err
	}
	directory := tenant.NewDirectory(s.Store, node, nil)
	if err := directory.Load(ctx); err != nil {
		return err
	}
	registry := tenant.NewRegistry(s.Store, directory)
	s.Tenant, err = registry.Find(ctx, Slug)
	if errors.Is(err, tenant.ErrNotFound) {
		s.Tenant, s.Keys, err = registry.Create(ctx, Slug, "Acme")
	}
	return err
}

// known is a requester who need not be looked for.
func known(p tickets.Person) tickets.Finder {
	return func(*storage.Tx) (tickets.Person, error) { return p, nil }
}

// Fill imports the archive's tickets, the oldest first, and tells now and then how far it is. It goes on where it was stopped.
func (s *Store) Fill(ctx context.Context, size int, progress func(done int)) error {
	all, err := s.Desk.Categories(ctx, s.Tenant, tickets.System("archive"))
	if err != nil {
		return err
	}
	m := &maker{size: size, began: time.Now().AddDate(-years, 0, 0), words: newVocabulary()}
	for _, c := range all {
		m.categories = append(m.categories, c.ID)
	}
	there, err := s.Desk.Counts(ctx, s.Tenant, tickets.System("archive"))
	if err != nil {
		return err
	}
	var next, done atomic.Int64
	for _, n := range there.ByStatus {
		done.Add(int64(n))
	}
	next.Store(done.Load())
	g, ctx := errgroup.WithContext(ctx)
	for range 16 * runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for i := int(next.Add(1)) - 1; i < size; i = int(next.Add(1)) - 1 {
				x := m.make(i)
				if err := s.write(ctx, &x, i >= size-size/4); err != nil {
					return fmt.Errorf("ticket %d: %w", i, err)
				}
				if n := done.Add(1); n%5000 == 0 {
					progress(int(n))
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// write imports one ticket with its thread. One of the last ones leaves an event, too.
func (s *Store) write(ctx context.Context, x *made, tells bool) error {
	by := tickets.System("archive")
	return s.Update(ctx, s.Tenant.Scope(), func(tx *storage.Tx) error {
		t, err := s.Desk.Import(tx, s.Tenant, by, &x.ticket, tells)
		if err != nil {
			return err
		}
		for i := range x.comments {
			if err := s.Desk.ImportComment(tx, by, t.ID, &x.comments[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
