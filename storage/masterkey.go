package storage

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// MasterKeySize is the length of the master key in bytes.
	MasterKeySize = 32

	// MasterKeyFile is the name of the master key's file in the data folder.
	MasterKeyFile = "master.key"
)

// ErrMasterKey means that the master key is missing, can't be read, or is not the one that the store was made with.
var ErrMasterKey = errors.New("master key")

// ParseMasterKey reads a master key as people write it: 64 hex digits, or 32 bytes in base64; white space around it
// does not count.
func ParseMasterKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	key, err := hex.DecodeString(text)
	if err != nil {
		key, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(key) != MasterKeySize {
		return nil, fmt.Errorf("%w: want 64 hex digits, or 32 bytes in base64", ErrMasterKey)
	}
	return key, nil
}

// master wraps the store's other keys.
type master struct {
	id   string // names the key without telling anything of it
	key  []byte
	aead cipher.AEAD
}

func newMaster(key []byte) (*master, error) {
	if len(key) != MasterKeySize {
		return nil, fmt.Errorf("%w: it has %d bytes, want %d", ErrMasterKey, len(key), MasterKeySize)
	}
	a, err := newAEAD(expand(key, "deskgate master key: wrap", sha256.Size))
	if err != nil {
		return nil, err
	}
	id := expand(key, "deskgate master key: id", 8)
	return &master{id: hex.EncodeToString(id), key: key, aead: a}, nil
}

// wrap seals another key; what says which one, so that none can take another's place.
func (m *master) wrap(what string, key []byte) []byte {
	return m.aead.Seal(nil, nil, key, []byte(what))
}

func (m *master) unwrap(what string, wrapped []byte) ([]byte, error) {
	key, err := m.aead.Open(nil, nil, wrapped, []byte(what))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, what, err)
	}
	return key, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// expand is HKDF-SHA256. It can only go wrong for absurd sizes, which would be our own mistake.
func expand(secret []byte, info string, size int) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, info, size)
	if err != nil {
		panic("storage: " + err.Error())
	}
	return out
}

func newKey() []byte {
	key := make([]byte, MasterKeySize)
	_, _ = rand.Read(key) // never fails: it ends the process instead
	return key
}

// loadMaster finds the master key. File is where it came from, empty if that was not a file. A key is made where fresh
// says that no store is there yet.
func loadMaster(o Options, fresh bool) (m *master, file string, err error) {
	key := o.MasterKey
	if len(key) == 0 && o.InMemory {
		key = newKey()
	}
	if len(key) == 0 {
		file = filepath.Join(o.Dir, MasterKeyFile)
		key, err = readMasterKey(file)
		if errors.Is(err, fs.ErrNotExist) {
			if !fresh {
				return nil, "", fmt.Errorf("%w: %s is missing: put back the one that this store was made with", ErrMasterKey, file)
			}
			key = newKey()
			err = writeMasterKey(file, key)
		}
		if err != nil {
			return nil, "", err
		}
	}
	m, err = newMaster(key)
	return m, file, err
}

func readMasterKey(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: others can read %s (mode %#o): run chmod 600 %[2]s", ErrMasterKey, file, info.Mode().Perm())
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, err
	}
	key, err := ParseMasterKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

// writeMasterKey replaces the file in one step: a crash leaves the old one or the new one.
func writeMasterKey(file string, key []byte) error {
	next := file + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, file); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
