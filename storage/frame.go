package storage

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/deskgate/deskgate/storage/engine"
)

// A backup is one line that says so, then a zstd stream of frames: a header, records in the order of their keys, blobs,
// and a manifest, behind which nothing comes. A frame is [kind][length of the payload, 4 bytes][payload][CRC-32C of all
// that]; the manifest has the SHA-256 of all frames before it.
const backupMagic = "deskgate backup 1\n"

const (
	frameHeader   = 'H' // backupHeader
	frameRecords  = 'R' // many times: length and bytes of a key, the same of its value, expiry in ms since 1970 or 0
	frameBlob     = 'B' // the blob's hash: its bytes follow
	frameBlobData = 'D'
	frameBlobEnd  = 'E' // empty, or the reason why what came is not the blob
	frameManifest = 'M' // Manifest

	frameHead = 5
	frameMax  = 4 << 20 // no payload is larger
)

// backupHeader says whether a backup can be restored here, before anything is.
type backupHeader struct {
	Created   time.Time `cbor:"1,keyasint"`
	Schema    int       `cbor:"2,keyasint"`
	MasterKey string    `cbor:"3,keyasint"`
	OldKey    string    `cbor:"4,keyasint,omitempty"` // opens it as well, if the master key was just being changed
	Revision  Revision  `cbor:"5,keyasint"`
}

type frameWriter struct {
	out *zstd.Encoder
	sum hash.Hash
}

func newFrameWriter(w io.Writer) (*frameWriter, error) {
	if _, err := io.WriteString(w, backupMagic); err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &frameWriter{out: z, sum: sha256.New()}, nil
}

func (f *frameWriter) write(kind byte, payload []byte) error {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload)))
	sum := engine.Checksum(head, payload)
	for _, b := range [][]byte{head, payload, binary.BigEndian.AppendUint32(nil, sum)} {
		if _, err := f.out.Write(b); err != nil {
			return err
		}
		f.sum.Write(b)
	}
	return nil
}

func (f *frameWriter) encode(kind byte, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return f.write(kind, b)
}

// hash is that of all frames so far, in hex.
func (f *frameWriter) hash() string { return hex.EncodeToString(f.sum.Sum(nil)) }

type frameReader struct {
	in   *zstd.Decoder
	sum  hash.Hash
	hash string // of all frames before the last one that was read
	buf  []byte
}

var errShort = fmt.Errorf("%w: the backup ends too early", ErrCorrupt)

func newFrameReader(r io.Reader) (*frameReader, error) {
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != backupMagic {
		return nil, errors.New("this is not a backup of deskgate, or one of a newer version")
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		return nil, err
	}
	return &frameReader{in: z, sum: sha256.New()}, nil
}

// next reads one frame. The payload is valid until the next call.
func (f *frameReader) next() (kind byte, payload []byte, err error) {
	f.hash = hex.EncodeToString(f.sum.Sum(nil))
	var head [frameHead]byte
	if err := f.full(head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > frameMax {
		return 0, nil, fmt.Errorf("%w: the backup has a frame of %d bytes", ErrCorrupt, n)
	}
	if cap(f.buf) < int(n)+sumSize {
		f.buf = make([]byte, int(n)+sumSize)
	}
	b := f.buf[:int(n)+sumSize]
	if err := f.full(b); err != nil {
		return 0, nil, err
	}
	f.sum.Write(head[:])
	f.sum.Write(b)
	payload = b[:n]
	if binary.BigEndian.Uint32(b[n:]) != engine.Checksum(head[:], payload) {
		return 0, nil, fmt.Errorf("%w: the backup's checksum is wrong", ErrCorrupt)
	}
	return head[0], payload, nil
}

func (f *frameReader) full(b []byte) error {
	_, err := io.ReadFull(f.in, b)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errShort
	case err != nil:
		return fmt.Errorf("%w: read the backup: %w", ErrCorrupt, err)
	}
	return nil
}

// end makes sure that nothing comes behind the manifest.
func (f *frameReader) end() error {
	n, err := f.in.Read(make([]byte, 1))
	if n > 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the backup goes on behind its end", ErrCorrupt)
	}
	return nil
}

func appendRecord(b []byte, it engine.Item) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(it.Key))), it.Key...)
	b = append(binary.AppendUvarint(b, uint64(len(it.Value))), it.Value...)
	var expires uint64
	if !it.Expires.IsZero() {
		expires = uint64(it.Expires.UnixMilli())
	}
	return binary.AppendUvarint(b, expires)
}

// readRecords takes a payload of frameRecords apart. The items point into it.
func readRecords(b []byte, items []engine.Item) ([]engine.Item, error) {
	for len(b) > 0 {
		var it engine.Item
		var ok bool
		if it.Key, b, ok = cut(b); !ok {
			return nil, fmt.Errorf("%w: a record of the backup", ErrCorrupt)
		}
		if it.Value, b, ok = cut(b); !ok {
			return nil, fmt.Errorf("%w: a record of the backup", ErrCorrupt)
		}
		ms, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, fmt.Errorf("%w: a record of the backup", ErrCorrupt)
		}
		if b = b[n:]; ms > 0 {
			it.Expires = time.UnixMilli(int64(ms))
		}
		items = append(items, it)
	}
	return items, nil
}

func cut(b []byte) (head, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n) : w+int(n)], b[w+int(n):], true
}
