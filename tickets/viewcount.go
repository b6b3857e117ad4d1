package tickets

import (
	"context"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const (
	// maxViewCount is how far the tickets of a saved view are counted.
	maxViewCount = 999
	// viewRows is how many rows all saved views of a call may read together; views beyond stay uncounted.
	viewRows = 20_000
	// viewFresh is how long a count is good for.
	viewFresh = 5 * time.Second
	// maxCached is how many counts are kept.
	maxCached = 10_000
)

// countViews gives the views their counts: the built-in ones from the counters, exactly, the others by counting as far as that
// is cheap, not more often than every few seconds.
func (d *Desk) countViews(ctx context.Context, tn *tenant.Tenant, a Actor, views []View) error {
	n, err := d.Counts(ctx, tn, a)
	if err != nil {
		return err
	}
	sum := func(statuses ...Status) (sum int) {
		for _, s := range statuses {
			sum += n.ByStatus[s]
		}
		return sum
	}
	exact := map[string]int{
		"inbox": sum(StatusNew, StatusOpen), "mine": n.Mine, "unassigned": n.Unassigned, "waiting": sum(StatusPending, StatusOnHold),
		"done": sum(StatusResolved, StatusClosed), "all": sum(Statuses()...), "spam": n.Spam,
	}
	rows := viewRows
	for i := range views {
		v := &views[i]
		if count, known := exact[v.ID]; known {
			v.Count, v.Counted = count, true
			continue
		}
		c, err := d.countView(ctx, tn, a, v, &rows)
		if err != nil {
			return err
		}
		v.Count, v.More, v.Counted = c.n, c.more, c.known
	}
	return nil
}

// viewCount is how many tickets a view had at a time.
type viewCount struct {
	n           int
	more, known bool
	at          time.Time
}

// viewCounts are counts that are not old. The zero viewCounts is ready.
type viewCounts struct {
	mu    sync.Mutex
	known map[string]viewCount
}

func (c *viewCounts) get(key string) (viewCount, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.known[key]
	return v, ok && time.Since(v.at) < viewFresh
}

func (c *viewCounts) put(key string, v viewCount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxCached {
		c.known = make(map[string]viewCount)
	}
	c.known[key] = v
}

// countView counts the tickets of one view, as far as rows allow.
func (d *Desk) countView(ctx context.Context, tn *tenant.Tenant, a Actor, v *View, rows *int) (viewCount, error) {
	q, _ := v.Query()
	if q.check(a) != nil {
		return viewCount{}, nil //nolint:nilerr // a view that is nobody's to see has no count
	}
	who, err := d.resolve(ctx, tn, a, &q)
	if err != nil {
		return viewCount{}, err
	}
	q.Sort = ""
	f := q.filter(a, who, d.reach)
	key := string(storage.Key(nil).Str(string(tn.ID)).Str(string(f.name)))
	if c, ok := d.viewCounts.get(key); ok {
		return c, nil
	}
	if *rows <= 0 {
		return viewCount{}, nil
	}
	c := viewCount{known: true, at: time.Now()}
	if !f.nothing {
		if c.n, c.more, err = d.countFew(ctx, tn, f, rows); err != nil {
			return viewCount{}, err
		}
	}
	d.viewCounts.put(key, c)
	return c, nil
}

// countFew counts in one transaction.
func (d *Desk) countFew(ctx context.Context, tn *tenant.Tenant, f *filter, rows *int) (n int, more bool, err error) {
	f.reach.rows = min(f.reach.rows, *rows)
	s, err := d.choose(ctx, tn, f)
	if err != nil {
		return 0, false, err
	}
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		n = 0
		end, err := f.count(tx, s, nil, maxViewCount, &n)
		more = end != nil
		return err
	})
	*rows -= f.spent
	return n, more, err
}
