package storage

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// folder keeps blobs as files: DIR/ab/cd/SHA256. A file has its name only when all of it is on disk.
type folder struct {
	dir string
	mu  sync.Mutex // between making a blob young again and removing it
}

const halfBlob = "incoming-" // begins the name of a file that is still being written

func (d *folder) put(r io.Reader, named func(Sum)) (sum Sum, size int64, err error) {
	if err := makeDirs(filepath.Dir(d.dir), d.dir); err != nil {
		return sum, 0, err
	}
	f, err := os.CreateTemp(d.dir, halfBlob)
	if err != nil {
		return sum, 0, err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, h), r)
	if err == nil {
		err = f.Sync()
	}
	h.Sum(sum[:0])
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.name(f.Name(), sum, named)
	}
	if err != nil {
		return sum, 0, errors.Join(err, os.Remove(f.Name()))
	}
	return sum, size, nil
}

// name moves a written file to its place. One that is there already is written over by the same bytes.
func (d *folder) name(temporary string, sum Sum, named func(Sum)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	named(sum)
	path := d.path(sum)
	if err := makeDirs(d.dir, filepath.Dir(path)); err != nil {
		return err
	}
	now := time.Now()
	if err := os.Chtimes(temporary, now, now); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// makeDirs makes the folders from base down to dir, durably.
func makeDirs(base, dir string) error {
	if dir == base {
		return nil
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDirs(base, filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func (d *folder) path(sum Sum) string {
	name := sum.String()
	return filepath.Join(d.dir, name[:2], name[2:4], name)
}

func (d *folder) open(sum Sum) (io.ReadSeekCloser, error) {
	f, err := os.Open(d.path(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	return f, err
}

func (d *folder) each(fn func(Sum, time.Time) error) error {
	return d.walk(func(path string, e fs.DirEntry) error {
		sum, err := ParseSum(e.Name())
		if err != nil {
			return nil //nolint:nilerr // no blob, so none of ours
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(sum, info.ModTime())
	})
}

func (d *folder) walk(fn func(path string, e fs.DirEntry) error) error {
	return filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case e.IsDir():
			return nil
		}
		return fn(path, e)
	})
}

func (d *folder) remove(sum Sum, before time.Time, wanted func(Sum) bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := os.Stat(d.path(sum))
	if errors.Is(err, fs.ErrNotExist) || err == nil && (info.ModTime().After(before) || wanted(sum)) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(d.path(sum))
}

func (d *folder) tidy(before time.Time) error {
	return d.walk(func(path string, e fs.DirEntry) error {
		if !strings.HasPrefix(e.Name(), halfBlob) {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().After(before) {
			return nil
		}
		return errors.Join(err, os.Remove(path))
	})
}

// memory keeps blobs for a store that keeps nothing on disk.
type memory struct {
	mu    sync.Mutex
	blobs map[Sum]memoryBlob
}

type memoryBlob struct {
	data []byte
	put  time.Time
}

func (m *memory) put(r io.Reader, named func(Sum)) (Sum, int64, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Sum{}, 0, err
	}
	sum := Sum(sha256.Sum256(data))
	m.mu.Lock()
	defer m.mu.Unlock()
	named(sum)
	m.blobs[sum] = memoryBlob{data, time.Now()}
	return sum, int64(len(data)), nil
}

func (m *memory) open(sum Sum) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.blobs[sum]
	if !ok {
		return nil, ErrNotFound
	}
	return nopCloser{bytes.NewReader(b.data)}, nil
}

type nopCloser struct{ io.ReadSeeker }

// Close does nothing.
func (nopCloser) Close() error { return nil }

func (m *memory) each(fn func(Sum, time.Time) error) error {
	m.mu.Lock()
	all := make(map[Sum]time.Time, len(m.blobs))
	for sum, b := range m.blobs {
		all[sum] = b.put
	}
	m.mu.Unlock()
	for sum, put := range all {
		if err := fn(sum, put); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) remove(sum Sum, before time.Time, wanted func(Sum) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.blobs[sum]; ok && !b.put.After(before) && !wanted(sum) {
		delete(m.blobs, sum)
	}
	return nil
}

func (m *memory) tidy(time.Time) error { return nil }

func newShelf(o Options) shelf {
	if o.InMemory {
		return &memory{blobs: map[Sum]memoryBlob{}}
	}
	return &folder{dir: filepath.Join(o.Dir, blobsDir)}
}

// blobsDir is the blobs' folder in the data folder.
const blobsDir = "blobs"
