package tickets_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

func (w *world) rate(a tickets.Actor, t tickets.Ticket, stars int, comment string) (tickets.Ticket, error) {
	return w.Rate(w.t.Context(), w.acme, a, t.Ref(), stars, comment)
}

// A requester rates a solved ticket, and changes their mind for 14 days; a ticket that was solved anew may be rated anew.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		one := w.open(ann, "one")
		if _, err := w.rate(ann, one, 5, ""); !errors.Is(err, tickets.ErrNotRatable) {
			t.Errorf("a new ticket is rated: %v", err)
		}
		w.change(agent, one, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		got, err := w.rate(ann, one, 2, " slow ")
		if err != nil || got.Rating.Stars != 2 || got.Rating.Comment != "slow" || got.Version != 3 {
			t.Fatalf("Rate = %+v, %v", got.Rating, err)
		}
		if same, err := w.rate(ann, one, 2, "slow"); err != nil || same.Version != got.Version {
			t.Errorf("the same word again: version %d, want %d (%v)", same.Version, got.Version, err)
		}
		time.Sleep(13 * 24 * time.Hour)
		if got, err = w.rate(ann, one, 4, ""); err != nil || got.Rating.Stars != 4 || got.Rating.Comment != "" {
			t.Errorf("another word after 13 days: %+v, %v", got.Rating, err)
		}
		time.Sleep(2 * 24 * time.Hour)
		if _, err := w.rate(ann, one, 5, ""); !errors.Is(err, tickets.ErrNotRatable) {
			t.Errorf("another word after 15 days: %v", err)
		}
		w.comment(ann, one, "It is back.", tickets.Public)
		w.change(agent, one, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		if got, err = w.rate(ann, one, 5, ""); err != nil || got.Rating.Stars != 5 {
			t.Errorf("the next solution: %+v, %v", got.Rating, err)
		}
		if got := fmt.Sprint(w.actions(one)); strings.Count(got, "rated") != 3 {
			t.Errorf("history: %s, want three ratings", got)
		}
	})
}

func TestRateIsTheRequesters(t *testing.T) {
	w := newWorld(t)
	done := func(a tickets.Actor) tickets.Ticket {
		return w.change(agent, w.open(a, "one"), tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
	}
	one, claimed := done(ann), done(eve)
	if _, err := w.rate(eve, claimed, 3, ""); err != nil {
		t.Errorf("a visitor rates their own: %v", err)
	}
	for _, tc := range []struct {
		name string
		a    tickets.Actor
		t    tickets.Ticket
		want error
	}{
		{"another requester", bob, one, tickets.ErrNotFound},
		{"who claims the address", eve, one, tickets.ErrNotFound},
		{"the owner of a claimed address", ann, claimed, tickets.ErrNotFound},
		{"another who claims it", mallo, claimed, tickets.ErrNotFound},
		{"nobody", tickets.Actor{}, one, tickets.ErrNotFound},
		{"an agent", agent, one, tickets.ErrNotAllowed},
		{"a token", token, one, tickets.ErrNotAllowed},
	} {
		if _, err := w.rate(tc.a, tc.t, 1, ""); !errors.Is(err, tc.want) {
			t.Errorf("%s rates: %v, want %v", tc.name, err, tc.want)
		}
	}
	if _, err := w.Rate(t.Context(), w.globex, ann, one.Ref(), 5, ""); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("at the other tenant: %v", err)
	}
	for _, bad := range []struct {
		stars   int
		comment string
	}{{0, ""}, {6, ""}, {-1, ""}, {3, strings.Repeat("x", 2001)}, {3, "\x00"}, {3, "\xff"}} {
		if _, err := w.rate(ann, one, bad.stars, bad.comment); !errors.As(err, new(tenant.FieldErrors)) {
			t.Errorf("Rate(%d, %.5q) = %v, want field errors", bad.stars, bad.comment, err)
		}
	}
	w.acme.Settings.Survey = tenant.SurveyOff
	if _, err := w.rate(ann, one, 5, ""); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("where nobody asks: %v", err)
	}
}
