package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestNobodyIsSentToADriftedHost: its DNS may be somebody else's by now. It is served, but no sign-in, invitation or address in
// the API leads there until its proof is back; then it is the primary host again, as was chosen.
func TestNobodyIsSentToADriftedHost(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	shop := n.Bring(t, n.Acme, "shop.acme.example")
	bolt := n.Bring(t, n.Bolt, "help.bolt.example")
	n.Set(t, n.Acme, map[string]string{"primary_host": "shop.acme.example"})
	d, err := n.Domains.FindOwn(t.Context(), n.Acme.Tenant, "shop.acme.example")
	if err != nil {
		t.Fatal(err)
	}
	look := func() {
		t.Helper()
		if _, err := n.Domains.VerifyOwn(t.Context(), n.Acme.Tenant, "shop.acme.example"); err != nil {
			t.Fatal(err)
		}
	}
	sendTo := func(home, invited string) {
		t.Helper()
		for _, to := range []string{"", shop + "/dashboard", "/dashboard"} {
			form := url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}, "redirect_url": {to}}
			got := n.Client(t).Do("POST", n.URL+"/api/auth/redirect/acme", form.Encode(), asForm)
			if got.Status != http.StatusFound || !strings.HasPrefix(got.Location(), home+"/auth/callback?token=") {
				t.Errorf("redirect login with redirect_url %q = %d to %s, want %s", to, got.Status, got.Location(), home)
			}
		}
		i, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, invited, "Ann", auth.RoleAgent, "operator")
		if err != nil || !strings.HasPrefix(i.URL, home+"/") {
			t.Errorf("invitation to %s (%v), want %s", i.URL, err, home)
		}
		expect(t, caller(t, n, n.Acme).call("GET", "/api/tenant", ""), 200, `"url":"`+home+`"`)
		expect(t, caller(t, n, n.Acme).call("GET", "/api/tenant", ""), 200, `"primary_host":"shop.acme.example"`)
		expect(t, caller(t, n, n.Bolt).call("GET", "/api/tenant", ""), 200, `"url":"`+bolt+`"`)
	}
	readBy := func(page, want string) {
		t.Helper()
		got := n.Client(t).Do("GET", n.Acme.URL+"/api/users/me", "", "Origin: "+page)
		if h := got.Header.Get("Access-Control-Allow-Origin"); h != want {
			t.Errorf("a page of %s may read as %q, want %q", page, h, want)
		}
	}
	application(t, n, n.Acme)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	sendTo(shop, "ann@acme.example")
	readBy(shop, shop)
	n.Withdraw("shop.acme.example")
	n.Withdraw("_deskgate.shop.acme.example")
	look()
	expect(t, n.Client(t).Get(shop+"/auth/sign-in"), 200, "")
	readBy(shop, "")                                                       // whose page that is, nobody knows
	for origin, want := range map[string]int{shop: 200, n.Bolt.URL: 403} { // who is here has our page
		if got := zoe.Do("GET", shop+"/app/vouched", "", "Connection: Upgrade", "Upgrade: websocket", "Origin: "+origin); got.Status != want {
			t.Errorf("a WebSocket of %s = %d, want %d", origin, got.Status, want)
		}
	}
	sendTo(n.Acme.URL, "bea@acme.example")
	n.Set(t, n.Acme, map[string]string{"welcome_text": "We are here."}) // which touches nothing else
	for _, r := range d.Document().Records {
		n.Publish(t, r.Type, r.Name, r.Value)
	}
	look()
	sendTo(shop, "cleo@acme.example")
	readBy(shop, shop)
}
