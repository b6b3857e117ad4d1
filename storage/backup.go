package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// Manifest says what a backup holds. It stands at the backup's end.
type Manifest struct {
	Created   time.Time `cbor:"1,keyasint" json:"created"`
	Schema    int       `cbor:"2,keyasint" json:"schema"`
	MasterKey string    `cbor:"3,keyasint" json:"master_key"` // the id of the master key that it needs
	Revision  Revision  `cbor:"4,keyasint" json:"revision"`
	Records   int64     `cbor:"5,keyasint" json:"records"`
	Damaged   int64     `cbor:"6,keyasint,omitempty" json:"damaged"` // of the records, when the backup was made
	Bytes     int64     `cbor:"7,keyasint" json:"bytes"`             // of keys, values and blobs, not compressed
	Blobs     int64     `cbor:"8,keyasint" json:"blobs"`
	LostBlobs int64     `cbor:"9,keyasint,omitempty" json:"lost_blobs"` // missing or damaged when the backup was made
	SHA256    string    `cbor:"10,keyasint" json:"sha256"`              // of all that stands before the manifest
}

// Progress says how far Backup, Restore or Check are.
type Progress struct {
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
	Blobs   int64 `json:"blobs"`
}

// Backup writes one snapshot of the whole store, blobs included, while the store goes on. Progress, which may be nil, is
// called from the calling goroutine a few times a second. What is sealed stays sealed, and the data keys stay wrapped:
// restoring needs the same master key, which is not in the backup. Damaged records and blobs that are lost already are
// counted and logged, not an error: the rest deserves a backup all the more.
func (s *Store) Backup(ctx context.Context, w io.Writer, progress func(Progress)) (Manifest, error) {
	defer s.blobs.hold()()
	b := &backup{store: s, meter: newMeter(progress)}
	err := s.engine.View(ctx, func(r engine.Reader) error {
		b.tx = newTx(ctx, s, Node(), r, nil)
		b.tx.shared.unlimited = true
		defer b.tx.end()
		return b.write(ctx, w)
	})
	if err != nil {
		return Manifest{}, fmt.Errorf("backup: %w", err)
	}
	b.meter.done()
	return b.manifest, nil
}

type backup struct {
	store    *Store
	tx       *Tx
	out      *frameWriter
	manifest Manifest
	meter    *meter
}

func (b *backup) write(ctx context.Context, w io.Writer) (err error) {
	if b.out, err = newFrameWriter(w); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.header, b.records, b.blobs} {
		if err := part(ctx); err != nil {
			return errors.Join(err, b.out.out.Close())
		}
	}
	b.manifest.SHA256 = b.out.hash()
	err = b.out.encode(frameManifest, b.manifest)
	return errors.Join(err, b.out.out.Close())
}

func (b *backup) header(ctx context.Context) error {
	ring, err := keyrings.Get(b.tx, onlyKey())
	if err != nil {
		return err
	}
	schema, err := schemaTable.Get(b.tx, onlyKey())
	if err != nil {
		return err
	}
	revision, err := b.store.Revision(ctx)
	if err != nil {
		return err
	}
	h := backupHeader{
		Created: time.Now().UTC().Truncate(time.Second), Schema: schema.Number, MasterKey: ring.Master, Revision: revision,
	}
	if ring.Rotation != nil {
		h.OldKey = ring.Rotation.Old
	}
	b.manifest = Manifest{Created: h.Created, Schema: h.Schema, MasterKey: h.MasterKey, Revision: h.Revision}
	return b.out.encode(frameHeader, h)
}

// records writes all keys. One frame fits into one transaction when it is restored.
func (b *backup) records(ctx context.Context) error {
	const most, full = MaxWrites, 256 << 10
	var frame []byte
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		err := b.out.write(frameRecords, frame)
		frame, n = frame[:0], 0
		return errors.Join(err, ctx.Err())
	}
	for it, err := range b.tx.reader.Scan(engine.Range{Lo: []byte{scopeNode}}) {
		if err != nil {
			return err
		}
		b.inspect(ctx, it)
		frame = appendRecord(frame, it)
		size := int64(len(it.Key) + len(it.Value))
		b.manifest.Records++
		b.manifest.Bytes += size
		b.meter.add(Progress{Records: 1, Bytes: size})
		if n++; n == most || len(frame) >= full {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// inspect notices damage early: better now, while an older backup is still at hand.
func (b *backup) inspect(ctx context.Context, it engine.Item) {
	var err error
	if sc, ok := scopeOf(it.Key); ok && it.Key[sc.size()+tableHead-1] == partSequence {
		_, err = engine.DecodeCounter(it.Key, it.Value)
	} else {
		_, _, _, err = unwrap(it.Key, it.Value)
	}
	if err != nil {
		b.manifest.Damaged++
		b.store.log.ErrorContext(ctx, "backup of a damaged record", slog.Any("error", err))
	}
}

func (b *backup) blobs(ctx context.Context) error {
	var last string
	for u, err := range blobUses.Scan(b.tx, Range{}) {
		if err != nil {
			return err
		}
		if string(u.Sum) == last || len(u.Sum) != len(Sum{}) {
			continue
		}
		last = string(u.Sum)
		if err := b.blob(ctx, Sum(u.Sum)); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) blob(ctx context.Context, sum Sum) error {
	const chunk = 1 << 20
	if err := b.out.write(frameBlob, sum[:]); err != nil {
		return err
	}
	f, err := b.store.blobs.Open(ctx, sum)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.manifest.LostBlobs++
		b.store.log.ErrorContext(ctx, "backup without a blob", slog.Any("error", err))
		return b.out.write(frameBlobEnd, []byte(err.Error()))
	}
	buf := make([]byte, chunk)
	for {
		n, err := io.ReadFull(f, buf)
		if n > 0 {
			b.manifest.Bytes += int64(n)
			b.meter.add(Progress{Bytes: int64(n)})
			if err := b.out.write(frameBlobData, buf[:n]); err != nil {
				return errors.Join(err, f.Close())
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	b.manifest.Blobs++
	b.meter.add(Progress{Blobs: 1})
	return errors.Join(b.out.write(frameBlobEnd, nil), f.Close())
}
