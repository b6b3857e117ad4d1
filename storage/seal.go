package storage

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
)

// keyring is the store's own secret and what is needed to open it. There is one in a store, in the node's scope.
type keyring struct {
	Master   string    `cbor:"1,keyasint"`           // the id of the master key that wraps everything new
	Root     []byte    `cbor:"2,keyasint"`           // what Derive derives from, wrapped
	Rotation *rotation `cbor:"3,keyasint,omitempty"` // under way
}

// rotation leads from either of two master keys to the other, until no key is wrapped with the old one.
type rotation struct {
	Old         string `cbor:"1,keyasint"`
	OldUnderNew []byte `cbor:"2,keyasint"`
	NewUnderOld []byte `cbor:"3,keyasint"`
}

// dataKey seals one scope's records. It is stored in that scope, and dies with it.
type dataKey struct {
	Master  string `cbor:"1,keyasint"`
	Wrapped []byte `cbor:"2,keyasint"`
}

var (
	keyrings = NewTable(Declaration[keyring]{
		ID: 2, Name: "keyring", Key: func(*keyring) Key { return onlyKey() },
	})
	dataKeys = NewTable(Declaration[dataKey]{
		ID: 3, Name: "data key", Key: func(*dataKey) Key { return onlyKey() },
	})
)

// onlyKey is the key of a table's only record.
func onlyKey() Key { return Key(nil).Uint(0) }

const whatRoot = "root key"

// seals opens and closes sealed values. The data key is read anew in each transaction, so that a scope's end or a key
// that another node made is never missed; only the unwrapping is remembered.
type seals struct {
	file string // that the master key came from; empty: not from one

	mu      sync.Mutex
	masters map[string]*master
	root    []byte
	opened  map[string]cipher.AEAD // by the wrapped key
}

// scopeKey is a scope's data key as one transaction sees it.
type scopeKey struct {
	scope Scope
	aead  cipher.AEAD
}

// seal encrypts plain for its place in the store: opened elsewhere it is damaged.
func (s *seals) seal(tx *Tx, key, plain []byte) ([]byte, error) {
	a, err := s.dataKey(tx)
	if errors.Is(err, ErrNotFound) {
		a, err = s.newDataKey(tx)
	}
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, nil, plain, key), nil
}

func (s *seals) open(tx *Tx, key, sealed []byte) ([]byte, error) {
	a, err := s.dataKey(tx)
	if errors.Is(err, ErrNotFound) {
		if err := tx.notErased(tx.scope.id); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: its scope has no data key", ErrCorrupt)
	}
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, nil, sealed, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: key %x", ErrCorrupt, err, key)
	}
	return plain, nil
}

// dataKey is the key of the transaction's scope, or ErrNotFound.
func (s *seals) dataKey(tx *Tx) (cipher.AEAD, error) {
	for _, k := range tx.shared.keys {
		if k.scope == tx.scope {
			return k.aead, nil
		}
	}
	rec, err := dataKeys.Get(tx, onlyKey())
	if err != nil {
		return nil, err
	}
	a, err := s.unwrap(tx.scope, rec)
	if err != nil {
		return nil, err
	}
	tx.shared.keys = append(tx.shared.keys, scopeKey{tx.scope, a})
	return a, nil
}

// newDataKey makes the key of the transaction's scope. The keyring is asked in the same transaction which master key
// wraps it, so that no key escapes a rotation.
func (s *seals) newDataKey(tx *Tx) (cipher.AEAD, error) {
	ring, err := keyrings.Get(tx.in(Node()), onlyKey())
	if err != nil {
		return nil, err
	}
	m, err := s.master(ring.Master)
	if err != nil {
		return nil, err
	}
	key := newKey()
	a, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	if err := dataKeys.Put(tx, &dataKey{Master: m.id, Wrapped: m.wrap(whatScope(tx.scope), key)}); err != nil {
		return nil, err
	}
	tx.shared.keys = append(tx.shared.keys, scopeKey{tx.scope, a})
	return a, nil
}

func whatScope(sc Scope) string { return "data key of scope " + string(sc.prefix(nil)) }

func (s *seals) unwrap(sc Scope, rec dataKey) (cipher.AEAD, error) {
	const most = 4096 // keys to remember
	s.mu.Lock()
	a, known := s.opened[string(rec.Wrapped)]
	s.mu.Unlock()
	if known {
		return a, nil
	}
	m, err := s.master(rec.Master)
	if err != nil {
		return nil, err
	}
	key, err := m.unwrap(whatScope(sc), rec.Wrapped)
	if err != nil {
		return nil, err
	}
	if a, err = newAEAD(key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for old := range s.opened {
		if len(s.opened) < most {
			break
		}
		delete(s.opened, old)
	}
	s.opened[string(rec.Wrapped)] = a
	return a, nil
}

func (s *seals) master(id string) (*master, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, known := s.masters[id]; known {
		return m, nil
	}
	return nil, fmt.Errorf("%w %s: needed, and not at hand", ErrMasterKey, id)
}

func (s *seals) add(m *master) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.masters[m.id] = m
}

// only forgets all master keys but one, and all keys that were unwrapped.
func (s *seals) only(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.masters = map[string]*master{id: s.masters[id]}
	clear(s.opened)
}

func (s *seals) forget(rec dataKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.opened, string(rec.Wrapped))
}

// Derive returns a 32-byte secret for one purpose in one scope (HKDF-SHA256). It is always the same for this store, also
// after a change of the master key and in a restored backup, and tells nothing of any other.
func (s *Store) Derive(sc Scope, purpose string) []byte {
	return expand(s.seals.root, "deskgate derive: "+string(sc.prefix(nil))+purpose, sha256.Size)
}

// Sealer is AES-256-GCM with the secret that Derive gives for the purpose. It draws each nonce at random and puts it before
// the text: Seal and Open take none.
func (s *Store) Sealer(sc Scope, purpose string) cipher.AEAD {
	aead, err := newAEAD(s.Derive(sc, purpose))
	if err != nil {
		panic(err) // a derived secret has the length of a key
	}
	return aead
}

// newKeyring makes a new store's keyring.
func newKeyring(m *master) *keyring {
	return &keyring{Master: m.id, Root: m.wrap(whatRoot, newKey())}
}

// openSeals opens the keyring with the master key that was given: the ring's own, or one that a rotation leads from.
func openSeals(ring keyring, m *master, file string) (*seals, error) {
	s := &seals{file: file, masters: map[string]*master{m.id: m}, opened: map[string]cipher.AEAD{}}
	switch r := ring.Rotation; {
	case m.id == ring.Master && r == nil:
	case m.id == ring.Master:
		if err := s.unlock(m, "old master key", r.OldUnderNew); err != nil {
			return nil, err
		}
	case r != nil && m.id == r.Old:
		if err := s.unlock(m, "new master key", r.NewUnderOld); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w %s is not the one that this store was made with: that is %s", ErrMasterKey, m.id, ring.Master)
	}
	own, err := s.master(ring.Master)
	if err != nil {
		return nil, err
	}
	s.root, err = own.unwrap(whatRoot, ring.Root)
	return s, err
}

// unlock adds a master key that another one wraps.
func (s *seals) unlock(m *master, what string, wrapped []byte) error {
	key, err := m.unwrap(what, wrapped)
	if err != nil {
		return err
	}
	other, err := newMaster(key)
	if err != nil {
		return err
	}
	s.add(other)
	return nil
}

// readKeyring returns the store's keyring. Fresh says that nothing is stored yet: a store that has data and no keyring is
// damaged, and a new one would be the end of all that is sealed.
func (s *Store) readKeyring(ctx context.Context) (ring keyring, fresh bool, err error) {
	err = s.View(ctx, Node(), func(tx *Tx) error {
		ring, err = keyrings.Get(tx, onlyKey())
		return err
	})
	if !errors.Is(err, ErrNotFound) {
		return ring, false, err
	}
	key, err := s.firstKey(ctx, []byte{scopeNode})
	if err == nil && key != nil {
		err = fmt.Errorf("%w: the keyring is missing", ErrCorrupt)
	}
	return ring, key == nil, err
}
