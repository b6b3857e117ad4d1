package mail_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
)

var busy = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Come again later"}

// A letter over a real connection, as somebody's program sees it.
func TestSendsLetters(t *testing.T) {
	h, server := open(t), mailtest.Start(t, mailtest.Options{})
	p := h.post(server.Server(t))
	start(t, p)
	h.write(t, p, h.acme, mail.Letter{
		Kind: mail.Invite, To: "ana@acme.example", Name: `Ana "Änn" Lima`, Fields: map[string]string{"url": "https://x.example/?a=b&c=d"},
	})
	h.write(t, p, h.bee, code("bo@bee.example", "12345678"))
	l := server.Wait(t, "ana@acme.example")
	if l.From != "desk@tickets.example" || l.Subject != "About invite – ü" {
		t.Errorf("envelope from %s, subject %q", l.From, l.Subject)
	}
	if want := "Acme & Söhne at acme.tickets.example: https://x.example/?a=b&c=d\n.\nlast line\n"; l.Text != want {
		t.Errorf("text = %q, want %q", l.Text, want)
	}
	if want := "<p>Acme & Söhne at acme.tickets.example: https://x.example/?a=b&c=d</p>"; l.HTML != want {
		t.Errorf("HTML = %q, want %q", l.HTML, want)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "From": "<desk@tickets.example>", "To": "<ana@acme.example>",
		"Message-Id": "@tickets.example>", "Mime-Version": "1.0",
	} {
		if got := l.Header.Get(name); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q, want …%s", name, got, want)
		}
	}
	if at, err := l.Header.Date(); err != nil || time.Since(at) > time.Minute {
		t.Errorf("Date: %v, %v", at, err)
	}
	if got := server.Wait(t, "bo@bee.example").Code(t); got != "12345678" {
		t.Errorf("the other tenant's code = %s", got)
	}
	if all := server.Letters(); len(all) != 2 {
		t.Errorf("%d letters, want 2", len(all))
	}
}

// Whatever happens on the way, a letter comes, and comes once.
func TestSentOnceNeverLost(t *testing.T) {
	for _, tc := range []struct {
		name string
		// first is the server's answer to the first try.
		rcpt, data error
		hours      int
	}{
		{name: "the recipient is deferred", rcpt: busy},
		{name: "the letter is deferred", data: busy},
		{name: "connection lost after DATA", data: mailtest.ErrHangup},
		{name: "connection lost before DATA", rcpt: mailtest.ErrHangup},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := open(t)
				var tries atomic.Int64
				server := mailtest.Start(t, mailtest.Options{
					Pipes: true,
					Rcpt: func(string) error {
						if tries.Add(1) == 1 {
							return tc.rcpt
						}
						return nil
					},
					Receive: func(mailtest.Letter) error {
						if tries.Load() == 1 {
							return tc.data
						}
						return nil
					},
				})
				p := h.post(server.Server(t))
				start(t, p)
				h.write(t, p, h.acme, code("ana@acme.example", "12345678"))
				pass(time.Second)
				if n := len(server.Letters()); n != 0 {
					t.Fatalf("%d letters after the first try", n)
				}
				pass(10 * time.Minute)
				if all := server.Letters(); len(all) != 1 || tries.Load() != 2 {
					t.Errorf("%d letters in %d tries, want one in two", len(all), tries.Load())
				}
				if events := h.events(t, h.acme); len(events) != 0 {
					t.Errorf("audit log: %v", events)
				}
			})
		})
	}
}

// A server that took a letter and lost its voice: the letter is sent again, and can be told by its Message-ID.
func TestASecondCopyHasTheSameIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		var seen []string
		server := mailtest.Start(t, mailtest.Options{Pipes: true, Receive: func(l mailtest.Letter) error {
			seen = append(seen, l.Header.Get("Message-Id")+l.Header.Get("Date"))
			if len(seen) == 1 {
				return mailtest.ErrHangup
			}
			return nil
		}})
		p := h.post(server.Server(t))
		start(t, p)
		h.write(t, p, h.acme, code("ana@acme.example", "12345678"))
		pass(20 * time.Minute)
		if len(seen) != 2 || seen[0] != seen[1] || seen[0] == "" {
			t.Errorf("copies %q, want two of one identity", seen)
		}
	})
}

func TestSurvivesRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		down := true
		server := mailtest.Start(t, mailtest.Options{Pipes: true, Rcpt: func(string) error {
			if down {
				return busy
			}
			return nil
		}})
		first := h.post(server.Server(t))
		stop := start(t, first)
		h.write(t, first, h.acme, code("ana@acme.example", "12345678"))
		h.write(t, first, h.bee, code("bo@bee.example", "87654321"))
		pass(10 * time.Second)
		stop()
		down = false
		start(t, h.post(server.Server(t)))
		pass(10 * time.Minute)
		all := server.Letters()
		if count(all, "ana@acme.example") != 1 || count(all, "bo@bee.example") != 1 {
			t.Errorf("after the restart %d letters came: %+v", len(all), all)
		}
	})
}

func TestGivesUpWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		server := mailtest.Start(t, mailtest.Options{Pipes: true, Rcpt: func(string) error {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
		}})
		p := h.post(server.Server(t))
		start(t, p)
		h.write(t, p, h.acme, code("nobody@acme.example", "12345678"))
		pass(20 * time.Minute)
		if n := server.Calls(); n != 1 {
			t.Errorf("%d calls, want one", n)
		}
		events := h.events(t, h.acme)
		if len(events) != 1 || !strings.HasPrefix(events[0], "nobody@acme.example code: ") || !strings.Contains(events[0], "No such user here") {
			t.Errorf("audit log: %q", events)
		}
		if strings.Contains(strings.Join(events, ""), "12345678") || len(h.events(t, h.bee)) != 0 {
			t.Errorf("the event has the code, or the other tenant has it: %q %q", events, h.events(t, h.bee))
		}
		if s, err := p.State(t.Context()); err != nil || s.Dead != 1 || s.Waiting != 0 {
			t.Errorf("State = %+v, %v", s, err)
		}
	})
}

// A server that is away, or wants other credentials, is a matter of the operator's: no letter is given up for it within a day.
func TestWaitsForTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		asks := mailtest.Start(t, mailtest.Options{Pipes: true, STARTTLS: true, User: "desk", Password: "right"})
		wrong, err := mail.ParseServer("smtp://desk:wrong@mail.example")
		ok(t, err)
		right := asks.Server(t)
		wrong.Roots, wrong.Dial = right.Roots, right.Dial
		away, err := mail.ParseServer("smtp://mail.example")
		ok(t, err)
		away.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }

		p := h.post(away)
		stop := start(t, p)
		h.write(t, p, h.acme, code("ana@acme.example", "12345678"))
		pass(3 * time.Minute)
		stop()
		stop = start(t, h.post(wrong))
		pass(20 * time.Minute)
		stop()
		if events := h.events(t, h.acme); len(events) != 0 {
			t.Fatalf("given up: %v", events)
		}
		start(t, h.post(right))
		pass(40 * time.Minute)
		if n := len(asks.Letters()); n != 1 {
			t.Errorf("%d letters, want one", n)
		}
		for _, secret := range []string{"wrong", "right", base64.StdEncoding.EncodeToString([]byte("\x00desk\x00wrong"))} {
			if strings.Contains(h.log.String(), secret) {
				t.Errorf("the log has the password %q:\n%s", secret, h.log)
			}
		}
		if !strings.Contains(h.log.String(), "deliveries begin to fail") || !strings.Contains(h.log.String(), "…") {
			t.Errorf("the log does not say what is wrong:\n%s", h.log)
		}
	})
}

func TestDoesNotSendWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, server := open(t), mailtest.Start(t, mailtest.Options{Pipes: true})
		p := h.post(server.Server(t))
		l := code("ana@acme.example", "12345678")
		l.Expires = time.Now().Add(10 * time.Minute)
		h.write(t, p, h.acme, l)
		pass(11 * time.Minute)
		start(t, p)
		pass(20 * time.Minute)
		if n := len(server.Letters()); n != 0 {
			t.Errorf("%d letters, want none: the code was over", n)
		}
	})
}

// Credentials go over TLS with a good certificate, or not at all.
func TestCredentialsNeedTLS(t *testing.T) {
	const from = "desk@tickets.example"
	try := func(t *testing.T, o mailtest.Options, change func(*mail.Server)) error {
		t.Helper()
		var err error
		synctest.Test(t, func(t *testing.T) {
			o.Pipes, o.User, o.Password = true, "desk", "hush"
			server := mailtest.Start(t, o)
			s := server.Server(t)
			if change != nil {
				change(s)
			}
			err = s.Check(t.Context(), "tickets.example", from)
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error has the password: %v", err)
			}
			if server.Asked() != (err == nil) {
				t.Errorf("credentials were sent: %v, with the error %v", server.Asked(), err)
			}
		})
		return err
	}
	if err := try(t, mailtest.Options{STARTTLS: true}, nil); err != nil {
		t.Errorf("with STARTTLS: %v", err)
	}
	if err := try(t, mailtest.Options{}, nil); err == nil {
		t.Error("a server without STARTTLS was given the credentials")
	}
	if err := try(t, mailtest.Options{STARTTLS: true}, func(s *mail.Server) { s.Roots = nil }); err == nil {
		t.Error("a server with somebody's certificate was given the credentials")
	}
}

// This machine itself needs no TLS, and a relay without credentials is taken as it is.
func TestRelays(t *testing.T) {
	for _, o := range []mailtest.Options{{}, {STARTTLS: true}, {User: "desk", Password: "hush"}, {User: "desk", Password: "hush", STARTTLS: true}} {
		server := mailtest.Start(t, o)
		s := server.Server(t)
		s.Roots = nil
		if err := s.Check(t.Context(), "tickets.example", "desk@tickets.example"); err != nil {
			t.Errorf("Check(%+v) = %v", o, err)
		}
	}
}

func TestWithoutServerThePostIsNotReady(t *testing.T) {
	h := open(t)
	var none *mail.Post
	for _, p := range []*mail.Post{none, h.post(nil)} {
		if p.Ready() {
			t.Error("a post without a server is ready")
		}
		err := h.store.Update(t.Context(), h.acme.Scope(), func(tx *storage.Tx) error { return p.Enqueue(tx, code("a@b.example", "12345678")) })
		if !errors.Is(err, mail.ErrOff) {
			t.Errorf("Enqueue = %v, want ErrOff", err)
		}
		ok(t, p.Run(t.Context()))
	}
}

// A room's mistake is an error at once, not a letter that nobody can read.
func TestRefusesIncompleteLetters(t *testing.T) {
	h, server := open(t), mailtest.Start(t, mailtest.Options{})
	p := h.post(server.Server(t))
	for _, l := range []mail.Letter{
		{},
		{Kind: mail.Code, To: "a@b.example"},
		{Kind: mail.Code, Fields: map[string]string{"code": "1"}},
		{Kind: "greeting", To: "a@b.example"},
		{Kind: mail.Code, To: "a@b.example", Fields: map[string]string{"code": "1", "note": "a visitor's words"}},
		{Kind: mail.Code, To: "a@b.example", Name: "A visitor's claim", Fields: map[string]string{"code": "1"}},
	} {
		err := h.store.Update(t.Context(), h.acme.Scope(), func(tx *storage.Tx) error { return p.Enqueue(tx, l) })
		if err == nil {
			t.Errorf("Enqueue(%+v) took it", l)
		}
	}
}
