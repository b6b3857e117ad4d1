package notify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/notify"
)

// A requester hears what concerns them, and nothing of what staff says among itself.
func TestRequestersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		mine := w.file(requester(ann))
		pass(long)
		w.say(agent(zoe), mine, "SECRET note @zoe", tickets.Internal)
		w.change(agent(zoe), mine, tickets.Change{Priority: tickets.Set(tickets.PriorityHigh)})
		pass(long)
		w.want(ann, "acme: [received]")
		w.say(agent(zoe), mine, "Use **water**.", tickets.Public)
		pass(long)
		w.change(agent(zoe), mine, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		pass(long)
		w.want(ann, "acme: [received]", "acme: [replied]", "acme: [solved]")
		letters := w.letters(ann)
		for _, want := range []string{"new: Zoe: Use **water**.", "earlier: Ann: It burns.", "url https://acme.desk.example/tickets/1\n", "rate \n", "end \n"} {
			if !strings.Contains(letters[1].Text, want) {
				t.Errorf("the letter about the answer has no %q:\n%s", want, letters[1].Text)
			}
		}
		if !strings.Contains(letters[2].Text, "rate https://acme.desk.example/auth/rate?token=") {
			t.Errorf("the letter about the solution asks for no rating:\n%s", letters[2].Text)
		}
		for _, l := range letters {
			if strings.Contains(l.Text, "SECRET") {
				t.Errorf("a requester reads an internal note:\n%s", l.Text)
			}
		}
		w.want(bob)
	})
}

// What happens within two minutes is one letter, two minutes after the first of it.
func TestGathersWhatHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		mine := w.file(requester(ann))
		pass(long)
		begun := time.Now()
		w.say(agent(zoe), mine, "one", tickets.Public)
		pass(time.Minute)
		w.say(agent(zoe), mine, "two", tickets.Public)
		pass(50 * time.Second)
		w.change(agent(zoe), mine, tickets.Change{
			Status: tickets.Set(tickets.StatusResolved), Comment: &tickets.Note{Body: "three"},
		})
		w.want(ann, "acme: [received]")
		pass(time.Until(begun.Add(2*time.Minute + time.Second)))
		w.want(ann, "acme: [received]", "acme: [solved replied]")
		if text := w.letters(ann)[1].Text; !strings.Contains(text, "new: Zoe: one\nnew: Zoe: two\nnew: Zoe: three\n") {
			t.Errorf("the letter is %s", text)
		}
	})
}

func TestNobodyHearsOfWhatTheyDidThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		w.employ(w.acme, zoe, yan)
		mine := w.file(requester(ann))
		w.change(agent(zoe), mine, tickets.Change{Assignee: tickets.Set(zoe)})
		pass(long)
		w.say(requester(ann), mine, "It still burns.", tickets.Public)
		pass(long)
		w.say(agent(zoe), mine, "Really?", tickets.Public)
		w.say(agent(zoe), mine, "@zoe look", tickets.Internal)
		pass(long)
		w.change(requester(ann), mine, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		pass(long)
		w.want(ann, "acme: [received]", "acme: [replied]")
		w.want(zoe, "acme: [opened]", "acme: [answered]", "acme: [moved]")
		w.want(yan, "acme: [opened]")
	})
}

// Of a mere claim only its address hears, only that staff has answered, once a day, and nothing that anybody wrote.
func TestClaimedAddressesHearNextToNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		claimed := w.file(eve, func(d *tickets.Draft) { d.Title, d.Description = "Cheap Pills", "Buy at pills.example" })
		w.say(eve, claimed, "Buy more", tickets.Public)
		pass(long)
		w.want(ann)
		for range 5 {
			w.say(agent(zoe), claimed, "You ordered PILLS", tickets.Public)
			pass(2 * time.Hour)
		}
		w.want(ann, "acme: [replied]")
		l := w.letters(ann)[0]
		for _, word := range []string{"ills", "Buy", "Zoe"} {
			if strings.Contains(l.Text+l.Subject+l.Header.Get("To"), word) {
				t.Errorf("the letter has %q:\n%s %s\n%s", word, l.Header.Get("To"), l.Subject, l.Text)
			}
		}
		pass(24 * time.Hour)
		w.say(agent(zoe), claimed, "again", tickets.Public)
		pass(long)
		w.want(ann, "acme: [replied]", "acme: [replied]")
		unsubscribe(t, w, l)
		pass(25 * time.Hour)
		w.say(agent(zoe), claimed, "and again", tickets.Public)
		pass(long)
		w.want(ann, "acme: [replied]", "acme: [replied]")
	})
}

// What its owner says is not theirs tells them nothing more.
func TestDisownedRequestsAreSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		claimed := w.file(eve)
		w.say(agent(zoe), claimed, "Hello", tickets.Public)
		_, err := w.desk.Claim(t.Context(), w.acme, requester(ann), claimed.Ref(), false)
		ok(t, err)
		pass(long)
		w.want(ann)
	})
}

func TestReminders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		days := func(n string) {
			t.Helper()
			var err error
			w.acme, err = w.tenants.Set(t.Context(), "acme", map[string]string{"waiting_reminder_days": n})
			ok(t, err)
		}
		wait := func() tickets.Ticket {
			one := w.file(requester(bob))
			w.change(agent(zoe), one, tickets.Change{Status: tickets.Set(tickets.StatusPending)})
			return one
		}
		wait()
		days("1")
		answered, forgotten := wait(), wait()
		pass(time.Hour)
		w.say(requester(bob), answered, "Here I am", tickets.Public)
		pass(3 * 24 * time.Hour)
		w.want(bob, "acme: [received]", "acme: [received]", "acme: [received]", "acme: [waiting]")
		if last := w.letters(bob)[3]; !strings.Contains(last.Text, "/tickets/3\n") {
			t.Errorf("reminded of another ticket than %d: %s", forgotten.Number, last.Text)
		}
	})
}

func TestWishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		ok(t, w.Wish(t.Context(), w.acme, ann.ID, notify.Wishes{NoReceipts: true, NoReplies: true}))
		for _, who := range []tickets.Person{ann, bob} {
			one := w.file(requester(who))
			w.say(agent(zoe), one, "Yes", tickets.Public)
			pass(long)
			w.change(agent(zoe), one, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
			pass(long)
		}
		w.want(ann, "acme: [solved]")
		w.want(bob, "acme: [replied received]", "acme: [solved]")
		unsubscribe(t, w, w.letters(bob)[1])
		wishes, err := w.Wishes(t.Context(), w.acme, bob.ID)
		if want := (notify.Wishes{NoSolved: true}); err != nil || wishes != want {
			t.Errorf("after one click Bob's wishes are %+v, %v, want %+v", wishes, err, want)
		}
		if other, err := w.Wishes(t.Context(), w.bee, bob.ID); err != nil || other != (notify.Wishes{}) {
			t.Errorf("and at another tenant %+v, %v", other, err)
		}
	})
}

// A tenant that does not want its requesters to get mail has none sent to them. Staff gets its own.
func TestRequesterMailOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		var err error
		w.acme, err = w.tenants.Set(t.Context(), "acme", map[string]string{"requester_mail": "off"})
		ok(t, err)
		mine, claimed := w.file(requester(ann)), w.file(eve)
		w.say(agent(zoe), mine, "Yes", tickets.Public)
		w.say(agent(zoe), claimed, "Yes", tickets.Public)
		pass(long)
		w.want(ann)
		w.want(zoe, "acme: #1[opened] #2[opened]")
	})
}

// A node without a mail server writes nothing down.
func TestWithoutAMailServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, mailtest.Options{}, true)
		w.say(agent(zoe), w.file(requester(ann)), "Yes", tickets.Public)
		if w.Ready() {
			t.Error("it is ready")
		}
		if n := rows(t, w); n != 0 {
			t.Errorf("%d rows of news, want none", n)
		}
		w.run(w.Run)
		pass(time.Hour)
	})
}

func TestRobotsAreNotWrittenTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		for i, address := range []string{
			"noreply@x.example", "No-Reply@x.example", "do_not_reply@x.example", "MAILER-DAEMON@x.example", "postmaster@x.example",
			"noreply-billing@x.example", "bounce-123@x.example", "no-reply+tag@x.example",
			"Desk@desk.example", // our own
		} {
			robot := person("usr_robot"+string(rune('a'+i)), address, "Robot")
			w.users[robot.ID] = notify.Reader{ID: robot.ID, Email: address}
			w.file(requester(robot))
		}
		pass(long)
		for _, l := range w.mail.Letters() {
			if l.To != zoe.Email {
				t.Errorf("a letter to %s", l.To)
			}
		}
	})
}

// Somebody who was erased gets no more letters, also none that were on their way, and nothing is kept about them.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, mailtest.Options{}, false)
		stop := w.run(w.Run)
		w.file(requester(ann))
		ok(t, w.Wish(t.Context(), w.acme, ann.ID, notify.Wishes{NoSolved: true}))
		pass(long) // the letter is in the outbox, and nothing sends it
		stop()
		eraser := erasure.New(erasure.Config{
			Store: w.store, Scopes: w.tenants.Scopes, Answers: slices.Concat(notify.Forgets(), mail.Forgets(), erasure.Forgets()),
		})
		_, err := eraser.Erase(t.Context(), w.acme.Scope(), erasure.Person{ID: ann.ID, Emails: []string{ann.Email}, Names: []string{ann.Name}}, "operator")
		ok(t, err)
		if wishes, err := w.Wishes(t.Context(), w.acme, ann.ID); err != nil || wishes != (notify.Wishes{}) {
			t.Errorf("wishes: %+v, %v", wishes, err)
		}
		w.run(w.post.Run)
		pass(long)
		w.want(ann)
		w.want(zoe, "acme: [opened]")
	})
}

// flip changes one bit of a token.
func flip(token string) string {
	other := "A"
	if strings.HasPrefix(token, other) {
		other = "B"
	}
	return other + token[1:]
}

// Links are good for one tenant, one purpose and one class, and for nobody who guesses.
func TestLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		mine := w.file(requester(ann))
		pass(long)
		w.change(agent(zoe), mine, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
		pass(long)
		l := w.letters(ann)[1]
		rate, end := token(l, "rate "), token(l, "end ")
		r, err := w.Rater(t.Context(), w.acme, rate)
		if err != nil || r.Ticket.ID != mine.ID || r.Actor.Person().ID != ann.ID {
			t.Fatalf("Rater = %+v, %v", r, err)
		}
		for name, try := range map[string]func() error{
			"another tenant's rating":   func() error { _, err := w.Rater(t.Context(), w.bee, rate); return err },
			"unsubscribing to rate":     func() error { _, err := w.Rater(t.Context(), w.acme, end); return err },
			"rating to unsubscribe":     func() error { _, err := w.Unsubscribe(t.Context(), w.acme, rate); return err },
			"another tenant's end":      func() error { _, err := w.Unsubscribe(t.Context(), w.bee, end); return err },
			"a changed token":           func() error { _, err := w.Rater(t.Context(), w.acme, flip(rate)); return err },
			"no token":                  func() error { _, err := w.Subscription(w.acme, ""); return err },
			"a token with a line break": func() error { _, err := w.Subscription(w.acme, end[:9]+"\n"+end[9:]); return err },
		} {
			if err := try(); !errors.Is(err, notify.ErrLink) {
				t.Errorf("%s: %v, want ErrLink", name, err)
			}
		}
		w.change(agent(zoe), mine, tickets.Change{Requester: tickets.Set(bob)})
		if _, err := w.Rater(t.Context(), w.acme, rate); !errors.Is(err, notify.ErrLink) {
			t.Errorf("of a ticket that is another's by now: %v", err)
		}
		w.halt()
		pass(31 * 24 * time.Hour)
		if _, err := w.Rater(t.Context(), w.acme, rate); !errors.Is(err, notify.ErrLink) {
			t.Errorf("after a month: %v", err)
		}
		if _, err := w.Subscription(w.acme, end); err != nil {
			t.Errorf("a link to unsubscribe after a month: %v", err)
		}
	})
}
