package badger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"

	"github.com/deskgate/deskgate/storage/engine"
)

const (
	// wholeAtOpen is the size of all tables up to which Open reads them whole, at about a gigabyte a second. Of larger
	// databases it reads the indexes, and leaves the rest to Run.
	wholeAtOpen = 1 << 30

	firstVerify = time.Minute
	nextVerify  = 24 * time.Hour
)

// inspect reads what Badger will read when it opens, because Badger takes some damage for the end of a file, and
// ends the process at other.
func inspect(dir string) error {
	manifest, err := os.Open(filepath.Join(dir, manifestFile)) //nolint:gosec // the path is made of the data folder and Badger's own names
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = manifest.Close() }()
	if err := checkManifest(manifest.Name()); err != nil {
		return err
	}
	m, _, err := badger.ReplayManifestFile(manifest, 0, badger.DefaultOptions(dir))
	if err != nil {
		return damaged(manifest.Name(), err.Error())
	}
	journals, err := filepath.Glob(filepath.Join(dir, "*"+memExt))
	if err != nil {
		return err
	}
	for _, path := range journals {
		if err := checkJournal(path); err != nil {
			return err
		}
	}
	ids := make([]uint64, 0, len(m.Tables))
	for id := range m.Tables {
		ids = append(ids, id)
	}
	return checkTables(context.Background(), dir, ids, size(dir, ids) <= wholeAtOpen)
}

// checkTables returns what is wrong with each of the tables.
func checkTables(ctx context.Context, dir string, ids []uint64, whole bool) error {
	var errs []error
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		errs = append(errs, checkTable(table.NewFilename(id, dir), whole))
	}
	return errors.Join(errs...)
}

func size(dir string, ids []uint64) (n int64) {
	for _, id := range ids {
		if info, err := os.Stat(table.NewFilename(id, dir)); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Verify implements engine.Engine: it reads all tables. What is not in a table yet was checked when it was written,
// and is read from memory.
func (e *Engine) Verify(ctx context.Context) error {
	tables, err := e.tables(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range tables {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.closing:
			return engine.ErrClosed
		default:
		}
		if err := checkTable(path, true); err != nil {
			// A table that was compacted away meanwhile is cut to nothing and deleted.
			now, gone := e.tables(ctx)
			if gone != nil {
				return gone
			}
			if slices.Contains(now, path) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (e *Engine) tables(ctx context.Context) (paths []string, err error) {
	if err := e.gate.enter(ctx); err != nil {
		return nil, err
	}
	defer e.gate.leave()
	if e.space == nil {
		return nil, nil
	}
	for _, t := range e.db.Tables() {
		paths = append(paths, table.NewFilename(t.ID, e.dir))
	}
	return paths, nil
}

// Run implements engine.Engine: it verifies the tables daily.
func (e *Engine) Run(ctx context.Context) error {
	verify := time.NewTimer(firstVerify)
	defer verify.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-verify.C:
			if err := e.Verify(ctx); errors.Is(err, engine.ErrCorrupt) {
				e.log.ErrorContext(ctx, "stored data is damaged: restore a backup", "err", err)
			}
			verify.Reset(nextVerify)
		}
	}
}
