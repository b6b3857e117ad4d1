package staff_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
)

const password = "correct horse battery"

// invite invites somebody to acme and returns the invitation's token.
func invite(tb testing.TB, h *house, email string, role auth.Role) string {
	tb.Helper()
	inv, err := h.staff.Invite(tb.Context(), h.acme, email, "", role, "operator")
	if err != nil {
		tb.Fatal(err)
	}
	u, err := url.Parse(inv.URL)
	if err != nil || u.Path != "/auth/invite" {
		tb.Fatalf("invitation at %q", inv.URL)
	}
	return u.Query().Get("token")
}

// join makes a member of acme's staff and returns their session.
func join(tb testing.TB, h *house, email string, role auth.Role) (auth.Session, string) {
	tb.Helper()
	p, err := h.staff.Accept(tb.Context(), h.acme, staff.Acceptance{
		Host: acmeHost, Token: invite(tb, h, email, role), Password: password, Client: client,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return p.Session, p.Secret
}

func login(email, pass string) staff.PasswordLogin {
	return staff.PasswordLogin{Host: acmeHost, Email: email, Password: pass, Client: client}
}

func TestStaffLife(t *testing.T) {
	h := open(t)
	ctx, members := t.Context(), h.staff
	joined, first := join(t, h, "Ann@acme.example", auth.RoleAdmin)
	if joined.Level != auth.Staff || joined.Role != auth.RoleAdmin || joined.Email != "ann@acme.example" || joined.Name != "ann" {
		t.Errorf("joined as %+v", joined)
	}
	find := func(secret string) error {
		_, err := h.doors.Sessions.Find(ctx, h.acme, auth.StaffSide, acmeHost, secret)
		return err
	}
	want(t, "the first session", find(first), nil)
	_, err := h.doors.Sessions.Find(ctx, h.acme, auth.RequesterSide, acmeHost, first)
	want(t, "as a requester", err, auth.ErrSignedOut)

	again := login("ANN@acme.example", password)
	again.Previous = first
	in, err := members.SignIn(ctx, h.acme, again)
	s, second := in.Session, in.Secret
	if err != nil || s.User != joined.User || second == first {
		t.Fatalf("signed in as %+v, %v", s, err)
	}
	want(t, "the session of before", find(first), auth.ErrSignedOut)
	if !s.EndsAt.Equal(s.CreatedAt.Add(12 * time.Hour)) {
		t.Errorf("ends at %s", s.EndsAt)
	}
	for _, l := range []staff.PasswordLogin{
		login("ann@acme.example", password+"x"), login("ann@acme.example", ""), login("bob@acme.example", password), login("", ""),
		login("not an address", password), login("ann@acme.example", strings.Repeat("x", 100_000)),
	} {
		_, err := members.SignIn(ctx, h.acme, l)
		want(t, l.Email, err, staff.ErrWrongPassword)
	}
	_, err = members.SignIn(ctx, h.bee, login("ann@acme.example", password))
	want(t, "at the other tenant", err, staff.ErrWrongPassword)

	if list, err := h.doors.Sessions.List(ctx, h.acme, s.Identity()); err != nil || len(list) != 1 || list[0].ID != s.ID || list[0].Role != auth.RoleAdmin {
		t.Errorf("ann's sessions: %+v, %v", list, err)
	}
	byEmail, err := members.ByEmail(ctx, h.acme, "Ann@acme.example")
	if byID, err2 := members.Find(ctx, h.acme, s.User); err != nil || err2 != nil || byID != byEmail || byID.Role != auth.RoleAdmin || byID.SignedInAt.IsZero() {
		t.Errorf("found %+v, %v and %+v, %v", byEmail, err, byID, err2)
	}
	_, err = members.Find(ctx, h.bee, s.User)
	want(t, "find at the other tenant", err, auth.ErrNotFound)
	_, err = members.ByEmail(ctx, h.bee, "ann@acme.example")
	want(t, "find by address at the other tenant", err, auth.ErrNotFound)
	_, err = members.Invite(ctx, h.acme, "ann@acme.example", "", auth.RoleAgent, "operator")
	want(t, "invite a member", err, auth.ErrExists)
	want(t, "remove at the other tenant", members.Remove(ctx, h.bee, "ann@acme.example", "operator"), auth.ErrNotFound)
	want(t, "remove", members.Remove(ctx, h.acme, "Ann@acme.example", "operator"), nil)
	want(t, "session of a removed member", find(second), auth.ErrSignedOut)
	_, err = members.SignIn(ctx, h.acme, login("ann@acme.example", password))
	want(t, "removed member", err, staff.ErrWrongPassword)
	want(t, "remove again", members.Remove(ctx, h.acme, "ann@acme.example", "operator"), auth.ErrNotFound)

	for _, action := range []string{"agent.invited", "agent.joined", "session.started", "agent.removed"} {
		if e := h.audited(t, action); e.Object != "ann@acme.example" {
			t.Errorf("audit of %s: %+v", action, e)
		}
	}
}

func TestInvitation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx, members := t.Context(), h.staff
		accept := func(tn *tenant.Tenant, token, pass string) error {
			_, err := members.Accept(ctx, tn, staff.Acceptance{Host: acmeHost, Token: token, Password: pass, Client: client})
			return err
		}
		old := invite(t, h, "ann@acme.example", auth.RoleAgent)
		token := invite(t, h, "ann@acme.example", auth.RoleAdmin)
		want(t, "a replaced one", accept(h.acme, old, password), staff.ErrInvitation)
		want(t, "at the other tenant", accept(h.bee, token, password), staff.ErrInvitation)
		for _, bad := range []string{"", "x", strings.Repeat("A", 43)} {
			want(t, bad, accept(h.acme, bad, password), staff.ErrInvitation)
		}
		for _, bad := range []string{"", "short", strings.Repeat("x", 300), "aaaaaaaaaaaaaaaa", "ann@acme.example", "annannann1234", "bad\xff\xff\xffutf8 text"} {
			if err := accept(h.acme, token, bad); !strings.HasPrefix(fields(err), "password: ") {
				t.Errorf("password %.20q: %v", bad, err)
			}
		}
		who, err := members.Invited(ctx, h.acme, token)
		if err != nil || who.Email != "ann@acme.example" || who.Role != auth.RoleAdmin || !who.JoinedAt.IsZero() {
			t.Errorf("invited %+v, %v", who, err)
		}
		want(t, "good", accept(h.acme, token, password), nil)
		want(t, "twice", accept(h.acme, token, password), staff.ErrInvitation)

		late := invite(t, h, "late@acme.example", auth.RoleAgent)
		time.Sleep(7 * 24 * time.Hour)
		want(t, "after a week", accept(h.acme, late, password), staff.ErrInvitation)
		_, err = members.Invited(ctx, h.acme, late)
		want(t, "looked at after a week", err, staff.ErrInvitation)
		list, err := members.List(ctx, h.acme)
		if err != nil || len(list) != 2 || list[0].Email != "ann@acme.example" || list[0].JoinedAt.IsZero() || !list[1].JoinedAt.IsZero() {
			t.Errorf("staff: %+v, %v", list, err)
		}
		if list, err := members.List(ctx, h.bee); err != nil || len(list) != 0 {
			t.Errorf("the other tenant's: %+v, %v", list, err)
		}
		if _, err := members.Invite(ctx, h.acme, "nobody", "", "owner", "operator"); fields(err) == "" {
			t.Errorf("bad invitation: %v", err)
		}
		if _, err := members.Invite(ctx, h.acme, "x@acme.example", "", "owner", "operator"); !strings.HasPrefix(fields(err), "role") {
			t.Errorf("bad role: %v", err)
		}
	})
}

// TestPasswordsThatAreRefused: the sentence says what is wrong with this one.
func TestPasswordsThatAreRefused(t *testing.T) {
	h := open(t)
	inv, err := h.staff.Invite(t.Context(), h.acme, "annette@shop.example", "Annette Miller", auth.RoleAgent, "operator")
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(inv.URL, "?token=")
	for bad, says := range map[string]string{
		"": "required", "short": "12 characters", "annette-2026!": "email address", "annette@shop.example": "email address",
		"annettemiller!": "email address", "Miller.Shop.1999": "email address", "            ": "digits and signs",
		"1234567890.12": "digits and signs", "aaaabbbbaaaab": "different characters", "abcdefabcdefabcdef": "repeat",
		"Tenant-acme-2026": "help desk", "Password12345": "guessed first", "P@ssw0rd2026!!": "guessed first",
		"qwertyuiop12345": "guessed first", "1q2w3e4r5t6y7u": "guessed first", "Welcome123456!": "guessed first",
		"abcdefghijkl": "guessed first", "lkjhgfdsa12345": "guessed first", "AdminAdmin2026": "guessed first", "bad\xff\xff\xffutf8 text": "bytes",
		strings.Repeat("long words ", 30): "bytes",
	} {
		_, err := h.staff.Accept(t.Context(), h.acme, staff.Acceptance{Host: acmeHost, Token: token, Password: bad})
		if fields, ok := errors.AsType[tenant.FieldErrors](err); !ok || len(fields["password"]) != 1 || !strings.Contains(fields["password"][0], says) {
			t.Errorf("password %q: %v, want a sentence about %s", bad, err, says)
		}
	}
	for _, good := range []string{"correct horse battery", "Tr0ub4dor&3-moon", "k3u7-9x2p-44qz-0r", "gelbe Banane tanzt", "密码是很长的一句话不容易猜"} {
		link, _, err := h.staff.ResetLink(t.Context(), h.acme, joinedOnce(t, h), "operator")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.staff.Reset(t.Context(), h.acme, linkToken(t, link), good, client); err != nil {
			t.Errorf("password %q: %v", good, err)
		}
	}
}

// joinedOnce is the address of somebody who has joined.
func joinedOnce(tb testing.TB, h *house) string {
	tb.Helper()
	const email = "zed@shop.example"
	if _, err := h.staff.ByEmail(tb.Context(), h.acme, email); err != nil {
		join(tb, h, email, auth.RoleAgent)
	}
	return email
}

func TestInvitationOnceOfMany(t *testing.T) {
	h := open(t)
	token := invite(t, h, "ann@acme.example", auth.RoleAgent)
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		won int
	)
	for range 8 {
		wg.Go(func() {
			_, err := h.staff.Accept(context.Background(), h.acme, staff.Acceptance{Host: acmeHost, Token: token, Password: password})
			if err != nil {
				want(t, "loser", err, staff.ErrInvitation)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			won++
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d used the invitation", won)
	}
}

// Guessing ends soon, also over a restart, and shuts out nobody at another address.
func TestPasswordTries(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	join(t, h, "ann@acme.example", auth.RoleAgent)
	var over *limit.Error
	n := 0
	for ; n < 20; n++ {
		_, err := h.staff.SignIn(ctx, h.acme, login("ann@acme.example", fmt.Sprint("guess ", n)))
		if errors.As(err, &over) {
			break
		}
		want(t, "guess", err, staff.ErrWrongPassword)
	}
	if n != 10 {
		t.Errorf("%d guesses, want 10", n)
	}
	after := h.reopen(t)
	if _, err := after.SignIn(ctx, h.acme, login("ann@acme.example", password)); !errors.As(err, &over) {
		t.Errorf("after a restart, with the right password: %v, want a limit", err)
	}
	elsewhere := login("ann@acme.example", password)
	elsewhere.Client.IP = netip.MustParseAddr("198.51.100.1")
	if _, err := after.SignIn(ctx, h.acme, elsewhere); err != nil {
		t.Errorf("from another address: %v", err)
	}
	for i := range 40 {
		l := login(fmt.Sprintf("agent%d@acme.example", i), "x")
		l.Client.IP = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))
		_, err := after.SignIn(ctx, h.acme, l)
		if limited := errors.As(err, &over); limited != (i >= 30) {
			t.Fatalf("try %d from one /64 at many accounts: %v", i+1, err)
		}
	}
}
