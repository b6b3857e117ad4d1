package tickets

import (
	"slices"

	"github.com/deskgate/deskgate/storage"
)

// Read returns a ticket as the actor may see it, in a transaction of the tenant's, or ErrNotFound. It is for those who follow what
// happens: everybody else asks a Desk.
func Read(tx *storage.Tx, a Actor, r Ref) (Ticket, error) { return find(tx, a, r, false) }

// ReadLast returns the last comments of a ticket that the actor may see, at most so many, the oldest first. It is the sister of Read.
func ReadLast(tx *storage.Tx, a Actor, t *Ticket, most int) ([]Comment, error) {
	last, err := readComments(tx, a, t, nil, most, true)
	last = last[:min(len(last), most)]
	slices.Reverse(last)
	return last, err
}
