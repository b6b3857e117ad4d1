package staff_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/mail"
)

const fresh = "quite another phrase"

// linkToken is the token of a link to a new password.
func linkToken(tb testing.TB, link string) string {
	tb.Helper()
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil || u.Path != "/agent/reset" || u.Host != string(acmeHost) {
		tb.Fatalf("link %q", link)
	}
	return u.Query().Get("token")
}

// A forgotten password is replaced by a link that is mailed, once, within half an hour. The second factor stays.
func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openWithMail(t)
		ctx := t.Context()
		s, first := join(t, h, "ann@acme.example", auth.RoleAgent)
		_, codes := enrol(t, h, s.User)
		mailed := func() string {
			for {
				if l := h.letters.Wait(t, "ann@acme.example"); l.Subject == "reset" {
					return linkToken(t, l.Link(t))
				}
			}
		}
		forgot := func(email string) {
			if err := h.staff.Forgot(ctx, h.acme, email, auth.Client{IP: addr()}); err != nil {
				t.Fatalf("forgot %s: %v", email, err)
			}
		}
		forgot("ANN@acme.example")
		old := mailed()
		forgot("ann@acme.example")
		token := mailed()
		want(t, "a replaced link", h.staff.Reset(ctx, h.acme, old, fresh, client), staff.ErrReset)
		want(t, "at the other tenant", h.staff.Reset(ctx, h.bee, token, fresh, client), staff.ErrReset)
		want(t, "no link", h.staff.Reset(ctx, h.acme, "", fresh, client), staff.ErrReset)
		if err := h.staff.Reset(ctx, h.acme, token, "short", client); !strings.Contains(fields(err), "12 characters") {
			t.Errorf("a short one: %v", err)
		}
		if m, err := h.staff.Resettable(ctx, h.acme, token); err != nil || m.Email != "ann@acme.example" {
			t.Errorf("whose: %+v, %v", m, err)
		}
		want(t, "the session of before", h.found(t, first), nil)
		want(t, "a good one", h.staff.Reset(ctx, h.acme, token, fresh, client), nil)
		want(t, "the session of before", h.found(t, first), auth.ErrSignedOut)
		want(t, "the link again", h.staff.Reset(ctx, h.acme, token, fresh+" two", client), staff.ErrReset)
		_, err := h.staff.SignIn(ctx, h.acme, login("ann@acme.example", password))
		want(t, "the old password", err, staff.ErrWrongPassword)
		p, err := h.staff.SignIn(ctx, h.acme, login("ann@acme.example", fresh))
		if err != nil || p.Secret != "" {
			t.Fatalf("the new password: %+v, %v, want the second factor", p, err)
		}
		_, _, err = h.staff.Complete(ctx, h.acme, show(p.Pending, codes[0]))
		want(t, "the second factor of before", err, nil)
		for { // letters of one moment come in any order
			if l := h.letters.Wait(t, "ann@acme.example"); strings.Contains(l.Text, mail.NoticePassword) {
				break
			}
		}
		h.audited(t, "reset.mailed")
		h.audited(t, "password.reset")

		time.Sleep(time.Hour)
		forgot("ann@acme.example")
		late := mailed()
		time.Sleep(staff.ResetLife)
		want(t, "after half an hour", h.staff.Reset(ctx, h.acme, late, fresh, client), staff.ErrReset)
	})
}

// Whether somebody is one of the staff is nobody's to learn: the same is done for all, and as often.
func TestForgotSaysNothing(t *testing.T) {
	h := openWithMail(t)
	ctx := t.Context()
	join(t, h, "ann@acme.example", auth.RoleAgent)
	invite(t, h, "late@acme.example", auth.RoleAgent)
	h.letters.Wait(t, "late@acme.example")
	for _, email := range []string{"ann@acme.example", "nobody@acme.example", "late@acme.example"} {
		for i := range 4 {
			err := h.staff.Forgot(ctx, h.acme, email, auth.Client{IP: addr()})
			if limited := isLimit(err); limited != (i == 3) {
				t.Errorf("%s, time %d: %v", email, i+1, err)
			}
		}
	}
	h.letters.None(t, "nobody@acme.example")
	h.letters.None(t, "late@acme.example")
	if err := h.staff.Forgot(ctx, h.acme, "not an address", client); fields(err) == "" {
		t.Errorf("no address: %v", err)
	}
	for i := range 11 {
		err := h.staff.Forgot(ctx, h.acme, fmt.Sprintf("a%d@acme.example", i), client)
		if limited := isLimit(err); limited != (i == 10) {
			t.Errorf("request %d from one address: %v", i+1, err)
		}
	}
	mute := open(t)
	want(t, "without mail", mute.staff.Forgot(ctx, mute.acme, "ann@acme.example", client), staff.ErrNoMail)
}

// Where no mail goes out, whoever helps gets a link to hand over.
func TestResetLink(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	join(t, h, "ann@acme.example", auth.RoleAgent)
	invite(t, h, "late@acme.example", auth.RoleAgent)
	for _, email := range []string{"nobody@acme.example", "late@acme.example", "x"} {
		_, _, err := h.staff.ResetLink(ctx, h.acme, email, "operator")
		want(t, email, err, auth.ErrNotFound)
	}
	link, ends, err := h.staff.ResetLink(ctx, h.acme, "ann@acme.example", "operator")
	if err != nil || time.Until(ends) > staff.ResetLife || time.Until(ends) < staff.ResetLife-time.Minute {
		t.Fatalf("link until %s, %v", ends, err)
	}
	want(t, "the link", h.staff.Reset(ctx, h.acme, linkToken(t, link), fresh, client), nil)
	h.audited(t, "reset.made")
}

// A new password ends all sessions but the one in which it was chosen, however many there are.
func TestChangePassword(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	here, secret := join(t, h, "ann@acme.example", auth.RoleAgent)
	_, others := join(t, h, "bob@acme.example", auth.RoleAgent)
	e := auth.StaffEntry{Member: here.User, Host: acmeHost, Method: auth.ByPassword}
	for range 6 { // more than one transaction could end one by one
		err := h.store.Update(ctx, h.acme.Scope(), func(tx *storage.Tx) error {
			for range 200 {
				if _, err := h.doors.Sessions.Staff(tx, h.acme, e, auth.NewSecret()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, elsewhere, err := h.staff.Enter(ctx, h.acme, e)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.staff.ChangePassword(ctx, h.acme, here.User, "short", here.ID, client); !strings.HasPrefix(fields(err), "password") {
		t.Errorf("a short one: %v", err)
	}
	want(t, "at the other tenant", h.staff.ChangePassword(ctx, h.bee, here.User, fresh, here.ID, client), auth.ErrNotFound)
	want(t, "a good one", h.staff.ChangePassword(ctx, h.acme, here.User, fresh, here.ID, client), nil)
	list, err := h.doors.Sessions.List(ctx, h.acme, here.Identity())
	if err != nil || len(list) != 1 || list[0].ID != here.ID {
		t.Errorf("%d sessions left, %v, want this one", len(list), err)
	}
	want(t, "this session", h.found(t, secret), nil)
	want(t, "another one", h.found(t, elsewhere), auth.ErrSignedOut)
	_, _, err = h.staff.Prove(ctx, h.acme, staff.Entry{Member: here.User, Host: acmeHost, Previous: elsewhere, Method: auth.ByPasskey})
	want(t, "another one, proven anew", err, auth.ErrSignedOut)
	_, stepped, err := h.staff.StepUp(ctx, h.acme, staff.Again{
		Entry: staff.Entry{Member: here.User, Host: acmeHost, Previous: secret, Client: client}, Password: fresh,
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "this session, stepped up", h.found(t, stepped), nil)
	want(t, "somebody else's", h.found(t, others), nil)
	_, err = h.staff.SignIn(ctx, h.acme, login("ann@acme.example", password))
	want(t, "the old password", err, staff.ErrWrongPassword)
	_, err = h.staff.SignIn(ctx, h.acme, login("ann@acme.example", fresh))
	want(t, "the new password", err, nil)
}

// A member's role is what it is now, in sessions that began before, too; and other members' sessions can be ended.
func TestRolesAndSessions(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	s, secret := join(t, h, "ann@acme.example", auth.RoleAdmin)
	if err := h.staff.SetRole(ctx, h.acme, s.User, "owner", "operator"); !strings.HasPrefix(fields(err), "role") {
		t.Errorf("a role that is none: %v", err)
	}
	want(t, "at the other tenant", h.staff.SetRole(ctx, h.bee, s.User, auth.RoleAgent, "operator"), auth.ErrNotFound)
	want(t, "demote", h.staff.SetRole(ctx, h.acme, s.User, auth.RoleAgent, "operator"), nil)
	now, err := h.doors.Sessions.Find(ctx, h.acme, auth.StaffSide, acmeHost, secret)
	if err != nil || now.Role != auth.RoleAgent || now.Identity().May(auth.TenantWrite) {
		t.Errorf("after the change: %+v, %v", now, err)
	}
	want(t, "end at the other tenant", h.staff.EndSessions(ctx, h.bee, s.User, "", "operator"), auth.ErrNotFound)
	want(t, "end", h.staff.EndSessions(ctx, h.acme, s.User, "", "operator"), nil)
	want(t, "the session", h.found(t, secret), auth.ErrSignedOut)
	h.audited(t, "agent.changed")
}

// Failed tries are in the audit log, but nobody can fill it with them.
func TestFailuresAreNoted(t *testing.T) {
	h := open(t)
	for i := range 60 {
		l := login(fmt.Sprintf("a%d@acme.example", i), "x")
		l.Client.IP = addr()
		_, err := h.staff.SignIn(t.Context(), h.acme, l)
		want(t, "sign-in", err, staff.ErrWrongPassword)
	}
	if n := h.count(t, "session.refused"); n != 50 {
		t.Errorf("%d failures noted, want 50", n)
	}
	if e := h.audited(t, "session.refused"); !strings.Contains(e.Detail, "not listed") || e.Object != "a49@acme.example" || e.IP == "" {
		t.Errorf("the last: %+v", e)
	}
}

// Nor can anybody fill it by asking for links where there is no account: strangers have many addresses.
func TestUnknownResetsAreNoted(t *testing.T) {
	h := openWithMail(t)
	for i := range 60 {
		want(t, "forgot", h.staff.Forgot(t.Context(), h.acme, fmt.Sprintf("a%d@acme.example", i), auth.Client{IP: addr()}), nil)
	}
	if n := h.count(t, "reset.refused"); n != 50 {
		t.Errorf("%d requests noted, want 50", n)
	}
	if e := h.audited(t, "reset.refused"); !strings.Contains(e.Detail, "not listed") || e.Object != "a49@acme.example" {
		t.Errorf("the last: %+v", e)
	}
}

// count is how often acme's audit log has an action.
func (h *house) count(tb testing.TB, action string) int {
	tb.Helper()
	n, cursor := 0, ""
	for {
		page, err := h.tenants.Audit(tb.Context(), h.acme.ID, cursor, 100)
		if err != nil {
			tb.Fatal(err)
		}
		for _, e := range page.Events {
			if e.Action == action {
				n++
			}
		}
		if cursor = page.Next; cursor == "" {
			return n
		}
	}
}
