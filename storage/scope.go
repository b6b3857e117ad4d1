package storage

import (
	"context"
	"iter"

	"github.com/deskgate/deskgate/storage/engine"
)

// Scope is the part of the key space that a transaction may touch. The zero Scope is none: using it is an error.
type Scope struct {
	kind byte
	id   string
}

const (
	scopeNode   = 0x01
	scopeTenant = 0x02

	// ScopeIDSize is the length of a tenant's opaque id in bytes.
	ScopeIDSize = 26
)

// Node is the scope of what belongs to the node as a whole or crosses tenants.
func Node() Scope { return Scope{kind: scopeNode} }

// Within is the scope of one tenant, named by its opaque id. Only package tenant calls it: others ask the tenant.
// It panics if the id does not have ScopeIDSize bytes, for then two scopes could overlap.
func Within(id string) Scope {
	if len(id) != ScopeIDSize {
		panic("storage: a tenant's id has 26 bytes")
	}
	return Scope{kind: scopeTenant, id: id}
}

// ID is the tenant's id, empty for the node's scope.
func (s Scope) ID() string { return s.id }

// prefix is the only place where the beginning of a key is built.
func (s Scope) prefix(dst []byte) []byte {
	return append(append(dst, s.kind), s.id...)
}

// size is the length of the prefix.
func (s Scope) size() int { return 1 + len(s.id) }

// scopeOf is the scope that a key of the engine belongs to; false if it belongs to none.
func scopeOf(key []byte) (Scope, bool) {
	switch {
	case len(key) >= 1+tableHead && key[0] == scopeNode:
		return Node(), true
	case len(key) >= 1+ScopeIDSize+tableHead && key[0] == scopeTenant:
		return Within(string(key[1 : 1+ScopeIDSize])), true
	}
	return Scope{}, false
}

// scopes yields every scope that has a key, in order: one seek each. Alien is told of keys that belong to no scope.
func (s *Store) scopes(ctx context.Context, alien func(key []byte)) iter.Seq2[Scope, error] {
	return func(yield func(Scope, error) bool) {
		for lo := []byte{scopeNode}; lo != nil; {
			key, err := s.firstKey(ctx, lo)
			if err != nil {
				yield(Scope{}, err)
				return
			}
			if key == nil {
				return
			}
			sc, ok := scopeOf(key)
			if !ok {
				alien(key)
				lo = append(key, 0)
				continue
			}
			if !yield(sc, nil) {
				return
			}
			lo = successor(sc.prefix(nil))
		}
	}
}

func ignored([]byte) {}

// firstKey is the first of the engine's keys from lo on, or nil.
func (s *Store) firstKey(ctx context.Context, lo []byte) (key []byte, err error) {
	err = s.engine.View(ctx, func(r engine.Reader) error {
		for it, err := range r.Scan(engine.Range{Lo: lo, KeysOnly: true}) {
			key = append(key[:0], it.Key...)
			return err
		}
		return nil
	})
	return key, err
}
