package storage

import (
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
