package auth

import (
	"sync"
	"time"
)

const (
	cacheShards = 32
	// cacheMost bounds the entries of one shard.
	cacheMost = 1 << 12
	// cacheAge is how long another node's change may go unnoticed. This node's own changes are seen at once.
	cacheAge = 5 * time.Second
)

// SecretHash names what a secret opens. It is what is stored of it.
type SecretHash [32]byte

// cache keeps what was read from the store for a moment. A value that was read before a drop never gets in after it.
type cache[V any] struct {
	shards [cacheShards]cacheShard[V]
}

type cacheShard[V any] struct {
	mu sync.Mutex
	m  map[SecretHash]cached[V]
	// drops counts the drops.
	drops uint64
}

type cached[V any] struct {
	value V
	at    time.Time
}

func newCache[V any]() *cache[V] {
	c := &cache[V]{}
	for i := range c.shards {
		c.shards[i].m = map[SecretHash]cached[V]{}
	}
	return c
}

// get returns the value for the key, or has read fetch it.
func (c *cache[V]) get(key SecretHash, read func() (V, error)) (V, error) {
	s := &c.shards[key[0]%cacheShards]
	s.mu.Lock()
	e, there := s.m[key]
	drops := s.drops
	s.mu.Unlock()
	if there && time.Since(e.at) < cacheAge {
		return e.value, nil
	}
	e.at = time.Now()
	var err error
	if e.value, err = read(); err != nil {
		return e.value, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drops == drops {
		s.put(key, e)
	}
	return e.value, nil
}

func (s *cacheShard[V]) put(key SecretHash, e cached[V]) {
	if len(s.m) >= cacheMost {
		for victim := range s.m {
			delete(s.m, victim)
			break
		}
	}
	s.m[key] = e
}

// drop forgets a key.
func (c *cache[V]) drop(key SecretHash) {
	s := &c.shards[key[0]%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
	s.drops++
}

// dropIf forgets all values of which gone says so.
func (c *cache[V]) dropIf(gone func(*V) bool) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for key, e := range s.m {
			if gone(&e.value) {
				delete(s.m, key)
			}
		}
		s.drops++
		s.mu.Unlock()
	}
}
