package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/deskgate/deskgate/storage/engine"
)

const (
	lookAtSpace = time.Second
	// patience is how long newcomers wait for calls under way when the database has to be exchanged, and how long they
	// are let in again before the next try.
	patience = 250 * time.Millisecond
)

// openFirst opens the database for writing, or for reading only when space is short and nothing has to be written.
func (e *Engine) openFirst() error {
	if e.space.check() != nil {
		clean, err := e.clean()
		if err != nil {
			return err
		}
		if clean {
			e.readOnly = true
			return e.open()
		}
	}
	if err := e.space.admit(); err != nil {
		return err
	}
	if err := e.open(); err != nil {
		return err
	}
	if e.space.check() == nil {
		e.space.restored()
	}
	return nil
}

// clean says that a database is there that was closed: it has no write-ahead log that would have to be played back.
func (e *Engine) clean() (bool, error) {
	journals, err := filepath.Glob(filepath.Join(e.dir, "*"+memExt))
	if err != nil {
		return false, err
	}
	_, err = os.Stat(filepath.Join(e.dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return len(journals) == 0, err
}

func (e *Engine) open() (err error) {
	defer recovered(&err)
	db, err := badger.Open(e.tuning.WithReadOnly(e.readOnly))
	if err != nil {
		return fmt.Errorf("open %s: %w", e.dir, err)
	}
	e.db = db
	return nil
}

func (e *Engine) shut() (err error) {
	defer recovered(&err)
	return e.db.Close()
}

// keep exchanges the database for one that only reads when space runs short, and back when there is room, until the
// engine closes.
func (e *Engine) keep() {
	defer close(e.kept)
	look := time.NewTicker(lookAtSpace)
	defer look.Stop()
	for {
		select {
		case <-e.closing:
			return
		case <-look.C:
		case <-e.space.crossed:
		}
		switch ample := e.space.ample(); {
		case ample && e.readOnly:
			if e.exchange(false) {
				e.space.restored()
			}
		case ample:
			e.space.restored() // from a dip that was over before the database was exchanged
		case !e.readOnly:
			done := make(chan struct{})
			var guard sync.WaitGroup
			guard.Go(func() { e.space.guard(done) })
			e.exchange(true)
			close(done)
			guard.Wait()
		}
	}
}

// exchange waits for a moment without users and opens the database in the other mode.
func (e *Engine) exchange(readOnly bool) bool {
	for !e.gate.alone(patience, func() { e.reopen(readOnly) }) {
		again := time.NewTimer(patience)
		select {
		case <-e.closing:
			again.Stop()
			return false
		case <-again.C:
		}
	}
	return e.readOnly == readOnly
}

// reopen leaves the database open in the mode that was asked for, or for reading if it could not be written, or turns
// everybody away.
func (e *Engine) reopen(readOnly bool) {
	err := e.shut()
	e.gaps.clear()
	if err == nil {
		e.readOnly = readOnly
		err = e.open()
		if err != nil && !readOnly {
			e.log.Error("store stays read-only", "err", err)
			e.readOnly = true
			err = e.open()
		}
	}
	if err != nil {
		err = fmt.Errorf("%w: restart the node: %w", engine.ErrReadOnly, err)
		e.log.Error("store could not be opened again", "err", err)
		e.gate.refuse(err)
	}
}
