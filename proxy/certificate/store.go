package certificate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/deskgate/deskgate/storage"
)

// asset is one "file" of certmagic's: a certificate, a private key, an account, what a challenge needs.
type asset struct {
	Path     string    `cbor:"1,keyasint"`
	Data     []byte    `cbor:"2,keyasint,omitempty"`
	Modified time.Time `cbor:"3,keyasint"`
}

// lease is a lock that its owner has to renew. It vanishes by itself, so that a crash blocks nobody for long.
type lease struct {
	Name  string    `cbor:"1,keyasint"`
	Owner string    `cbor:"2,keyasint"`
	Until time.Time `cbor:"3,keyasint"`
}

var (
	assets = storage.NewTable(storage.Declaration[asset]{
		ID: 192, Name: "proxy.asset", Sealed: true,
		Key: func(a *asset) storage.Key { return assetKey(a.Path) },
	})
	leases = storage.NewTable(storage.Declaration[lease]{
		ID: 193, Name: "proxy.lease",
		Key:     func(l *lease) storage.Key { return leaseKey(l.Name) },
		Expires: func(l *lease) time.Time { return l.Until },
	})
)

func assetKey(path string) storage.Key { return storage.Key{}.Str(path) }
func leaseKey(name string) storage.Key { return storage.Key{}.Str(name) }

const (
	leaseTime = 15 * time.Second
	leasePoll = 200 * time.Millisecond // how often a lock that another process holds is tried
)

// AssetStore is certmagic's storage in the node's own store. Everything in it is sealed, not only the private keys: what
// is secret in there is certmagic's to know.
type AssetStore struct {
	store *storage.Store
	log   *slog.Logger

	accountsLost atomic.Int64 // how often certmagic gave up an account that the authority does not know any more

	mu   sync.Mutex
	held map[string]*heldLease
}

// heldLease is a lease of this process.
type heldLease struct {
	owner    string
	stop     context.CancelFunc // ends the renewing
	released chan struct{}
}

var (
	_ certmagic.Storage          = (*AssetStore)(nil)
	_ certmagic.TryLocker        = (*AssetStore)(nil)
	_ certmagic.LockLeaseRenewer = (*AssetStore)(nil)
)

// NewAssetStore makes an AssetStore over s.
func NewAssetStore(s *storage.Store, log *slog.Logger) *AssetStore {
	return &AssetStore{store: s, log: log, held: make(map[string]*heldLease)}
}

// Store implements [certmagic.Storage].
func (s *AssetStore) Store(ctx context.Context, path string, data []byte) error {
	a := asset{Path: path, Data: data, Modified: time.Now().UTC().Truncate(time.Millisecond)}
	return s.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		return assets.Put(tx, &a)
	})
}

// Load implements [certmagic.Storage].
func (s *AssetStore) Load(ctx context.Context, path string) ([]byte, error) {
	a, err := s.find(ctx, path)
	return a.Data, err
}

func (s *AssetStore) find(ctx context.Context, path string) (a asset, err error) {
	err = s.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		a, err = assets.Get(tx, assetKey(path))
		return err
	})
	return a, missing(err, path)
}

// missing says "not there" as certmagic wants to hear it.
func missing(err error, path string) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return err
}

// Delete implements [certmagic.Storage]: it removes the file path, or all files below the directory path.
func (s *AssetStore) Delete(ctx context.Context, path string) error {
	if strings.HasPrefix(path, "acme/") && strings.Contains(path, "/users/") {
		s.accountsLost.Add(1)
	}
	for more := true; more; {
		err := s.store.Update(ctx, storage.Node(), func(tx *storage.Tx) (err error) {
			more, err = deleteSome(tx, path)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteSome deletes the file path and some of the files below it, and says whether there are more.
func deleteSome(tx *storage.Tx, path string) (more bool, err error) {
	const some = 100
	keys := []storage.Key{assetKey(path)}
	for a, err := range assets.Scan(tx, storage.Range{Prefix: below(path), Limit: some}) {
		if err != nil {
			return false, err
		}
		keys = append(keys, assetKey(a.Path))
	}
	for _, k := range keys {
		if err := assets.Delete(tx, k); err != nil {
			return false, err
		}
	}
	return len(keys) > some, nil
}

// below is the prefix of what lies in the directory path; the empty path is the root.
func below(path string) storage.Key {
	if path != "" {
		path += "/"
	}
	return storage.Key{}.StrPrefix(path)
}

// Exists implements [certmagic.Storage].
func (s *AssetStore) Exists(ctx context.Context, path string) bool {
	_, err := s.Stat(ctx, path)
	return err == nil
}

// List implements [certmagic.Storage].
func (s *AssetStore) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	dir := strings.TrimSuffix(path, "/")
	r := storage.Range{Prefix: below(dir), Limit: 1}
	if recursive {
		r.Limit = 500
	}
	var names []string
	for {
		n := 0
		err := s.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
			n = 0
			for a, err := range assets.Scan(tx, r) {
				if err != nil {
					return err
				}
				name := a.Path
				r.After = assetKey(name)
				if !recursive {
					name = child(dir, a.Path)
					r.From = assetKey(name + "0") // '0' follows '/': behind everything in that directory
				}
				names, n = append(names, name), n+1
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if n < r.Limit {
			break
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return names, nil
}

// child is the entry of dir that path lies in.
func child(dir, path string) string {
	start := len(dir)
	if start > 0 {
		start++
	}
	first, _, _ := strings.Cut(path[start:], "/")
	return path[:start] + first
}

// Stat implements [certmagic.Storage].
func (s *AssetStore) Stat(ctx context.Context, path string) (certmagic.KeyInfo, error) {
	a, err := s.find(ctx, path)
	if err == nil {
		return certmagic.KeyInfo{Key: path, Modified: a.Modified, Size: int64(len(a.Data)), IsTerminal: true}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return certmagic.KeyInfo{}, err
	}
	found := false
	err = s.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		for _, err := range assets.Scan(tx, storage.Range{Prefix: below(path), Limit: 1}) {
			found = err == nil
			return err
		}
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return certmagic.KeyInfo{Key: path}, err
}

// Lock implements [certmagic.Locker].
func (s *AssetStore) Lock(ctx context.Context, name string) error {
	for {
		ok, err := s.TryLock(ctx, name)
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.released(name):
		case <-time.After(leasePoll):
		}
	}
}

// released is closed when this process gives the lock back; nil if it does not hold it.
func (s *AssetStore) released(name string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[name]; h != nil {
		return h.released
	}
	return nil
}

// TryLock implements [certmagic.TryLocker].
func (s *AssetStore) TryLock(ctx context.Context, name string) (bool, error) {
	if s.released(name) != nil {
		return false, nil
	}
	owner := rand.Text()
	err := s.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		return leases.Insert(tx, &lease{Name: name, Owner: owner, Until: time.Now().UTC().Add(leaseTime)})
	})
	if errors.Is(err, storage.ErrExists) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	s.held[name] = &heldLease{owner: owner, stop: stop, released: make(chan struct{})}
	s.mu.Unlock()
	go s.renew(renewing, name)
	return true, nil
}

// renew keeps a lease until ctx ends.
func (s *AssetStore) renew(ctx context.Context, name string) {
	tick := time.NewTicker(leaseTime / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.RenewLockLease(ctx, name, leaseTime); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "lock not renewed", "lock", name, "error", err)
		}
	}
}

var errLeaseLost = errors.New("the lock is no longer held")

// RenewLockLease implements [certmagic.LockLeaseRenewer]. A lease of this process renews itself; the call finds out
// whether it is still there.
func (s *AssetStore) RenewLockLease(ctx context.Context, name string, d time.Duration) error {
	s.mu.Lock()
	h := s.held[name]
	s.mu.Unlock()
	if h == nil {
		return errLeaseLost
	}
	return s.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		l, err := leases.Get(tx, leaseKey(name))
		if errors.Is(err, storage.ErrNotFound) || err == nil && l.Owner != h.owner {
			return errLeaseLost
		}
		if err != nil {
			return err
		}
		if until := time.Now().UTC().Add(d); until.After(l.Until) {
			l.Until = until
		}
		return leases.Put(tx, &l)
	})
}

// Unlock implements [certmagic.Locker]. It gives the lock back even when ctx has ended.
func (s *AssetStore) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	h := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if h == nil {
		return fmt.Errorf("unlock %s: %w", name, errLeaseLost)
	}
	h.stop()
	defer close(h.released)
	return s.store.Update(context.WithoutCancel(ctx), storage.Node(), func(tx *storage.Tx) error {
		l, err := leases.Get(tx, leaseKey(name))
		if errors.Is(err, storage.ErrNotFound) || err == nil && l.Owner != h.owner {
			return nil
		}
		if err != nil {
			return err
		}
		return leases.Delete(tx, leaseKey(name))
	})
}
