package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestRatingInThePortal: once a request is solved its requester rates it, and changes the rating; nobody else does, or sees it.
func TestRatingInThePortal(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Acme.URL
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, zoe.Send(home+"/tickets", url.Values{"title": {"Lamp"}, "description": {"It flickers."}}), 303, "")
	if page := expect(t, zoe.Open(home+"/tickets/1"), 200, "Lamp"); strings.Contains(page.Body, "How did we do?") {
		t.Error("a request that is not solved asks for a rating")
	}
	expect(t, zoe.Send(home+"/tickets/1/rating", url.Values{"stars": {"5"}}), 409, "")
	p := caller(t, n, n.Acme)
	p.call("PATCH", "/api/tickets/1", `{"status":"resolved"}`)
	expect(t, zoe.Open(home+"/tickets/1"), 200, "How did we do?")
	for _, wrong := range []string{"", "0", "6", "many"} {
		expect(t, zoe.Send(home+"/tickets/1/rating", url.Values{"stars": {wrong}, "comment": {"so-so"}}), 422, "so-so</textarea>")
	}
	expect(t, zoe.Send(home+"/tickets/1/rating", url.Values{"stars": {"2"}, "comment": {"slow <b>"}}), 303, "")
	expect(t, zoe.Open(home+"/tickets/1?rated"), 200, "Thank you!")
	expect(t, zoe.Open(home+"/tickets/1"), 200, "slow &lt;b&gt;")
	expect(t, zoe.Open(home+"/tickets/1"), 200, `aria-label="2 of 5 stars"`)
	expect(t, zoe.Send(home+"/tickets/1/rating", url.Values{"stars": {"4"}}), 303, "")
	expect(t, zoe.Open(home+"/tickets/1"), 200, `aria-label="4 of 5 stars"`)
	rating := url.Values{"stars": {"1"}}
	for name, other := range map[string]*webtest.Client{
		"another requester":    n.SignIn(t, n.Acme, "bob@example.com", "Bob"),
		"who says to be zoe":   n.Visit(t, n.Acme, "zoe@example.com", "Zoe"),
		"bolt's zoe at bolt's": n.SignIn(t, n.Bolt, "zoe@example.com", "Zoe"),
	} {
		host := home
		if strings.HasPrefix(name, "bolt") {
			host = n.Bolt.URL
		}
		if got := other.Send(host+"/tickets/1/rating", rating); got.Status != 404 {
			t.Errorf("%s rates: %d", name, got.Status)
		}
	}
	agent := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	if got := agent.Send(home+"/tickets/1/rating", rating); got.Status == 303 && !strings.Contains(got.Header.Get("Location"), "sign-in") {
		t.Errorf("an agent rates: %d", got.Status)
	}
	expect(t, zoe.Open(home+"/tickets/1"), 200, `aria-label="4 of 5 stars"`)
}

// TestBrand: the tenant's colour, logo and welcome are on its pages and on nobody else's, and no colour needs a style in the page.
func TestBrand(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	plain := expect(t, n.Client(t).Open(n.Acme.URL+"/auth/sign-in"), 200, "")
	if strings.Contains(plain.Body, "/static/theme-") {
		t.Error("a tenant without a colour has a theme")
	}
	n.Set(t, n.Acme, map[string]string{"brand_color": "#ffd400", "welcome_text": "Hi <there>"})
	c := n.Client(t)
	page := expect(t, c.Open(n.Acme.URL+"/auth/sign-in"), 200, "Hi &lt;there&gt;")
	_, rest, found := strings.Cut(page.Body, `href="/static/theme-ffd400.`)
	name, _, _ := strings.Cut(rest, `"`)
	css := c.Get(n.Acme.URL + "/static/theme-ffd400." + name)
	if !found || css.Status != 200 || !strings.Contains(css.Body, "--color-brand:#ffd400") || !strings.Contains(css.Body, "--color-on-brand:#000000") {
		t.Errorf("the theme is %d %s", css.Status, css.Body)
	}
	if kept := css.Header.Get("Cache-Control"); !strings.Contains(kept, "immutable") || css.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the theme is kept as %q, as %q", kept, css.Header.Get("Content-Type"))
	}
	if other := n.Client(t).Open(n.Bolt.URL + "/auth/sign-in"); strings.Contains(other.Body, "theme-") || strings.Contains(other.Body, "Hi ") {
		t.Error("bolt's page has acme's brand")
	}
	expect(t, c.Get(n.Acme.URL+"/static/theme-ffd400.000000000000.css"), 404, "")
}
