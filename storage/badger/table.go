package badger

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"

	"github.com/deskgate/deskgate/storage/engine"
)

// checkTable compares the checksums in one of Badger's tables: that of the index, and with whole those of all blocks.
// A table is
//
//	blocks · index · its length (4) · checksum of the index · its length (4)
//
// and a block ends in the checksum of all before it and that checksum's length (4).
func checkTable(path string, whole bool) (err error) {
	f, err := os.Open(path) //nolint:gosec // the path is made of the data folder and Badger's own names
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	// The index carries a checksum, but its own length and that of its checksum do not.
	defer func() {
		if p := recover(); p != nil {
			err = damaged(path, fmt.Sprintf("the index: %v", p))
		}
	}()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	sum, end, err := cutSized(f, size)
	if err != nil {
		return damaged(path, err.Error())
	}
	index, end, err := cutSized(f, end)
	if err != nil {
		return damaged(path, err.Error())
	}
	if !matches(index, sum) {
		return damaged(path, "the index")
	}
	if !whole {
		return nil
	}
	return checkBlocks(f, fb.GetRootAsTableIndex(index, 0), end)
}

func checkBlocks(f *os.File, index *fb.TableIndex, end int64) error {
	var at fb.BlockOffset
	var buf []byte
	for i := range index.OffsetsLength() {
		if !index.Offsets(&at, i) || int64(at.Offset())+int64(at.Len()) > end {
			return damaged(f.Name(), "the index")
		}
		if int(at.Len()) > len(buf) {
			buf = make([]byte, 2*at.Len())
		}
		block := buf[:at.Len()]
		if _, err := f.ReadAt(block, int64(at.Offset())); err != nil {
			return damaged(f.Name(), err.Error())
		}
		if !blockMatches(block) {
			return damaged(f.Name(), fmt.Sprintf("block %d of %d, from key %x on",
				i+1, index.OffsetsLength(), y.ParseKey(at.KeyBytes())))
		}
	}
	return nil
}

func blockMatches(b []byte) bool {
	n := len(b) - 4
	if n < 0 {
		return false
	}
	size := int64(binary.BigEndian.Uint32(b[n:]))
	if size > int64(n) {
		return false
	}
	return matches(b[:n-int(size)], b[n-int(size):n])
}

// cutSized reads the part of f before end whose length stands behind it, and says where it begins.
func cutSized(f *os.File, end int64) (part []byte, begin int64, err error) {
	if end < 4 {
		return nil, 0, io.ErrUnexpectedEOF
	}
	var length [4]byte
	if _, err := f.ReadAt(length[:], end-4); err != nil {
		return nil, 0, err
	}
	begin = end - 4 - int64(binary.BigEndian.Uint32(length[:]))
	if begin < 0 {
		return nil, 0, fmt.Errorf("a length of %x", length)
	}
	part = make([]byte, end-4-begin)
	_, err = f.ReadAt(part, begin)
	return part, begin, err
}

func matches(data, sum []byte) bool {
	var want pb.Checksum
	return len(sum) > 0 && proto.Unmarshal(sum, &want) == nil && y.VerifyChecksum(data, &want) == nil
}

func damaged(path, what string) error {
	return fmt.Errorf("%w: %s: %s", engine.ErrCorrupt, path, what)
}
