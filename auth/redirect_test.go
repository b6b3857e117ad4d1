package auth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
)

// post is a form post from the partner's page.
func post(email, name string) auth.RedirectRequest {
	return auth.RedirectRequest{
		Slug: "acme", Email: email, Name: name, Client: client,
		Navigation: auth.Navigation{Method: "POST", Origin: partner, Referer: partner + "/", FetchSite: "cross-site", FetchMode: "navigate", FetchDest: "document"},
	}
}

func TestBegin(t *testing.T) {
	h := open(t)
	got, err := h.doors.Redirects.Begin(t.Context(), post("Bob@Example.com", " Bob "))
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != acmeHost || got.Assurance != auth.Asserted || got.Landing != "/dashboard" || got.ReturnLink != "" || got.ExpiresIn != 2*time.Minute ||
		got.Warnings == nil || len(got.Warnings) != 0 || got.Tenant.Slug != "acme" || got.Limit.Limit != 60 || got.Limit.Remaining != 59 {
		t.Errorf("begun %+v", got)
	}
	out, err := h.doors.Handoffs.Arrive(t.Context(), h.at(tokenOf(t, got.URL), click(partner)))
	if err != nil || out.Verdict != auth.SignIn || out.Session.Email != "bob@example.com" || out.Session.Name != "Bob" || out.Session.Level != auth.Asserted {
		t.Errorf("arrived %+v, %v", out, err)
	}
}

// TestBeginFromNode: the fetch of Node says Sec-Fetch-Mode as browsers do, and nothing else of theirs. Whom its program vouches
// for is not asked on arrival.
func TestBeginFromNode(t *testing.T) {
	h := open(t)
	req := post("bob@example.com", "Bob")
	req.Navigation = auth.Navigation{Method: "POST", FetchMode: "cors"}
	req.APIToken = h.token(t, h.acme, auth.AllScopes)
	got, err := h.doors.Redirects.Begin(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := h.doors.Handoffs.Peek(t.Context(), h.acme, acmeHost, tokenOf(t, got.URL)); err != nil || c.Source != auth.FromServer {
		t.Errorf("the claim is %+v, %v; want it from a server", c, err)
	}
}

func TestBeginRefuses(t *testing.T) {
	h := open(t)
	unreadable := errors.New("no JSON")
	all, read := h.token(t, h.acme, auth.AllScopes), h.token(t, h.acme, auth.AllScopes&^auth.SessionsCreate)
	theirs := h.token(t, h.bee, auth.AllScopes)
	change := func(fn func(*auth.RedirectRequest)) auth.RedirectRequest {
		r := post("bob@example.com", "Bob")
		fn(&r)
		return r
	}
	for _, tc := range []struct {
		what string
		req  auth.RedirectRequest
		want error
	}{
		{"unknown slug", change(func(r *auth.RedirectRequest) { r.Slug = "nobody" }), tenant.ErrNotFound},
		{"no slug", change(func(r *auth.RedirectRequest) { r.Slug = "" }), tenant.ErrNotFound},
		{"slug in capitals", change(func(r *auth.RedirectRequest) { r.Slug = "ACME" }), tenant.ErrNotFound},
		{"the slug at another tenant's host", change(func(r *auth.RedirectRequest) { r.At = h.bee }), tenant.ErrNotFound},
		{"unreadable body", change(func(r *auth.RedirectRequest) { r.Unreadable = unreadable }), unreadable},
		{"two proofs", change(func(r *auth.RedirectRequest) { r.APIToken, r.Token = all, "x" }), auth.ErrTwoProofs},
		{"two other proofs", change(func(r *auth.RedirectRequest) { r.Signature, r.Token = "x", "x" }), auth.ErrTwoProofs},
		{"two proofs and no fields", auth.RedirectRequest{Slug: "acme", APIToken: all, Nonce: "x", Client: client}, auth.ErrTwoProofs},
		{"unknown API token", change(func(r *auth.RedirectRequest) { r.APIToken = "dgt_x" }), auth.ErrSignatureInvalid},
		{"the other tenant's API token", change(func(r *auth.RedirectRequest) { r.APIToken = theirs }), auth.ErrSignatureInvalid},
		{"API token without the scope", change(func(r *auth.RedirectRequest) { r.APIToken = read }), auth.ErrInsufficientScope},
		{"a token that is none", change(func(r *auth.RedirectRequest) { r.Token = "x.y.z" }), auth.ErrSignatureInvalid},
		{"a signature without the rest", change(func(r *auth.RedirectRequest) { r.Signature = strings.Repeat("0", 64) }), auth.ErrSignatureInvalid},
		{"a time without the rest", change(func(r *auth.RedirectRequest) { r.Timestamp = "1" }), auth.ErrSignatureInvalid},
	} {
		got, err := h.doors.Redirects.Begin(t.Context(), tc.req)
		want(t, tc.what, err, tc.want)
		if got.URL != "" || got.Limit.Limit != 60 {
			t.Errorf("%s: %+v", tc.what, got)
		}
	}
	for _, tc := range []struct{ email, name, want string }{
		{"", "", "email: The email field is required.; name: The name field is required."},
		{"bob@example.com", " ", "name: The name field is required."},
		{"bob", "Bob", "email: The email field must be a valid email address."},
	} {
		_, err := h.doors.Redirects.Begin(t.Context(), post(tc.email, tc.name))
		if fields(err) != tc.want {
			t.Errorf("email %q, name %q: %v, want %s", tc.email, tc.name, err, tc.want)
		}
	}
}

func TestBeginAtTenantHost(t *testing.T) {
	h := open(t)
	req := post("bob@example.com", "Bob")
	req.At = h.acme
	if got, err := h.doors.Redirects.Begin(t.Context(), req); err != nil || got.Host != acmeHost {
		t.Errorf("at its own host: %+v, %v", got, err)
	}
}

func TestProven(t *testing.T) {
	h := open(t)
	got, err := h.begin(t, h.token(t, h.acme, auth.SessionsCreate), "")
	if err != nil || got.Assurance != auth.Vouched || got.Limit.Limit != 6000 {
		t.Fatalf("with an API token: %+v, %v", got, err)
	}
	out, err := h.doors.Handoffs.Arrive(t.Context(), h.at(tokenOf(t, got.URL), click("")))
	if err != nil || out.Verdict != auth.SignIn || out.Session.Level != auth.Vouched || out.Session.User == "" {
		t.Errorf("arrived %+v, %v", out, err)
	}
	if u, err := h.doors.Users.ByEmail(t.Context(), h.acme, "bob@example.com"); err != nil || u.ID != out.Session.User || u.VouchedAt.IsZero() {
		t.Errorf("user %+v, %v", u, err)
	}
}

// The answer to an unsigned login does not depend on whether the tenant knows the address, nor on who it is.
func TestBeginSaysNothingAboutUsers(t *testing.T) {
	h := open(t)
	h.signIn(t, auth.Vouched, "known1@example.com", "")
	h.invite(t, "staff1@example.com", auth.RoleAdmin)
	var first auth.Redirected
	for i, email := range []string{"nobody@example.com", "known1@example.com", "staff1@example.com"} {
		got, err := h.doors.Redirects.Begin(t.Context(), post(email, "Bob"))
		if err != nil {
			t.Fatal(err)
		}
		got.URL = strconv.Itoa(len(got.URL))
		got.Limit = limit.State{}
		if i == 0 {
			first = got
		}
		if fmt.Sprint(got) != fmt.Sprint(first) {
			t.Errorf("%s: %+v, and for nobody %+v", email, got, first)
		}
	}
	if s, _ := h.signIn(t, auth.Asserted, "staff1@example.com", ""); s.Role != "" || s.Identity().May(auth.UsersRead) {
		t.Errorf("an asserted login as staff: %+v", s)
	}
	if s, _ := h.signIn(t, auth.Vouched, "staff1@example.com", ""); s.Role != "" || s.Identity().May(auth.UsersRead) {
		t.Errorf("a vouched login as staff: %+v", s)
	}
}

func TestTenantDemands(t *testing.T) {
	h := open(t)
	secret := h.token(t, h.acme, auth.SessionsCreate)
	begin := func(origin, referer string, proven bool) error {
		req := post("bob@example.com", "Bob")
		req.Navigation = auth.Navigation{Method: "POST", Origin: origin, Referer: referer}
		if proven {
			req.APIToken = secret
		}
		_, err := h.doors.Redirects.Begin(t.Context(), req)
		return err
	}
	want(t, "open", begin("https://evil.example", "", false), nil)
	h.set(t, &h.acme, "origin_mode", "enforce")
	for _, tc := range []struct {
		origin, referer string
		want            error
	}{
		{partner, "", nil},
		{"", partner + "/x", nil},
		{"https://acme.tickets.example", "", nil},
		{"https://tickets.example", "", nil},
		{"", "", auth.ErrOriginNotAllowed},
		{"null", partner + "/", auth.ErrOriginNotAllowed},
		{"https://evil.example", partner + "/", auth.ErrOriginNotAllowed},
		{"https://bee.tickets.example", "", auth.ErrOriginNotAllowed},
		{partner + ".evil.example", "", auth.ErrOriginNotAllowed},
		{partner + "/", "", auth.ErrOriginNotAllowed},
		{"https://APP.acme.example", "", auth.ErrOriginNotAllowed},
		{partner + " " + partner, "", auth.ErrOriginNotAllowed},
		{"http://app.acme.example", "", auth.ErrOriginNotAllowed},
	} {
		want(t, fmt.Sprintf("enforce, origin %q, referer %q", tc.origin, tc.referer), begin(tc.origin, tc.referer, false), tc.want)
	}
	want(t, "enforce, proven, from nowhere", begin("", "", true), nil)
	nameless := post("bob@example.com", "")
	nameless.Origin = "https://evil.example"
	_, err := h.doors.Redirects.Begin(t.Context(), nameless)
	want(t, "enforce, without a name", err, auth.ErrOriginNotAllowed)
	h.set(t, &h.acme, "unsigned", "signed")
	want(t, "signed, without a proof", begin(partner, "", false), auth.ErrSignatureRequired)
	want(t, "signed, with a proof", begin(partner, "", true), nil)
	_, err = h.doors.Redirects.Begin(t.Context(), func() auth.RedirectRequest {
		r := post("bob@example.com", "Bob")
		r.Slug = "bee"
		return r
	}())
	want(t, "the other tenant stays open", err, nil)
}

func FuzzOrigin(f *testing.F) {
	h := open(f)
	h.set(f, &h.acme, "origin_mode", "enforce")
	for _, s := range []string{partner, "null", "https://acme.tickets.example", "https://ACME.tickets.example", partner + ":443", "https://acme.tickets.example.", partner + "/", "https://app.acme.example@evil"} {
		f.Add(s)
	}
	n := uint32(0)
	f.Fuzz(func(t *testing.T, origin string) {
		n++
		req := post("bob@example.com", "Bob")
		req.Navigation = auth.Navigation{Origin: origin}
		req.Client.IP = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		_, err := h.doors.Redirects.Begin(t.Context(), req)
		if listed := origin == partner || origin == "https://acme.tickets.example" || origin == "https://tickets.example"; listed != (err == nil) {
			t.Errorf("origin %q: %v", origin, err)
		}
	})
}

// from is one redirect login from an address; reached says whether it was one too many.
func (h *house) from(t *testing.T, doors *auth.Doors, ip string, change func(*auth.RedirectRequest)) (limit.State, bool) {
	t.Helper()
	req := post("bob@example.com", "Bob")
	req.Client.IP = netip.MustParseAddr(ip)
	if change != nil {
		change(&req)
	}
	got, err := doors.Redirects.Begin(t.Context(), req)
	var over *limit.Error
	return got.Limit, errors.As(err, &over)
}

func TestRedirectLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.doors.Run(ctx) }()
		for i := range 60 {
			// Whatever the tenant, the result and the address within the /64.
			s, reached := h.from(t, h.doors, fmt.Sprintf("2001:db8::%x", i), func(r *auth.RedirectRequest) {
				switch i % 4 {
				case 0:
					r.Slug = "bee"
				case 1:
					r.Email = ""
				case 2:
					r.Slug = "nobody"
				case 3:
					r.APIToken = "wrong"
				}
				if i%4 == 0 {
					r.Origin = "" // for partner's origin is unknown to bee
				}
			})
			if reached || s.Remaining != int64(59-i) || s.Limit != 60 {
				t.Fatalf("login %d: %+v, reached %v", i+1, s, reached)
			}
		}
		if s, reached := h.from(t, h.doors, "2001:db8::ffff", nil); !reached || s.Remaining != 0 || time.Until(s.Reset) > time.Hour {
			t.Errorf("login 61: %+v, reached %v", s, reached)
		}
		if _, reached := h.from(t, h.doors, "2001:db8:0:1::1", nil); reached {
			t.Error("another /64 is not free")
		}
		stop()
		want(t, "run", <-done, context.Canceled)
		after := h.reopen(t)
		if _, reached := h.from(t, after, "2001:db8::1", nil); !reached {
			t.Error("free again after a restart")
		}
		secret := h.token(t, h.acme, auth.SessionsCreate)
		if s, reached := h.from(t, after, "2001:db8::1", func(r *auth.RedirectRequest) { r.APIToken = secret }); reached || s.Limit != 6000 {
			t.Errorf("proven: %+v, reached %v", s, reached)
		}
		time.Sleep(time.Hour)
		if _, reached := h.from(t, after, "2001:db8::1", nil); reached {
			t.Error("not free after an hour")
		}
	})
}

// A page that nobody has listed can't use up what a visitor may do elsewhere.
func TestUnlistedOriginsHaveTheirOwnLimit(t *testing.T) {
	h := open(t)
	for i := range 31 {
		_, reached := h.from(t, h.doors, "192.0.2.1", func(r *auth.RedirectRequest) {
			r.Origin = []string{"https://evil.example", "null", "https://bee.tickets.example"}[i%3]
		})
		if reached != (i == 30) {
			t.Fatalf("unlisted login %d: reached %v", i+1, reached)
		}
	}
	for i := range 31 {
		if _, reached := h.from(t, h.doors, "192.0.2.1", nil); reached != (i == 30) {
			t.Fatalf("listed login %d after 30 unlisted ones: reached %v", i+1, reached)
		}
	}
}

func TestTenantsOwnLimit(t *testing.T) {
	h := open(t)
	h.set(t, &h.acme, "redirect_requests_per_hour", "5")
	for i := range 7 {
		if s, reached := h.from(t, h.doors, "192.0.2.1", nil); reached != (i >= 5) || s.Limit != 5 {
			t.Errorf("login %d at a limit of 5: %+v, reached %v", i+1, s, reached)
		}
	}
	h.set(t, &h.acme, "redirect_requests_per_hour", "100")
	for i := range 101 {
		if _, reached := h.from(t, h.doors, "192.0.2.2", nil); reached != (i >= 100) {
			t.Fatalf("login %d at a limit of 100: reached %v", i+1, reached)
		}
	}
	if _, reached := h.from(t, h.doors, "192.0.2.2", func(r *auth.RedirectRequest) { r.Slug, r.Origin = "bee", "" }); reached {
		t.Error("one tenant's higher limit used up what the visitor may do at another")
	}
}

// sign makes a signed redirect as the manual tells partners to.
func sign(key, slug string, r *auth.RedirectRequest, at time.Time, nonce string) {
	r.Timestamp, r.Nonce = strconv.FormatInt(at.Unix(), 10), nonce
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = fmt.Fprintf(mac, "deskgate-redirect-v1\n%s\n%d:%s\n%d:%s\n%d:%s\n%s\n%s", slug,
		len(r.Email), r.Email, len(r.Name), r.Name, len(r.RedirectURL), r.RedirectURL, r.Timestamp, r.Nonce)
	r.Signature = hex.EncodeToString(mac.Sum(nil))
}

func key(t *testing.T, h *house, tn *tenant.Tenant, kind tenant.Kind) tenant.Key {
	t.Helper()
	keys, err := h.tenants.Keys(t.Context(), tn.ID)
	if err != nil {
		t.Fatal(err)
	}
	k, ok := keys.Current(kind)
	if !ok {
		t.Fatal("no key")
	}
	return k
}

func TestSignedRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ours := key(t, h, h.acme, tenant.KindRedirect).Secret
		n := 0
		begin := func(what string, expected error, change func(*auth.RedirectRequest)) {
			t.Helper()
			n++
			r := post("bob@example.com", "Böb")
			r.RedirectURL = "/tickets"
			sign(ours, "acme", &r, time.Now(), fmt.Sprint("nonce", n))
			change(&r)
			got, err := h.doors.Redirects.Begin(t.Context(), r)
			want(t, what, err, expected)
			if err == nil && (got.Assurance != auth.Vouched || got.Landing != "/tickets" || got.Limit.Limit != 6000) {
				t.Errorf("%s: %+v", what, got)
			}
		}
		begin("good", nil, func(*auth.RedirectRequest) {})
		begin("119 s ago", nil, func(r *auth.RedirectRequest) { sign(ours, "acme", r, time.Now().Add(-119*time.Second), "a") })
		begin("in 119 s", nil, func(r *auth.RedirectRequest) { sign(ours, "acme", r, time.Now().Add(119*time.Second), "b") })
		begin("upper case", nil, func(r *auth.RedirectRequest) { r.Signature = strings.ToUpper(r.Signature) })
		for what, change := range map[string]func(*auth.RedirectRequest){
			"121 s ago":         func(r *auth.RedirectRequest) { sign(ours, "acme", r, time.Now().Add(-121*time.Second), "c") },
			"in 121 s":          func(r *auth.RedirectRequest) { sign(ours, "acme", r, time.Now().Add(121*time.Second), "d") },
			"another email":     func(r *auth.RedirectRequest) { r.Email = "eve@example.com" },
			"email in capitals": func(r *auth.RedirectRequest) { r.Email = "BOB@example.com" },
			"another name":      func(r *auth.RedirectRequest) { r.Name = "Bob" },
			"another target":    func(r *auth.RedirectRequest) { r.RedirectURL = "/" },
			"no target":         func(r *auth.RedirectRequest) { r.RedirectURL = "" },
			"another nonce":     func(r *auth.RedirectRequest) { r.Nonce += "x" },
			"no nonce":          func(r *auth.RedirectRequest) { r.Nonce = "" },
			"another time":      func(r *auth.RedirectRequest) { r.Timestamp = strconv.FormatInt(time.Now().Unix()+1, 10) },
			"no number":         func(r *auth.RedirectRequest) { r.Timestamp = "now" },
			"no signature":      func(r *auth.RedirectRequest) { r.Signature = "" },
			"short signature":   func(r *auth.RedirectRequest) { r.Signature = r.Signature[:32] },
			"the other's slug":  func(r *auth.RedirectRequest) { sign(ours, "bee", r, time.Now(), "e") },
			"the other's key": func(r *auth.RedirectRequest) {
				sign(key(t, h, h.bee, tenant.KindRedirect).Secret, "acme", r, time.Now(), "f")
			},
			"the key for tokens": func(r *auth.RedirectRequest) {
				sign(key(t, h, h.acme, tenant.KindJWT).Secret, "acme", r, time.Now(), "g")
			},
		} {
			begin(what, auth.ErrSignatureInvalid, change)
		}
		r := post("bob@example.com", "Bob")
		sign(ours, "acme", &r, time.Now(), "once")
		for i, expected := range []error{nil, auth.ErrSignatureInvalid, auth.ErrSignatureInvalid} {
			_, err := h.reopen(t).Redirects.Begin(t.Context(), r)
			want(t, fmt.Sprint("use ", i+1), err, expected)
		}
		if _, err := h.tenants.Rotate(t.Context(), h.acme.ID, tenant.KindRedirect, time.Hour); err != nil {
			t.Fatal(err)
		}
		begin("old key in its time of grace", nil, func(*auth.RedirectRequest) {})
		time.Sleep(time.Hour)
		begin("old key afterwards", auth.ErrSignatureInvalid, func(*auth.RedirectRequest) {})
	})
}
