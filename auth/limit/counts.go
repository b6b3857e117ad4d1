package limit

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/ulule/limiter/v3"

	"github.com/deskgate/deskgate/storage"
)

const (
	shards = 64
	// maxKeys bounds the memory: some 100 bytes a key.
	maxKeys    = 1 << 20
	flushEvery = time.Second
	// batch is how many counts one transaction writes.
	batch      = 500
	sweepEvery = time.Minute
	// worthADisk is the shortest period whose full counts are written at once.
	worthADisk = time.Minute
)

// record is one count on disk.
type record struct {
	Key     []byte    `cbor:"1,keyasint"`
	Count   int64     `cbor:"2,keyasint"`
	Expires time.Time `cbor:"3,keyasint"`
}

var table = storage.NewTable(storage.Declaration[record]{
	ID: 64, Name: "limits",
	Key:     func(r *record) storage.Key { return storage.Key(nil).Bytes(r.Key) },
	Expires: func(r *record) time.Time { return r.Expires },
})

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{table} }

// counts is a limiter.Store in memory, with the disk behind it.
type counts struct {
	store  *storage.Store
	log    *slog.Logger
	seed   maphash.Seed
	shards [shards]shard
	// full says that a count has come to its limit: a crash must not set it free.
	full chan struct{}
}

type shard struct {
	mu    sync.Mutex
	m     map[string]*count
	dirty []string // keys of counts that are not on disk
}

type count struct {
	n       int64
	expires time.Time
	dirty   bool
}

var _ limiter.Store = (*counts)(nil)

func newCounts(store *storage.Store, log *slog.Logger) *counts {
	c := &counts{store: store, log: log, seed: maphash.MakeSeed(), full: make(chan struct{}, 1)}
	for i := range c.shards {
		c.shards[i].m = map[string]*count{}
	}
	return c
}

// Get counts one.
func (c *counts) Get(_ context.Context, key string, r limiter.Rate) (limiter.Context, error) {
	return c.add(key, 1, r), nil
}

// Increment counts n.
func (c *counts) Increment(_ context.Context, key string, n int64, r limiter.Rate) (limiter.Context, error) {
	return c.add(key, n, r), nil
}

// Peek counts nothing.
func (c *counts) Peek(_ context.Context, key string, r limiter.Rate) (limiter.Context, error) {
	now := time.Now()
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	k, there := s.m[key]
	if !there || !now.Before(k.expires) {
		return stateOf(r, 0, now.Add(r.Period)), nil
	}
	// What comes next is the question, so a full bucket is reached already.
	state := stateOf(r, k.n, k.expires)
	state.Reached = k.n >= r.Limit
	return state, nil
}

// Reset begins a new count.
func (c *counts) Reset(_ context.Context, key string, r limiter.Rate) (limiter.Context, error) {
	now := time.Now()
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, there := s.m[key]; there {
		k.n = 0
		s.soil(key, k)
	}
	return stateOf(r, 0, now.Add(r.Period)), nil
}

// add counts up to one more than the limit: a client that is blocked already causes no more writes.
func (c *counts) add(key string, n int64, r limiter.Rate) limiter.Context {
	now := time.Now()
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	k, there := s.m[key]
	if !there {
		if len(s.m) >= maxKeys/shards {
			s.evict(now)
		}
		k = &count{}
		s.m[key] = k
	}
	if !now.Before(k.expires) {
		k.n, k.expires = 0, now.Add(r.Period)
	}
	if k.n <= r.Limit {
		k.n = min(k.n+n, r.Limit+1)
		s.soil(key, k)
		if k.n >= r.Limit && r.Period > worthADisk {
			select {
			case c.full <- struct{}{}:
			default: // the next flush takes this one along
			}
		}
	}
	return stateOf(r, k.n, k.expires)
}

func stateOf(r limiter.Rate, n int64, expires time.Time) limiter.Context {
	return limiter.Context{
		Limit: r.Limit, Remaining: max(r.Limit-n, 0), Reset: expires.Unix(), Reached: n > r.Limit,
	}
}

// evict drops one key of the shard: one that is over, else the lowest count of a few, for a high one is what protects us.
func (s *shard) evict(now time.Time) {
	const look = 16
	var (
		victim string
		lowest int64 = -1
		seen   int
	)
	for key, k := range s.m {
		if !now.Before(k.expires) {
			delete(s.m, key)
			return
		}
		if lowest < 0 || k.n < lowest {
			victim, lowest = key, k.n
		}
		if seen++; seen == look {
			break
		}
	}
	delete(s.m, victim)
}

func (c *counts) shard(key string) *shard {
	return &c.shards[maphash.String(c.seed, key)%shards]
}

func (c *counts) load(ctx context.Context) error {
	now := time.Now()
	return storage.Each(ctx, c.store, storage.Node(), table, func(r *record) error {
		if now.Before(r.Expires) {
			key := string(r.Key)
			c.shard(key).m[key] = &count{n: r.Count, expires: r.Expires}
		}
		return nil
	})
}

func (c *counts) run(ctx context.Context) error {
	tick, broom := time.NewTicker(flushEvery), time.NewTicker(sweepEvery)
	defer tick.Stop()
	defer broom.Stop()
	for broken := false; ; {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return errors.Join(ctx.Err(), c.flush(last))
		case <-broom.C:
			c.sweep()
			continue
		case <-tick.C:
		case <-c.full:
		}
		err := c.flush(ctx)
		if err != nil && !broken {
			c.log.WarnContext(ctx, "limits are counted in memory only", "error", err)
		}
		broken = err != nil
	}
}

// flush writes what is new.
func (c *counts) flush(ctx context.Context) error {
	var errs []error
	for dirty := c.dirty(); len(dirty) > 0; {
		n := min(len(dirty), batch)
		errs = append(errs, c.write(ctx, dirty[:n]))
		dirty = dirty[n:]
	}
	return errors.Join(errs...)
}

// dirty takes the keys whose counts are not on disk. One that is over before it matters is left out.
func (c *counts) dirty() []string {
	soon := time.Now().Add(2 * flushEvery)
	var keys []string
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for _, key := range s.dirty {
			k, there := s.m[key]
			if !there || !k.dirty {
				continue
			}
			k.dirty = false // what happens from now on is for the next flush
			if soon.Before(k.expires) {
				keys = append(keys, key)
			}
		}
		s.dirty = nil
		s.mu.Unlock()
	}
	return keys
}

// sweep forgets what is over.
func (c *counts) sweep() {
	now := time.Now()
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for key, k := range s.m {
			if !now.Before(k.expires) {
				delete(s.m, key)
			}
		}
		s.mu.Unlock()
	}
}

// write puts the present counts of some keys on disk. The counts are read inside the transaction, so that of two writes
// the later one has the higher count.
func (c *counts) write(ctx context.Context, keys []string) error {
	err := c.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		for _, key := range keys {
			r, there := c.clean(key)
			if !there {
				continue
			}
			if err := table.Put(tx, &r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for _, key := range keys {
			c.soil(key)
		}
	}
	return err
}

// clean returns what is to be written for a key, and takes it as written.
func (c *counts) clean(key string) (record, bool) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	k, there := s.m[key]
	if !there {
		return record{}, false
	}
	k.dirty = false
	return record{Key: []byte(key), Count: k.n, Expires: k.expires.UTC()}, true
}

func (c *counts) soil(key string) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, there := s.m[key]; there {
		s.soil(key, k)
	}
}

func (s *shard) soil(key string, k *count) {
	if !k.dirty {
		k.dirty = true
		s.dirty = append(s.dirty, key)
	}
}
