package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

const (
	fetchTrial = "/test-auth-redirect"
	formTrial  = "/test-auth-redirect-form"
)

// TestTrialByForm: each step of the login, on one page, at node and tenant hosts.
func TestTrialByForm(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://www.acme.example"})
	for _, tc := range []struct {
		name, host string
		fields     url.Values
		status     int
		want       []string
	}{
		{
			"asserted", n.URL,
			url.Values{"slug": {"acme"}, "email": {"zoe@example.com"}, "name": {"Zoe"}},
			200,
			[]string{"302 Found", "asserted", "/dashboard", "No warnings.", "X-RateLimit-Remaining", `action="/api/auth/redirect/acme" target="_blank"`},
		},
		{
			"with a way back", n.Acme.URL,
			url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}, "redirect_url": {"https://www.acme.example/a"}},
			200,
			[]string{"302 Found", "https://www.acme.example/a</dd>", "No warnings."},
		},
		{
			"with one that is dropped", n.Acme.URL,
			url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}, "redirect_url": {"https://evil.example/"}},
			200,
			[]string{"The redirect_url was dropped (evil.example)"},
		},
		{"no email", n.Acme.URL, url.Values{"name": {"Zoe"}}, 422, []string{"VALIDATION_FAILED", "The email field is required."}},
		{"nobody's name", n.URL, url.Values{"slug": {"nobody"}, "email": {"a@b.example"}, "name": {"A"}}, 404, []string{"Tenant not found."}},
		{
			"another's name", n.Acme.URL,
			url.Values{"slug": {"bolt"}, "email": {"a@b.example"}, "name": {"A"}},
			200,
			[]string{`action="/api/auth/redirect/acme"`}, // the page is about its own help desk
		},
		{
			"a wrong proof", n.Acme.URL,
			url.Values{"email": {"a@b.example"}, "name": {"A"}, "ts": {"1"}, "nonce": {"x"}, "sig": {"00"}},
			401,
			[]string{"SIGNATURE_INVALID"},
		},
	} {
		got := n.Client(t).Do("POST", tc.host+formTrial, tc.fields.Encode(), append([]string{"Origin: " + tc.host}, webtest.Submit...)...)
		if got.Status != tc.status || got.Header["Set-Cookie"] != nil {
			t.Errorf("%s = %d %v, want %d and no cookie", tc.name, got.Status, got.Header, tc.status)
		}
		for _, want := range tc.want {
			if !strings.Contains(got.Body, want) {
				t.Errorf("%s: the page lacks %q: %s", tc.name, want, got.Body)
			}
		}
	}
}

// TestTrialIsCounted: the test pages and the test endpoint count with the redirect login.
func TestTrialIsCounted(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c, form := n.Client(t), url.Values{"slug": {"acme"}, "email": {"a@b.example"}, "name": {"A"}}
	for i := range 60 {
		address := n.URL + formTrial
		if i%2 == 0 {
			address = n.URL + "/api/test/auth/redirect/acme"
		}
		if got := c.Send(address, form); got.Status != http.StatusOK {
			t.Fatalf("try %d = %d %s", i+1, got.Status, got.Body)
		}
	}
	got := c.Send(n.URL+formTrial, form)
	if got.Status != 429 || got.Header.Get("Retry-After") == "" || !strings.Contains(got.Body, "RATE_LIMITED") {
		t.Errorf("try 61 = %d %v, want 429 with Retry-After", got.Status, got.Header)
	}
	if got := c.Do("POST", n.URL+"/api/auth/redirect/acme", form.Encode(), asForm); got.Status != 429 {
		t.Errorf("the login after it = %d, want 429", got.Status)
	}
}

// TestTrialIsFilledInByNobodyElse: what is signed in from a page of ours counts as meant by the visitor. So no other site may
// choose who it is: neither by the page's address, nor by a post.
func TestTrialIsFilledInByNobodyElse(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	evil := url.Values{"slug": {"acme"}, "tenant": {`"><script>alert(1)</script>`}, "email": {"eve@evil.example"}, "name": {"Eve"}, "redirect_url": {"/evil"}}
	for _, host := range []string{n.URL, n.Acme.URL} {
		for _, page := range []string{fetchTrial, formTrial} {
			got := n.Client(t).Open(host + page + "?" + evil.Encode())
			if got.Status != 200 || strings.Contains(got.Body, "evil") || strings.Contains(got.Body, "<script>alert") {
				t.Errorf("%s%s takes something from its address: %d %s", host, page, got.Status, got.Body)
			}
			if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
				t.Errorf("%s%s can be framed: %s", host, page, csp)
			}
		}
		for name, headers := range map[string][]string{
			"another site":     {"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"},
			"a sibling host":   {"Origin: " + n.Bolt.URL, "Sec-Fetch-Site: same-site"},
			"a page unnamed":   {"Origin: null", "Sec-Fetch-Site: cross-site"},
			"an older browser": {"Origin: https://evil.example"},
		} {
			got := n.Client(t).Do("POST", host+formTrial, evil.Encode(), append(headers, asForm, asPage)...)
			if got.Status != http.StatusForbidden || strings.Contains(got.Body, "eve@") {
				t.Errorf("%s posts to %s = %d %s, want 403", name, host, got.Status, got.Body)
			}
		}
	}
	got := n.Client(t).Send(n.URL+formTrial, url.Values{"slug": {`a"><script>alert(1)</script>`}, "email": {`"><script>alert(2)</script>`}, "name": {"A"}})
	if strings.Contains(got.Body, "<script>alert") {
		t.Errorf("what was typed comes back as HTML: %s", got.Body)
	}
}

// TestTrialAndGuideTellNobodyWhoIsHere: at a node host, the pages are the same for every name.
func TestTrialAndGuideTellNobodyWhoIsHere(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	for _, page := range []string{fetchTrial, formTrial, "/integration"} {
		is, isNot := n.Client(t).Open(n.URL+page+"?tenant=bolt"), n.Client(t).Open(n.URL+page+"?tenant=nobody")
		if is.Status != 200 || strings.ReplaceAll(is.Body, "bolt", "nobody") != isNot.Body {
			t.Errorf("%s = %d, and another page for a name that is here", page, is.Status)
		}
		if a, b := is.Header.Get("Content-Security-Policy"), isNot.Header.Get("Content-Security-Policy"); a != b {
			t.Errorf("%s: the policies differ: %s and %s", page, a, b)
		}
	}
}
