package notify_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/notify"
)

// What happens to several tickets within two minutes is one letter to each of the staff, two minutes after the first of it; what comes
// later is another, and of one ticket alone it is a letter of that ticket's thread.
func TestStaffGetsADigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		w.employ(w.acme, zoe, yan)
		ok(t, w.Choose(t.Context(), w.acme, yan.ID, notify.Choice{New: notify.None, Assigned: true, Replies: notify.Mine, Notes: notify.Mine, Overdue: notify.Mine}))
		begun := time.Now()
		one := w.file(requester(ann), titled("One"))
		pass(50 * time.Second)
		two := w.file(requester(bob), titled("Two"))
		w.change(agent(zoe), two, tickets.Change{Assignee: tickets.Set(yan)})
		pass(50 * time.Second)
		w.say(requester(ann), one, "More of it", tickets.Public)
		w.change(agent(zoe), one, tickets.Change{Assignee: tickets.Set(yan)})
		pass(time.Until(begun.Add(2*time.Minute - time.Second)))
		w.want(zoe)
		pass(2 * time.Second)
		w.want(zoe, "acme: #1[opened] #2[opened]")
		w.want(yan)
		pass(50 * time.Second) // two minutes after the first that Yan wants to hear of
		w.want(yan, "acme: #1[assigned answered] #2[assigned]")
		text := w.letters(zoe)[0].Text
		for _, line := range []string{
			"url https://acme.desk.example/agent\n", "https://acme.desk.example/agent/tickets/1 last false Ann: It burns.\n",
			"https://acme.desk.example/agent/tickets/2 last false Bob: It burns.\n", "more 0 over false\n",
		} {
			if !strings.Contains(text, line) {
				t.Errorf("the digest has no %q:\n%s", line, text)
			}
		}
		w.say(requester(ann), one, "Hello?", tickets.Public)
		pass(long)
		w.want(yan, "acme: #1[assigned answered] #2[assigned]", "acme: [answered]")
		headers := w.letters(yan)
		if h := headers[0].Header; h.Get("In-Reply-To") != "" || h.Get("Precedence") != "bulk" || h.Get("List-Id") == "" || h.Get("List-Unsubscribe") == "" {
			t.Errorf("the digest's headers are %v", h)
		}
		if reply := headers[1].Header.Get("In-Reply-To"); !strings.Contains(reply, strings.ToLower(one.ID)) {
			t.Errorf("the letter about one ticket is in reply to %q", reply)
		}
	})
}

func titled(title string) func(*tickets.Draft) {
	return func(d *tickets.Draft) { d.Title = title }
}

// A requester's own letter waits for nothing but its own ticket.
func TestRequestersGetNoDigests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		w.file(requester(ann))
		pass(time.Minute)
		w.file(requester(ann))
		pass(61 * time.Second)
		w.want(ann, "acme: [received]")
		pass(time.Minute)
		w.want(ann, "acme: [received]", "acme: [received]")
	})
}

// What somebody may not, or does not want to, read any more by the time of the letter is not in it.
func TestDigestsLookAgain(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *world, one, two, three tickets.Ticket)
		want   []string
	}{
		{"nothing", func(*world, tickets.Ticket, tickets.Ticket, tickets.Ticket) {}, []string{"acme: #1[assigned opened] #2[opened] #3[opened]"}},
		{"deleted", func(w *world, _, two, _ tickets.Ticket) {
			ok(w.t, w.desk.Delete(w.t.Context(), w.acme, agent(yan), two.Ref(), 0))
		}, []string{"acme: #1[assigned opened] #3[opened]"}},
		{"spam but for one", func(w *world, _, two, three tickets.Ticket) {
			for _, spam := range []tickets.Ticket{two, three} {
				w.change(agent(yan), spam, tickets.Change{Spam: tickets.Set(true)})
			}
		}, []string{"acme: [assigned opened]"}},
		{"merged", func(w *world, _, two, three tickets.Ticket) {
			_, err := w.desk.Merge(w.t.Context(), w.acme, agent(yan), two.Ref(), three.Ref(), tickets.Merging{Apart: true})
			ok(w.t, err)
		}, []string{"acme: #1[assigned opened] #3[opened]"}},
		{"given to another", func(w *world, one, _, _ tickets.Ticket) {
			w.change(agent(yan), one, tickets.Change{Assignee: tickets.Set(yan)})
		}, []string{"acme: #1[opened] #2[opened] #3[opened]"}},
		{"no news of new tickets wanted", func(w *world, _, _, _ tickets.Ticket) {
			c := notify.Standard()
			c.New = notify.None
			ok(w.t, w.Choose(w.t.Context(), w.acme, zoe.ID, c))
		}, []string{"acme: [assigned]"}},
		{"nothing wanted", func(w *world, _, _, _ tickets.Ticket) {
			ok(w.t, w.Choose(w.t.Context(), w.acme, zoe.ID, notify.Choice{New: notify.None, Replies: notify.None, Notes: notify.None, Overdue: notify.None}))
		}, nil},
		{"left the team", func(w *world, _, _, _ tickets.Ticket) { w.employ(w.acme, yan) }, nil},
	} {
		for _, when := range []struct {
			name string
			at   time.Duration
		}{{"handed out", 30 * time.Second}, {"in the outbox", 3 * time.Minute}} {
			t.Run(tc.name+" when "+when.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := open(t, mailtest.Options{}, false)
					w.employ(w.acme, zoe, yan)
					w.run(w.Run)
					one, two, three := w.file(requester(ann), titled("One")), w.file(requester(ann), titled("Two")), w.file(requester(bob), titled("Three"))
					w.change(agent(yan), one, tickets.Change{Assignee: tickets.Set(zoe)})
					pass(when.at)
					tc.change(w, one, two, three)
					w.run(w.post.Run)
					pass(time.Minute + 35*time.Second)
					got := w.got(zoe)
					if len(tc.want) == 1 && when.at > 2*time.Minute && !strings.Contains(tc.want[0], "#") {
						// It was a digest already: it stays one, of one ticket.
						tc.want = []string{strings.Replace(tc.want[0], "acme: ", "acme: #1", 1)}
					}
					if !slices.Equal(got, tc.want) {
						t.Errorf("Zoe got %q, want %q", got, tc.want)
					}
					w.halt()
				})
			})
		}
	}
}

// A digest shows so many tickets, counts so many more, and says where there are others.
func TestDigestsAreBounded(t *testing.T) {
	for _, tc := range []struct {
		tickets int
		want    string
	}{{20, "more 0 over false"}, {32, "more 12 over false"}, {230, "more 180 over true"}} {
		t.Run(strconv.Itoa(tc.tickets), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, mailtest.Options{})
				for range tc.tickets {
					w.file(requester(ann), func(d *tickets.Draft) { d.Description = strings.Repeat("long ", 1000) })
				}
				pass(long)
				letters := w.letters(zoe)
				if len(letters) != 1 || !strings.Contains(letters[0].Text, tc.want) || strings.Count(letters[0].Text, "/agent/tickets/") != 20 {
					t.Fatalf("%d letters, the first %.300s, want %q in one", len(letters), letters[0].Text, tc.want)
				}
				if n := rows(t, w); n != 0 {
					t.Errorf("%d rows are left", n)
				}
			})
		})
	}
}

// Tickets that are written to all the time come to the end of their room, all at once, and others are told of all the same.
func TestDigestsEndLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many, times = 205, 22
		w := start(t, mailtest.Options{})
		var all []tickets.Ticket
		for range many {
			all = append(all, w.file(agent(yan), func(d *tickets.Draft) { d.Assignee = &zoe }))
		}
		pass(3 * time.Minute)
		for range times { // a program that writes a note to each of them, within the hour
			for _, one := range all {
				w.say(agent(yan), one, "tick", tickets.Internal)
			}
			pass(130 * time.Second)
		}
		letters := len(w.letters(zoe))
		if letters != 20 { // the first told that they are given to Zoe
			t.Errorf("%d letters, want 20", letters)
		}
		w.file(requester(ann))
		pass(long)
		if n := len(w.letters(zoe)); n != letters+1 {
			t.Errorf("nothing is told of another ticket: %d letters, then %d", letters, n)
		}
		held := 0
		page, err := w.tenants.Audit(t.Context(), w.acme.ID, "", 100)
		ok(t, err)
		for _, e := range page.Events {
			if e.Action == "mail.held" {
				held++
			}
		}
		if held != 1 {
			t.Errorf("the audit log says %d times that letters are held back, want once", held)
		}
		if n := rows(t, w); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// The link of a digest ends the classes of letters that are in it, and no others.
func TestDigestsAreEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		w.employ(w.acme, zoe, yan)
		one := w.file(agent(yan), func(d *tickets.Draft) { d.Requester = &ann })
		w.change(agent(yan), one, tickets.Change{Assignee: tickets.Set(zoe)})
		w.file(requester(bob))
		pass(long)
		w.want(zoe, "acme: #1[assigned opened] #2[opened]")
		l := w.letters(zoe)[0]
		sub, err := w.Subscription(w.acme, token(l, "end "))
		if err != nil || !slices.Equal(sub.Class.Each(), []notify.Class{notify.AboutAssigned, notify.AboutNew}) || !sub.Staff {
			t.Errorf("Subscription = %+v, %v", sub, err)
		}
		unsubscribe(t, w, l)
		w.change(agent(yan), w.file(requester(bob)), tickets.Change{Assignee: tickets.Set(zoe)})
		w.say(requester(ann), one, "Hm", tickets.Public)
		pass(long)
		w.want(zoe, "acme: #1[assigned opened] #2[opened]", "acme: [answered]")
	})
}

// A digest goes to its own tenant's staff, of whom one may be the other's as well.
func TestDigestsStayAtTheirTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		w.employ(w.bee, zoe)
		for range 2 {
			w.file(requester(ann))
			_, err := w.desk.Open(t.Context(), w.bee, requester(bob), tickets.Draft{Title: "Bee", Description: "Buzz"})
			ok(t, err)
		}
		pass(long)
		got := w.got(zoe)
		slices.Sort(got)
		if want := []string{"acme: #1[opened] #2[opened]", "bee: #1[opened] #2[opened]"}; !slices.Equal(got, want) {
			t.Errorf("Zoe got %q, want %q", got, want)
		}
	})
}

// Notifiers that are stopped at any moment, and several that run at once, tell each thing once.
func TestDigestsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, mailtest.Options{}, false)
		w.run(w.post.Run)
		told := 0
		for i := range 40 { // stopped before, while and after news is handed out, and told
			stop, other := w.run(w.notifier().Run), w.run(w.notifier().Run)
			w.file(requester(ann), titled("One"))
			w.file(requester(bob), titled("Two"))
			time.Sleep(time.Duration(i) * 3500 * time.Millisecond)
			stop()
			other()
		}
		last := w.notifier()
		w.run(last.Run)
		pass(long)
		seen := map[string]int{}
		for _, line := range w.got(zoe) {
			for one := range strings.FieldsSeq(strings.TrimPrefix(line, "acme: ")) {
				seen[one]++
				told++
			}
		}
		for one, times := range seen {
			if times != 1 && one != "[opened]" {
				t.Errorf("%s was told %d times", one, times)
			}
		}
		if told != 80 {
			t.Errorf("told of %d tickets of 80", told)
		}
		if n := rows(t, w); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// When somebody is erased, nobody is told of what was theirs: neither what was to be told already, nor what clocks say of it later.
func TestErasedTicketsAreNoNews(t *testing.T) {
	for _, tc := range []struct {
		name string
		at   time.Duration
	}{{"at once", 0}, {"handed out", 30 * time.Second}, {"in the outbox", 3 * time.Minute}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := open(t, mailtest.Options{}, false)
				w.employ(w.acme, zoe, yan)
				stop := w.run(w.Run)
				one := w.file(requester(ann))
				two := w.file(requester(ann))
				w.say(agent(yan), one, "Ann has called, @zoe", tickets.Internal)
				w.say(requester(ann), two, "Please call", tickets.Public)
				pass(tc.at)
				stop()
				eraser := erasure.New(erasure.Config{
					Store: w.store, Scopes: w.tenants.Scopes,
					Answers: slices.Concat(w.desk.Forgets(), notify.Forgets(), mail.Forgets(), erasure.Forgets()),
				})
				_, err := eraser.Erase(t.Context(), w.acme.Scope(), erasure.Person{ID: ann.ID, Emails: []string{ann.Email}, Names: []string{ann.Name}}, "operator")
				ok(t, err)
				ok(t, w.store.Update(t.Context(), w.acme.Scope(), func(tx *storage.Tx) error {
					left, err := w.desk.Find(t.Context(), w.acme, agent(yan), one.Ref())
					if err != nil {
						return err
					}
					return w.Follow(tx, w.acme, &tickets.Happening{
						Event: tickets.Event{Type: tickets.TicketOverdue, Actor: tickets.System("targets").Author(), CreatedAt: time.Now()}, Before: &left, After: &left,
					})
				}))
				w.run(w.notifier().Run)
				w.run(w.post.Run)
				pass(long)
				for _, somebody := range []tickets.Person{ann, zoe, yan} {
					w.want(somebody)
				}
				w.say(agent(yan), one, "Close it, @zoe", tickets.Internal)
				pass(long)
				w.want(zoe, "acme: [mentioned]")
			})
		})
	}
}
