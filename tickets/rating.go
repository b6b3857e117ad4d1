package tickets

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Rating is what a requester thought of the help.
type Rating struct {
	Stars   int       `cbor:"1,keyasint"` // 1 to 5
	Comment string    `cbor:"2,keyasint,omitempty"`
	At      time.Time `cbor:"3,keyasint"` // of the last change
	// First is when the requester first rated this solution of the ticket.
	First time.Time `cbor:"4,keyasint"`
}

const (
	// MaxStars is the best rating; the worst is 1.
	MaxStars = 5
	// MaxRatingComment is how many characters a rating's comment may have.
	MaxRatingComment = 2000
	// ratingChanges is how long a rating may be changed.
	ratingChanges = 14 * 24 * time.Hour
)

// starCount is how many stars the ticket got, 0 for none.
func (t *Ticket) starCount() uint8 {
	if t.Rating == nil {
		return 0
	}
	return uint8(t.Rating.Stars)
}

// Ratable says whether the requester may rate the ticket now, or change their rating: once it is solved, and for 14 days
// after the first word about this solution.
func (t *Ticket) Ratable() bool {
	if !t.Status.done() || t.Deleted() || t.MergedInto != "" {
		return false
	}
	return t.Rating == nil || t.Rating.First.Before(t.ResolvedAt) || now().Sub(t.Rating.First) <= ratingChanges
}

// Rate takes the requester's word on how they were helped. Only the ticket's requester has one: for all others it is
// ErrNotAllowed, as it is where the tenant does not ask. ErrNotRatable: the ticket is not solved, or was rated long ago.
func (d *Desk) Rate(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, stars int, comment string) (Ticket, error) {
	comment = strings.TrimSpace(comment)
	if err := checkRating(stars, comment); err != nil {
		return Ticket{}, err
	}
	var t Ticket
	err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		old, err := d.findToChange(tx, tn, a, r)
		if err != nil {
			return err
		}
		if a.Staff() || !tn.Settings.AsksForRatings() {
			return fmt.Errorf("%w: ratings are the requester's", ErrNotAllowed)
		}
		if !old.Ratable() {
			return ErrNotRatable
		}
		t = old
		if old.Rating != nil && old.Rating.Stars == stars && old.Rating.Comment == comment {
			return nil
		}
		t.rate(stars, comment, later(old.UpdatedAt))
		if err := save(tx, &old, &t); err != nil {
			return err
		}
		e := Event{Type: TicketRated, Actor: a.author(), Changes: differences(&old, &t)}
		return d.record(tx, tn, Happening{Event: e, Before: &old, After: &t})
	})
	return t, err
}

// rate keeps the requester's word as the ticket's last change.
func (t *Ticket) rate(stars int, comment string, at time.Time) {
	rating := Rating{Stars: stars, Comment: comment, At: at, First: at}
	if t.Rating != nil && !t.Rating.First.Before(t.ResolvedAt) {
		rating.First = t.Rating.First
	}
	t.Rating, t.UpdatedAt = &rating, at
	t.Version++
}

func checkRating(stars int, comment string) error {
	c := newCheck()
	if stars < 1 || stars > MaxStars {
		c.fail("stars", "must be a number from 1 to %d.", MaxStars)
	}
	if utf8.RuneCountInString(comment) > MaxRatingComment || !utf8.ValidString(comment) || strings.ContainsRune(comment, 0) {
		c.fail("comment", "must be text of at most %d characters.", MaxRatingComment)
	}
	return c.errs.Or()
}

// stars is the rating as the history tells it.
func (t *Ticket) stars() string {
	if t.Rating == nil {
		return ""
	}
	return strconv.Itoa(t.Rating.Stars)
}
