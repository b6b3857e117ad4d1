package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

// at is an arrival at acme's host.
func (h *house) at(token string, n auth.Navigation) auth.Arrival {
	return auth.Arrival{Tenant: h.acme, Host: acmeHost, Token: token, Navigation: n, Client: client}
}

func TestHandoffIsBound(t *testing.T) {
	h := open(t)
	ctx, handoffs := t.Context(), h.doors.Handoffs
	token := h.mint(t, auth.Vouched, "bob@example.com")
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(i int) string {
		b := append([]byte(nil), raw...)
		b[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(b)
	}
	for _, tc := range []struct {
		what  string
		t     *tenant.Tenant
		host  tenant.Host
		token string
	}{
		{"another tenant", h.bee, acmeHost, token},
		{"another tenant at its host", h.bee, beeHost, token},
		{"another host", h.acme, "help.acme.example", token},
		{"version", h.acme, acmeHost, flipped(0)},
		{"purpose", h.acme, acmeHost, flipped(1)},
		{"key", h.acme, acmeHost, flipped(2)},
		{"nonce", h.acme, acmeHost, flipped(3)},
		{"text", h.acme, acmeHost, flipped(20)},
		{"tag", h.acme, acmeHost, flipped(len(raw) - 1)},
		{"short", h.acme, acmeHost, token[:len(token)-4]},
		{"nothing", h.acme, acmeHost, ""},
		{"head alone", h.acme, acmeHost, base64.RawURLEncoding.EncodeToString(raw[:3])},
		{"padding", h.acme, acmeHost, token + "="},
		{"white space", h.acme, acmeHost, token + "\n"},
		{"standard base64", h.acme, acmeHost, base64.StdEncoding.EncodeToString(raw) + "/+"},
		{"huge", h.acme, acmeHost, strings.Repeat("A", 1<<20)},
		{"another's making", h.acme, acmeHost, open(t).mint(t, auth.Vouched, "bob@example.com")},
	} {
		_, err := handoffs.Peek(ctx, tc.t, tc.host, tc.token)
		want(t, "peek: "+tc.what, err, auth.ErrTokenInvalid)
		_, err = handoffs.Confirm(ctx, auth.Arrival{Tenant: tc.t, Host: tc.host, Token: tc.token})
		want(t, "confirm: "+tc.what, err, auth.ErrTokenInvalid)
	}
	c, err := handoffs.Peek(ctx, h.acme, acmeHost, token)
	if err != nil || c.Email != "bob@example.com" || c.Level != auth.Vouched {
		t.Errorf("peek: %+v, %v", c, err)
	}
	if _, err := handoffs.Confirm(ctx, h.at(token, auth.Navigation{})); err != nil {
		t.Errorf("the token itself, after all this: %v", err)
	}
	_, err = handoffs.Confirm(ctx, h.at(token, auth.Navigation{}))
	want(t, "again", err, auth.ErrTokenUsed)
	_, err = handoffs.Peek(ctx, h.acme, acmeHost, token)
	want(t, "peek afterwards", err, auth.ErrTokenUsed)
}

func TestHandoffExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		late, used, good := h.mint(t, auth.Asserted, "a@example.com"), h.mint(t, auth.Asserted, "b@example.com"), h.mint(t, auth.Asserted, "c@example.com")
		if _, err := h.doors.Handoffs.Confirm(t.Context(), h.at(used, auth.Navigation{})); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Minute - time.Millisecond)
		_, err := h.doors.Handoffs.Confirm(t.Context(), h.at(used, auth.Navigation{}))
		want(t, "used, at the last moment", err, auth.ErrTokenUsed)
		_, err = h.doors.Handoffs.Confirm(t.Context(), h.at(good, auth.Navigation{}))
		want(t, "good, at the last moment", err, nil)
		time.Sleep(time.Millisecond)
		for _, token := range []string{late, used, good} {
			_, err := h.doors.Handoffs.Confirm(t.Context(), h.at(token, auth.Navigation{}))
			want(t, "after two minutes", err, auth.ErrTokenExpired)
		}
	})
}

// 64 at once: one wins, however they come.
func TestHandoffOnceOfMany(t *testing.T) {
	h := open(t)
	token := h.mint(t, auth.Vouched, "bob@example.com")
	ways := []func(context.Context, auth.Arrival) (auth.Outcome, error){
		h.doors.Handoffs.Confirm,
		h.doors.Handoffs.Arrive,
		h.reopen(t).Handoffs.Confirm,
		func(ctx context.Context, a auth.Arrival) (auth.Outcome, error) {
			a.Navigation = auth.Navigation{Method: "GET"}
			return h.doors.Handoffs.Arrive(ctx, a)
		},
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		wins int
	)
	for i := range 64 {
		wg.Go(func() {
			out, err := ways[i%len(ways)](context.Background(), h.at(token, click(partner+"/")))
			if err != nil {
				want(t, "loser", err, auth.ErrTokenUsed)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if wins++; out.Verdict != auth.SignIn && out.Verdict != auth.Chained {
				t.Errorf("a winner got %s", out.Verdict)
			}
		})
	}
	wg.Wait()
	if wins != 1 {
		t.Errorf("%d won, want 1", wins)
	}
}

// What the callback does, row by row of the table.
func TestCallback(t *testing.T) {
	get := func(n auth.Navigation) auth.Navigation { n.Method = "GET"; return n }
	for _, tc := range []struct {
		what string
		n    auth.Navigation
		want auth.Verdict
	}{
		{"HEAD", auth.Navigation{Method: "HEAD", FetchMode: "navigate", FetchDest: "document"}, auth.AnswerHead},
		{"HEAD of a script", auth.Navigation{Method: "HEAD"}, auth.AnswerHead},
		{"preflight", auth.Navigation{Method: "OPTIONS", Origin: "null"}, auth.Preflight},
		{"prefetch", get(auth.Navigation{Speculative: true, FetchSite: "none", FetchMode: "navigate", FetchDest: "document"}), auth.Speculation},
		{"prefetch without Sec-Fetch", get(auth.Navigation{Speculative: true}), auth.Speculation},
		{"prefetch by fetch", get(auth.Navigation{Speculative: true, Origin: "null"}), auth.Speculation},
		{"fetch in Chromium, Firefox", get(auth.Navigation{Origin: "null", FetchSite: "cross-site", FetchMode: "cors", FetchDest: "empty"}), auth.Ready},
		{"fetch in WebKit", get(auth.Navigation{Origin: "null"}), auth.Ready},
		{"fetch from an allowed origin", get(auth.Navigation{Origin: partner}), auth.Ready},
		{"fetch from another origin", get(auth.Navigation{Origin: "https://evil.example"}), auth.Ready},
		{"fetch with no-cors", get(auth.Navigation{FetchSite: "cross-site", FetchMode: "no-cors", FetchDest: "empty"}), auth.Ready},
		{"image", get(auth.Navigation{FetchSite: "cross-site", FetchMode: "no-cors", FetchDest: "image"}), auth.Ready},
		{"script", get(auth.Navigation{FetchSite: "same-origin", FetchMode: "no-cors", FetchDest: "script"}), auth.Ready},
		{"WebSocket", get(auth.Navigation{FetchSite: "cross-site", FetchMode: "websocket", FetchDest: "empty"}), auth.Ready},
		{"site alone", get(auth.Navigation{FetchSite: "cross-site"}), auth.Ready},
		{"dest alone", get(auth.Navigation{FetchDest: "document"}), auth.Ready},
		{"frame", get(auth.Navigation{FetchSite: "cross-site", FetchMode: "navigate", FetchDest: "iframe", Referer: partner + "/"}), auth.NewTab},
		{"embed", get(auth.Navigation{FetchSite: "cross-site", FetchMode: "navigate", FetchDest: "embed"}), auth.NewTab},
		{"navigation without a dest", get(auth.Navigation{FetchMode: "navigate"}), auth.NewTab},
		{"navigation with Origin", get(auth.Navigation{Origin: partner, FetchMode: "navigate", FetchDest: "document"}), auth.Ready},
		{"visit from the partner", click(partner + "/help"), auth.SignIn},
		{"visit from elsewhere", click("https://evil.example/"), auth.AskFirst},
		{"script", get(auth.Navigation{}), auth.Chained},
		{"old browser", get(auth.Navigation{Referer: "https://evil.example/"}), auth.Chained},
	} {
		t.Run(tc.what, func(t *testing.T) {
			h := open(t)
			token := h.mint(t, auth.Asserted, "bob@example.com")
			out, err := h.doors.Handoffs.Arrive(t.Context(), h.at(token, tc.n))
			if err != nil || out.Verdict != tc.want {
				t.Fatalf("%+v = %s, %v, want %s", tc.n, out.Verdict, err, tc.want)
			}
			if (out.Secret != "") != (tc.want == auth.SignIn) || (out.Next != "") != (tc.want == auth.Chained) || (out.Chain != "") != (tc.want == auth.Chained) {
				t.Errorf("outcome %+v", out)
			}
			_, err = h.doors.Handoffs.Confirm(t.Context(), h.at(token, auth.Navigation{}))
			if consumed := errors.Is(err, auth.ErrTokenUsed); consumed != (tc.want == auth.SignIn || tc.want == auth.Chained) {
				t.Errorf("token afterwards: %v", err)
			}
			// A token that is none makes no difference where it is not to be looked up.
			_, err = h.doors.Handoffs.Arrive(t.Context(), h.at("x", tc.n))
			if looked := errors.Is(err, auth.ErrTokenInvalid); looked != (tc.want == auth.SignIn || tc.want == auth.Chained || tc.want == auth.AskFirst) {
				t.Errorf("with a bad token: %v", err)
			}
		})
	}
}

// Who is signed in silently, and who is asked.
func TestLoginCSRF(t *testing.T) {
	h := open(t)
	h.bind(t, tenant.Binding{Host: "help.acme.example", Tenant: h.acme.ID, Served: true})
	none := ""
	_, bobAsserted := h.signIn(t, auth.Asserted, "bob@example.com", "")
	for i, tc := range []struct {
		what    string
		level   auth.Level
		source  auth.Source
		referer string
		had     string // whose session, "" for none
		want    auth.Verdict
	}{
		{"partner", auth.Asserted, auth.FromListed, partner + "/x", "", auth.SignIn},
		{"partner's origin alone", auth.Asserted, auth.FromListed, partner, "", auth.SignIn},
		{"partner, minted by its server", auth.Vouched, auth.FromServer, partner + "/", "", auth.SignIn},
		{"partner's link, minted elsewhere", auth.Asserted, auth.FromElsewhere, partner + "/", "", auth.AskFirst},
		{"our own page", auth.Asserted, auth.FromListed, "https://acme.tickets.example/dashboard", "", auth.SignIn},
		{"our own custom host", auth.Asserted, auth.FromListed, "https://help.acme.example/", "", auth.SignIn},
		{"the node's page", auth.Asserted, auth.FromListed, "https://tickets.example/test-auth-redirect", "", auth.SignIn},
		{"the other tenant's page", auth.Vouched, auth.FromServer, "https://bee.tickets.example/", "", auth.AskFirst},
		{"a page nobody knows", auth.Vouched, auth.FromServer, "https://evil.example/", "", auth.AskFirst},
		{"suffix", auth.Asserted, auth.FromListed, partner + ".evil.example/", "", auth.AskFirst},
		{"other port", auth.Asserted, auth.FromListed, partner + ":8443/", "", auth.AskFirst},
		{"other scheme", auth.Asserted, auth.FromListed, "http://app.acme.example/", "", auth.AskFirst},
		{"broken Referer", auth.Asserted, auth.FromListed, "%", "", auth.AskFirst},
		{"mail, asserted", auth.Asserted, auth.FromServer, none, "", auth.AskFirst},
		{"mail, vouched", auth.Vouched, auth.FromServer, none, "", auth.SignIn},
		{"mail, vouched in a browser", auth.Vouched, auth.FromListed, none, "", auth.AskFirst},
		{"mail, vouched, somebody signed in", auth.Vouched, auth.FromServer, none, "eve@example.com", auth.AskFirst},
		{"same user from anywhere", auth.Asserted, auth.FromElsewhere, "https://evil.example/", "bob@example.com", auth.SignIn},
		{"same user by mail", auth.Asserted, auth.FromServer, none, "bob@example.com", auth.SignIn},
		{"another user from the partner", auth.Vouched, auth.FromListed, partner + "/", "eve@example.com", auth.AskFirst},
	} {
		t.Run(tc.what, func(t *testing.T) {
			token, err := h.doors.Handoffs.Mint(h.acme, acmeHost, auth.Claim{
				Level: tc.level, Source: tc.source, Person: auth.Person{Email: "bob@example.com", Name: "Bob"}, Landing: fmt.Sprint("/", i),
			})
			if err != nil {
				t.Fatal(err)
			}
			a := h.at(token, click(tc.referer))
			if tc.had != "" {
				_, a.Session = h.signIn(t, auth.Vouched, tc.had, "")
			}
			out, err := h.doors.Handoffs.Arrive(t.Context(), a)
			if err != nil || out.Verdict != tc.want {
				t.Fatalf("%s, %v, want %s", out.Verdict, err, tc.want)
			}
			if tc.want == auth.SignIn {
				if out.Landing != fmt.Sprint("/", i) {
					t.Errorf("lands on %q", out.Landing)
				}
				return
			}
			if out.Email != "b•••@example.com" || out.Secret != "" {
				t.Errorf("asks with %+v", out)
			}
			if out, err = h.doors.Handoffs.Confirm(t.Context(), a); err != nil || out.Verdict != auth.SignIn || out.Session.Email != "bob@example.com" {
				t.Errorf("after the button: %+v, %v", out, err)
			}
		})
	}
	a := h.at(h.mint(t, auth.Vouched, "bob@example.com"), click("https://evil.example/"))
	a.Session = bobAsserted
	if out, err := h.doors.Handoffs.Arrive(t.Context(), a); err != nil || out.Verdict != auth.AskFirst {
		t.Errorf("session that ended when bob first proved who he is: %s, %v", out.Verdict, err)
	}
}

// The way of a client that is no browser, and of the browser behind it.
func TestChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx, handoffs := t.Context(), h.doors.Handoffs
		script := auth.Navigation{Method: "GET"}
		begin := func() auth.Outcome {
			t.Helper()
			out, err := handoffs.Arrive(ctx, h.at(h.mint(t, auth.Asserted, "bob@example.com"), script))
			if err != nil || out.Verdict != auth.Chained {
				t.Fatalf("first step: %s, %v", out.Verdict, err)
			}
			return out
		}
		next := func(token, chain string, n auth.Navigation) (auth.Outcome, error) {
			a := h.at(token, n)
			a.Chain = chain
			return handoffs.Continue(ctx, a)
		}
		c := begin()
		if out, err := next(c.Next, c.Chain, script); err != nil || out.Verdict != auth.SignIn || out.Session.Level != auth.Asserted {
			t.Errorf("script with its cookie: %s, %v", out.Verdict, err)
		}
		_, err := next(c.Next, c.Chain, script)
		want(t, "again", err, auth.ErrTokenUsed)

		c = begin()
		other := begin()
		for _, chain := range []string{"", "x", other.Chain, c.Next} {
			if out, err := next(c.Next, chain, script); err != nil || out.Verdict != auth.Button || out.Email != "b•••@example.com" {
				t.Errorf("script with cookie %.8q: %s, %v", chain, out.Verdict, err)
			}
		}
		for _, n := range []auth.Navigation{
			{Method: "HEAD"},
			{Method: "GET", Speculative: true},
			{Method: "GET", Origin: "null"},
			{Method: "GET", FetchMode: "no-cors", FetchDest: "image"},
			{Method: "GET", FetchMode: "navigate", FetchDest: "iframe"},
		} {
			if out, err := next(c.Next, c.Chain, n); err != nil || out.Secret != "" {
				t.Errorf("%+v: %s, %v", n, out.Verdict, err)
			}
		}
		if out, err := next(c.Next, "", click("https://evil.example/")); err != nil || out.Verdict != auth.AskFirst {
			t.Errorf("a browser from elsewhere: %s, %v", out.Verdict, err)
		}
		if out, err := next(c.Next, "", click(partner+"/php")); err != nil || out.Verdict != auth.SignIn {
			t.Errorf("the partner's visitor: %s, %v", out.Verdict, err)
		}

		c = begin()
		if out, err := handoffs.Confirm(ctx, h.at(c.Next, auth.Navigation{Method: "POST"})); err != nil || out.Verdict != auth.SignIn {
			t.Errorf("the button: %s, %v", out.Verdict, err)
		}
		_, err = handoffs.Arrive(ctx, h.at(begin().Next, click(partner+"/")))
		want(t, "the second token at the first door", err, auth.ErrTokenInvalid)
		_, err = next(h.mint(t, auth.Asserted, "bob@example.com"), "", click(partner+"/"))
		want(t, "the first token at the second door", err, auth.ErrTokenInvalid)

		// An old browser tells no more than its Referer.
		c = begin()
		if out, err := next(c.Next, c.Chain, auth.Navigation{Method: "GET", Referer: "https://evil.example/"}); err != nil || out.Verdict != auth.AskFirst {
			t.Errorf("an old browser from elsewhere: %s, %v", out.Verdict, err)
		}
		if out, err := next(c.Next, c.Chain, auth.Navigation{Method: "GET", Referer: partner + "/"}); err != nil || out.Verdict != auth.SignIn {
			t.Errorf("an old browser from the partner: %s, %v", out.Verdict, err)
		}
		c = begin()
		a := h.at(c.Next, script)
		a.Chain = c.Chain
		_, a.Session = h.signIn(t, auth.Vouched, "eve@example.com", "")
		if out, err := handoffs.Continue(ctx, a); err != nil || out.Verdict != auth.AskFirst {
			t.Errorf("somebody else signed in: %s, %v", out.Verdict, err)
		}
		time.Sleep(2 * time.Minute)
		_, err = next(c.Next, c.Chain, script)
		want(t, "after two minutes", err, auth.ErrTokenExpired)
	})
}

func FuzzHandoffToken(f *testing.F) {
	h := open(f)
	good := h.mint(f, auth.Vouched, "bob@example.com")
	for _, s := range []string{good, good[4:], "", "AWgB", good + "=", good + good} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := h.doors.Handoffs.Peek(t.Context(), h.acme, acmeHost, token)
		if token != good && !errors.Is(err, auth.ErrTokenInvalid) {
			t.Errorf("Peek(%q) = %+v, %v", token, c, err)
		}
		if token == good && err != nil && !errors.Is(err, auth.ErrTokenExpired) {
			t.Errorf("the good one: %v", err)
		}
	})
}
