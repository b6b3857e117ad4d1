package auth_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
)

// remembered confirms an address at acme's host and has the browser remembered. It returns the session and the two cookies.
func (h *house) remembered(tb testing.TB, email string) (s auth.Session, secret, device string) {
	tb.Helper()
	_, secret = h.signIn(tb, auth.Asserted, email, "")
	h.send(tb, secret)
	a := asks(secret, h.lastCode(tb, email))
	a.Remember = true
	got, err := h.doors.Confirmations.Check(tb.Context(), h.acme, a)
	if err != nil || got.Device == "" {
		tb.Fatalf("%+v, %v, want a device", got, err)
	}
	return got.Session, got.Secret, got.Device
}

// comes lets somebody come in by an unsigned redirect in a browser that has a device's cookie.
func (h *house) comes(tb testing.TB, email, device string) auth.Outcome {
	tb.Helper()
	a := h.at(h.mint(tb, auth.Asserted, email), click(partner+"/"))
	a.Device = device
	out, err := h.doors.Handoffs.Arrive(tb.Context(), a)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestDevice(t *testing.T) {
	h := open(t)
	bob, _, device := h.remembered(t, "bob@example.com")
	out := h.comes(t, "bob@example.com", device)
	if out.Verdict != auth.SignIn || out.Session.Level != auth.Vouched || out.Session.User != bob.User || !out.Remembered || out.First {
		t.Errorf("the next redirect: %+v, want a vouched session", out)
	}
	if out.Session.Name != bob.Name {
		t.Errorf("his name is %s now, want %s", out.Session.Name, bob.Name)
	}
	for what, tc := range map[string]struct{ email, device string }{
		"another address":    {"eve@example.com", device},
		"no device":          {"bob@example.com", ""},
		"nonsense":           {"bob@example.com", "x.y"},
		"the secret alone":   {"bob@example.com", device[len(device)-43:]},
		"another user's":     {"bob@example.com", "usr_01ARZ3NDEKTSV4RRFFQ69G5FAV" + device[len(device)-44:]},
		"a longer cookie":    {"bob@example.com", device + "x"},
		"the session's name": {"bob@example.com", bob.User + "." + bob.ID},
	} {
		if out := h.comes(t, tc.email, tc.device); out.Session.Level != auth.Asserted || out.Remembered {
			t.Errorf("%s: %+v, want an asserted session", what, out)
		}
	}
	at := auth.Arrival{Tenant: h.acme, Host: "help.acme.example", Device: device, Navigation: click(partner + "/")}
	var err error
	if at.Token, err = h.doors.Handoffs.Mint(h.acme, at.Host, auth.Claim{
		Level: auth.Asserted, Person: auth.Person{Email: "bob@example.com", Name: "Bob"}, Source: auth.FromListed,
	}); err != nil {
		t.Fatal(err)
	}
	if out, err := h.doors.Handoffs.Arrive(t.Context(), at); err != nil || out.Session.Level != auth.Asserted {
		t.Errorf("at another host: %+v, %v, want an asserted session", out, err)
	}
	at.Tenant, at.Host = h.bee, beeHost
	if at.Token, err = h.doors.Handoffs.Mint(h.bee, beeHost, auth.Claim{
		Level: auth.Asserted, Person: auth.Person{Email: "bob@example.com", Name: "Bob"}, Source: auth.FromServer,
	}); err != nil {
		t.Fatal(err)
	}
	at.Navigation = auth.Navigation{}
	if out, err := h.doors.Handoffs.Confirm(t.Context(), at); err != nil || out.Session.Level != auth.Asserted {
		t.Errorf("at another tenant: %+v, %v, want an asserted session", out, err)
	}
}

// Whoever sends a remembered browser here with a claim of their own gains nothing by it: who would have been asked is asked
// still, nothing of the user changes, and a session that is there lives no longer.
func TestDeviceAndForeignClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		bob, session, device := h.remembered(t, "bob@example.com")
		foreign := func(session string, n auth.Navigation) auth.Outcome {
			t.Helper()
			token, err := h.doors.Handoffs.Mint(h.acme, acmeHost, auth.Claim{
				Level: auth.Asserted, Source: auth.FromElsewhere, Landing: "/dashboard", Door: "redirect",
				Person: auth.Person{Email: "bob@example.com", Name: "Mallory", ExternalID: "x", Organization: "y", Locale: "z"},
			})
			if err != nil {
				t.Fatal(err)
			}
			a := h.at(token, n)
			a.Session, a.Device = session, device
			out, err := h.doors.Handoffs.Arrive(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if out.Verdict == auth.AskFirst { // and the visitor presses the button
				pressed, err := h.doors.Handoffs.Confirm(t.Context(), a)
				if err != nil || pressed.Session.Level != auth.Vouched {
					t.Errorf("pressed: %+v, %v, want the own vouched session", pressed, err)
				}
			}
			return out
		}
		if out := foreign("", click("https://evil.example/")); out.Verdict != auth.AskFirst {
			t.Errorf("signed out, from a page that nobody knows: %s, want a question", out.Verdict)
		}
		if out := foreign("", click("")); out.Verdict != auth.AskFirst {
			t.Errorf("signed out, from a mail: %s, want a question", out.Verdict)
		}
		_, eve := h.signIn(t, auth.Vouched, "eve@example.com", "")
		if out := foreign(eve, click(partner+"/")); out.Verdict != auth.AskFirst {
			t.Errorf("while Eve is signed in: %s, want a question", out.Verdict)
		}
		time.Sleep(time.Hour)
		out := foreign(session, click("https://evil.example/"))
		if out.Verdict != auth.SignIn || !out.Session.EndsAt.Equal(bob.EndsAt) || out.Remembered {
			t.Errorf("while Bob is signed in: %+v, want his session, to end when it did", out)
		}
		u, err := h.doors.Users.Find(t.Context(), h.acme, bob.User)
		if err != nil || u.Name != bob.Name || u.ExternalID != "" || u.Organization != "" || u.Locale != "" {
			t.Errorf("Bob is %+v, %v now, want nothing of the foreign claim", u, err)
		}
	})
}

func TestDeviceSlides(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		bob, _, device := h.remembered(t, "bob@example.com")
		time.Sleep(24 * time.Hour)
		if out := h.comes(t, "bob@example.com", device); out.Session.Level != auth.Vouched {
			t.Fatalf("after a day: %s", out.Session.Level)
		}
		list, err := h.doors.Devices.List(t.Context(), h.acme, bob.Identity())
		if err != nil || len(list) != 1 || !list[0].EndsAt.Equal(list[0].CreatedAt.Add(91*24*time.Hour)) {
			t.Errorf("devices %+v, %v, want one that lasts for 90 days from its use", list, err)
		}
		time.Sleep(90 * 24 * time.Hour)
		if out := h.comes(t, "bob@example.com", device); out.Session.Level != auth.Asserted {
			t.Errorf("after 90 days: %s, want asserted", out.Session.Level)
		}
	})
}

func TestDeviceIsForgotten(t *testing.T) {
	h := open(t)
	ctx, devices := t.Context(), h.doors.Devices
	bob, _, first := h.remembered(t, "bob@example.com")
	eve, _, hers := h.remembered(t, "eve@example.com")
	who, she := bob.Identity(), eve.Identity()
	list, err := devices.List(ctx, h.acme, who)
	if err != nil || len(list) != 1 || list[0].UserAgent != "Test/1.0" || list[0].Host != acmeHost {
		t.Fatalf("Bob's devices: %+v, %v", list, err)
	}
	if got, err := devices.List(ctx, h.bee, who); err != nil || len(got) != 0 {
		t.Errorf("at the other tenant: %v, %v", got, err)
	}
	asserted, _ := h.signIn(t, auth.Asserted, "bob@example.com", "")
	if got, err := devices.List(ctx, h.acme, asserted.Identity()); err != nil || len(got) != 0 {
		t.Errorf("who only claims to be Bob: %v, %v", got, err)
	}
	want(t, "Eve forgets Bob's", devices.Revoke(ctx, h.acme, she, list[0].ID), auth.ErrNotFound)
	want(t, "at the other tenant", devices.Revoke(ctx, h.bee, who, list[0].ID), auth.ErrNotFound)
	want(t, "Bob forgets his", devices.Revoke(ctx, h.acme, who, list[0].ID), nil)
	want(t, "again", devices.Revoke(ctx, h.acme, who, list[0].ID), auth.ErrNotFound)
	if out := h.comes(t, "bob@example.com", first); out.Session.Level != auth.Asserted {
		t.Errorf("revoked: %s", out.Session.Level)
	}
	want(t, "forget at the other tenant", devices.Forget(ctx, h.bee, hers), nil)
	if out := h.comes(t, "eve@example.com", hers); out.Session.Level != auth.Vouched {
		t.Errorf("Eve's browser: %s, want it to be remembered still", out.Session.Level)
	}
	for _, cookie := range []string{"", "nonsense", hers} {
		want(t, "forget", devices.Forget(ctx, h.acme, cookie), nil)
	}
	if out := h.comes(t, "eve@example.com", hers); out.Session.Level != auth.Asserted {
		t.Errorf("after signing out: %s", out.Session.Level)
	}
}

// A browser that is remembered for an address is not remembered for whoever has the address afterwards.
func TestDeviceAndMovedAddress(t *testing.T) {
	h := open(t)
	bob, _, device := h.remembered(t, "bob@example.com")
	_, early := h.signIn(t, auth.Asserted, "robert@example.com", "")
	if _, err := h.doors.Users.Change(t.Context(), h.acme, bob.User, "operator", func(u *auth.User) error { u.ExternalID = "7"; return nil }); err != nil {
		t.Fatal(err)
	}
	token, err := h.doors.Handoffs.Mint(h.acme, acmeHost, auth.Claim{
		Level: auth.Vouched, Person: auth.Person{Email: "robert@example.com", Name: "Bob", ExternalID: "7"}, Source: auth.FromServer,
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := h.doors.Handoffs.Confirm(t.Context(), h.at(token, auth.Navigation{})); err != nil || out.Session.User != bob.User {
		t.Fatalf("Bob with his new address: %+v, %v", out.Session, err)
	}
	_, err = h.find(t, early)
	want(t, "who only claimed his new address before", err, auth.ErrSignedOut)
	if out := h.comes(t, "bob@example.com", device); out.Session.Level != auth.Asserted {
		t.Errorf("his former address: %s, want asserted", out.Session.Level)
	}
}

// Signing out everywhere ends everything of that user, of more sessions than one transaction can end, and of nobody else.
func TestSignOutEverywhere(t *testing.T) {
	h := open(t)
	bob, secret, device := h.remembered(t, "bob@example.com")
	_, eve := h.signIn(t, auth.Vouched, "eve@example.com", "")
	for range 120 {
		h.signIn(t, auth.Vouched, "bob@example.com", "")
	}
	want(t, "at the other tenant", h.doors.Sessions.SignOut(t.Context(), h.bee, bob.Identity(), client), nil)
	if all, err := h.doors.Sessions.List(t.Context(), h.acme, bob.Identity()); err != nil || len(all) != 121 {
		t.Fatalf("%d sessions, %v, want 121", len(all), err)
	}
	want(t, "sign out", h.doors.Sessions.SignOut(t.Context(), h.acme, bob.Identity(), client), nil)
	if all, err := h.doors.Sessions.List(t.Context(), h.acme, bob.Identity()); err != nil || len(all) != 0 {
		t.Errorf("%d sessions, %v, want none", len(all), err)
	}
	_, err := h.find(t, secret)
	want(t, "his session", err, auth.ErrSignedOut)
	if out := h.comes(t, "bob@example.com", device); out.Session.Level != auth.Asserted {
		t.Errorf("his browser: %s, want asserted", out.Session.Level)
	}
	_, err = h.find(t, eve)
	want(t, "Eve's session", err, nil)
	h.audited(t, "session.ended")
}

// What one node ends, another does not take any more, at once and not when its memory of it is over.
func TestRevocationReachesOtherNodes(t *testing.T) {
	h := open(t)
	node := h.reopen(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		want(t, "the other node's end", <-done, context.Canceled)
	})
	gone := func(what, secret string, end func()) {
		t.Helper()
		find := func() error {
			_, err := node.Sessions.Find(t.Context(), h.acme, auth.RequesterSide, acmeHost, secret)
			return err
		}
		if err := find(); err != nil {
			t.Fatal(err)
		}
		end()
		for late := time.Now().Add(2 * time.Second); find() == nil; <-time.After(time.Millisecond) {
			if time.Now().After(late) {
				t.Errorf("%s: the other node still takes it", what)
				return
			}
		}
	}
	for range 2 { // for the first time, it may just begin to listen
		_, secret := h.signIn(t, auth.Vouched, "bob@example.com", "")
		gone("signed out", secret, func() {
			if err := h.doors.Sessions.End(t.Context(), h.acme, auth.RequesterSide, acmeHost, secret); err != nil {
				t.Fatal(err)
			}
		})
	}
	_, secret := h.signIn(t, auth.Asserted, "eve@example.com", "")
	gone("pre-hijacked", secret, func() { h.signIn(t, auth.Vouched, "eve@example.com", "") })
}
