package badger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/deskgate/deskgate/storage/engine"
)

const (
	defaultFloor = 512 << 20
	ballastFile  = "ballast"
)

// space watches how much of the disk is free. Below its floor there are no more writes, and the ballast, a file that does
// nothing but take up room, is let go: what Badger still does in the background lives on it. At its worst that is
// flushing its memtables (48 MiB) and two compactions at a time, which write all their output before they delete the input
// (some 200 MiB for level 0, 170 MiB for one table of a database of 100 GB). The value log takes nothing.
type space struct {
	dir   string
	floor int64
	free  func(dir string) (int64, error)
	log   *slog.Logger

	mu      sync.Mutex
	low     bool
	ballast bool
}

// watch begins to watch the disk of dir. It returns an error that wraps ErrReadOnly when there is not even room to
// open a database.
func watch(dir string, o Options) (*space, error) {
	s := &space{dir: dir, floor: o.MinFree, free: o.FreeSpace, log: o.Log}
	if s.floor <= 0 {
		s.floor = max(defaultFloor, 8*memtable(o.Memory)+2*2*valueLogSize)
	}
	if s.free == nil {
		s.free = available
	}
	free, err := s.free(dir)
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(s.ballastPath())
	s.ballast = err == nil
	if free < s.reserve() && s.ballast {
		s.drop()
		free += s.reserve()
	}
	if free < s.reserve() {
		return nil, fmt.Errorf("%w: cannot open: %s has %s free and opening takes %s: free some space",
			engine.ErrReadOnly, dir, megabytes(free), megabytes(s.reserve()))
	}
	if err := s.check(); err == nil && !s.ballast && free >= s.plenty() {
		s.fill()
	}
	return s, nil
}

// reserve is the size of the ballast, and what it takes to open a database.
func (s *space) reserve() int64 { return s.floor / 4 }

// plenty is the free space at which writing begins again: enough for the ballast, and then some, so that it does not
// come and go.
func (s *space) plenty() int64 { return s.floor + s.reserve() + s.floor/8 }

// check is nil if there is room to write. It asks the system each time, which takes about a microsecond.
func (s *space) check() error {
	free, err := s.free(s.dir)
	if err != nil {
		return fmt.Errorf("%w: free space of %s: %w", engine.ErrReadOnly, s.dir, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.low && free < s.floor:
		s.low = true
		s.log.Error("disk is nearly full: the store is read-only", "dir", s.dir, "free", free, "floor", s.floor)
		if s.ballast {
			s.drop()
		}
	case s.low && free >= s.plenty():
		s.low = false
		s.log.Info("disk has room again: the store takes writes", "dir", s.dir, "free", free)
		s.fill()
	}
	if !s.low {
		return nil
	}
	return fmt.Errorf("%w: the disk of %s has %s free: writing stopped below %s and begins again at %s",
		engine.ErrReadOnly, s.dir, megabytes(free), megabytes(s.floor), megabytes(s.plenty()))
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
