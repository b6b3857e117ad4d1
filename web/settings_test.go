package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// A member changes their name, at the address that everybody has in the console's navigation.
func TestAccount(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	page := expect(t, ann.Open(n.Acme.URL+"/agent/settings"), 200, `aria-current="page">Account</a>`)
	expect(t, page, 200, "ann@acme.example")
	expect(t, ann.Open(n.Acme.URL+"/agent"), 200, `<a href="/agent/settings">Settings</a>`)
	expect(t, ann.Send(n.Acme.URL+"/agent/settings", url.Values{"name": {" "}}), 422, "The name field is required.")
	got := expect(t, ann.Send(n.Acme.URL+"/agent/settings", url.Values{"name": {"Ann Lee"}}), 303, "")
	expect(t, ann.Open(n.Acme.URL+got.Location()), 200, "Saved.")
	expect(t, ann.Open(n.Acme.URL+"/agent"), 200, "Signed in as Ann Lee")
	expect(t, n.Client(t).Open(n.Acme.URL+"/agent/settings"), 303, "")
}

// Who is signed in because another site says so, or who proved it long ago, proves it before they change what is
// everybody's: in the console and by the API alike.
func TestStepUp(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	change := func(c *webtest.Client) webtest.Answer {
		return c.Do("PUT", n.Acme.URL+"/api/tenant", `{"name":"Acme Two"}`, "Content-Type: application/json", "Sec-Fetch-Site: same-origin")
	}
	expect(t, change(boss), 200, "Acme Two")
	vouched := n.Vouched(t, n.Acme, "boss@acme.example")
	expect(t, vouched.Get(n.Acme.URL+"/api/tenant"), 200, "Acme Two")
	if got := change(vouched); got.Status != 403 || got.Code() != "STEP_UP_REQUIRED" {
		t.Errorf("change without a proof = %d %s", got.Status, got.Body)
	}
	before := vouched.Cookies(n.Acme.URL)[0].Value
	page := n.Acme.URL + "/agent/step-up?next=%2Fagent%2Fsettings%3Fx%3D1"
	expect(t, vouched.Open(page), 200, `name="next" value="/agent/settings?x=1"`)
	address, form := split(t, page)
	form.Set("password", "wrong horse battery staple")
	expect(t, vouched.Send(address, form), 401, "The password is wrong.")
	form.Set("password", webtest.Password)
	if got := vouched.Send(address, form); got.Status != 303 || got.Location() != "/agent/settings?x=1" {
		t.Errorf("step-up = %d to %s", got.Status, got.Location())
	}
	expect(t, change(vouched), 200, "Acme Two")
	if after := vouched.Cookies(n.Acme.URL)[0].Value; after == before {
		t.Error("the session kept its secret")
	}
	old := n.Client(t)
	if got := old.Get(n.Acme.URL+"/api/tenant", "Cookie: __Host-deskgate-staff="+before); got.Status != 401 {
		t.Errorf("the session of before = %d", got.Status)
	}
	for range 12 {
		form.Set("password", "wrong horse battery staple")
		vouched.Send(address, form)
	}
	form.Set("password", webtest.Password)
	if got := vouched.Send(address, form); got.Status != 429 || !strings.Contains(got.Body, "RATE_LIMITED") {
		t.Errorf("after many tries = %d", got.Status)
	}
}
