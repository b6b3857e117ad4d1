package auth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	partners "github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

// widget signs somebody in at acme's widget on the partner's page, in a browser that has the secret in its cookie.
func (h *house) widget(tb testing.TB, email, secret string) auth.WidgetSession {
	tb.Helper()
	s, err := h.doors.Widgets.Identify(tb.Context(), auth.WidgetLogin{
		Tenant: h.acme, Host: acmeHost, Embedder: partner, Email: email, Name: "Name of " + email, Session: secret,
		Client: auth.Client{IP: addr()},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// userToken is what the partner's server makes for its user.
func (h *house) userToken(t *testing.T, email string) string {
	t.Helper()
	body := fmt.Sprintf(`{"email":%q,"name":"Bob","exp":%d}`, email, time.Now().Add(time.Minute).Unix())
	return jws(key(t, h, h.acme, tenant.KindJWT).Secret, hs256, body)
}

func (h *house) bearer(tb testing.TB, bearer string) (auth.Session, error) {
	tb.Helper()
	return h.doors.Sessions.FindBearer(tb.Context(), h.acme, acmeHost, bearer)
}

// TestWidgetSessionIsBound: neither of the widget's secrets opens anything on another side, at another host, for another tenant
// or on another page.
func TestWidgetSessionIsBound(t *testing.T) {
	h := open(t)
	ctx, sessions, widgets := t.Context(), h.doors.Sessions, h.doors.Widgets
	s := h.widget(t, "bob@example.com", "")
	if found, err := h.bearer(t, s.Bearer); err != nil || found.Email != "bob@example.com" || found.Level != auth.Asserted || found.Lineage == "" {
		t.Fatalf("the bearer stands for %+v, %v", found, err)
	}
	bare := s.Bearer[len(auth.BearerPrefix):]
	for what, try := range map[string]func() error{
		"the bearer at another host":   func() error { _, err := sessions.FindBearer(ctx, h.acme, beeHost, s.Bearer); return err },
		"the bearer at another tenant": func() error { _, err := sessions.FindBearer(ctx, h.bee, acmeHost, s.Bearer); return err },
		"the bearer without prefix":    func() error { _, err := h.bearer(t, bare); return err },
		"the cookie as a bearer":       func() error { _, err := h.bearer(t, s.Secret); return err },
		"the cookie with the prefix":   func() error { _, err := h.bearer(t, auth.BearerPrefix+s.Secret); return err },
		"the cookie at the host":       func() error { _, err := h.find(t, s.Secret); return err },
		"the bearer at the host":       func() error { _, err := h.find(t, bare); return err },
		"the cookie as staff's":        func() error { _, err := sessions.Find(ctx, h.acme, auth.StaffSide, acmeHost, s.Secret); return err },
		"the cookie on another page": func() error {
			_, err := widgets.Resume(ctx, h.acme, acmeHost, "https://"+string(acmeHost), s.Secret)
			return err
		},
		"the cookie at another host": func() error { _, err := widgets.Resume(ctx, h.acme, beeHost, partner, s.Secret); return err },
		"the bearer as the cookie":   func() error { _, err := widgets.Resume(ctx, h.acme, acmeHost, partner, bare); return err },
	} {
		want(t, what, try(), auth.ErrSignedOut)
	}
	h.set(t, &h.acme, "allowed_origins", "")
	_, err := widgets.Resume(ctx, h.acme, acmeHost, partner, s.Secret)
	want(t, "the cookie on a page that is allowed no more", err, auth.ErrOriginNotAllowed)
}

// TestWidgetLife: a bearer lasts eight hours at most, its session as long as any of its level, and neither when it is not used.
func TestWidgetLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		idle, used := h.widget(t, "idle@example.com", ""), h.widget(t, "used@example.com", "")
		born := time.Now()
		use := func(bearer string, until time.Duration) error {
			for time.Since(born) < until {
				if _, err := h.bearer(t, bearer); err != nil {
					return err
				}
				time.Sleep(time.Hour)
			}
			return nil
		}
		if err := use(used.Bearer, 8*time.Hour); err != nil {
			t.Errorf("a bearer that is used ended early: %v", err)
		}
		_, err := h.bearer(t, used.Bearer)
		want(t, "a bearer after eight hours", err, auth.ErrSignedOut)
		_, err = h.doors.Widgets.Resume(t.Context(), h.acme, acmeHost, partner, idle.Secret)
		want(t, "a session after eight idle hours", err, auth.ErrSignedOut)
		for _, end := range []time.Duration{16 * time.Hour, 24 * time.Hour} {
			s, err := h.doors.Widgets.Resume(t.Context(), h.acme, acmeHost, partner, used.Secret)
			if err != nil {
				t.Fatalf("a new bearer after %s: %v", time.Since(born), err)
			}
			if err := use(s.Bearer, end-time.Minute); err != nil {
				t.Errorf("the bearer of %s ended early: %v", time.Since(born), err)
			}
		}
		_, err = h.doors.Widgets.Resume(t.Context(), h.acme, acmeHost, partner, used.Secret)
		want(t, "an asserted session after a day", err, auth.ErrSignedOut)
	})
}

// TestWidgetSessionEnds: at its holder's wish from anywhere, and with the owner's first proof if it was only asserted. A bearer
// that is in memory is over at once, on each node.
func TestWidgetSessionEnds(t *testing.T) {
	h := open(t)
	over := func(what string, s auth.WidgetSession) {
		t.Helper()
		_, err := h.bearer(t, s.Bearer)
		want(t, what+": bearer", err, auth.ErrSignedOut)
		_, err = h.doors.Widgets.Resume(t.Context(), h.acme, acmeHost, partner, s.Secret)
		want(t, what+": cookie", err, auth.ErrSignedOut)
	}
	warm := func(s auth.WidgetSession) auth.WidgetSession {
		t.Helper()
		if _, err := h.bearer(t, s.Bearer); err != nil {
			t.Fatal(err)
		}
		return s
	}

	byBearer := warm(h.widget(t, "a@example.com", ""))
	want(t, "end by bearer", h.doors.Widgets.End(t.Context(), h.acme, acmeHost, partner, "", byBearer.Bearer), nil)
	over("ended by its bearer", byBearer)
	byCookie := warm(h.widget(t, "a@example.com", ""))
	want(t, "end by cookie", h.doors.Widgets.End(t.Context(), h.acme, acmeHost, partner, byCookie.Secret, ""), nil)
	over("ended by its cookie", byCookie)
	replaced := warm(h.widget(t, "a@example.com", ""))
	next := warm(h.widget(t, "a@example.com", replaced.Secret))
	over("replaced", replaced)
	if next.Session.Lineage != replaced.Session.Lineage {
		t.Error("the same address in the same widget begins another lineage")
	}
	if other := h.widget(t, "b@example.com", next.Secret); other.Session.Lineage == next.Session.Lineage {
		t.Error("another address goes on with the lineage")
	}

	claimed := warm(h.widget(t, "owner@example.com", ""))
	h.signIn(t, auth.Vouched, "owner@example.com", "")
	over("asserted before the owner's first proof", claimed)
}

// TestWidgetSessionIsListed: a vouched session of the widget stands in its holder's list. Revoked there, it is over at once, at
// each node.
func TestWidgetSessionIsListed(t *testing.T) {
	h := open(t)
	session, _ := h.signIn(t, auth.Vouched, "owner@example.com", "")
	vouched, err := h.doors.Widgets.Identify(t.Context(), auth.WidgetLogin{
		Tenant: h.acme, Host: acmeHost, Embedder: partner, Token: h.userToken(t, "owner@example.com"), Client: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	node := h.reopen(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		want(t, "the other node's end", <-done, context.Canceled)
	})
	at := func(doors *auth.Doors) error {
		_, err := doors.Sessions.FindBearer(ctx, h.acme, acmeHost, vouched.Bearer)
		return err
	}
	want(t, "the bearer at the other node", at(node), nil)
	want(t, "the bearer", at(h.doors), nil)
	listed, err := h.doors.Sessions.List(ctx, h.acme, session.Identity())
	if err != nil || len(listed) != 2 || listed[0].Embedder+listed[1].Embedder != partner {
		t.Fatalf("the owner's sessions are %+v, %v", listed, err)
	}
	want(t, "revoke", h.doors.Sessions.Revoke(ctx, h.acme, session.Identity(), vouched.Session.ID), nil)
	want(t, "the bearer after that", at(h.doors), auth.ErrSignedOut)
	_, err = h.doors.Widgets.Resume(ctx, h.acme, acmeHost, partner, vouched.Secret)
	want(t, "the cookie after that", err, auth.ErrSignedOut)
	for late := time.Now().Add(2 * time.Second); at(node) == nil; <-time.After(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("the other node still takes the bearer")
		}
	}
}

// TestWidgetTokenOnce: of any number of sign-ins with one token one gets in.
func TestWidgetTokenOnce(t *testing.T) {
	h := open(t)
	for i := range 150 { // the window is small: nearly all latecomers are told before they try
		token := h.userToken(t, fmt.Sprintf("bob%d@example.com", i))
		var in atomic.Int32
		var all sync.WaitGroup
		begin := make(chan struct{})
		for range 32 {
			all.Go(func() {
				<-begin
				_, err := h.doors.Widgets.Identify(t.Context(), auth.WidgetLogin{
					Tenant: h.acme, Host: acmeHost, Embedder: partner, Token: token, Client: auth.Client{IP: addr()},
				})
				switch {
				case err == nil:
					in.Add(1)
				case !errors.Is(err, partners.ErrReplayed):
					t.Error(err)
				}
			})
		}
		close(begin)
		all.Wait()
		if in.Load() != 1 {
			t.Errorf("%d sign-ins with one token", in.Load())
		}
	}
	if e := h.audited(t, "session.started"); e.Object != "bob149@example.com" || e.Detail != "widget, vouched, at "+string(acmeHost) {
		t.Errorf("audit log: %+v", e)
	}
}
