package badger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/deskgate/deskgate/storage/engine"
)

const (
	defaultFloor = 512 << 20
	ballastFile  = "ballast"
	guardEvery   = time.Millisecond
)

// space watches how much of the disk is free. Below its floor there are no more writes, and the database is closed and
// opened again for reading only, so that Badger does nothing in the background either: its files are mapped into
// memory, and the kernel kills whoever writes to such a file on a full disk. The floor is what closing may take: at worst
// flushing the memtables (48 MiB) and finishing two compactions, which write all their output before they delete the
// input (some 200 MiB for level 0, 170 MiB for one table of a database of 100 GB). The value log takes nothing.
//
// The ballast is a file that does nothing but take up room. It is let go when others fill the disk faster than the
// database closes, or when opening needs the room after a crash.
type space struct {
	dir     string
	floor   int64
	free    func(dir string) (int64, error)
	log     *slog.Logger
	crossed chan struct{} // receives when the floor was crossed

	mu      sync.Mutex
	low     bool
	ballast bool
}

// watch begins to watch the disk of dir.
func watch(dir string, o Options) *space {
	s := &space{dir: dir, floor: o.MinFree, free: o.FreeSpace, log: o.Log, crossed: make(chan struct{}, 1)}
	if s.floor <= 0 {
		s.floor = max(defaultFloor, 8*memtable(o.Memory)+2*2*valueLogSize)
	}
	if s.free == nil {
		s.free = available
	}
	_, err := os.Stat(s.ballastPath())
	s.ballast = err == nil
	return s
}

// admit sees to it that there is room to open the database for writing. It returns an error that wraps ErrReadOnly if
// there is not.
func (s *space) admit() error {
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if free < s.reserve() && s.ballast {
		s.drop()
		free += s.reserve()
	}
	if free < s.reserve() {
		return fmt.Errorf("%w: cannot open: the disk of %s has %s free and opening takes %s: free some space",
			engine.ErrReadOnly, s.dir, megabytes(free), megabytes(s.reserve()))
	}
	return nil
}

// reserve is the size of the ballast, and what it takes to open a database.
func (s *space) reserve() int64 { return s.floor / 4 }

// plenty is the free space at which writing begins again: the floor, the ballast if it has to be made, and then some,
// so that it does not come and go.
func (s *space) plenty() int64 {
	n := s.floor + s.floor/8
	if !s.ballast {
		n += s.reserve()
	}
	return n
}

// check is nil if there is room to write. It asks the system each time, which takes about a microsecond.
func (s *space) check() error {
	free, err := s.free(s.dir)
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrReadOnly, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.low && free < s.floor {
		s.low = true
		s.log.Error("disk is nearly full: the store is read-only", "dir", s.dir, "free", free, "floor", s.floor)
		select {
		case s.crossed <- struct{}{}:
		default:
		}
	}
	if !s.low {
		return nil
	}
	return fmt.Errorf("%w: the disk of %s has %s free: writing stopped below %s and begins again at %s",
		engine.ErrReadOnly, s.dir, megabytes(free), megabytes(s.floor), megabytes(s.plenty()))
}

// ample says whether writing may begin, or go on.
func (s *space) ample() bool {
	if s.check() == nil {
		return true
	}
	free, err := s.free(s.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	return err == nil && free >= s.plenty()
}

// restored says that the database takes writes. It makes the ballast if there is room.
func (s *space) restored() {
	free, err := s.free(s.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.low {
		s.low = false
		s.log.Info("disk has room: the store takes writes", "dir", s.dir, "free", free)
	}
	if !s.ballast && err == nil && free >= s.plenty() {
		s.fill()
	}
}

// guard lets the ballast go when the disk is about to be full, until done is closed.
func (s *space) guard(done <-chan struct{}) {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		free, err := s.free(s.dir)
		s.mu.Lock()
		if err == nil && free < s.floor/16 && s.ballast {
			s.drop()
		}
		s.mu.Unlock()
	}
}

func (s *space) drop() {
	if err := os.Remove(s.ballastPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("ballast file stays", "err", err)
		return
	}
	s.ballast = false
}

// fill makes the ballast. A file system that cannot set room aside goes without.
func (s *space) fill() {
	f, err := os.OpenFile(s.ballastPath(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(setAside(f, s.reserve()), f.Close())
	}
	if err != nil {
		s.log.Debug("no ballast file", "err", err)
		s.drop()
		return
	}
	s.ballast = true
}

func (s *space) ballastPath() string { return filepath.Join(s.dir, ballastFile) }

// available is what an ordinary user may still write to the disk of dir.
func available(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // the types differ between systems
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n/1_000_000) }
