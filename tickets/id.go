package tickets

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
)

// IDs are ULIDs behind a prefix that says of what.
const (
	ticketPrefix   = "tkt_"
	commentPrefix  = "cmt_"
	categoryPrefix = "cat_"
	activityPrefix = "act_"
	eventPrefix    = "evt_"
	viewPrefix     = "viw_"
	replyPrefix    = "rpl_"
)

// mint makes IDs that grow within one process, so that what was made first sorts first even in one millisecond.
type mint struct {
	mu      sync.Mutex
	entropy *ulid.MonotonicEntropy
}

func newMint() *mint { return &mint{entropy: ulid.Monotonic(rand.Reader, 0)} }

// next returns an ID of that moment. It panics if the system has no randomness left.
func (m *mint) next(prefix string, at time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return prefix + ulid.MustNew(ulid.Timestamp(at), m.entropy).String()
}

// parseID returns the ULID behind a prefix, or the zero one.
func parseID(prefix, s string) ulid.ULID {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return ulid.ULID{}
	}
	id, err := ulid.ParseStrict(rest)
	if err != nil || id.String() != rest {
		return ulid.ULID{}
	}
	return id
}

// newest appends an ID to a key so that the newest comes first.
func newest(k storage.Key, id ulid.ULID) storage.Key {
	hi, lo := halves(id)
	return k.Desc(hi).Desc(lo)
}

// oldest appends an ID to a key so that the oldest comes first.
func oldest(k storage.Key, id ulid.ULID) storage.Key {
	hi, lo := halves(id)
	return k.Uint(hi).Uint(lo)
}

// halves are the two numbers that an ID is, in its order.
func halves(id ulid.ULID) (hi, lo uint64) {
	return binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
}

func whole(hi, lo uint64) (id ulid.ULID) {
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id
}

// now is the present as tickets keep it: to the millisecond, like the time in an ID.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
