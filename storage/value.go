package storage

import (
	"encoding/binary"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/deskgate/deskgate/storage/engine"
)

// A value is [format][schema][flags][payload][CRC-32C of the key and all before]. The checksum covers the key as well:
// a row that was moved is as damaged as one that was changed.
const (
	formatCBOR = 0x01
	flagSealed = 0x01

	headSize = 3
	sumSize  = 4
)

var encoding, decoding = modes()

func modes() (cbor.EncMode, cbor.DecMode) {
	e := cbor.CoreDetEncOptions()
	e.Time = cbor.TimeRFC3339Nano
	enc, err := e.EncMode()
	if err != nil {
		panic(err)
	}
	dec, err := cbor.DecOptions{
		MaxArrayElements: 1 << 20,
		MaxMapPairs:      1 << 20,
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		UTF8:             cbor.UTF8DecodeInvalid, // what was taken is given back
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}

func encode(v any) ([]byte, error) { return encoding.Marshal(v) }

func decode(b []byte, v any) error { return decoding.Unmarshal(b, v) }

func wrap(key []byte, schema, flags byte, payload []byte) []byte {
	b := make([]byte, 0, headSize+len(payload)+sumSize)
	b = append(append(b, formatCBOR, schema, flags), payload...)
	return binary.BigEndian.AppendUint32(b, engine.Checksum(key, b))
}

// unwrap is the opposite of wrap. The payload points into value.
func unwrap(key, value []byte) (schema, flags byte, payload []byte, err error) {
	n := len(value) - sumSize
	if n < headSize || value[0] != formatCBOR || binary.BigEndian.Uint32(value[n:]) != engine.Checksum(key, value[:n]) {
		return 0, 0, nil, fmt.Errorf("%w: key %x", ErrCorrupt, key)
	}
	return value[1], value[2], value[headSize:n], nil
}
