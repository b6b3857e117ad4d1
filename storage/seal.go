package storage

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
)

// MasterKeySize is the length of the master key in bytes.
const MasterKeySize = 32

type seals struct{ aead cipher.AEAD }

func newSeals(master []byte) *seals {
	b, err := aes.NewCipher(master)
	if err != nil {
		panic(err)
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		panic(err)
	}
	return &seals{aead: a}
}

func (s *seals) seal(_ *Tx, key, plain []byte) ([]byte, error) {
	return s.aead.Seal(nil, nil, plain, key), nil
}

func (s *seals) open(_ *Tx, key, sealed []byte) ([]byte, error) {
	b, err := s.aead.Open(nil, nil, sealed, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return b, nil
}

func masterKey(o Options) ([]byte, error) {
	if len(o.MasterKey) > 0 {
		return o.MasterKey, nil
	}
	b := make([]byte, MasterKeySize)
	_, err := rand.Read(b)
	return b, err
}

// ParseMasterKey reads a master key as people write it: 64 hex digits, or 32 bytes in base64; white space around it
// does not count.
func ParseMasterKey(text string) ([]byte, error) { panic("not yet") }

// Derive returns a 32-byte secret for one purpose in one scope (HKDF-SHA256). It is always the same for this store, also
// after a change of the master key and in a restored backup, and tells nothing of any other.
func (s *Store) Derive(sc Scope, purpose string) []byte { panic("not yet") }

// RotateMaster makes key the store's master key. Interrupted, it is finished at the next start, which may be given either key.
// A key that came from Options stays the caller's to replace: the old one opens the store no more.
func (s *Store) RotateMaster(ctx context.Context, key []byte) error { panic("not yet") }
