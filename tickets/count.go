package tickets

import (
	"context"
	"errors"
	"slices"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// counter is how many tickets there are of somebody, or of the tenant (Of is empty then).
type counter struct {
	Of         string  `cbor:"1,keyasint"`
	ByStatus   []int64 `cbor:"2,keyasint"` // in the order of Statuses
	Unassigned int64   `cbor:"3,keyasint,omitempty"`
	// Spam are the tickets that are put away as spam, in the tenant's counter only.
	Spam int64 `cbor:"5,keyasint,omitempty"`
}

// Counts are how many tickets the actor's lists have in each status.
type Counts struct {
	ByStatus map[Status]int // every status is in it
	// Unassigned and Mine are the tickets that are not done and have no assignee, or the actor. Zero for requesters.
	Unassigned int
	Mine       int
	Spam       int // zero for requesters
}

// Counts returns the counters of what the actor sees.
func (d *Desk) Counts(ctx context.Context, tn *tenant.Tenant, a Actor) (Counts, error) {
	n := Counts{ByStatus: make(map[Status]int)}
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		c := counter{ByStatus: make([]int64, len(Statuses()))}
		var err error
		if a.known() {
			if c, err = counted(tx, a.owner()); err != nil {
				return err
			}
		}
		for i, s := range Statuses() {
			n.ByStatus[s] = int(c.ByStatus[i])
		}
		if !a.Staff() {
			return nil
		}
		n.Unassigned, n.Spam = int(c.Unassigned), int(c.Spam)
		mine, err := counted(tx, agentCounter(a.person.ID))
		for i, s := range Statuses() {
			if !s.done() {
				n.Mine += int(mine.ByStatus[i])
			}
		}
		return err
	})
	return n, err
}

func agentCounter(id string) string { return "agent:" + id }

func counted(tx *storage.Tx, of string) (counter, error) {
	c, err := counterTable.Get(tx, storage.Key(nil).Str(of))
	if errors.Is(err, storage.ErrNotFound) {
		return counter{Of: of, ByStatus: make([]int64, len(Statuses()))}, nil
	}
	return c, err
}

// count brings the counters from the ticket as it was to the ticket as it is; nil is no ticket.
func count(tx *storage.Tx, old, t *Ticket) error {
	was, is := tallyOf(old), tallyOf(t)
	if was == is {
		return nil
	}
	if was.ofAll() != is.ofAll() {
		err := bump(tx, "", func(c *counter) {
			c.add(was.ofAll(), -1)
			c.add(is.ofAll(), +1)
		})
		if err != nil {
			return err
		}
	}
	if err := move(tx, was, is, was.owner, is.owner); err != nil {
		return err
	}
	return move(tx, was.ofAll(), is.ofAll(), was.ofAll().agentCounter(), is.ofAll().agentCounter())
}

// tally is what counters depend on. The zero tally is a ticket that does not count.
type tally struct {
	status   Status
	assignee string
	owner    string // whose counter has it; that of a requester has what they see
	counts   bool   // whether the tenant's and the agents' have it
	spam     bool
}

func tallyOf(t *Ticket) (y tally) {
	if t == nil || t.Purging {
		return y
	}
	y.counts, y.spam = t.shelf() == inLists, t.shelf() == asSpam
	if t.ownersToo() {
		y.owner = t.owner()
	}
	if y.counts || y.spam || y.owner != "" {
		y.status, y.assignee = t.Status, t.assignee()
	}
	return y
}

// ofAll is the tally without what only its owner's counter has.
func (y tally) ofAll() tally {
	y.owner = ""
	switch {
	case y.spam:
		return tally{spam: true}
	case !y.counts:
		return tally{}
	}
	return y
}

func (y tally) agentCounter() string {
	if y.assignee == "" {
		return ""
	}
	return agentCounter(y.assignee)
}

func (c *counter) add(y tally, n int64) {
	if y.spam && c.Of == "" {
		c.Spam += n
	}
	if i := slices.Index(Statuses(), y.status); i >= 0 {
		c.ByStatus[i] += n
		if y.assignee == "" && !y.status.done() {
			c.Unassigned += n
		}
	}
}

// move takes the ticket out of one counter of a person and into another; "" is nobody's.
func move(tx *storage.Tx, was, is tally, from, to string) error {
	if from == to {
		if from == "" || was.status == is.status {
			return nil
		}
		return bump(tx, from, func(c *counter) {
			c.add(was, -1)
			c.add(is, +1)
		})
	}
	if from != "" {
		if err := bump(tx, from, func(c *counter) { c.add(was, -1) }); err != nil {
			return err
		}
	}
	if to == "" {
		return nil
	}
	return bump(tx, to, func(c *counter) { c.add(is, +1) })
}

// bump changes one counter.
func bump(tx *storage.Tx, of string, change func(*counter)) error {
	c, err := counted(tx, of)
	if err != nil {
		return err
	}
	change(&c)
	return counterTable.Put(tx, &c)
}
