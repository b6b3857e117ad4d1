package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// Config is what the room needs. Every field is required but Log.
type Config struct {
	Store *storage.Store
	Desk  *tickets.Desk
	// Tenants lists those whose imports Run goes on with.
	Tenants func(context.Context) ([]*tenant.Tenant, error)
	// Ensure finds or makes a requester in a ticket's transaction; a tenant.FieldErrors says what is wrong with the address or name.
	Ensure func(email, name, externalID string) (tickets.Finder, error)
	// Team are the tenant's agents.
	Team func(context.Context, *tenant.Tenant) ([]tickets.Person, error)
	// Sections are the parts of an export that other rooms know.
	Sections []Section
	Log      *slog.Logger
}

// Transfers are the imports and exports of every tenant. It is safe for concurrent use.
type Transfers struct {
	config Config
	log    *slog.Logger
	wake   chan struct{}
}

// New returns the transfers. Nothing is imported until Run runs.
func New(c Config) *Transfers {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Transfers{config: c, log: c.Log, wake: make(chan struct{}, 1)}
}

// MaxSize is the largest file that can be imported, in bytes.
const MaxSize = 4 << 30

const (
	// waitsFor is how long a file that was checked waits for somebody to say go, and keptFor how long the report of an import is kept.
	waitsFor = 24 * time.Hour
	keptFor  = 30 * 24 * time.Hour
	// maxJobs is how many imports of a tenant there may be at once.
	maxJobs = 50
)

// ErrTooMany means that there are too many imports: remove some.
var ErrTooMany = errors.New("there are too many imports")

// Begin keeps a file and has it checked. A *file.LimitError: it is too large.
func (t *Transfers) Begin(ctx context.Context, tn *tenant.Tenant, by tickets.Actor, name string, r io.Reader) (Job, error) {
	sum, size, err := t.config.Store.Blobs().Put(ctx, r, MaxSize)
	if errors.Is(err, storage.ErrTooLarge) {
		return Job{}, &file.LimitError{Limit: "size", Most: MaxSize}
	}
	if err != nil {
		return Job{}, err
	}
	if size == 0 {
		return Job{}, file.ErrEmpty
	}
	j := Job{
		ID: newJobID(), Name: file.CleanName(name), Size: size, State: Checking, Sum: sum[:], By: by.Author(),
		CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
	err = t.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		n := 0
		for _, err := range jobTable.Keys(tx, storage.Range{Limit: maxJobs}) {
			if err != nil {
				return err
			}
			n++
		}
		if n == maxJobs {
			return ErrTooMany
		}
		if err := t.config.Store.Blobs().Ref(tx, sum); err != nil {
			return err
		}
		return jobTable.Insert(tx, &j)
	})
	t.nudge()
	return j, err
}

// nudge has Run look at once.
func (t *Transfers) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Jobs are the tenant's imports, the newest first.
func (t *Transfers) Jobs(ctx context.Context, tn *tenant.Tenant) ([]Job, error) {
	var all []Job
	err := t.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		all = all[:0]
		for j, err := range jobTable.Scan(tx, storage.Range{Reverse: true}) {
			if err != nil {
				return err
			}
			all = append(all, j)
		}
		return nil
	})
	return all, err
}

// Job returns one import with the first of its problems, at most limit. ErrNotFound.
func (t *Transfers) Job(ctx context.Context, tn *tenant.Tenant, id string, limit int) (Job, []Problem, error) {
	var j Job
	var problems []Problem
	err := t.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		if j, err = loadJob(tx, id); err != nil {
			return err
		}
		problems = problems[:0]
		for p, err := range problemTable.Scan(tx, storage.Range{Prefix: jobKey(id), Limit: limit}) {
			if err != nil {
				return err
			}
			problems = append(problems, p)
		}
		return nil
	})
	return j, problems, err
}

// Start has a checked import written. tells has everybody told who follows the tenant's events. ErrNotFound; nothing happens if it
// was started already.
func (t *Transfers) Start(ctx context.Context, tn *tenant.Tenant, id string, tells bool) error {
	j, _, err := t.Job(ctx, tn, id, 1)
	if err != nil || j.State != Checked {
		return err
	}
	// What is wrong is said anew, of what was really left out.
	if err := t.forgetProblems(ctx, tn, id); err != nil {
		return err
	}
	err = t.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		j, err := loadJob(tx, id)
		if err != nil || j.State != Checked {
			return err
		}
		j.State, j.Tells = Running, tells
		j.Place, j.Tickets, j.Comments, j.Files, j.Skipped, j.Problems = 0, 0, 0, 0, 0, 0
		return jobTable.Put(tx, &j)
	})
	t.nudge()
	return err
}

// Remove ends an import and forgets it. What it has written stays. ErrNotFound.
func (t *Transfers) Remove(ctx context.Context, tn *tenant.Tenant, id string) error {
	err := t.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		j, err := loadJob(tx, id)
		if err != nil {
			return err
		}
		if err := t.drop(tx, &j); err != nil {
			return err
		}
		return jobTable.Delete(tx, jobKey(id))
	})
	if err != nil {
		return err
	}
	return t.forgetProblems(ctx, tn, id)
}

// forgetProblems forgets what was found in an import.
func (t *Transfers) forgetProblems(ctx context.Context, tn *tenant.Tenant, id string) (err error) {
	const some = 500
	for n := some; err == nil && n == some; {
		err = t.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
			var gone []storage.Key
			for k, err := range problemTable.Keys(tx, storage.Range{Prefix: jobKey(id), Limit: some}) {
				if err != nil {
					return err
				}
				gone = append(gone, k)
			}
			n = len(gone)
			for _, k := range gone {
				if err := problemTable.Delete(tx, k); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}

// drop lets go of the file of an import.
func (t *Transfers) drop(tx *storage.Tx, j *Job) error {
	if j.Sum == nil {
		return nil
	}
	sum := storage.Sum(j.Sum)
	j.Sum = nil
	return t.config.Store.Blobs().Drop(tx, sum)
}

// work checks or writes one import.
func (t *Transfers) work(ctx context.Context, tn *tenant.Tenant, j *Job) error {
	p, err := t.pass(ctx, tn, j)
	if err == nil {
		err = errors.Join(p.run(ctx), p.file.close())
	}
	bad, isBad := errors.AsType[*unreadable](err)
	switch {
	case isBad:
		return t.end(ctx, tn, j.ID, Failed, bad.why)
	case errors.Is(err, errGone):
		return nil
	case err != nil:
		return fmt.Errorf("import %s: %w", j.ID, err)
	}
	return nil
}

// end gives an import its last state.
func (t *Transfers) end(ctx context.Context, tn *tenant.Tenant, id string, s State, why string) error {
	return t.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		j, err := loadJob(tx, id)
		if err != nil {
			return err
		}
		j.State, j.Why, j.EndedAt = s, why, time.Now().UTC().Truncate(time.Millisecond)
		if err := t.drop(tx, &j); err != nil {
			return err
		}
		return jobTable.Put(tx, &j)
	})
}

// team are the tenant's agents by address.
func (t *Transfers) team(ctx context.Context, tn *tenant.Tenant) (map[string]tickets.Person, error) {
	all, err := t.config.Team(ctx, tn)
	byEmail := map[string]tickets.Person{}
	for _, p := range all {
		byEmail[strings.ToLower(p.Email)] = p
	}
	return byEmail, err
}
