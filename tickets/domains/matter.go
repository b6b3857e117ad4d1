package domains

import (
	"errors"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// kind is what is wrong.
type kind string

const (
	ofHost        kind = "domain"
	ofCertificate kind = "certificate"
	ofMany        kind = "many" // hosts that have no ticket of their own
)

// matter is what a desk knows about one kind of trouble of one host.
type matter struct {
	Kind kind        `cbor:"1,keyasint"`
	Host tenant.Host `cbor:"2,keyasint,omitempty"`
	// Ticket is the ID of the ticket that is or was about it; empty: there was none.
	Ticket string `cbor:"3,keyasint,omitempty"`
	// Bad: it is in trouble. Counted: the ticket for many speaks for it.
	Bad     bool `cbor:"4,keyasint,omitempty"`
	Counted bool `cbor:"5,keyasint,omitempty"`
	// Said is when something was said in the ticket, the last times of a day.
	Said []time.Time `cbor:"6,keyasint,omitempty"`
	// Held is what was not said at once, and DueAt when something is to be said.
	Held  *domain.Event `cbor:"7,keyasint,omitempty"`
	DueAt time.Time     `cbor:"8,keyasint,omitzero"`

	// The following are the tenant's as a whole, in the matter of many. Taken is the last event that had its effect, Opened when
	// tickets were opened during the last hour, Count how many matters are counted, and Hosts some of them.
	Taken  uint64        `cbor:"9,keyasint,omitempty"`
	Opened []time.Time   `cbor:"10,keyasint,omitempty"`
	Count  int           `cbor:"11,keyasint,omitempty"`
	Hosts  []tenant.Host `cbor:"12,keyasint,omitempty"`
}

var (
	matterTable = storage.NewTable(storage.Declaration[matter]{
		ID: 182, Name: "domains' tickets", Watched: true, Key: func(m *matter) storage.Key { return matterKey(m.Kind, m.Host) },
	})
	mattersByDue = storage.NewIndex(matterTable, 1, func(m *matter) []storage.Key {
		if m.DueAt.IsZero() {
			return nil
		}
		return []storage.Key{storage.Key(nil).Time(m.DueAt)}
	}, func(*matter) storage.Bare { return storage.Bare{} })
)

func matterKey(k kind, h tenant.Host) storage.Key {
	return storage.Key(nil).Str(string(k)).Str(string(h))
}

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{matterTable} }

// Forgets is what the tables of this package do about somebody who is to be forgotten.
func Forgets() []erasure.Answer {
	return []erasure.Answer{erasure.Never(matterTable, "names of hosts")}
}

// readMatter is what is known; a new matter if nothing is.
func readMatter(tx *storage.Tx, k kind, h tenant.Host) (*matter, error) {
	m, err := matterTable.Get(tx, matterKey(k, h))
	if errors.Is(err, storage.ErrNotFound) {
		return &matter{Kind: k, Host: h}, nil
	}
	return &m, err
}

// The bounds of what a desk gets to hear of domains.
const (
	// mostWords is how often something is said in a ticket during a day without a pause before it, and quiet is that pause.
	mostWords = 6
	quiet     = 4 * time.Hour
	day       = 24 * time.Hour
	// mostOpened is how many tickets are opened, or opened again, during an hour. Hosts beyond that share one.
	mostOpened = 10
	// The ticket for many says how many they are after a moment, and then at most once an hour.
	moment    = 10 * time.Minute
	manyPause = time.Hour
	// mostNamed is how many hosts that ticket names.
	mostNamed = 20
)

// lately are those of some times that are not longer ago.
func lately(all []time.Time, ago time.Duration, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(all), func(at time.Time) bool { return now.Sub(at) >= ago })
}

// speaks notes that something is said.
func (m *matter) speaks(now time.Time) {
	m.Said = append(lately(m.Said, day, now), now)
	m.Said = m.Said[max(0, len(m.Said)-mostWords):]
	m.Held, m.DueAt = nil, time.Time{}
}

// hold has something said after a pause in which nothing happened.
func (m *matter) hold(e *domain.Event, now time.Time) {
	m.Held, m.DueAt = e, now.Add(quiet)
}
