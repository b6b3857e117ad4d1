package engine

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const counterSize = 8 + crc32.Size

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// EncodeCounter is how every engine keeps counter key at n: the number, big-endian, and a CRC-32C of key and number.
func EncodeCounter(key []byte, n uint64) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, counterSize), n)
	return binary.BigEndian.AppendUint32(b, Checksum(key, b))
}

// DecodeCounter is the reverse of EncodeCounter. It returns ErrCorrupt for anything else.
func DecodeCounter(key, value []byte) (uint64, error) {
	if len(value) != counterSize || binary.BigEndian.Uint32(value[8:]) != Checksum(key, value[:8]) {
		return 0, fmt.Errorf("%w: counter %x", ErrCorrupt, key)
	}
	return binary.BigEndian.Uint64(value), nil
}

// Checksum is the CRC-32C of a key and what is stored under it: a value that was moved is as damaged as one that was
// changed.
func Checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}
