package notify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/notify"
)

// Each member hears what they chose, and others nothing.
func TestStaffHearsWhatItChose(t *testing.T) {
	type story func(w *world, category string)
	opened := func(w *world, category string) {
		w.file(requester(ann), func(d *tickets.Draft) { d.CategoryID = category })
	}
	given := func(w *world, to tickets.Person, then func(tickets.Ticket)) {
		one := w.file(agent(yan))
		w.change(agent(yan), one, tickets.Change{Assignee: tickets.Set(to), Requester: tickets.Set(ann)})
		pass(long)
		then(one)
	}
	none := notify.Choice{New: notify.None, Replies: notify.None, Notes: notify.None, Overdue: notify.None}
	with := func(change func(*notify.Choice)) notify.Choice {
		c := none
		change(&c)
		return c
	}
	reply := func(who tickets.Person) story {
		return func(w *world, _ string) {
			given(w, who, func(one tickets.Ticket) { w.say(requester(ann), one, "Hm", tickets.Public) })
		}
	}
	note := func(body string) story {
		return func(w *world, _ string) {
			given(w, zoe, func(one tickets.Ticket) { w.say(agent(yan), one, body, tickets.Internal) })
		}
	}
	byRule := func(to string) story {
		return func(w *world, _ string) {
			given(w, zoe, func(one tickets.Ticket) {
				one, err := w.desk.Find(w.t.Context(), w.acme, agent(yan), one.Ref())
				ok(w.t, err)
				ok(w.t, w.store.Update(w.t.Context(), w.acme.Scope(), func(tx *storage.Tx) error {
					return w.desk.Automate(tx, w.acme, &one, []tickets.Automatic{{
						Rule: "R", Change: tickets.Change{Comment: &tickets.Note{Body: "Look", Visibility: tickets.Internal}},
						Notices: []tickets.Notice{{Rule: "R", To: to, Text: "Look"}},
					}})
				}))
			})
		}
	}
	mentions := with(func(c *notify.Choice) { c.Mentions = true })
	for _, tc := range []struct {
		name   string
		choice notify.Choice
		story  story
		want   []string
	}{
		{"nothing", none, opened, nil},
		{"new tickets", with(func(c *notify.Choice) { c.New = notify.All }), opened, []string{"opened"}},
		{"new tickets of other categories", with(func(c *notify.Choice) { c.New, c.Categories = notify.Mine, []string{"cat_x"} }), opened, nil},
		{"new tickets of my categories", with(func(c *notify.Choice) { c.New = notify.Mine }), opened, []string{"opened"}},
		{"given to me", with(func(c *notify.Choice) { c.Assigned = true }), func(w *world, _ string) { given(w, zoe, func(tickets.Ticket) {}) }, []string{"assigned"}},
		{"given to another", with(func(c *notify.Choice) { c.Assigned = true }), func(w *world, _ string) { given(w, yan, func(tickets.Ticket) {}) }, nil},
		{"replies on mine", with(func(c *notify.Choice) { c.Replies = notify.Mine }), reply(zoe), []string{"answered"}},
		{"replies on others", with(func(c *notify.Choice) { c.Replies = notify.Mine }), reply(yan), nil},
		{"replies on all", with(func(c *notify.Choice) { c.Replies = notify.All }), reply(yan), []string{"answered"}},
		{"notes on mine", with(func(c *notify.Choice) { c.Notes = notify.Mine }), note("see"), []string{"noted"}},
		{"mentions only", with(func(c *notify.Choice) { c.Mentions = true }), note("see"), nil},
		{"mentioned by name", with(func(c *notify.Choice) { c.Mentions = true }), note("(@Zoe: see)"), []string{"mentioned"}},
		{"mentioned by address", with(func(c *notify.Choice) { c.Mentions = true }), note("see @zoe@acme.example."), []string{"mentioned"}},
		{"a rule calls me", mentions, byRule(zoe.ID), []string{"mentioned"}},
		{"a rule calls the assignee", mentions, byRule("assignee"), []string{"mentioned"}},
		{"a rule calls all", mentions, byRule("agents"), []string{"mentioned"}},
		{"a rule calls another", mentions, byRule(yan.ID), nil},
		{"a rule calls who wants nothing", none, byRule("agents"), nil},
		{"an address is no mention", with(func(c *notify.Choice) { c.Mentions = true }), note("write to info@zoe.example"), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, mailtest.Options{})
				w.employ(w.acme, zoe, yan)
				category := categoryOf(t, w)
				if tc.choice.New == notify.Mine && tc.choice.Categories == nil {
					tc.choice.Categories = []string{category}
				}
				ok(t, w.Choose(t.Context(), w.acme, zoe.ID, tc.choice))
				tc.story(w, category)
				pass(long)
				var got []string
				for _, line := range w.got(zoe) {
					got = append(got, strings.Trim(strings.TrimPrefix(line, "acme: "), "[]"))
				}
				if !slices.Equal(got, tc.want) {
					t.Errorf("Zoe hears %v, want %v", got, tc.want)
				}
			})
		})
	}
}

func categoryOf(t *testing.T, w *world) string {
	t.Helper()
	all, err := w.desk.Categories(t.Context(), w.acme, agent(zoe))
	if err != nil || len(all) == 0 {
		t.Fatalf("Categories: %d, %v", len(all), err)
	}
	return all[0].ID
}

func TestChoicesAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, mailtest.Options{}, false)
		if err := w.Choose(t.Context(), w.acme, zoe.ID, notify.Choice{New: "some", Replies: notify.All, Notes: notify.All, Overdue: notify.All}); err == nil {
			t.Error("new = some is taken")
		}
		ok(t, w.Choose(t.Context(), w.acme, zoe.ID, notify.Standard()))
	})
}

// Whoever was removed in the two minutes, or by the time the mail server takes letters again, hears nothing any more.
func TestRemovedMembersHearNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, mailtest.Options{}, false)
		w.employ(w.acme, zoe, yan)
		w.run(w.Run)
		w.file(requester(ann))
		pass(time.Minute)
		w.employ(w.acme, zoe)
		pass(long)
		w.employ(w.acme)
		w.run(w.post.Run)
		pass(long)
		w.want(zoe)
		w.want(yan)
		w.want(ann, "acme: [received]")
	})
}

// A tenant's news is told to its own people only.
func TestTenantsHearOnlyTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		w.employ(w.bee, yan)
		w.file(requester(ann))
		_, err := w.desk.Open(t.Context(), w.bee, requester(bob), tickets.Draft{Title: "Bee", Description: "Buzz"})
		ok(t, err)
		pass(long)
		w.want(zoe, "acme: [opened]")
		w.want(yan, "bee: [opened]")
		w.want(ann, "acme: [received]")
		w.want(bob, "bee: [received]")
	})
}

// A staff that is larger than one transaction hears all the same, each once.
func TestALargeStaff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		var all []tickets.Person
		for i := range 150 {
			all = append(all, person(fmt.Sprintf("agt_%03d", i), fmt.Sprintf("a%03d@acme.example", i), "A"))
		}
		w.employ(w.acme, all...)
		w.file(requester(ann))
		pass(long)
		for _, one := range append(all, ann) {
			if n := len(w.letters(one)); n != 1 {
				t.Errorf("%s got %d letters", one.Email, n)
			}
		}
	})
}

// What was deleted before anybody was told is not told.
func TestDeletedTicketsAreSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		one := w.file(requester(ann))
		pass(time.Minute)
		ok(t, w.desk.Delete(t.Context(), w.acme, agent(zoe), one.Ref(), 0))
		pass(long)
		w.want(ann)
		w.want(zoe)
	})
}

// rows is how much news waits to be told at acme.
func rows(t *testing.T, w *world) (n int) {
	t.Helper()
	ok(t, w.store.View(t.Context(), w.acme.Scope(), func(tx *storage.Tx) (err error) {
		n, err = notify.Pending(tx)
		return err
	}))
	return n
}
