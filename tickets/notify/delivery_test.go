package notify_test

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tickets"
)

// token is what stands behind “token=” in a line of a letter.
func token(l mailtest.Letter, line string) string {
	_, rest, _ := strings.Cut(l.Text, "\n"+line)
	address, _, _ := strings.Cut(rest, "\n")
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get("token")
}

// unsubscribe does what a mail program does with the letter's header.
func unsubscribe(t *testing.T, w *world, l mailtest.Letter) {
	t.Helper()
	header := l.Header.Get("List-Unsubscribe")
	u, err := url.Parse(strings.Trim(header, "<>"))
	if err != nil || l.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Fatalf("List-Unsubscribe: %s (%v), -Post: %s", header, err, l.Header.Get("List-Unsubscribe-Post"))
	}
	if _, err := w.Unsubscribe(t.Context(), w.acme, u.Query().Get("token")); err != nil {
		t.Fatal(err)
	}
}

// Mail programs see one conversation per ticket, and machines that nobody waits for an answer.
func TestHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		mine := w.file(requester(ann))
		pass(long)
		w.say(agent(zoe), mine, "Yes", tickets.Public)
		pass(long)
		letters, staff := w.letters(ann), w.letters(zoe)
		first, second := letters[0].Header, letters[1].Header
		root := first.Get("Message-Id")
		if !regexp.MustCompile(`^<tkt_[a-z0-9]+\.requester\.[a-z0-9]+@desk\.example>$`).MatchString(root) || first.Get("In-Reply-To") != "" {
			t.Errorf("the first letter is %s, in reply to %q", root, first.Get("In-Reply-To"))
		}
		if second.Get("In-Reply-To") != root || second.Get("References") != root || second.Get("Message-Id") == root {
			t.Errorf("the second letter is %s, in reply to %q, references %q, want %s", second.Get("Message-Id"), second.Get("In-Reply-To"), second.Get("References"), root)
		}
		if letters[0].Subject != letters[1].Subject || !strings.HasPrefix(letters[0].Subject, "[#1] ") {
			t.Errorf("subjects %q and %q", letters[0].Subject, letters[1].Subject)
		}
		if id := staff[0].Header.Get("Message-Id"); id == root || !strings.Contains(id, "agt_zoe") {
			t.Errorf("staff's letter is %s", id)
		}
		for _, h := range []mail.Header{first, second, staff[0].Header} {
			for name, want := range map[string]string{
				"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "Precedence": "bulk",
				"List-Id": "<tickets.acme.desk.example>",
			} {
				if h.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, h.Get(name), want)
				}
			}
		}
		if letters[0].From != "desk@desk.example" {
			t.Errorf("the envelope's sender is %s", letters[0].From)
		}
		// An answer is essential; that a request has arrived is not, and neither is anything of staff's.
		if second.Get("List-Unsubscribe") != "" || first.Get("List-Unsubscribe") == "" || staff[0].Header.Get("List-Unsubscribe") == "" {
			t.Errorf("List-Unsubscribe: %q, %q, %q", first.Get("List-Unsubscribe"), second.Get("List-Unsubscribe"), staff[0].Header.Get("List-Unsubscribe"))
		}
	})
}

// A node that dies before it has told anything tells it when it runs again; two of them tell it once.
func TestSurvivesAndTellsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, mailtest.Options{}, false)
		w.run(w.post.Run)
		w.file(requester(ann))
		pass(time.Hour)
		w.want(ann)
		other := w.notifier()
		w.run(w.Run)
		w.run(other.Run)
		pass(time.Second)
		w.want(ann, "acme: [received]")
		w.want(zoe, "acme: [opened]")
		for range 10 {
			w.file(requester(bob))
			pass(10 * time.Minute)
		}
		if n := len(w.letters(bob)); n != 10 {
			t.Errorf("%d letters of ten tickets", n)
		}
		if n := rows(t, w); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// A notifier that is stopped in the middle of the two minutes leaves the rest to the next.
func TestStopsInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, mailtest.Options{}, false)
		w.run(w.post.Run)
		stop := w.run(w.Run)
		w.file(requester(ann))
		pass(time.Minute)
		stop()
		pass(time.Hour)
		w.want(ann)
		w.run(w.notifier().Run)
		pass(time.Second)
		w.want(ann, "acme: [received]")
	})
}

// Two machines that answer each other come to an end, and other tickets are told of all the same.
func TestCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		mine := w.file(requester(ann))
		pass(long)
		for range 200 {
			w.say(agent(zoe), mine, "ping", tickets.Public)
			pass(3 * time.Minute)
			w.say(requester(ann), mine, "pong", tickets.Public)
			pass(3 * time.Minute)
		}
		letters := w.letters(ann)
		if n := len(letters); n < 15 || n > 21 {
			t.Errorf("%d letters about one ticket in a day, want some 20", n)
		}
		if !strings.Contains(letters[len(letters)-1].Text, "last true") {
			t.Errorf("the last letter does not say so: %s", letters[len(letters)-1].Text)
		}
		w.file(requester(ann))
		pass(long)
		if n := len(w.letters(ann)); n != len(letters)+1 {
			t.Errorf("nothing is told of another ticket: %d letters, then %d", len(letters), n)
		}
		held := 0
		page, err := w.tenants.Audit(t.Context(), w.acme.ID, "", 100)
		ok(t, err)
		for _, e := range page.Events {
			if e.Action == "mail.held" && e.Object == ann.Email {
				held++
			}
		}
		if held != 1 {
			t.Errorf("the audit log says %d times that letters are held back", held)
		}
	})
}

// Somebody who files a request after the other does not have themselves or the staff flooded.
func TestFloodOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		for range 400 {
			w.file(requester(ann))
			pass(10 * time.Second)
		}
		if n := len(w.letters(ann)); n > 60 {
			t.Errorf("%d receipts in some 67 minutes", n)
		}
		if n := len(w.letters(zoe)); n > 34 {
			t.Errorf("%d letters to staff in some 67 minutes, want one in two minutes", n)
		}
	})
}

func refuse(code int, enhanced smtp.EnhancedCode) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "No such user"}
}

// An address that refuses letters for good gets no more after some, until somebody lifts that; one that is busy does.
func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name  string
		error error
		tries int // to deliver, of six letters
	}{
		{"no such mailbox", refuse(550, smtp.EnhancedCode{5, 1, 1}), 3},
		{"not from you", refuse(550, smtp.EnhancedCode{5, 7, 1}), 6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int64
				w := start(t, mailtest.Options{Rcpt: func(to string) error {
					if to != ann.Email {
						return nil
					}
					tries.Add(1)
					return tc.error
				}})
				for range 6 {
					w.file(requester(ann))
					pass(long)
				}
				if n := int(tries.Load()); n != tc.tries {
					t.Errorf("tried %d times, want %d", n, tc.tries)
				}
				trouble, troubled, err := w.Trouble(t.Context(), w.acme, ann.Email)
				if err != nil || troubled != (tc.tries == 3) || trouble.GivenUp() != (tc.tries == 3) {
					t.Errorf("Trouble = %+v, %t, %v", trouble, troubled, err)
				}
				if _, elsewhere, err := w.Trouble(t.Context(), w.bee, ann.Email); err != nil || elsewhere {
					t.Errorf("another tenant knows of it: %t, %v", elsewhere, err)
				}
				ok(t, w.Lift(t.Context(), w.acme, ann.Email, "agent:zoe"))
				w.file(requester(ann))
				pass(long)
				if n := int(tries.Load()); n != tc.tries+1 {
					t.Errorf("after it was lifted there were %d tries in all", n)
				}
				if n := len(w.letters(zoe)); n != 7 {
					t.Errorf("others got %d letters", n)
				}
			})
		})
	}
}

func TestBusyServersAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		w := start(t, mailtest.Options{Rcpt: func(to string) error {
			if to == ann.Email && tries.Add(1) < 3 {
				return refuse(451, smtp.EnhancedCode{4, 3, 0})
			}
			return nil
		}})
		w.file(requester(ann))
		pass(time.Hour)
		w.want(ann, "acme: [received]")
		if all, err := w.Troubles(t.Context(), w.acme, 10); err != nil || len(all) != 0 {
			t.Errorf("Troubles = %v, %v", all, err)
		}
	})
}

// Refusals that are behind an address count no more: it takes letters again.
func TestRefusalsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refuses atomic.Bool
		w := start(t, mailtest.Options{Rcpt: func(to string) error {
			if to == ann.Email && refuses.Load() {
				return refuse(550, smtp.EnhancedCode{5, 1, 1})
			}
			return nil
		}})
		taken := 0
		for i := range 9 { // two of three are refused, each time
			refuses.Store(i%3 != 2)
			w.file(requester(ann))
			pass(long)
			if !refuses.Load() {
				taken++
			}
		}
		if n := len(w.letters(ann)); n != taken {
			t.Errorf("%d letters came, want %d", n, taken)
		}
		if _, troubled, err := w.Trouble(t.Context(), w.acme, ann.Email); err != nil || troubled {
			t.Errorf("there is trouble with the address still: %t, %v", troubled, err)
		}
	})
}

// A letter shows so much of a thread, and says that there is more.
func TestLettersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, mailtest.Options{})
		mine := w.file(requester(ann), func(d *tickets.Draft) { d.Description = strings.Repeat("ä", 30_000) })
		pass(long)
		for range 60 {
			w.say(agent(zoe), mine, strings.Repeat("word ", 1000), tickets.Public)
		}
		pass(long)
		letters := w.letters(ann)
		if len(letters) != 2 {
			t.Fatalf("%d letters, want 2", len(letters))
		}
		for i, l := range letters {
			if len(l.Text) > 30_000 {
				t.Errorf("letter %d has %d bytes", i, len(l.Text))
			}
		}
		if !slices.Contains(strings.Split(letters[1].Text, "\n"), "more 46 last false") {
			t.Errorf("the letter about 60 answers does not say that there are more than its first four:\n%s", letters[1].Text[len(letters[1].Text)-200:])
		}
	})
}
