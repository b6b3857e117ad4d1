package rule

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// Config is what an Engine needs.
type Config struct {
	Store *storage.Store
	// Agents are the agents who may be assigned, in the scope of the transaction.
	Agents func(*storage.Tx) ([]tickets.Person, error)
	// Page is the address of the ticket with that number in the tenant's portal, for texts that name it. Nil: they do not.
	Page func(*tenant.Tenant, uint64) string
	// Log takes what is wrong with rules that are stored. Nil: nothing is said.
	Log *slog.Logger
}

// Engine keeps the rules of every tenant and runs them. It is safe for concurrent use.
type Engine struct {
	store  *storage.Store
	agents func(*storage.Tx) ([]tickets.Person, error)
	page   func(*tenant.Tenant, uint64) string
	log    *slog.Logger

	mu    sync.Mutex
	books map[storage.Scope]book // those that were read last
}

// New returns an engine. Its Rules and Waits are for a tickets.Config.
func New(c Config) *Engine {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{store: c.Store, agents: c.Agents, page: c.Page, log: c.Log, books: map[storage.Scope]book{}}
}

// Errors of this package.
var (
	// ErrNotFound: there is no such rule.
	ErrNotFound = errors.New("no such rule")
	// ErrTooMany: the tenant has as many rules as there may be.
	ErrTooMany = errors.New("there are too many rules")
)

// List returns the tenant's rules in their order.
func (e *Engine) List(ctx context.Context, tn *tenant.Tenant) ([]Rule, error) {
	var all []Rule
	err := e.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		b, err := read(tx)
		all = b.Rules
		return err
	})
	return all, err
}

// Find returns a rule, or ErrNotFound.
func (e *Engine) Find(ctx context.Context, tn *tenant.Tenant, id string) (Rule, error) {
	found, err := e.Place(ctx, tn, id)
	return found.Rule, err
}

// Place is Find that also says where the rule is.
func (e *Engine) Place(ctx context.Context, tn *tenant.Tenant, id string) (Placed, error) {
	all, err := e.List(ctx, tn)
	if err != nil {
		return Placed{}, err
	}
	if i := place(all, id); i >= 0 {
		return Placed{all[i], i + 1}, nil
	}
	return Placed{}, ErrNotFound
}

func place(all []Rule, id string) int {
	return slices.IndexFunc(all, func(r Rule) bool { return r.ID == id })
}

// Add makes a rule the one at that place, 1 being the first and 0 the last. A tenant.FieldErrors says what is wrong with it.
func (e *Engine) Add(ctx context.Context, tn *tenant.Tenant, r Rule, position int) (Placed, error) {
	var made Placed
	err := e.change(ctx, tn, func(c *check, b *book) error {
		if len(b.Rules) >= MaxRules {
			return ErrTooMany
		}
		c.rule(&r)
		r.ID, r.Since, r.Version = "rul_"+ulid.MustNew(ulid.Now(), rand.Reader).String(), now(), 1
		b.Rules = append(b.Rules, r)
		made = b.put(len(b.Rules)-1, position)
		return nil
	})
	return made, err
}

// Placed is a rule with its place, 1 being the first.
type Placed struct {
	Rule     Rule
	Position int
}

// Edit is what is to become of a rule. The zero Edit leaves it as it is.
type Edit struct {
	IfVersion uint64 // what the caller has seen; 0: whichever
	Position  int    // 0: where it is
	// Apply changes the rule, but for its ID, or says why not. The rule that it gets is the one that is stored: its Since is another one
	// after each change.
	Apply func(*Rule) error
}

// Edit changes a rule, its place, or both at once. ErrNotFound, tickets.ErrVersionConflict, or a tenant.FieldErrors.
func (e *Engine) Edit(ctx context.Context, tn *tenant.Tenant, id string, edit Edit) (Placed, error) {
	var made Placed
	err := e.change(ctx, tn, func(c *check, b *book) error {
		i, err := b.find(id, edit.IfVersion)
		if err != nil {
			return err
		}
		was := b.Rules[i]
		r := was
		if edit.Apply != nil {
			if err := edit.Apply(&r); err != nil {
				return err
			}
			c.rule(&r)
			r.Since = later(was.Since)
		}
		r.ID, r.Version = id, was.Version+1
		b.Rules[i] = r
		made = b.put(i, edit.Position)
		return nil
	})
	return made, err
}

// Change is Edit without more than a change of the rule itself.
func (e *Engine) Change(ctx context.Context, tn *tenant.Tenant, id string, fn func(*Rule) error) (Rule, error) {
	made, err := e.Edit(ctx, tn, id, Edit{Apply: fn})
	return made.Rule, err
}

// Move makes a rule the one at that place, 1 being the first.
func (e *Engine) Move(ctx context.Context, tn *tenant.Tenant, id string, to int) error {
	_, err := e.Edit(ctx, tn, id, Edit{Position: max(to, 1)})
	return err
}

// Remove deletes a rule; ifVersion as in Edit.
func (e *Engine) Remove(ctx context.Context, tn *tenant.Tenant, id string, ifVersion uint64) error {
	return e.change(ctx, tn, func(c *check, b *book) error {
		i, err := b.find(id, ifVersion)
		if err != nil {
			return err
		}
		b.Rules = slices.Delete(b.Rules, i, i+1)
		return turnTable.Delete(c.tx, storage.Key(nil).Str(id))
	})
}

// find is where a rule is, if it is the version that the caller has seen.
func (b *book) find(id string, ifVersion uint64) (int, error) {
	i := place(b.Rules, id)
	switch {
	case i < 0:
		return i, ErrNotFound
	case ifVersion != 0 && ifVersion != b.Rules[i].Version:
		return i, tickets.ErrVersionConflict
	}
	return i, nil
}

// put brings a rule to a place, 1 being the first and 0 the one where it is.
func (b *book) put(i, to int) Placed {
	r := b.Rules[i]
	if to > 0 {
		b.Rules = slices.Delete(b.Rules, i, i+1)
		i = min(to-1, len(b.Rules))
		b.Rules = slices.Insert(b.Rules, i, r)
	}
	return Placed{r, i + 1}
}

// change changes the tenant's rules in one transaction, and has tickets' times follow.
func (e *Engine) change(ctx context.Context, tn *tenant.Tenant, fn func(*check, *book) error) error {
	return e.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		b, err := read(tx)
		if err != nil {
			return err
		}
		b.Rules = slices.Clone(b.Rules)
		c := &check{errs: tenant.FieldErrors{}, tx: tx}
		if c.agents, err = e.agents(tx); err != nil {
			return err
		}
		if err := cmp.Or(fn(c, &b), c.errs.Or()); err != nil {
			return err
		}
		b.Version++
		if err := bookTable.Put(tx, &b); errors.Is(err, storage.ErrTooLarge) {
			return tenant.FieldErrors{"actions": {fmt.Sprintf("All rules together may have %d KiB. Shorten some of their texts.", storage.MaxValue>>10)}}
		} else if err != nil {
			return err
		}
		if err := headTable.Put(tx, &head{Version: b.Version}); err != nil {
			return err
		}
		return tickets.Reschedule(tx)
	})
}

func read(tx *storage.Tx) (book, error) {
	b, err := bookTable.Get(tx, only())
	if errors.Is(err, storage.ErrNotFound) {
		return book{}, nil
	}
	return b, err
}

// rules are the tenant's rules, as quickly as may be. Rules that can't be read are none: tickets go on without them.
func (e *Engine) rules(tx *storage.Tx) ([]Rule, error) {
	h, err := headTable.Get(tx, only())
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, e.broken(tx, err)
	}
	e.mu.Lock()
	known := e.books[tx.Scope()]
	e.mu.Unlock()
	if known.Version == h.Version {
		return known.Rules, nil
	}
	b, err := read(tx)
	if err != nil {
		return nil, e.broken(tx, err)
	}
	e.mu.Lock()
	e.books[tx.Scope()] = b
	e.mu.Unlock()
	return b.Rules, nil
}

// broken is the store's error, but for one that only says that the rules themselves can't be read.
func (e *Engine) broken(tx *storage.Tx, err error) error {
	if !errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrNewer) {
		return fmt.Errorf("read the rules: %w", err)
	}
	tx.OnCommit(func() { e.log.Error("the rules can't be read and do not run", slog.Any("error", err)) })
	return nil
}

// later is now, or as soon after at as can be told apart from it.
func later(at time.Time) time.Time {
	if t := now(); t.After(at) {
		return t
	}
	return at.Add(time.Millisecond)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// fold is a text as it is compared.
func fold(s string) string { return strings.ToLower(s) }
