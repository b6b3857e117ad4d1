package badger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// The log's records lie under their revision and their place in it, each followed by a checksum. Beside them stands up to
// which revision the log was trimmed: it keeps the count when no record is left.
const (
	recordKeySize  = 2 + 8 + 2
	recordOverhead = recordKeySize + 12 + crc32.Size
	maxRecords     = 1 << 16
	trimPage       = 5000
)

var (
	logStart   = []byte{0, 'L'}
	logEnd     = []byte{0, 'M'}
	trimmedKey = []byte{0, 'T'}
)

func recordKey(revision uint64, index uint16) []byte {
	k := append(make([]byte, 0, recordKeySize), logStart...)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(k, revision), index)
}

func revisionOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(logStart):]) }

// record is the write of the i-th record of a revision.
func record(revision uint64, i int, data []byte) *write {
	key := recordKey(revision, uint16(i))
	return &write{key: key, value: binary.BigEndian.AppendUint32(data[:len(data):len(data)], engine.Checksum(key, data))}
}

func decodeRecord(key, value []byte) ([]byte, error) {
	n := len(value) - crc32.Size
	if len(key) != recordKeySize || n < 0 || binary.BigEndian.Uint32(value[n:]) != engine.Checksum(key, value[:n]) {
		return nil, fmt.Errorf("%w: log record %x", engine.ErrCorrupt, key)
	}
	return bytes.Clone(value[:n]), nil
}

// Log implements engine.Engine.
func (e *Engine) Log(ctx context.Context, after uint64, limit int) (records []engine.Record, err error) {
	err = e.View(ctx, func(r engine.Reader) error {
		trimmed, err := trimmedUpTo(r)
		if err != nil {
			return err
		}
		if after < trimmed {
			return fmt.Errorf("%w: it begins after revision %d, not at %d", engine.ErrTruncated, trimmed, after)
		}
		for it, err := range r.Scan(engine.Range{Lo: recordKey(after+1, 0), Hi: logEnd}) {
			if err != nil {
				return err
			}
			data, err := decodeRecord(it.Key, it.Value)
			if err != nil {
				return err
			}
			revision := revisionOf(it.Key)
			if n := len(records); n >= limit && n > 0 && revision != records[n-1].Revision {
				return nil
			}
			records = append(records, engine.Record{Revision: revision, Data: data})
		}
		return nil
	})
	return records, err
}

// Revision implements engine.Engine.
func (e *Engine) Revision(ctx context.Context) (uint64, error) {
	if err := e.gate.enter(ctx); err != nil {
		return 0, err
	}
	defer e.gate.leave()
	return e.revision.Load(), nil
}

// Grown implements engine.Engine.
func (e *Engine) Grown() <-chan struct{} {
	e.logMu.Lock()
	defer e.logMu.Unlock()
	return e.grown
}

func (e *Engine) grow(revision uint64) {
	e.logMu.Lock()
	defer e.logMu.Unlock()
	e.revision.Store(revision)
	close(e.grown)
	e.grown = make(chan struct{})
}

// Trim implements engine.Engine.
func (e *Engine) Trim(ctx context.Context, upTo uint64) error {
	err := e.Update(ctx, func(t engine.Txn) error {
		// First the mark: from here on nobody reads what is about to go.
		trimmed, err := trimmedUpTo(t)
		if err != nil || trimmed >= upTo {
			return err
		}
		if x, ok := t.(*txn); ok {
			x.past = upTo
		}
		return t.Set(trimmedKey, engine.EncodeCounter(trimmedKey, upTo), time.Time{})
	})
	lo, hi := logStart, recordKey(upTo+1, 0)
	for err == nil && lo != nil {
		lo, err = e.drop(ctx, lo, hi)
	}
	return err
}

// drop deletes the first records of a range and returns where it goes on, nil at the end.
func (e *Engine) drop(ctx context.Context, lo, hi []byte) (next []byte, err error) {
	var keys [][]byte
	err = e.View(ctx, func(r engine.Reader) error {
		for it, err := range r.Scan(engine.Range{Lo: lo, Hi: hi, KeysOnly: true}) {
			if err != nil {
				return err
			}
			if keys = append(keys, bytes.Clone(it.Key)); len(keys) == trimPage {
				next = append(bytes.Clone(it.Key), 0)
				return nil
			}
		}
		return nil
	})
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	return next, e.Update(ctx, func(t engine.Txn) error {
		for _, k := range keys {
			if err := t.Delete(k); err != nil {
				return err
			}
		}
		return nil
	})
}

func trimmedUpTo(r engine.Reader) (uint64, error) {
	it, err := r.Get(trimmedKey)
	if errors.Is(err, engine.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return engine.DecodeCounter(trimmedKey, it.Value)
}

// findRevision finds out how far the log goes.
func (e *Engine) findRevision() error {
	return e.View(context.Background(), func(r engine.Reader) error {
		revision, err := trimmedUpTo(r)
		if err != nil {
			return err
		}
		for it, err := range r.Scan(engine.Range{Lo: logStart, Hi: logEnd, Reverse: true, KeysOnly: true}) {
			if err != nil {
				return err
			}
			revision = max(revision, revisionOf(it.Key))
			break
		}
		e.revision.Store(revision)
		return nil
	})
}
