package passkey_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/tenant"
)

// TestSignIn: a member registers a passkey and signs in with it, without saying who they are; it counts as a fresh proof.
func TestSignIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := at(acmeHost)
	q, err := h.keys.Prepare(t.Context(), h.acme, c, h.ann)
	ok(t, err)
	a := read(t, q.Options)
	if a.RP.ID != string(acmeHost) || a.User.Name != "ann@acme.example" || a.AuthenticatorSelection.ResidentKey != "required" || a.AuthenticatorSelection.UserVerification != "required" {
		t.Errorf("asked for %s", q.Options)
	}
	d := newDevice(t, c.Origin, string(c.Host))
	c.Browser = q.Browser
	made, err := h.keys.Add(t.Context(), h.acme, c, h.ann, " Ann's phone ", d.create(t, q.Options))
	if err != nil || made.Name != "Ann's phone" || made.Host != acmeHost || !made.Synced || !made.UsedAt.IsZero() {
		t.Fatalf("made %+v, %v", made, err)
	}

	q, err = h.keys.Ask(t.Context(), h.acme, c)
	ok(t, err)
	if a := read(t, q.Options); a.RPID != string(acmeHost) || a.UserVerification != "required" || len(a.Allow) != 0 {
		t.Errorf("asked for %s", q.Options)
	}
	c.Browser = q.Browser
	s, secret, err := h.keys.SignIn(t.Context(), h.acme, c, d.get(t, q.Options), "")
	if err != nil || s.User != h.ann || s.Method != auth.ByPasskey || s.ProvenAt.IsZero() {
		t.Fatalf("signed in as %+v, %v", s, err)
	}
	if found, err := h.doors.Sessions.Find(t.Context(), h.acme, auth.StaffSide, acmeHost, secret); err != nil || found.User != h.ann {
		t.Errorf("session %+v, %v", found, err)
	}
	list, err := h.keys.List(t.Context(), h.acme, h.ann)
	if err != nil || len(list) != 1 || list[0].ID != made.ID || list[0].UsedAt.IsZero() {
		t.Errorf("passkeys %+v, %v", list, err)
	}
	if list, err := h.keys.List(t.Context(), h.bee, h.ann); err != nil || len(list) != 0 {
		t.Errorf("at the other tenant: %+v, %v", list, err)
	}
	if e := h.audited(t, "passkey.added"); e.Object != "Ann's phone" || e.Actor != "agent:"+h.ann || e.IP != "192.0.2.7" {
		t.Errorf("audit %+v", e)
	}
}

// TestAnswersThatAreRefused: what an answer has to be. Each case changes one thing of a good one, and the challenge is gone
// after it.
func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	for what, tc := range map[string]struct {
		change func(*device)
		want   error
	}{
		"as it is":                      {func(*device) {}, nil},
		"another origin":                {func(d *device) { d.origin = "https://acme.tickets.example.evil.example:8443" }, passkey.ErrRejected},
		"another port":                  {func(d *device) { d.origin = "https://acme.tickets.example" }, passkey.ErrRejected},
		"in the clear":                  {func(d *device) { d.origin = "http://acme.tickets.example:8443" }, passkey.ErrRejected},
		"a sibling's origin":            {func(d *device) { d.origin = "https://bee.tickets.example:8443" }, passkey.ErrRejected},
		"another host":                  {func(d *device) { d.rp = "tickets.example" }, passkey.ErrRejected},
		"another key":                   {func(d *device) { d.signer = other }, passkey.ErrRejected},
		"another passkey":               {func(d *device) { d.id = []byte("somebody's passkey") }, passkey.ErrUnknown},
		"another member":                {func(d *device) { d.handle = []byte(h.bob) }, passkey.ErrRejected},
		"no member":                     {func(d *device) { d.handle = nil }, passkey.ErrRejected},
		"nobody verified":               {func(d *device) { d.flags &^= verified }, passkey.ErrRejected},
		"nobody present":                {func(d *device) { d.flags &^= present }, passkey.ErrRejected},
		"not syncable after all":        {func(d *device) { d.flags &^= syncable | synced }, passkey.ErrRejected},
		"synced no more":                {func(d *device) { d.flags &^= synced }, nil},
		"made for another ceremony":     {func(d *device) { d.kind = "webauthn.create" }, passkey.ErrRejected},
		"the answer for a payment page": {func(d *device) { d.kind = "payment.get" }, passkey.ErrRejected},
	} {
		d := h.register(t, h.ann)
		tc.change(d)
		c := at(acmeHost)
		q, err := h.keys.Ask(t.Context(), h.acme, c)
		ok(t, err)
		c.Browser = q.Browser
		answer := d.get(t, q.Options)
		s, _, err := h.keys.SignIn(t.Context(), h.acme, c, answer, "")
		want(t, what, err, tc.want)
		if err == nil && s.User != h.ann {
			t.Errorf("%s: signed in as %+v", what, s)
		}
		_, _, err = h.keys.SignIn(t.Context(), h.acme, c, answer, "")
		want(t, what+", again", err, passkey.ErrStale)
		forget(t, h)
	}
	for _, bad := range []string{"", "{}", "[]", `{"id":"x"}`, strings.Repeat("x", 1<<16)} {
		_, _, err := h.keys.SignIn(t.Context(), h.acme, at(acmeHost), []byte(bad), "")
		want(t, bad[:min(len(bad), 20)], err, passkey.ErrRejected)
	}
}

// forget removes ann's passkeys and what was counted for her.
func forget(t *testing.T, h *house) {
	t.Helper()
	list, err := h.keys.List(t.Context(), h.acme, h.ann)
	ok(t, err)
	for _, p := range list {
		ok(t, h.keys.Remove(t.Context(), h.acme, h.ann, p.ID))
	}
}

// TestChallenges: a challenge is one browser's, at one host of one tenant, for one purpose and one member, once.
func TestChallenges(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.register(t, h.ann)
	ctx, c := t.Context(), at(acmeHost)
	q, err := h.keys.Ask(ctx, h.acme, c)
	ok(t, err)
	c.Browser = q.Browser
	answer := d.get(t, q.Options)

	another := at(acmeHost)
	_, _, err = h.keys.SignIn(ctx, h.acme, another, answer, "")
	want(t, "a browser without cookie", err, passkey.ErrStale)
	other, err := h.keys.Ask(ctx, h.acme, another)
	ok(t, err)
	another.Browser = other.Browser
	_, _, err = h.keys.SignIn(ctx, h.acme, another, answer, "")
	want(t, "another browser", err, passkey.ErrStale)
	elsewhere := at(ownHost)
	elsewhere.Browser = q.Browser
	_, _, err = h.keys.SignIn(ctx, h.acme, elsewhere, answer, "")
	want(t, "another host", err, passkey.ErrStale)
	_, _, err = h.keys.SignIn(ctx, h.bee, c, answer, "")
	want(t, "the other tenant", err, passkey.ErrStale)
	_, _, err = h.keys.Prove(ctx, h.acme, c, h.ann, answer, "")
	want(t, "another purpose", err, passkey.ErrStale)
	s, _, err := h.keys.SignIn(ctx, h.acme, c, answer, "")
	if err != nil || s.User != h.ann {
		t.Errorf("as it was: %v", err)
	}
	_, _, err = h.keys.SignIn(ctx, h.acme, c, answer, "")
	want(t, "replayed", err, passkey.ErrStale)

	// Two tabs of one browser have a challenge each.
	one, err := h.keys.Ask(ctx, h.acme, c)
	ok(t, err)
	two, err := h.keys.Ask(ctx, h.acme, c)
	ok(t, err)
	if one.Browser != c.Browser || two.Browser != c.Browser {
		t.Error("a browser got another secret")
	}
	for i, q := range []passkey.Challenge{one, two} {
		_, _, err := h.keys.SignIn(ctx, h.acme, c, d.get(t, q.Options), "")
		want(t, fmt.Sprint("tab ", i), err, nil)
	}
}

// TestOnceOfMany: of many at once with one answer, one gets in.
func TestOnceOfMany(t *testing.T) {
	t.Parallel()
	h := open(t)
	d, c := h.register(t, h.ann), at(acmeHost)
	q, err := h.keys.Ask(t.Context(), h.acme, c)
	ok(t, err)
	c.Browser = q.Browser
	answer := d.get(t, q.Options)
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		won int
	)
	for range 16 {
		wg.Go(func() {
			_, _, err := h.keys.SignIn(context.Background(), h.acme, c, answer, "")
			if err != nil {
				want(t, "loser", err, passkey.ErrStale)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			won++
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d signed in", won)
	}
}

// TestChallengesAge: ten minutes are enough.
func TestChallengesAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		d, c := h.register(t, h.ann), at(acmeHost)
		q, err := h.keys.Ask(t.Context(), h.acme, c)
		ok(t, err)
		c.Browser = q.Browser
		time.Sleep(passkey.ChallengeLife)
		_, _, err = h.keys.SignIn(t.Context(), h.acme, c, d.get(t, q.Options), "")
		want(t, "late", err, passkey.ErrStale)
	})
}

// TestHosts: a passkey of one host is none of another's, also of the same tenant.
func TestHosts(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.register(t, h.ann)
	for _, tc := range []struct {
		at   passkey.Ceremony
		of   *tenant.Tenant
		host tenant.Host
	}{{at(ownHost), h.acme, ownHost}, {at(beeHost), h.bee, beeHost}} {
		q, err := h.keys.Ask(t.Context(), tc.of, tc.at)
		ok(t, err)
		tc.at.Browser = q.Browser
		lured := *d
		lured.origin, lured.rp = tc.at.Origin, string(tc.host) // what no browser would do
		_, _, err = h.keys.SignIn(t.Context(), tc.of, tc.at, lured.get(t, q.Options), "")
		want(t, string(tc.host), err, passkey.ErrUnknown)
	}
}

// TestCopies: a passkey that counts its uses and goes back signs nobody in, then and later.
func TestCopies(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.register(t, h.ann)
	d.count = 10
	_, err := h.signIn(t, d)
	ok(t, err)
	copied := *d
	_, err = h.signIn(t, d)
	ok(t, err)
	_, err = h.signIn(t, &copied)
	want(t, "the copy", err, passkey.ErrCopied)
	d.count = 1000
	_, err = h.signIn(t, d)
	want(t, "the first one after that", err, passkey.ErrCopied)
	list, err := h.keys.List(t.Context(), h.acme, h.ann)
	if err != nil || list[0].CopiedAt.IsZero() {
		t.Errorf("passkeys %+v, %v", list, err)
	}
	if e := h.audited(t, "passkey.copied"); e.Actor != "agent:"+h.ann {
		t.Errorf("audit %+v", e)
	}

	// Most do not count at all.
	quiet := h.register(t, h.bob)
	for range 3 {
		quiet.count = ^uint32(0) // the next is zero
		_, err := h.signIn(t, quiet)
		want(t, "without a count", err, nil)
	}
}

// TestRemoval: neither a removed passkey nor that of a removed member opens anything; a name can be changed by its owner.
func TestRemoval(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, d := t.Context(), h.register(t, h.ann)
	list, err := h.keys.List(ctx, h.acme, h.ann)
	ok(t, err)
	id := list[0].ID
	want(t, "rename", h.keys.Rename(ctx, h.acme, h.ann, id, "Laptop"), nil)
	want(t, "rename somebody's", h.keys.Rename(ctx, h.acme, h.bob, id, "x"), auth.ErrNotFound)
	want(t, "rename at the other tenant", h.keys.Rename(ctx, h.bee, h.ann, id, "x"), auth.ErrNotFound)
	if _, bad := errors.AsType[tenant.FieldErrors](h.keys.Rename(ctx, h.acme, h.ann, id, " ")); !bad {
		t.Error("a passkey got an empty name")
	}
	if list, err := h.keys.List(ctx, h.acme, h.ann); err != nil || list[0].Name != "Laptop" {
		t.Errorf("passkeys %+v, %v", list, err)
	}
	want(t, "remove somebody's", h.keys.Remove(ctx, h.acme, h.bob, id), auth.ErrNotFound)
	want(t, "remove at the other tenant", h.keys.Remove(ctx, h.bee, h.ann, id), auth.ErrNotFound)
	_, err = h.signIn(t, d)
	want(t, "still there", err, nil)
	want(t, "remove", h.keys.Remove(ctx, h.acme, h.ann, id), nil)
	want(t, "remove again", h.keys.Remove(ctx, h.acme, h.ann, id), auth.ErrNotFound)
	_, err = h.signIn(t, d)
	want(t, "removed", err, passkey.ErrUnknown)

	d = h.register(t, h.bob)
	ok(t, h.staff.Remove(ctx, h.acme, "bob@acme.example", "operator"))
	_, err = h.signIn(t, d)
	want(t, "removed member", err, passkey.ErrUnknown)
	_, err = h.keys.Prepare(ctx, h.acme, at(acmeHost), h.bob)
	want(t, "a passkey for a removed member", err, auth.ErrNotFound)
}

// TestRegistering: a challenge for a passkey is one member's, and what answers it is a new one with its owner before it.
func TestRegistering(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	prepare := func() (passkey.Ceremony, []byte) {
		c := at(acmeHost)
		q, err := h.keys.Prepare(ctx, h.acme, c, h.ann)
		ok(t, err)
		c.Browser = q.Browser
		return c, q.Options
	}
	c, options := prepare()
	d := newDevice(t, c.Origin, string(c.Host))
	answer := d.create(t, options)
	_, err := h.keys.Add(ctx, h.acme, c, h.bob, "", answer)
	want(t, "another member's", err, passkey.ErrStale)
	_, err = h.keys.Add(ctx, h.bee, c, h.beeAnn, "", answer)
	want(t, "the other tenant's", err, passkey.ErrStale)
	if _, bad := errors.AsType[tenant.FieldErrors](func() error { _, err := h.keys.Add(ctx, h.acme, c, h.ann, "a\nb", answer); return err }()); !bad {
		t.Error("a passkey got a name of two lines")
	}
	made, err := h.keys.Add(ctx, h.acme, c, h.ann, "", answer)
	if err != nil || made.Name != "Passkey" {
		t.Errorf("made %+v, %v", made, err)
	}
	_, err = h.keys.Add(ctx, h.acme, c, h.ann, "", answer)
	want(t, "replayed", err, passkey.ErrStale)

	c, options = prepare()
	if a := read(t, options); len(a.Exclude) != 1 {
		t.Errorf("asked for %s", options)
	}
	_, err = h.keys.Add(ctx, h.acme, c, h.ann, "", d.create(t, options))
	want(t, "the same passkey again", err, passkey.ErrRejected)
	for what, change := range map[string]func(*device){
		"another origin":  func(d *device) { d.origin = "https://evil.example" },
		"another host":    func(d *device) { d.rp = "evil.example" },
		"nobody verified": func(d *device) { d.flags &^= verified },
		"of another kind": func(d *device) { d.kind = "webauthn.get" },
	} {
		c, options := prepare()
		d := newDevice(t, c.Origin, string(c.Host))
		change(d)
		_, err := h.keys.Add(ctx, h.acme, c, h.ann, "", d.create(t, options))
		want(t, what, err, passkey.ErrRejected)
	}
	_, err = h.keys.Add(ctx, h.acme, c, h.ann, "", []byte("{}"))
	want(t, "nothing", err, passkey.ErrRejected)

	for range 19 {
		h.register(t, h.ann)
	}
	if _, full := errors.AsType[tenant.FieldErrors](func() error { _, err := h.keys.Prepare(ctx, h.acme, c, h.ann); return err }()); !full {
		t.Error("a member gets more than 20 passkeys")
	}
}

// TestProve: a member proves with a passkey of their own that they are still there.
func TestProve(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, c := t.Context(), at(acmeHost)
	anns, bobs := h.register(t, h.ann), h.register(t, h.bob)
	first, err := h.keys.Ask(ctx, h.acme, c)
	ok(t, err)
	c.Browser = first.Browser
	s, secret, err := h.keys.SignIn(ctx, h.acme, c, anns.get(t, first.Options), "")
	ok(t, err)
	ask := func() []byte {
		q, err := h.keys.AskMember(ctx, h.acme, c, h.ann)
		ok(t, err)
		if a := read(t, q.Options); len(a.Allow) != 1 || a.Allow[0].ID != enc.EncodeToString(anns.id) {
			t.Errorf("asked for %s", q.Options)
		}
		return q.Options
	}
	_, _, err = h.keys.Prove(ctx, h.acme, c, h.ann, bobs.get(t, ask()), secret)
	want(t, "with somebody's passkey", err, passkey.ErrUnknown)
	_, _, err = h.keys.Prove(ctx, h.acme, c, h.bob, bobs.get(t, ask()), secret)
	want(t, "as somebody", err, passkey.ErrStale)
	_, _, err = h.keys.SignIn(ctx, h.acme, c, anns.get(t, ask()), secret)
	want(t, "to sign in", err, passkey.ErrStale)
	proven, after, err := h.keys.Prove(ctx, h.acme, c, h.ann, anns.get(t, ask()), secret)
	if err != nil || proven.User != h.ann || !proven.EndsAt.Equal(s.EndsAt) || after == secret {
		t.Errorf("proven %+v, %v", proven, err)
	}
	_, _, err = h.keys.Prove(ctx, h.acme, c, h.ann, anns.get(t, ask()), secret)
	want(t, "with the session of before", err, auth.ErrSignedOut)
	_, err = h.keys.AskMember(ctx, h.acme, at(ownHost), h.ann)
	want(t, "at a host without a passkey", err, auth.ErrNotFound)
}

// TestLimit: nobody gets challenges without end.
func TestLimit(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := at(acmeHost)
	c.Client.IP = netip.MustParseAddr("2001:db8::1")
	var over *limit.Error
	n := 0
	for ; n < 200; n++ {
		if _, err := h.keys.Ask(t.Context(), h.acme, c); errors.As(err, &over) {
			break
		}
	}
	if n != 100 {
		t.Errorf("%d challenges, want 100", n)
	}
}
