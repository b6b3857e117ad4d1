package notify

import (
	"errors"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// limits are how many letters an address gets, counted from the first of an hour and of a day.
type limits struct{ hour, day int }

// The limits of letters: to one address in all, and to one address about one ticket. So two machines that answer each other, and a
// requester who writes all the time, soon come to an end.
var (
	requesterLimits = [2]limits{{30, 100}, {8, 20}}
	staffLimits     = [2]limits{{200, 1000}, {20, 60}}
	// claimedLimits are narrow: anybody can name any address.
	claimedLimits = [2]limits{{1, 1}, {1, 1}}
)

func limitsOf(k mail.Kind) [2]limits {
	switch k {
	case mail.Work:
		return staffLimits
	case mail.Claimed:
		return claimedLimits
	default:
		return requesterLimits
	}
}

// tally counts the letters of one kind to an address, in all (Ticket is empty) or about one ticket.
type tally struct {
	Address string    `cbor:"1,keyasint"`
	Kind    mail.Kind `cbor:"2,keyasint"`
	Ticket  string    `cbor:"3,keyasint,omitempty"`
	HourAt  time.Time `cbor:"4,keyasint"`
	Hour    int       `cbor:"5,keyasint"`
	DayAt   time.Time `cbor:"6,keyasint"`
	Day     int       `cbor:"7,keyasint"`
	// Told: the audit log says that letters are held back.
	Told bool `cbor:"8,keyasint,omitempty"`
}

const day = 24 * time.Hour

var tallyTable = storage.NewTable(storage.Declaration[tally]{
	ID: 157, Name: "letters counted",
	Key:     func(y *tally) storage.Key { return tallyKey(y.Address, y.Kind, y.Ticket) },
	Expires: func(y *tally) time.Time { return y.DayAt.Add(day) },
})

func tallyKey(address string, k mail.Kind, ticket string) storage.Key {
	return storage.Key(nil).Str(address).Str(string(k)).Str(ticket)
}

// room says that there is room in a letter for a ticket. last: for some time there is none in another.
type room struct {
	ticket string
	last   bool
}

// take counts a letter to an address about some tickets, and says for which of them there is room in it; none: there were too many letters.
func take(tx *storage.Tx, address string, k mail.Kind, about []string) ([]room, error) {
	most := limitsOf(k)
	all, err := counted(tx, address, k, "")
	if err != nil {
		return nil, err
	}
	if all.reached(most[0]) {
		return nil, all.hold(tx, about[len(about)-1])
	}
	var free []room
	for _, ticket := range about {
		y, err := counted(tx, address, k, ticket)
		if err != nil {
			return nil, err
		}
		if y.reached(most[1]) {
			if err := all.hold(tx, ticket); err != nil {
				return nil, err
			}
			continue
		}
		y.count()
		if err := tallyTable.Put(tx, &y); err != nil {
			return nil, err
		}
		free = append(free, room{ticket: ticket, last: y.reached(most[1])})
	}
	if len(free) == 0 {
		return nil, nil
	}
	all.count()
	return free, tallyTable.Put(tx, &all)
}

func (y *tally) count() {
	y.Hour++
	y.Day++
}

// counted is a tally as it stands now.
func counted(tx *storage.Tx, address string, k mail.Kind, ticket string) (tally, error) {
	now := time.Now().UTC()
	y, err := tallyTable.Get(tx, tallyKey(address, k, ticket))
	if errors.Is(err, storage.ErrNotFound) {
		y, err = tally{Address: address, Kind: k, Ticket: ticket, HourAt: now, DayAt: now}, nil
	}
	if now.Sub(y.DayAt) >= day {
		y.DayAt, y.Day, y.Told = now, 0, false
	}
	if now.Sub(y.HourAt) >= time.Hour {
		y.HourAt, y.Hour = now, 0
	}
	return y, err
}

func (y *tally) reached(l limits) bool { return y.Hour >= l.hour || y.Day >= l.day }

// hold notes, in the tally of an address, once a day that letters are held back. That one gets only one letter about what others claim is no news.
func (y *tally) hold(tx *storage.Tx, ticket string) error {
	if y.Told || y.Kind == mail.Claimed {
		return nil
	}
	y.Told = true
	if err := tallyTable.Put(tx, y); err != nil {
		return err
	}
	return tenant.Record(tx, tenant.Event{
		Actor: "system", Action: "mail.held", Object: y.Address, Detail: "too many letters, the last one about " + ticket,
	})
}
