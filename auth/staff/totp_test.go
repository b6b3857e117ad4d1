package staff_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/staff"
)

// codeAt is what an authenticator with this key shows at a time.
func codeAt(tb testing.TB, key staff.TOTPKey, at time.Time) string {
	tb.Helper()
	code, err := totp.GenerateCode(key.Text, at)
	if err != nil {
		tb.Fatal(err)
	}
	return code
}

// enrol sets up an authenticator for a member and returns its key and the recovery codes.
func enrol(tb testing.TB, h *house, member string) (staff.TOTPKey, []string) {
	tb.Helper()
	if err := h.staff.BeginTOTP(tb.Context(), h.acme, member); err != nil {
		tb.Fatal(err)
	}
	key, err := h.staff.NewTOTP(tb.Context(), h.acme, member)
	if err != nil {
		tb.Fatal(err)
	}
	codes, err := h.staff.ConfirmTOTP(tb.Context(), h.acme, member, codeAt(tb, key, time.Now()), client)
	if err != nil {
		tb.Fatal(err)
	}
	return key, codes
}

// halfway shows the password, and returns the state that waits for the second factor.
func halfway(tb testing.TB, h *house) staff.Progress {
	tb.Helper()
	p, err := h.staff.SignIn(tb.Context(), h.acme, login("ann@acme.example", password))
	if err != nil || p.Pending == "" || p.Secret != "" || p.Session.ID != "" {
		tb.Fatalf("password of ann: %+v, %v, want the second factor", p, err)
	}
	return p
}

func show(pending, code string) staff.SecondFactor {
	return staff.SecondFactor{Host: acmeHost, Pending: pending, Code: code, Client: client}
}

// An authenticator's code is asked for after the password, at most a step early or late, and each only once.
func TestTOTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx := t.Context()
		s, _ := join(t, h, "ann@acme.example", auth.RoleAgent)
		_, err := h.staff.NewTOTP(ctx, h.acme, s.User)
		want(t, "a key before one was asked for", err, auth.ErrNotFound)
		if err := h.staff.BeginTOTP(ctx, h.acme, s.User); err != nil {
			t.Fatal(err)
		}
		key, err := h.staff.NewTOTP(ctx, h.acme, s.User)
		u, err2 := url.Parse(key.URL)
		if err != nil || err2 != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != key.Text ||
			u.Query().Get("issuer") != "Tenant acme" || !strings.HasSuffix(u.Path, ":ann@acme.example") || len(key.Text) != 32 {
			t.Errorf("key %+v, %v, %v", key, err, err2)
		}
		_, err = h.staff.ConfirmTOTP(ctx, h.acme, s.User, "000000", client)
		want(t, "a wrong first code", err, staff.ErrWrongCode)
		if p, err := h.staff.SignIn(ctx, h.acme, login("ann@acme.example", password)); err != nil || p.Secret == "" {
			t.Errorf("before the first code: %+v, %v", p, err)
		}
		first := codeAt(t, key, time.Now())
		codes, err := h.staff.ConfirmTOTP(ctx, h.acme, s.User, first[:3]+" "+first[3:], client)
		if err != nil || len(codes) != 10 {
			t.Fatalf("first code: %v, %v", codes, err)
		}

		pending := halfway(t, h).Pending
		_, _, err = h.staff.Complete(ctx, h.acme, show(pending, first))
		want(t, "the code that was used to set it up", err, staff.ErrWrongCode)
		for _, off := range []time.Duration{-90 * time.Second, 90 * time.Second} {
			_, _, err := h.staff.Complete(ctx, h.acme, show(pending, codeAt(t, key, time.Now().Add(off))))
			want(t, "a code from "+off.String(), err, staff.ErrWrongCode)
		}
		time.Sleep(30 * time.Second)
		late := codeAt(t, key, time.Now())
		time.Sleep(30 * time.Second)
		in, secret, err := h.staff.Complete(ctx, h.acme, show(pending, late))
		if err != nil || in.User != s.User || in.Method != auth.ByTOTP || !in.Fresh(time.Minute) {
			t.Fatalf("a code of the step before: %+v, %v", in, err)
		}
		want(t, "the session", h.found(t, secret), nil)
		_, _, err = h.staff.Complete(ctx, h.acme, show(pending, codeAt(t, key, time.Now())))
		want(t, "the same state again", err, staff.ErrPending)

		pending = halfway(t, h).Pending
		_, _, err = h.staff.Complete(ctx, h.acme, show(pending, late))
		want(t, "a code twice", err, staff.ErrWrongCode)
		early := codeAt(t, key, time.Now().Add(30*time.Second))
		_, _, err = h.staff.Complete(ctx, h.acme, show(pending, early))
		want(t, "a code of the next step", err, nil)
		pending = halfway(t, h).Pending
		_, _, err = h.staff.Complete(ctx, h.acme, show(pending, codeAt(t, key, time.Now())))
		want(t, "an older code than the last", err, staff.ErrWrongCode)
		_, err = h.staff.NewTOTP(ctx, h.bee, s.User)
		want(t, "at the other tenant", err, auth.ErrNotFound)
		want(t, "turn it off at the other tenant", h.staff.DropTOTP(ctx, h.bee, s.User, client), auth.ErrNotFound)
		want(t, "turn it off", h.staff.DropTOTP(ctx, h.acme, s.User, client), nil)
		if p, err := h.staff.SignIn(ctx, h.acme, login("ann@acme.example", password)); err != nil || p.Secret == "" {
			t.Errorf("after it was turned off: %+v, %v", p, err)
		}
		for _, action := range []string{"totp.on", "totp.off", "session.refused"} {
			h.audited(t, action)
		}
	})
}

// A secret that nobody shows a code of is worth nothing after an hour.
func TestTOTPThatWaitsTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		s, _ := join(t, h, "ann@acme.example", auth.RoleAgent)
		if err := h.staff.BeginTOTP(t.Context(), h.acme, s.User); err != nil {
			t.Fatal(err)
		}
		key, err := h.staff.NewTOTP(t.Context(), h.acme, s.User)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.staff.BeginTOTP(t.Context(), h.acme, s.User); err != nil {
			t.Fatal(err)
		}
		if again, err := h.staff.NewTOTP(t.Context(), h.acme, s.User); err != nil || again != key {
			t.Errorf("begun twice: %+v, %v, want the key that is on the screen", again, err)
		}
		time.Sleep(time.Hour)
		_, err = h.staff.ConfirmTOTP(t.Context(), h.acme, s.User, codeAt(t, key, time.Now()), client)
		want(t, "after an hour", err, staff.ErrWrongCode)
	})
}

// Recovery codes stand in for the authenticator, once each, and new ones make the old ones worthless.
func TestRecoveryCodes(t *testing.T) {
	h := openWithMail(t)
	ctx := t.Context()
	s, _ := join(t, h, "ann@acme.example", auth.RoleAgent)
	other, _ := join(t, h, "bob@acme.example", auth.RoleAgent)
	_, err := h.staff.NewRecovery(ctx, h.acme, s.User, client)
	want(t, "codes without an authenticator", err, auth.ErrNotFound)
	_, codes := enrol(t, h, s.User)
	_, others := enrol(t, h, other.User)
	complete := func(code string) error {
		in, _, err := h.staff.Complete(t.Context(), h.acme, show(halfway(t, h).Pending, code))
		if err == nil && in.Method != auth.ByRecovery {
			t.Errorf("in by %q", in.Method)
		}
		return err
	}
	want(t, "somebody else's", complete(others[0]), staff.ErrWrongCode)
	want(t, "nothing", complete(""), staff.ErrWrongCode)
	want(t, "one", complete(strings.ToUpper(strings.ReplaceAll(codes[3], "-", " "))), nil)
	want(t, "the same", complete(codes[3]), staff.ErrWrongCode)
	want(t, "another", complete(codes[4]), nil)
	m, err := h.staff.Find(ctx, h.acme, s.User)
	if err != nil || m.RecoveryLeft != 8 {
		t.Errorf("%d codes left, %v, want 8", m.RecoveryLeft, err)
	}
	fresh, err := h.staff.NewRecovery(ctx, h.acme, s.User, client)
	if err != nil || len(fresh) != 10 {
		t.Fatalf("new codes: %v, %v", fresh, err)
	}
	want(t, "an old one", complete(codes[0]), staff.ErrWrongCode)
	want(t, "a new one", complete(fresh[0]), nil)
	told := map[string]int{}
	for range 6 {
		told[strings.TrimSpace(strings.Split(h.letters.Wait(t, "ann@acme.example").Text, "http")[0])]++
	}
	if diff := cmp.Diff(map[string]int{"invite": 1, "notice totp_on": 1, "notice recovery_used": 3, "notice recovery": 1}, told); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

// Whoever knows the password can't guess codes for long, from wherever, and is shut out over a restart as well.
func TestCodeTries(t *testing.T) {
	h := open(t)
	s, _ := join(t, h, "ann@acme.example", auth.RoleAgent)
	key, codes := enrol(t, h, s.User)
	pending := halfway(t, h).Pending
	n := 0
	for ; n < 30; n++ {
		f := show(pending, "12345")
		f.Client.IP = addr()
		if _, _, err := h.staff.Complete(t.Context(), h.acme, f); isLimit(err) {
			break
		}
	}
	if n != 10 {
		t.Errorf("%d guesses, want 10", n)
	}
	after := h.reopen(t)
	if _, _, err := after.Complete(t.Context(), h.acme, show(pending, codes[0])); !isLimit(err) {
		t.Errorf("after a restart, with a good code: %v, want a limit", err)
	}
	if err := after.DropTOTP(t.Context(), h.acme, s.User, client); err != nil {
		t.Fatal(err)
	}
	_, err := after.ConfirmTOTP(t.Context(), h.acme, s.User, codeAt(t, key, time.Now()), client)
	if !isLimit(err) {
		t.Errorf("set-up counts with them: %v", err)
	}
}

func isLimit(err error) bool {
	_, over := errors.AsType[*limit.Error](err)
	return over
}

// The state between password and second factor opens nothing, and ends by itself, by a new password, and elsewhere.
func TestPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx := t.Context()
		s, _ := join(t, h, "ann@acme.example", auth.RoleAgent)
		_, codes := enrol(t, h, s.User)
		state := halfway(t, h)
		want(t, "as a session", h.found(t, state.Pending), auth.ErrSignedOut)
		if p, err := h.staff.Pending(ctx, h.acme, acmeHost, state.Pending); err != nil || p.Member.ID != s.User || p.SetUp || p.Key.Text != "" {
			t.Errorf("pending %+v, %v", p, err)
		}
		for what, try := range map[string]func() error{
			"at another host":     func() error { _, err := h.staff.Pending(ctx, h.acme, "other.acme.example", state.Pending); return err },
			"at the other tenant": func() error { _, err := h.staff.Pending(ctx, h.bee, acmeHost, state.Pending); return err },
			"without a secret":    func() error { _, _, err := h.staff.Complete(ctx, h.acme, show("", codes[0])); return err },
			"as a set-up":         func() error { _, _, _, err := h.staff.SetUp(ctx, h.acme, show(state.Pending, codes[0])); return err },
		} {
			want(t, what, try(), staff.ErrPending)
		}
		in, _, err := h.staff.Complete(ctx, h.acme, show(state.Pending, codes[1]))
		want(t, "where it belongs", err, nil)

		old := halfway(t, h)
		if err := h.staff.ChangePassword(ctx, h.acme, s.User, "quite another phrase", in.ID, client); err != nil {
			t.Fatal(err)
		}
		_, _, err = h.staff.Complete(ctx, h.acme, show(old.Pending, codes[0]))
		want(t, "after a new password", err, staff.ErrPending)

		l := login("ann@acme.example", "quite another phrase")
		slow, err := h.staff.SignIn(ctx, h.acme, l)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		_, _, err = h.staff.Complete(ctx, h.acme, show(slow.Pending, codes[0]))
		want(t, "after ten minutes", err, staff.ErrPending)

		gone, err := h.staff.SignIn(ctx, h.acme, l)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "remove", h.staff.Remove(ctx, h.acme, "ann@acme.example", "operator"), nil)
		_, _, err = h.staff.Complete(ctx, h.acme, show(gone.Pending, codes[0]))
		want(t, "after the removal", err, staff.ErrPending)
	})
}

// A tenant that demands a second factor gets nobody's session without one: the first sign-in leads to setting it up.
func TestDemandedSecondFactor(t *testing.T) {
	h := open(t)
	h.demand(t)
	ctx := t.Context()
	p, err := h.staff.Accept(ctx, h.acme, staff.Acceptance{
		Host: acmeHost, Token: invite(t, h, "ann@acme.example", auth.RoleAgent), Password: password, Client: client,
	})
	if err != nil || p.Secret != "" || p.Pending == "" || !p.SetUp {
		t.Fatalf("accepted: %+v, %v, want a set-up", p, err)
	}
	if again := halfway(t, h); !again.SetUp {
		t.Errorf("signed in: %+v, want a set-up", again)
	}
	state, err := h.staff.Pending(ctx, h.acme, acmeHost, p.Pending)
	if err != nil || !state.SetUp || state.Key.Text == "" {
		t.Fatalf("pending %+v, %v", state, err)
	}
	_, _, err = h.staff.Complete(ctx, h.acme, show(p.Pending, codeAt(t, state.Key, time.Now())))
	want(t, "a code where a set-up is due", err, staff.ErrPending)
	_, _, _, err = h.staff.SetUp(ctx, h.acme, show(p.Pending, "000000"))
	want(t, "a wrong first code", err, staff.ErrWrongCode)
	s, secret, codes, err := h.staff.SetUp(ctx, h.acme, show(p.Pending, codeAt(t, state.Key, time.Now())))
	if err != nil || len(codes) != 10 || s.Method != auth.ByTOTP {
		t.Fatalf("set up: %+v, %v, %v", s, codes, err)
	}
	want(t, "the session", h.found(t, secret), nil)
	want(t, "turning it off", h.staff.DropTOTP(ctx, h.acme, s.User, client), staff.ErrSecondFactor)
	if p := halfway(t, h); p.SetUp {
		t.Errorf("the second sign-in: %+v, want a code", p)
	}
	h.audited(t, "agent.joined")
}

// Whoever learns the password first, and looks at the page that has an authenticator set up, does not see the key that the
// member scans later, and can't set up another one after that.
func TestSetUpIsTheBrowsersOwn(t *testing.T) {
	h := open(t)
	h.demand(t)
	ctx := t.Context()
	_, err := h.staff.Accept(ctx, h.acme, staff.Acceptance{
		Host: acmeHost, Token: invite(t, h, "ann@acme.example", auth.RoleAgent), Password: password, Client: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	thief, owner := halfway(t, h), halfway(t, h)
	seen, err1 := h.staff.Pending(ctx, h.acme, acmeHost, thief.Pending)
	own, err2 := h.staff.Pending(ctx, h.acme, acmeHost, owner.Pending)
	if err1 != nil || err2 != nil || seen.Key.Text == "" || seen.Key == own.Key {
		t.Fatalf("keys %q and %q, %v, %v, want two", seen.Key.Text, own.Key.Text, err1, err2)
	}
	_, _, _, err = h.staff.SetUp(ctx, h.acme, show(owner.Pending, codeAt(t, own.Key, time.Now())))
	want(t, "the owner", err, nil)
	_, err = h.staff.Pending(ctx, h.acme, acmeHost, thief.Pending)
	want(t, "the thief's page", err, staff.ErrPending)
	_, _, _, err = h.staff.SetUp(ctx, h.acme, show(thief.Pending, codeAt(t, seen.Key, time.Now())))
	want(t, "the thief's code", err, staff.ErrPending)
}

// A key that was shown in a session is worth nothing once that session was ended from elsewhere.
func TestKeyEndsWithTheSessions(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	s, _ := join(t, h, "ann@acme.example", auth.RoleAgent)
	want(t, "begin", h.staff.BeginTOTP(ctx, h.acme, s.User), nil)
	want(t, "a new password", h.staff.ChangePassword(ctx, h.acme, s.User, "quite another phrase", "", client), nil)
	_, err := h.staff.NewTOTP(ctx, h.acme, s.User)
	want(t, "the key", err, auth.ErrNotFound)
}

// Whoever is signed in proves who they are again with what they have, and gets another session that ends with the old one.
func TestStepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx := t.Context()
		s, secret := join(t, h, "ann@acme.example", auth.RoleAdmin)
		again := func(password, code string) (auth.Session, string, error) {
			return h.staff.StepUp(ctx, h.acme, staff.Again{
				Entry: staff.Entry{Member: s.User, Host: acmeHost, Previous: secret, Client: client}, Password: password, Code: code,
			})
		}
		time.Sleep(15 * time.Minute)
		if old, err := h.doors.Sessions.Find(ctx, h.acme, auth.StaffSide, acmeHost, secret); err != nil || old.Fresh(15*time.Minute) {
			t.Errorf("after a quarter of an hour: %+v, %v", old, err)
		}
		_, _, err := again("wrong horse battery", "")
		want(t, "a wrong password", err, staff.ErrWrongPassword)
		up, fresh, err := again(password, "")
		if err != nil || !up.Fresh(time.Minute) || !up.EndsAt.Equal(s.EndsAt) || !up.CreatedAt.Equal(s.CreatedAt) || fresh == secret {
			t.Fatalf("stepped up: %+v, %v", up, err)
		}
		want(t, "the session of before", h.found(t, secret), auth.ErrSignedOut)
		_, _, err = again(password, "")
		want(t, "with a session that is over", err, auth.ErrSignedOut)
		secret = fresh
		_, codes := enrol(t, h, s.User)
		_, _, err = again(password, "")
		want(t, "the password where there is an authenticator", err, staff.ErrWrongCode)
		_, secret, err = again("", codes[0])
		want(t, "a recovery code", err, nil)
		b, _ := join(t, h, "bob@acme.example", auth.RoleAgent)
		_, _, err = h.staff.Prove(ctx, h.acme, staff.Entry{Member: b.User, Host: acmeHost, Previous: secret, Method: auth.ByPasskey})
		want(t, "somebody else's session", err, auth.ErrSignedOut)

		vouched, outside, err := h.staff.Enter(ctx, h.acme, staff.Entry{Member: s.User, Host: acmeHost, Method: auth.BySimpleAuth})
		if err != nil || vouched.Fresh(time.Hour) || !vouched.ProvenAt.IsZero() {
			t.Errorf("another site's word: %+v, %v", vouched, err)
		}
		want(t, "its session", h.found(t, outside), nil)
	})
}
