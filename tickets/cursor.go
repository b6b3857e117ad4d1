package tickets

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
)

const (
	defaultLimit = 25
	maxLimit     = 100
)

func clampLimit(n int) int {
	if n <= 0 {
		return defaultLimit
	}
	return min(n, maxLimit)
}

// place is where a list was left: the time that it is sorted by (zero if it is sorted by ID only) and the ID of the last row.
type place struct {
	at time.Time
	id ulid.ULID
}

const (
	cursorBond = 8 // bytes of hash that bind a cursor to its list
	cursorSize = cursorBond + 8 + 16
)

// bond is the hash of what a list is of.
func bond(k storage.Key) [cursorBond]byte {
	sum := sha256.Sum256(k)
	return [cursorBond]byte(sum[:])
}

// seal makes a cursor. It says nothing about the list that its reader has not seen, and leads nowhere that its user may not
// go, so it carries no signature.
func (p place) seal(list storage.Key) string {
	b := bond(list)
	out := append(make([]byte, 0, cursorSize), b[:]...)
	var ms int64
	if !p.at.IsZero() {
		ms = p.at.UnixMilli()
	}
	out = binary.BigEndian.AppendUint64(out, uint64(ms))
	return base64.RawURLEncoding.EncodeToString(append(out, p.id[:]...))
}

// openCursor reads a cursor of that list; "" is the beginning, nil.
func openCursor(cursor string, list storage.Key) (*place, error) {
	if cursor == "" {
		return nil, nil //nolint:nilnil // the beginning of a list is a place like any other, with no row before it
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) != cursorSize || [cursorBond]byte(b) != bond(list) {
		return nil, ErrBadCursor
	}
	p := &place{id: ulid.ULID(b[cursorBond+8:])}
	if ms := binary.BigEndian.Uint64(b[cursorBond:]); ms != 0 {
		p.at = time.UnixMilli(int64(ms)).UTC()
	}
	return p, nil
}

func threadOf(kind, ticket string) storage.Key { return storage.Key(nil).Str(kind).Str(ticket) }

// behind is the range of what lies below a key in the order of IDs, the oldest first, after a place.
func behind(below storage.Key, from *place, limit int) storage.Range {
	r := storage.Range{Prefix: below, Limit: limit}
	if from != nil {
		r.After = oldest(slices.Clip(below), from.id)
	}
	return r
}
