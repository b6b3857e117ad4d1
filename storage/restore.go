package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

const (
	// restoringDir is where Restore works, inside the data folder.
	restoringDir = "restoring"

	// revisionGap is what a restored store leaves out in its change feed, so that no revision ever means two different
	// changes: more than a node can have made since the backup.
	revisionGap = 1 << 32
)

// Restore makes a store in o.Dir from a backup. The folder may hold the master key, and must not hold anything else;
// the key that the backup was made with is needed, there or in o.MasterKey (ErrMasterKey). A truncated or damaged backup
// is an error (ErrCorrupt), and so is one that is newer than o.Migrations (ErrNewer): none leaves a store behind. The
// store that comes of it answers ErrTruncated to whoever followed the old one's change feed.
func Restore(ctx context.Context, o Options, r io.Reader, progress func(Progress)) (Manifest, error) {
	m, err := restore(ctx, o, r, newMeter(progress))
	if err != nil {
		return Manifest{}, fmt.Errorf("restore: %w", err)
	}
	return m, nil
}

func restore(ctx context.Context, o Options, r io.Reader, p *meter) (Manifest, error) {
	work := filepath.Join(o.Dir, restoringDir)
	if err := emptyDir(o); err != nil {
		return Manifest{}, err
	}
	master, file, err := loadMaster(o, false)
	if err != nil {
		return Manifest{}, err
	}
	in, err := newFrameReader(r)
	if err != nil {
		return Manifest{}, err
	}
	defer in.in.Close()
	if err := acceptable(in, o, master); err != nil {
		return Manifest{}, err
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return Manifest{}, err
	}
	inner := o
	inner.Dir = work
	s, err := openEngine(inner) //nolint:contextcheck // an engine is not opened half-way
	if err != nil {
		return Manifest{}, errors.Join(err, os.RemoveAll(work))
	}
	l := &loader{store: s, in: in, meter: p}
	m, err := l.load(ctx, master, file)
	if err := errors.Join(err, s.Close()); err != nil {
		return Manifest{}, errors.Join(err, os.RemoveAll(work))
	}
	p.done()
	return m, settle(o.Dir, work)
}

// emptyDir makes the data folder, removes what an interrupted restore left, and refuses anything else but the key.
func emptyDir(o Options) error {
	if o.InMemory || o.Dir == "" {
		return errors.New("no data folder was given")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(o.Dir, restoringDir)); err != nil {
		return err
	}
	entries, err := os.ReadDir(o.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name != MasterKeyFile && name != "lost+found" {
			return fmt.Errorf("%s is not empty: there is %s; move away everything but %s", o.Dir, name, MasterKeyFile)
		}
	}
	return nil
}

// acceptable reads the header and says whether the backup can be restored with what is at hand.
func acceptable(in *frameReader, o Options, m *master) error {
	kind, payload, err := in.next()
	if err != nil {
		return err
	}
	var h backupHeader
	if err := decode(payload, &h); err != nil || kind != frameHeader {
		return fmt.Errorf("%w: the backup has no header", ErrCorrupt)
	}
	latest, err := newest(o.Migrations)
	if err != nil {
		return err
	}
	if h.Schema > latest {
		return fmt.Errorf("%w: the backup has schema %d, this program knows %d", ErrNewer, h.Schema, latest)
	}
	if m.id != h.MasterKey && m.id != h.OldKey {
		return fmt.Errorf("%w %s does not belong to the backup: it was made with %s", ErrMasterKey, m.id, h.MasterKey)
	}
	return nil
}

// settle gives the finished store its place. The folder of the restore goes last: as long as it is there, and not empty,
// Open refuses.
func settle(dir, work string) error {
	entries, err := os.ReadDir(work)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(work, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := os.Remove(work); err != nil {
		return err
	}
	return syncDir(dir)
}

type loader struct {
	store *Store
	in    *frameReader
	meter *meter
	got   Manifest // what was counted
}

func (l *loader) load(ctx context.Context, m *master, file string) (Manifest, error) {
	manifest, err := l.frames(ctx)
	if err != nil {
		return manifest, err
	}
	if err := l.matches(manifest); err != nil {
		return manifest, err
	}
	ring, _, err := l.store.readKeyring(ctx)
	if err != nil {
		return manifest, err
	}
	if _, err := openSeals(ring, m, file); err != nil {
		return manifest, err
	}
	return manifest, l.store.engine.Trim(ctx, uint64(manifest.Revision)+revisionGap)
}

// frames reads up to the manifest, which it returns.
func (l *loader) frames(ctx context.Context) (m Manifest, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		kind, payload, err := l.in.next()
		if err != nil {
			return m, err
		}
		switch kind {
		case frameRecords:
			err = l.records(ctx, payload)
		case frameBlob:
			err = l.blob(payload)
		case frameManifest:
			if err := decode(payload, &m); err != nil {
				return m, fmt.Errorf("%w: the backup's manifest: %w", ErrCorrupt, err)
			}
			return m, l.in.end()
		default:
			err = fmt.Errorf("%w: the backup has a frame %q", ErrCorrupt, kind)
		}
		if err != nil {
			return m, err
		}
	}
}

// records writes one frame in one transaction.
func (l *loader) records(ctx context.Context, payload []byte) error {
	items, err := readRecords(payload, nil)
	if err != nil {
		return err
	}
	now := time.Now()
	err = l.store.engine.Update(ctx, func(t engine.Txn) error {
		for _, it := range items {
			if !it.Expires.IsZero() && !it.Expires.After(now) {
				continue
			}
			if err := t.Set(it.Key, it.Value, it.Expires); err != nil {
				return err
			}
		}
		return nil
	})
	l.got.Records += int64(len(items))
	for _, it := range items {
		size := int64(len(it.Key) + len(it.Value))
		l.got.Bytes += size
		l.meter.add(Progress{Records: 1, Bytes: size})
	}
	return err
}

// errLost: the blob was lost before the backup was made.
var errLost = errors.New("lost before the backup")

func (l *loader) blob(payload []byte) error {
	if len(payload) != len(Sum{}) {
		return fmt.Errorf("%w: a blob's name in the backup", ErrCorrupt)
	}
	want := Sum(payload)
	sum, size, err := l.store.blobs.shelf.put(&blobFrames{in: l.in}, func(Sum) {})
	switch {
	case errors.Is(err, errLost):
		l.got.LostBlobs++
		return nil
	case err != nil:
		return err
	case sum != want:
		return fmt.Errorf("%w: blob %s in the backup has other bytes", ErrCorrupt, want)
	}
	l.got.Blobs++
	l.got.Bytes += size
	l.meter.add(Progress{Blobs: 1, Bytes: size})
	return nil
}

// blobFrames reads one blob's bytes from its frames.
type blobFrames struct {
	in   *frameReader
	rest []byte
}

// Read ends with io.EOF behind the blob, or with errLost.
func (b *blobFrames) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		kind, payload, err := b.in.next()
		switch {
		case err != nil:
			return 0, err
		case kind == frameBlobEnd && len(payload) == 0:
			return 0, io.EOF
		case kind == frameBlobEnd:
			return 0, errLost
		case kind != frameBlobData:
			return 0, fmt.Errorf("%w: the backup has a frame %q inside a blob", ErrCorrupt, kind)
		}
		b.rest = payload
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// matches compares what came with what the manifest says.
func (l *loader) matches(m Manifest) error {
	if m.SHA256 != l.in.hash {
		return fmt.Errorf("%w: the backup's hash is not the one in its manifest", ErrCorrupt)
	}
	for _, n := range [][2]int64{{l.got.Records, m.Records}, {l.got.Bytes, m.Bytes}, {l.got.Blobs, m.Blobs}, {l.got.LostBlobs, m.LostBlobs}} {
		if n[0] != n[1] {
			return fmt.Errorf("%w: the backup has not what its manifest says", ErrCorrupt)
		}
	}
	return nil
}
