package badger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
)

const (
	memExt       = ".mem"
	manifestFile = "MANIFEST"

	journalHead  = 20 // key id and initialisation vector, both unused without encryption
	manifestHead = 8  // magic and version
	frameHead    = 8  // length and checksum

	bitDelete = 1 << 0
	bitTxn    = 1 << 6
	bitFinTxn = 1 << 7
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkJournal reads a memtable's write-ahead log as Badger will when it opens. Badger stops at the first entry that does
// not match its checksum and drops the rest. That is right for the last transaction, which a crash cut off before
// anybody was told that it is on disk; but there is only ever one such, so that entries of two transactions behind the
// place mean that acknowledged ones would go.
func checkJournal(path string) error {
	data, err := os.ReadFile(path) //nolint:gosec // the path is made of the data folder and Badger's own names
	if err != nil {
		return err
	}
	data = bytes.TrimRight(data, "\x00")
	at := min(journalHead, len(data))
	var open uint64 // the transaction that has begun and not ended
	for {
		e, ok := entryAt(data[at:])
		if !ok {
			break
		}
		if open = e.version; e.last {
			open = 0
		}
		at += e.size
	}
	for i := at; i < len(data); i++ {
		e, ok := entryAt(data[i:])
		if !ok {
			continue
		}
		if open != 0 && e.version != open {
			return damaged(path, fmt.Sprintf("the entry at byte %d, with whole transactions behind it", at))
		}
		open = e.version
		i += e.size - 1
	}
	return nil
}

// entry is what a write-ahead log says about one write.
type entry struct {
	size    int
	version uint64
	last    bool // it ends its transaction
}

// entryAt reads the entry at the beginning of b, if there is one:
//
//	meta (1) · user meta (1) · length of key · length of value · expiry (varints) · key · value · CRC-32C
//
// and the key ends in the transaction's version.
func entryAt(b []byte) (e entry, ok bool) {
	if len(b) < journalHead || b[0]&^bitDelete != bitTxn && b[0] != bitFinTxn || b[1] != 0 {
		return e, false
	}
	n := 2
	var field [3]uint64
	for i := range field {
		v, size := binary.Uvarint(b[n:])
		if size <= 0 {
			return e, false
		}
		field[i], n = v, n+size
	}
	key, value := field[0], field[1]
	if key < 8 || key > 1<<16 || value > uint64(len(b)) || uint64(n)+key+value+crc32.Size > uint64(len(b)) {
		return e, false
	}
	keyEnd := n + int(key)
	end := keyEnd + int(value)
	if crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
		return e, false
	}
	version := ^binary.BigEndian.Uint64(b[keyEnd-8:])
	return entry{size: end + crc32.Size, version: version, last: b[0] == bitFinTxn}, true
}

// checkManifest reads the list of tables as Badger will when it opens: frame by frame, up to one that was cut off. A frame
// whose length is damaged looks cut off as well, and Badger would delete the tables that the rest names.
func checkManifest(path string) error {
	data, err := os.ReadFile(path) //nolint:gosec // the path is made of the data folder and Badger's own names
	if err != nil {
		return err
	}
	at := min(manifestHead, len(data))
	for n := frameAt(data[at:]); n > 0; n = frameAt(data[at:]) {
		at += n
	}
	rest := data[at:]
	if len(rest) > frameHead && crc32.Checksum(rest[frameHead:], castagnoli) == binary.BigEndian.Uint32(rest[4:]) {
		return damaged(path, fmt.Sprintf("the length at byte %d", at))
	}
	for i := range rest {
		if i > 0 && frameAt(rest[i:]) > frameHead {
			return damaged(path, fmt.Sprintf("the frame at byte %d", at))
		}
	}
	return nil
}

// frameAt is the size of the frame at the beginning of b, 0 if there is none.
func frameAt(b []byte) int {
	if len(b) < frameHead {
		return 0
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if n > uint64(len(b)-frameHead) {
		return 0
	}
	end := frameHead + int(n)
	if crc32.Checksum(b[frameHead:end], castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return 0
	}
	return end
}
