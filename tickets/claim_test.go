package tickets_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// claims are the titles of what is open for the actor's word, at acme.
func (w *world) claims(a tickets.Actor) []string {
	w.t.Helper()
	all, err := w.Claims(w.t.Context(), w.acme, a, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	titles := []string{}
	for _, t := range all {
		titles = append(titles, t.Title)
	}
	if n, err := w.CountClaims(w.t.Context(), w.acme, a, 100); err != nil || n != len(titles) {
		w.t.Errorf("%d claims are counted, want %d (%v)", n, len(titles), err)
	}
	return titles
}

func TestClaims(t *testing.T) {
	w := newWorld(t)
	w.open(ann, "her own")
	first, second := w.open(eve, "first"), w.open(mallo, "second")
	if _, err := w.Open(t.Context(), w.globex, eve, tickets.Draft{Title: "elsewhere", Description: "x"}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(w.claims(ann)); got != "[second first]" {
		t.Errorf("Ann's claims are %s", got)
	}
	for _, other := range []tickets.Actor{bob, eve, mallo, agent, token, {}, tickets.Requester(tickets.Person{ID: "usr_x"})} {
		if got := w.claims(other); len(got) != 0 {
			t.Errorf("the claims of %+v are %v, want none", other, got)
		}
		for _, accept := range []bool{true, false} {
			if _, err := w.Claim(t.Context(), w.acme, other, first.Ref(), accept); !errors.Is(err, tickets.ErrNotFound) {
				t.Errorf("%+v claims Ann's: %v, want not found", other, err)
			}
		}
	}
	if _, err := w.Claim(t.Context(), w.globex, ann, first.Ref(), true); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("claimed at the other tenant: %v, want not found", err)
	}

	got, err := w.Claim(t.Context(), w.acme, ann, first.Ref(), true)
	if err != nil || got.Requester.ID != "usr_ann" || got.Requester.Lineage != "" || got.Assurance != tickets.Vouched || got.Version != 2 {
		t.Errorf("accepted: %+v %+v, %v", got, got.Requester, err)
	}
	if got := fmt.Sprint(w.actions(got)); got != "[created claimed]" {
		t.Errorf("its history is %s", got)
	}
	if _, err := w.Find(t.Context(), w.acme, eve, first.Ref()); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("who filed it without a proof still sees it: %v", err)
	}
	if n, err := w.Counts(t.Context(), w.acme, ann); err != nil || n.ByStatus[tickets.StatusNew] != 2 {
		t.Errorf("Ann's counts are %v, %v, want two new ones", n.ByStatus, err)
	}

	got, err = w.Claim(t.Context(), w.acme, ann, second.Ref(), false)
	if err != nil || !got.Disowned || got.Assurance != tickets.Asserted || got.Requester.ID != "" {
		t.Errorf("rejected: %+v, %v", got, err)
	}
	if got := fmt.Sprint(w.actions(got)); got != "[created disowned]" {
		t.Errorf("its history is %s", got)
	}
	for _, again := range []tickets.Ticket{first, second} {
		if _, err := w.Claim(t.Context(), w.acme, ann, again.Ref(), true); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("%s claimed once more: %v, want not found", again.Title, err)
		}
	}
	if _, err := w.Find(t.Context(), w.acme, ann, second.Ref()); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("Ann sees what is not hers: %v", err)
	}
	if left := w.claims(ann); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A deleted ticket is nobody's to claim until it is back, and one that staff gives somebody is theirs for good.
func TestClaimsFollowTheTicket(t *testing.T) {
	w := newWorld(t)
	gone, given, refused := w.open(eve, "gone"), w.open(eve, "given"), w.open(eve, "refused")
	if err := w.Delete(t.Context(), w.acme, agent, gone.Ref(), 0); err != nil {
		t.Fatal(err)
	}
	w.change(agent, given, tickets.Change{Requester: tickets.Set(bob.Person())})
	if got := fmt.Sprint(w.claims(ann)); got != "[refused]" {
		t.Errorf("claims: %s, want the one that is there and nobody's", got)
	}
	if _, err := w.Restore(t.Context(), w.acme, agent, gone.Ref()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(w.claims(ann)); got != "[refused gone]" {
		t.Errorf("claims after it was restored: %s", got)
	}
	if _, err := w.Claim(t.Context(), w.acme, ann, refused.Ref(), false); err != nil {
		t.Fatal(err)
	}
	if err := w.TakeOver(t.Context(), w.acme, ann, "lin_eve"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Find(t.Context(), w.acme, ann, refused.Ref()); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("taken over after all: %v", err)
	}
	if after := w.change(agent, refused, tickets.Change{Requester: tickets.Set(ann.Person())}); after.Disowned || after.Assurance != tickets.Vouched {
		t.Errorf("staff's word counts: %+v", after)
	}
}

func TestTakeOver(t *testing.T) {
	w := newWorld(t)
	const n = 25
	for i := range n {
		w.open(eve, fmt.Sprint("ticket ", i))
	}
	other := w.open(mallo, "another browser's")
	for _, nobody := range []tickets.Actor{bob, eve, agent, {}} {
		if err := w.TakeOver(t.Context(), w.acme, nobody, "lin_eve"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.TakeOver(t.Context(), w.globex, ann, "lin_eve"); err != nil {
		t.Fatal(err)
	}
	if got := w.claims(ann); len(got) != n+1 {
		t.Fatalf("%d claims before, want %d: somebody else took them", len(got), n+1)
	}
	if err := w.TakeOver(t.Context(), w.acme, ann, "lin_eve"); err != nil {
		t.Fatal(err)
	}
	page, err := w.List(t.Context(), w.acme, ann, tickets.Query{Limit: 100})
	if err != nil || len(page.Tickets) != n {
		t.Errorf("Ann has %d, %v, want %d", len(page.Tickets), err, n)
	}
	if got := fmt.Sprint(w.claims(ann)); got != "[another browser's]" {
		t.Errorf("left: %s", got)
	}
	if _, err := w.Find(t.Context(), w.acme, ann, other.Ref()); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another browser's ticket: %v, want not found", err)
	}
}

// Where the tenant wants addresses confirmed, nobody files a ticket by a mere claim; what is there can be gone on with.
func TestConfirmationRequired(t *testing.T) {
	w := newWorld(t)
	before := w.open(eve, "before")
	w.acme.Settings.Unsigned = tenant.UnsignedConfirm
	draft := tickets.Draft{Title: "after", Description: "x"}
	if _, err := w.Open(t.Context(), w.acme, eve, draft); !errors.Is(err, tickets.ErrConfirmationRequired) {
		t.Errorf("a visitor opens: %v, want a confirmation", err)
	}
	if _, err := w.Open(t.Context(), w.globex, eve, draft); err != nil {
		t.Errorf("a visitor opens at the other tenant: %v", err)
	}
	for _, a := range []tickets.Actor{ann, agent, token} {
		w.open(a, "of somebody who is known")
	}
	w.comment(eve, before, "more", "")
}

// A ticket and the requester who is made for it are written together or not at all.
func TestEnsuredRequester(t *testing.T) {
	w := newWorld(t)
	asked := 0
	finder := func(p tickets.Person, err error) tickets.Finder {
		return func(*storage.Tx) (tickets.Person, error) {
			asked++
			return p, err
		}
	}
	boom := errors.New("boom")
	made := w.open(token, "for Ann", func(d *tickets.Draft) { d.Ensure = finder(ann.Person(), nil) })
	if made.Requester.ID != "usr_ann" || made.Assurance != tickets.Vouched {
		t.Errorf("requester %+v, %s", made.Requester, made.Assurance)
	}
	if got := w.change(agent, made, tickets.Change{Ensure: finder(bob.Person(), nil)}); got.Requester.ID != "usr_bob" {
		t.Errorf("changed to %+v, want Bob", got.Requester)
	}
	draft := tickets.Draft{Title: "x", Description: "y", Ensure: finder(tickets.Person{}, boom)}
	if _, err := w.Open(t.Context(), w.acme, token, draft); !errors.Is(err, boom) {
		t.Errorf("Open: %v, want the finder's error", err)
	}
	if _, err := w.Open(t.Context(), w.acme, ann, draft); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("a requester names one: %v, want not allowed", err)
	}
	asked = 0
	for _, bad := range []func(*tickets.Draft){
		func(d *tickets.Draft) { d.Title = "" }, func(d *tickets.Draft) { d.CategoryID = "cat_none" },
	} {
		d := tickets.Draft{Title: "x", Description: "y", Ensure: finder(ann.Person(), nil)}
		if bad(&d); errorOf(w.Open(t.Context(), w.acme, token, d)) == nil {
			t.Error("a bad draft was taken")
		}
	}
	if asked != 0 {
		t.Errorf("somebody was looked for %d times for drafts that are bad", asked)
	}
}

func errorOf(_ tickets.Opened, err error) error { return err }
