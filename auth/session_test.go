package auth_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/deskgate/deskgate/auth"
)

func TestSessionIsBound(t *testing.T) {
	h := open(t)
	ctx, sessions := t.Context(), h.doors.Sessions
	s, secret := h.signIn(t, auth.Vouched, "bob@example.com", "")
	found, err := h.find(t, secret)
	if err != nil || found.ID != s.ID || found.Email != "bob@example.com" || found.Level != auth.Vouched {
		t.Fatalf("found %+v, %v", found, err)
	}
	if id := found.Identity(); id.Tenant != h.acme.ID || id.ID == "" || id.Session != s.ID || !id.Requester() {
		t.Errorf("identity %+v", id)
	}
	_, err = sessions.Find(ctx, h.bee, auth.RequesterSide, acmeHost, secret)
	want(t, "the other tenant", err, auth.ErrSignedOut)
	_, err = sessions.Find(ctx, h.acme, auth.RequesterSide, beeHost, secret)
	want(t, "the other host", err, auth.ErrSignedOut)
	_, err = sessions.Find(ctx, h.acme, auth.StaffSide, acmeHost, secret)
	want(t, "staff", err, auth.ErrSignedOut)
	for _, bad := range []string{"", "x", secret + "A", secret[1:], s.ID, strings.Repeat("A", 43), strings.Repeat("\xff", 43), strings.ToLower(secret)} {
		_, err = h.find(t, bad)
		want(t, bad, err, auth.ErrSignedOut)
	}
	want(t, "end at the other tenant", sessions.End(ctx, h.bee, auth.RequesterSide, acmeHost, secret), nil)
	want(t, "end as staff", sessions.End(ctx, h.acme, auth.StaffSide, acmeHost, secret), nil)
	if _, err = h.find(t, secret); err != nil {
		t.Errorf("after others tried to end it: %v", err)
	}
	want(t, "end", sessions.End(ctx, h.acme, auth.RequesterSide, acmeHost, secret), nil)
	_, err = h.find(t, secret)
	want(t, "after its end", err, auth.ErrSignedOut)
	want(t, "end again", sessions.End(ctx, h.acme, auth.RequesterSide, acmeHost, secret), nil)
}

// Whoever reads the disk gets no session out of it.
func TestSecretsAreNotStored(t *testing.T) {
	h := open(t)
	_, session := h.signIn(t, auth.Vouched, "bob@example.com", "")
	token := h.token(t, h.acme, auth.TicketsRead)
	invite := h.invite(t, "agent@example.com", auth.RoleAgent)
	packed, unpacked := &bytes.Buffer{}, &strings.Builder{}
	if _, err := h.store.Backup(t.Context(), packed, nil); err != nil {
		t.Fatal(err)
	}
	packed.Next(bytes.Index(packed.Bytes(), []byte{0x28, 0xb5, 0x2f, 0xfd})) // to the compressed part
	r, err := zstd.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(unpacked, r); err != nil {
		t.Fatal(err)
	}
	raw := unpacked.String()
	for what, secret := range map[string]string{"session": session, "API token": token, "invitation": invite} {
		if strings.Contains(raw, secret) || strings.Contains(raw, strings.TrimPrefix(secret, "dgt_")) {
			t.Errorf("the %s's secret is on disk", what)
		}
	}
	if !strings.Contains(raw, "bob@example.com") {
		t.Error("the test does not look at what is stored")
	}
}

func TestSessionsEnd(t *testing.T) {
	for _, tc := range []struct {
		level auth.Level
		most  time.Duration
	}{{auth.Vouched, 30 * 24 * time.Hour}, {auth.Asserted, 24 * time.Hour}} {
		t.Run(tc.level.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := open(t)
				_, idle := h.signIn(t, tc.level, "idle@example.com", "")
				_, used := h.signIn(t, tc.level, "used@example.com", "")
				born := time.Now()
				time.Sleep(8*time.Hour - time.Second)
				if _, err := h.find(t, used); err != nil {
					t.Errorf("after nearly 8 hours: %v", err)
				}
				time.Sleep(time.Second)
				_, err := h.find(t, idle)
				want(t, "after 8 idle hours", err, auth.ErrSignedOut)
				for time.Since(born) < tc.most-7*time.Hour {
					time.Sleep(7 * time.Hour)
					if _, err := h.find(t, used); err != nil {
						t.Fatalf("after %s: %v", time.Since(born), err)
					}
				}
				time.Sleep(time.Until(born.Add(tc.most)))
				_, err = h.find(t, used)
				want(t, "after its longest life", err, auth.ErrSignedOut)
			})
		})
	}
}

// Looking a session up writes at most once in five minutes.
func TestSeenIsWrittenSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		_, secret := h.signIn(t, auth.Vouched, "bob@example.com", "")
		written := map[time.Time]bool{}
		for range 60 {
			s, err := h.find(t, secret)
			if err != nil {
				t.Fatal(err)
			}
			written[s.SeenAt] = true
			time.Sleep(20 * time.Second)
		}
		if n := len(written); n < 3 || n > 5 {
			t.Errorf("written %d times in 20 minutes", n)
		}
	})
}

func TestNewSessionAtEverySignIn(t *testing.T) {
	h := open(t)
	_, first := h.signIn(t, auth.Vouched, "bob@example.com", "")
	_, second := h.signIn(t, auth.Vouched, "bob@example.com", first)
	if first == second {
		t.Error("the secret stays the same")
	}
	_, err := h.find(t, first)
	want(t, "the session of before", err, auth.ErrSignedOut)
	_, third := h.signIn(t, auth.Asserted, "eve@example.com", second)
	_, err = h.find(t, second)
	want(t, "another user's session in the same browser", err, auth.ErrSignedOut)
	if _, err := h.find(t, third); err != nil {
		t.Error(err)
	}
}

func TestLineage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		a1, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
		if a1.Lineage == "" || a1.User != "" {
			t.Fatalf("asserted session %+v", a1)
		}
		a2, secret := h.signIn(t, auth.Asserted, "bob@example.com", secret)
		if a2.Lineage != a1.Lineage {
			t.Error("the same address in the same browser begins another lineage")
		}
		b, _ := h.signIn(t, auth.Asserted, "bob@example.com", "")
		if b.Lineage == a1.Lineage {
			t.Error("another browser continues the lineage")
		}
		e, eve := h.signIn(t, auth.Asserted, "eve@example.com", secret)
		if e.Lineage == a1.Lineage {
			t.Error("another address continues the lineage")
		}
		if again, _ := h.signIn(t, auth.Asserted, "bob@example.com", eve); again.Lineage == a1.Lineage {
			t.Error("the lineage continues behind somebody else's session")
		}
		if _, err := h.doors.Users.ByEmail(t.Context(), h.acme, "bob@example.com"); err == nil {
			t.Error("an asserted login made a user")
		}
	})
}

func TestAssertedLoginKeepsVouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		v, secret := h.signIn(t, auth.Vouched, "bob@example.com", "")
		time.Sleep(time.Hour)
		kept, next := h.signIn(t, auth.Asserted, "bob@example.com", secret)
		if kept.Level != auth.Vouched || kept.User != v.User || kept.ID == v.ID || !kept.EndsAt.Equal(v.EndsAt) {
			t.Errorf("kept %+v of %+v", kept, v)
		}
		_, err := h.find(t, secret)
		want(t, "the secret of before", err, auth.ErrSignedOut)
		if other, _ := h.signIn(t, auth.Asserted, "eve@example.com", next); other.Level != auth.Asserted || other.User != "" {
			t.Errorf("another address inherits %+v", other)
		}
		if s, _ := h.signIn(t, auth.Asserted, "bob@example.com", ""); s.Level != auth.Asserted {
			t.Errorf("another browser inherits %+v", s)
		}
	})
}

func TestFirstVouchedLoginEndsAssertedSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		var pretenders []string
		for range 3 {
			_, secret := h.signIn(t, auth.Asserted, "bob@example.com", "")
			pretenders = append(pretenders, secret)
		}
		_, eve := h.signIn(t, auth.Asserted, "eve@example.com", "")
		time.Sleep(time.Minute)
		for _, secret := range append(pretenders, eve) { // just looked up, they end as well
			if _, err := h.find(t, secret); err != nil {
				t.Fatal(err)
			}
		}
		v, _ := h.signIn(t, auth.Vouched, "bob@example.com", "")
		if v.User == "" || v.Lineage != "" {
			t.Errorf("vouched session %+v", v)
		}
		for i, secret := range pretenders {
			_, err := h.find(t, secret)
			want(t, fmt.Sprint("pretender ", i), err, auth.ErrSignedOut)
		}
		if _, err := h.find(t, eve); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(time.Minute)
		_, late := h.signIn(t, auth.Asserted, "bob@example.com", "")
		h.signIn(t, auth.Vouched, "bob@example.com", "")
		if _, err := h.find(t, late); err != nil {
			t.Errorf("asserted after the first vouched login: %v", err)
		}
	})
}

func TestListAndRevokeSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx, sessions := t.Context(), h.doors.Sessions
		one, first := h.signIn(t, auth.Vouched, "bob@example.com", "")
		time.Sleep(time.Minute)
		two, _ := h.signIn(t, auth.Vouched, "bob@example.com", "")
		eve, _ := h.signIn(t, auth.Vouched, "eve@example.com", "")
		asserted, _ := h.signIn(t, auth.Asserted, "bob@example.com", "")

		list, err := sessions.List(ctx, h.acme, one.Identity())
		if err != nil || len(list) != 2 || list[0].ID != two.ID || list[1].ID != one.ID || list[0].UserAgent != "Test/1.0" || list[0].IP != "192.0.2.7" {
			t.Errorf("bob's sessions: %+v, %v", list, err)
		}
		if list, err := sessions.List(ctx, h.acme, asserted.Identity()); err != nil || len(list) != 1 || list[0].ID != asserted.ID {
			t.Errorf("the asserted one's: %+v, %v", list, err)
		}
		if list, err := sessions.List(ctx, h.bee, one.Identity()); err != nil || len(list) != 0 {
			t.Errorf("at the other tenant: %+v, %v", list, err)
		}
		want(t, "revoke another's", sessions.Revoke(ctx, h.acme, one.Identity(), eve.ID), auth.ErrNotFound)
		want(t, "revoke from asserted", sessions.Revoke(ctx, h.acme, asserted.Identity(), one.ID), auth.ErrNotFound)
		want(t, "revoke at the other tenant", sessions.Revoke(ctx, h.bee, one.Identity(), one.ID), auth.ErrNotFound)
		want(t, "revoke", sessions.Revoke(ctx, h.acme, two.Identity(), one.ID), nil)
		_, err = h.find(t, first)
		want(t, "after it was revoked", err, auth.ErrSignedOut)
		time.Sleep(9 * time.Hour)
		if list, err := sessions.List(ctx, h.acme, two.Identity()); err != nil || len(list) != 0 {
			t.Errorf("after 9 idle hours: %+v, %v", list, err)
		}
	})
}

// Whoever signs out everywhere is signed out everywhere, however many sessions of theirs are over already.
func TestSignOutBehindSessionsThatAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		for range 1100 {
			h.signIn(t, auth.Vouched, "bob@example.com", "")
		}
		time.Sleep(9 * time.Hour)
		var one auth.Session
		var open []string
		for range 60 {
			s, secret := h.signIn(t, auth.Vouched, "bob@example.com", "")
			one, open = s, append(open, secret)
		}
		_, eve := h.signIn(t, auth.Vouched, "eve@example.com", "")
		want(t, "sign out", h.doors.Sessions.SignOut(t.Context(), h.acme, one.Identity(), client), nil)
		for i, secret := range open {
			_, err := h.find(t, secret)
			want(t, fmt.Sprint("session ", i), err, auth.ErrSignedOut)
		}
		if _, err := h.find(t, eve); err != nil {
			t.Errorf("somebody else: %v", err)
		}
	})
}

func TestSignInsAreAudited(t *testing.T) {
	h := open(t)
	s, _ := h.signIn(t, auth.Vouched, "bob@example.com", "")
	e := h.audited(t, "session.started")
	if e.Action != "session.started" || e.Actor != "requester:"+s.User || e.Object != "bob@example.com" || e.IP != "192.0.2.7" {
		t.Errorf("audit %+v", e)
	}
	for _, e := range h.audit(t, h.bee) {
		if strings.Contains(e.Object, "bob") {
			t.Errorf("the other tenant reads %+v", e)
		}
	}
}

// However many are looking a session up: once its end has returned, nobody finds it.
func TestEndIsSeenAtOnce(t *testing.T) {
	h := open(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	for range 20 {
		_, secret := h.signIn(t, auth.Vouched, "bob@example.com", "")
		stop := make(chan struct{})
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = h.doors.Sessions.Find(context.Background(), h.acme, auth.RequesterSide, acmeHost, secret)
					}
				}
			})
		}
		want(t, "end", h.doors.Sessions.End(t.Context(), h.acme, auth.RequesterSide, acmeHost, secret), nil)
		for range 20 {
			_, err := h.find(t, secret)
			want(t, "afterwards", err, auth.ErrSignedOut)
		}
		close(stop)
	}
}
