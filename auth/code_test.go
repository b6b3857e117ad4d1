package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbox"
)

// posted is a letter as it waits to be sent.
type posted struct {
	Kind   string            `cbor:"1,keyasint"`
	To     string            `cbor:"2,keyasint"`
	Name   string            `cbor:"3,keyasint,omitempty"`
	Fields map[string]string `cbor:"4,keyasint,omitempty"`
}

var posts = storage.NewTable(storage.Declaration[outbox.Item[posted]]{
	ID: 40, Name: "letters", Sealed: true, Watched: true,
	Key: func(i *outbox.Item[posted]) storage.Key { return storage.Key(nil).Str(i.ID) },
})

// letters are what was mailed to an address in a tenant's name, the latest last.
func (h *house) letters(tb testing.TB, t *tenant.Tenant, to string) []posted {
	tb.Helper()
	var all []outbox.Item[posted]
	err := h.store.View(tb.Context(), t.Scope(), func(tx *storage.Tx) error {
		all = nil
		for i, err := range posts.Scan(tx, storage.Range{}) {
			if err != nil {
				return err
			}
			if i.Payload.To == to {
				all = append(all, i)
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	var out []posted
	for len(all) > 0 {
		first := 0
		for i := range all {
			if all[i].CreatedAt.Before(all[first].CreatedAt) {
				first = i
			}
		}
		out = append(out, all[first].Payload)
		all = append(all[:first], all[first+1:]...)
	}
	return out
}

// lastCode is the code that was mailed to an address last, in acme's name.
func (h *house) lastCode(tb testing.TB, to string) string {
	tb.Helper()
	all := h.letters(tb, h.acme, to)
	if len(all) == 0 {
		tb.Fatalf("%s got no letter", to)
	}
	return all[len(all)-1].Fields["code"]
}

// asks is a browser at acme's host with that session.
func asks(secret, code string) auth.Asking {
	return auth.Asking{Host: acmeHost, Session: secret, Code: code, Client: auth.Client{IP: addr(), UserAgent: "Test/1.0"}}
}

func (h *house) send(tb testing.TB, secret string) {
	tb.Helper()
	if err := h.doors.Confirmations.Send(tb.Context(), h.acme, asks(secret, "")); err != nil {
		tb.Fatal(err)
	}
}

// other is a code of eight digits that is not this one.
func other(code string) string {
	digit := byte('0')
	if code[7] == digit {
		digit = '1'
	}
	return code[:7] + string(digit)
}

func TestCode(t *testing.T) {
	h := open(t)
	ctx, confirm := t.Context(), h.doors.Confirmations
	before, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
	_, err := confirm.Check(ctx, h.acme, asks(secret, "12345678"))
	want(t, "a code that nobody asked for", err, auth.ErrCodeOver)
	h.send(t, secret)
	letters := h.letters(t, h.acme, "bob@example.com")
	if len(letters) != 1 || letters[0].Kind != "code" || letters[0].Name != "" || len(letters[0].Fields) != 1 {
		t.Fatalf("letters: %+v, want one with nothing but the code", letters)
	}
	code := letters[0].Fields["code"]
	if len(code) != 8 || strings.Trim(code, "0123456789") != "" {
		t.Fatalf("code %q, want 8 digits", code)
	}
	for _, typed := range []string{"", "1234567", "123456789", "1234567a", "１２３４５６７８", code + "0"} {
		_, err := confirm.Check(ctx, h.acme, asks(secret, typed))
		if fields(err) == "" {
			t.Errorf("%q = %v, want a word about the field", typed, err)
		}
	}
	_, err = confirm.Check(ctx, h.acme, asks(secret, other(code)))
	want(t, "another code", err, auth.ErrCodeWrong)
	if got, err := confirm.Standing(ctx, h.acme, asks(secret, "")); err != nil || !got.Sent || got.TriesLeft != 4 || got.Email != "bob@example.com" {
		t.Errorf("standing %+v, %v, want four tries left", got, err)
	}
	got, err := confirm.Check(ctx, h.acme, asks(secret, " "+code[:4]+" - "+code[4:]+"\u00a0"))
	if err != nil || got.Session.Level != auth.Vouched || got.Session.Lineage != before.Lineage || got.Session.User == "" || got.Device != "" {
		t.Fatalf("the code itself: %+v, %v", got, err)
	}
	if got.Session.ID == before.ID || got.Secret == secret {
		t.Error("the session has kept its id")
	}
	_, err = h.find(t, secret)
	want(t, "the asserted session", err, auth.ErrSignedOut)
	if s, err := h.find(t, got.Secret); err != nil || s.Level != auth.Vouched {
		t.Errorf("the new session: %+v, %v", s, err)
	}
	_, err = confirm.Check(ctx, h.acme, asks(secret, code))
	want(t, "the code once more, with the old session", err, auth.ErrSignedOut)
	_, err = confirm.Check(ctx, h.acme, asks(got.Secret, code))
	want(t, "the code once more", err, auth.ErrConfirmed)
	want(t, "a mail to who is confirmed", confirm.Send(ctx, h.acme, asks(got.Secret, "")), auth.ErrConfirmed)
	for _, event := range h.audit(t, h.acme) {
		if strings.Contains(fmt.Sprint(event), code) {
			t.Errorf("the audit log has the code: %+v", event)
		}
	}
}

// A code is good in the browser that asked for it, for its address, host and tenant, and nowhere else.
func TestCodeIsBound(t *testing.T) {
	h := open(t)
	ctx, confirm := t.Context(), h.doors.Confirmations
	_, mine := h.signIn(t, auth.Asserted, "bob@example.com", "")
	_, others := h.signIn(t, auth.Asserted, "bob@example.com", "")
	_, eve := h.signIn(t, auth.Asserted, "eve@example.com", "")
	h.send(t, mine)
	h.send(t, eve)
	code := h.lastCode(t, "bob@example.com")
	_, err := confirm.Check(ctx, h.acme, asks(others, code))
	want(t, "another browser, same address", err, auth.ErrCodeOver)
	_, err = confirm.Check(ctx, h.acme, asks(eve, code))
	want(t, "another address", err, auth.ErrCodeWrong)
	_, err = confirm.Check(ctx, h.bee, asks(mine, code))
	want(t, "another tenant", err, auth.ErrSignedOut)
	elsewhere := asks(mine, code)
	elsewhere.Host = "help.acme.example"
	_, err = confirm.Check(ctx, h.acme, elsewhere)
	want(t, "another host", err, auth.ErrSignedOut)
	_, err = confirm.Check(ctx, h.acme, asks("", code))
	want(t, "nobody", err, auth.ErrSignedOut)
	// A new claim of the same address in the same browser is the same browser still.
	_, again := h.signIn(t, auth.Asserted, "bob@example.com", mine)
	if _, err = confirm.Check(ctx, h.acme, asks(again, code)); err != nil {
		t.Errorf("the browser itself, after another redirect: %v", err)
	}
	// And what another address had asked for in this browser is not this one's.
	if got := h.letters(t, h.bee, "bob@example.com"); got != nil {
		t.Errorf("the other tenant has mailed %v", got)
	}
}

// Five wrong codes end a code, however many come at once and whichever node they come to.
func TestCodeTries(t *testing.T) {
	h := open(t)
	_, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
	h.send(t, secret)
	code := h.lastCode(t, "bob@example.com")
	nodes := []*auth.Confirmations{h.doors.Confirmations, h.reopen(t).Confirmations}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		wrong int
	)
	for i := range 20 {
		wg.Go(func() {
			_, err := nodes[i%2].Check(t.Context(), h.acme, asks(secret, other(code)))
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, auth.ErrCodeWrong) {
				wrong++
			} else if !errors.Is(err, auth.ErrCodeOver) {
				t.Errorf("a wrong code: %v", err)
			}
		})
	}
	wg.Wait()
	if wrong != 5 {
		t.Errorf("%d tries were looked at, want 5", wrong)
	}
	_, err := h.reopen(t).Confirmations.Check(t.Context(), h.acme, asks(secret, code))
	want(t, "the right code after five wrong ones and a restart", err, auth.ErrCodeOver)
	if got, err := nodes[0].Standing(t.Context(), h.acme, asks(secret, "")); err != nil || got.Sent || got.NextAt.IsZero() {
		t.Errorf("standing %+v, %v, want none, and another later", got, err)
	}
}

func TestCodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		_, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
		h.send(t, secret)
		code := h.lastCode(t, "bob@example.com")
		time.Sleep(10*time.Minute - time.Millisecond)
		_, err := h.doors.Confirmations.Check(t.Context(), h.acme, asks(secret, other(code)))
		want(t, "just before ten minutes", err, auth.ErrCodeWrong)
		time.Sleep(time.Millisecond)
		_, err = h.doors.Confirmations.Check(t.Context(), h.acme, asks(secret, code))
		want(t, "after ten minutes", err, auth.ErrCodeOver)
	})
}

// An address is mailed to once in a quarter of an hour, whoever asks, and however many nodes there are.
func TestCodeMails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx := t.Context()
		var secrets []string
		for range 8 {
			_, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
			secrets = append(secrets, secret)
		}
		nodes := []*auth.Confirmations{h.doors.Confirmations, h.reopen(t).Confirmations}
		var wg sync.WaitGroup
		for i, secret := range secrets {
			wg.Go(func() {
				err := nodes[i%2].Send(ctx, h.acme, asks(secret, ""))
				if limited := (*limit.Error)(nil); err != nil && !errors.As(err, &limited) {
					t.Errorf("send: %v", err)
				}
			})
		}
		wg.Wait()
		if got := len(h.letters(t, h.acme, "bob@example.com")); got != 1 {
			t.Errorf("%d letters, want 1", got)
		}
		if got, err := nodes[0].Standing(ctx, h.acme, asks(secrets[0], "")); err != nil || time.Until(got.NextAt) > 15*time.Minute || time.Until(got.NextAt) < 14*time.Minute {
			t.Errorf("standing %+v, %v, want a quarter of an hour", got, err)
		}
		time.Sleep(15*time.Minute - time.Second)
		if err := nodes[0].Send(ctx, h.acme, asks(secrets[0], "")); err == nil {
			t.Error("a second mail within a quarter of an hour")
		}
		time.Sleep(time.Second)
		h.send(t, secrets[0])
		if got := len(h.letters(t, h.acme, "bob@example.com")); got != 2 {
			t.Errorf("%d letters, want 2", got)
		}
	})
}

// One visitor may have so many addresses mailed to and no more; other visitors are not kept from it.
func TestCodeMailsPerVisitor(t *testing.T) {
	h := open(t)
	mail := func(i int, from auth.Client) error {
		_, secret := h.signIn(t, auth.Asserted, fmt.Sprintf("u%d@example.com", i), "")
		return h.doors.Confirmations.Send(t.Context(), h.acme, auth.Asking{Host: acmeHost, Session: secret, Client: from})
	}
	for i := range 20 {
		if err := mail(i, client); err != nil {
			t.Fatal(err)
		}
	}
	var limited *limit.Error
	if err := mail(20, client); !errors.As(err, &limited) {
		t.Errorf("the 21st address: %v, want a limit", err)
	}
	if err := mail(21, auth.Client{IP: addr()}); err != nil {
		t.Errorf("another visitor: %v", err)
	}
}

// However many browsers guess, and whenever: an address takes forty wrong codes a day.
func TestCodeGuessesPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		guesses := 0
		var limited *limit.Error
		for range 20 {
			_, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
			if err := h.doors.Confirmations.Send(t.Context(), h.acme, asks(secret, "")); errors.As(err, &limited) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			code := h.lastCode(t, "bob@example.com")
			for range 6 {
				if _, err := h.doors.Confirmations.Check(t.Context(), h.acme, asks(secret, other(code))); errors.Is(err, auth.ErrCodeWrong) {
					guesses++
				}
			}
			time.Sleep(15 * time.Minute)
		}
		if guesses != 40 {
			t.Errorf("%d guesses within five hours, want 40", guesses)
		}
		time.Sleep(24 * time.Hour)
		_, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
		h.send(t, secret)
		if _, err := h.doors.Confirmations.Check(t.Context(), h.acme, asks(secret, h.lastCode(t, "bob@example.com"))); err != nil {
			t.Errorf("a day later, the owner: %v", err)
		}
	})
}

// Who has proven the address keeps their name, whatever the claim says.
func TestCodeProvesTheAddressAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		bob, _ := h.signIn(t, auth.Vouched, "bob@example.com", "")
		time.Sleep(time.Millisecond) // what was asserted up to now has ended
		token, err := h.doors.Handoffs.Mint(h.acme, acmeHost, auth.Claim{
			Level: auth.Asserted, Person: auth.Person{Email: "bob@example.com", Name: "Somebody Else"}, Source: auth.FromListed,
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.doors.Handoffs.Confirm(t.Context(), h.at(token, auth.Navigation{}))
		if err != nil || out.Session.Name != "Somebody Else" {
			t.Fatalf("asserted: %+v, %v", out.Session, err)
		}
		h.send(t, out.Secret)
		got, err := h.doors.Confirmations.Check(t.Context(), h.acme, asks(out.Secret, h.lastCode(t, "bob@example.com")))
		if err != nil || got.Session.Name != bob.Name || got.Session.User != bob.User {
			t.Errorf("confirmed: %+v, %v, want %s", got.Session, err, bob.Name)
		}
	})
}

// Without mail there are no codes, and the door says so.
func TestCodeWithoutMail(t *testing.T) {
	h := open(t)
	doors, err := auth.Open(t.Context(), auth.Config{Store: h.store, Directory: h.directory, Tenants: h.tenants})
	if err != nil {
		t.Fatal(err)
	}
	_, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
	if doors.Confirmations.Ready() || !h.doors.Confirmations.Ready() {
		t.Error("only the node with a mail server is ready")
	}
	want(t, "send", doors.Confirmations.Send(t.Context(), h.acme, asks(secret, "")), auth.ErrMailOff)
}
