package web_test

import (
	"bytes"
	"image"
	imagepng "image/png"
	"mime/multipart"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/webtest"
)

const deskSettings = "/agent/settings"

// TestDeskSettingsAreForAdmins: agents and those who have not proven who they are see none of the pages about the tenant.
func TestDeskSettingsAreForAdmins(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	admin := n.Agent(t, n.Acme, "amy@acme.example", "Amy", auth.RoleAdmin)
	agent := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	stale := n.Vouched(t, n.Acme, "amy@acme.example")
	requester := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	for path, open := range map[string]bool{
		"/start": true, "/limits": true, "/general": false, "/domains": false, "/keys": false, "/tokens": false, "/categories": false,
	} {
		address := n.Acme.URL + deskSettings + path
		expect(t, admin.Open(address), 200, "<h1>")
		if path == "/domains" { // which agents read, as its tickets are theirs
			expect(t, agent.Open(address), 200, "Only admins change something here.")
		} else {
			expect(t, agent.Open(address), 403, "")
		}
		expect(t, requester.Open(address), 303, "")
		want := 303
		if open {
			want = 200
		}
		expect(t, stale.Open(address), want, "")
	}
	for _, path := range []string{"/general", "/domains", "/keys/jwt/reveal", "/keys/jwt/rotate", "/tokens", "/categories"} {
		expect(t, agent.Send(n.Acme.URL+deskSettings+path, url.Values{"grace": {"24"}}), 403, "")
		expect(t, stale.Send(n.Acme.URL+deskSettings+path, url.Values{"grace": {"24"}}), 303, "")
	}
}

// TestFromEmptyToIntegrated is an admin's way through the pages, without a script.
func TestFromEmptyToIntegrated(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Acme.URL + deskSettings
	amy := n.Agent(t, n.Acme, "amy@acme.example", "Amy", auth.RoleAdmin)
	expect(t, amy.Open(home+"/start"), 200, "5 steps are left.")

	brand(t, amy, home, map[string]string{"name": "Acme Care", "brand_color": "#0B6E4F", "language": "de", "time_zone": "Europe/Berlin", "welcome_text": "Hello"}, picture(t), 303)
	page := amy.Open(home + "/general")
	expect(t, page, 200, `value="#0b6e4f"`)
	logo := regexp.MustCompile(`/brand/logo\?v=[0-9a-f]+`).FindString(page.Body)
	got := n.Client(t).Get(n.Acme.URL + logo)
	if got.Status != 200 || got.Header.Get("Content-Type") != "image/png" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the logo at %s = %d %v", logo, got.Status, got.Header)
	}
	expect(t, n.Client(t).Get(n.Bolt.URL+logo), 404, "")
	brand(t, amy, home, map[string]string{"name": "Acme Care"}, []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), 422)
	brand(t, amy, home, map[string]string{"name": "Acme Care"}, make([]byte, tenant.MaxLogo+1), 422)
	brand(t, amy, home, map[string]string{"name": "", "brand_color": "red"}, nil, 422)
	brand(t, amy, home, map[string]string{"name": "Acme Care", "brand_color": "#0b6e4f", "remove_logo": "1"}, nil, 303)
	expect(t, n.Client(t).Get(n.Acme.URL+"/brand/logo"), 404, "")

	expect(t, amy.Send(home+"/domains", url.Values{"host": {"support.acme-shop.com"}}), 303, "")
	expect(t, amy.Open(home+"/domains"), 200, `href="/agent/settings/domains/support.acme-shop.com"`)
	expect(t, amy.Open(home+"/domains/support.acme-shop.com?done=domain-added"), 200, "_deskgate.support.acme-shop.com")
	expect(t, amy.Send(home+"/domains", url.Values{"host": {"not a host"}}), 422, "not a host")
	if got := amy.Send(home+"/domains/support.acme-shop.com/verify", nil); got.Status != 303 || !strings.Contains(got.Location(), "domain-missing") {
		t.Errorf("verify = %d to %s", got.Status, got.Location())
	}
	expect(t, amy.Send(home+"/domains/other.example/remove", nil), 404, "")
	expect(t, amy.Send(home+"/domains/support.acme-shop.com/remove", nil), 303, "")

	secret := n.Acme.Keys.Secrets()["jwt_secret"]
	if page := amy.Open(home + "/keys"); page.Status != 200 || strings.Contains(page.Body, secret) {
		t.Errorf("the keys are shown without being asked for, or not at all: %d", page.Status)
	}
	expect(t, amy.Send(home+"/keys/jwt/reveal", nil), 200, secret)
	expect(t, amy.Send(home+"/keys/nothing/reveal", nil), 404, "")
	expect(t, amy.Send(home+"/keys/jwt/rotate", url.Values{"grace": {"99999"}}), 400, "")
	expect(t, amy.Send(home+"/keys/jwt/rotate", url.Values{"grace": {"24"}}), 303, "")
	if page := amy.Send(home+"/keys/jwt/reveal", nil); strings.Contains(page.Body, secret) {
		t.Error("the old key is shown as the present one")
	}
	expect(t, amy.Get(n.Acme.URL+"/api/audit?action=key."), 200, "key.shown")

	expect(t, amy.Send(home+"/tokens", url.Values{"name": {"night"}}), 422, "scopes")
	made := amy.Send(home+"/tokens", url.Values{"name": {"night"}, "scope": {"tickets:read", "tickets:write"}, "expires": {"90d"}})
	token := regexp.MustCompile(`dgt_[A-Za-z0-9_-]+`).FindString(made.Body)
	p := &program{Client: n.Client(t), t: t, base: n.URL, auth: "Authorization: Bearer " + token}
	p.file("From the site")
	list := amy.Open(home + "/tokens")
	if strings.Contains(list.Body, "dgt_") {
		t.Error("the secret is shown again")
	}
	id := regexp.MustCompile(`/tokens/(tok_[A-Z0-9]+)/revoke`).FindAllStringSubmatch(list.Body, -1)
	expect(t, amy.Send(home+"/tokens/"+id[0][1]+"/revoke", nil), 303, "")
	expect(t, p.call("GET", "/api/tickets", ""), 401, "")

	amy.Send(home+"/sign-in", url.Values{"allowed_origins": {"https://www.acme-shop.com"}, "unsigned": {"open"}, "origin_mode": {"confirm"}, "staff_second_factor": {"optional"}})
	n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	expect(t, amy.Open(home+"/start"), 200, "One step is left.")
}

// picture is a small logo.
func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := imagepng.Encode(&b, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// brand sends the form of the page General as browsers do.
func brand(t *testing.T, c *webtest.Client, home string, fields map[string]string, logo []byte, status int) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("logo", "logo.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(logo); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	headers := []string{"Content-Type: " + form.FormDataContentType()}
	for _, h := range webtest.Submit {
		if !strings.HasPrefix(h, "Content-Type") {
			headers = append(headers, h)
		}
	}
	expect(t, c.Do("POST", home+"/general", b.String(), headers...), status, "")
}

func TestCategoriesPage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	home := n.Acme.URL + deskSettings + "/categories"
	amy := n.Agent(t, n.Acme, "amy@acme.example", "Amy", auth.RoleAdmin)
	expect(t, amy.Send(home, url.Values{"name": {"Zebra questions"}}), 303, "")
	expect(t, amy.Send(home, url.Values{"name": {""}}), 422, "required")
	all := func() []string {
		var names []string
		for _, m := range regexp.MustCompile(`action="/agent/settings/categories/(cat_[A-Z0-9]+)"`).FindAllStringSubmatch(amy.Open(home).Body, -1) {
			names = append(names, m[1])
		}
		return names
	}
	before := all()
	last := before[len(before)-1]
	expect(t, amy.Send(home+"/"+last, url.Values{"do": {"up"}}), 303, "")
	if after := all(); after[len(after)-2] != last {
		t.Errorf("it was not moved: %q, then %q", before, after)
	}
	expect(t, amy.Send(home+"/"+last, url.Values{"do": {"rename"}, "name": {"Yak questions"}}), 303, "")
	expect(t, amy.Send(home+"/"+last, url.Values{"do": {"hide"}}), 303, "")
	expect(t, amy.Open(home), 200, "Yak questions")
	caller(t, n, n.Acme).call("POST", "/api/tickets", `{"title":"a","description":"b","category_id":"`+last+`"}`)
	expect(t, amy.Send(home+"/"+last, url.Values{"do": {"remove"}}), 409, "There are tickets in this category")
	expect(t, amy.Send(home+"/"+before[0], url.Values{"do": {"remove"}}), 303, "")
	expect(t, amy.Send(home+"/"+last, url.Values{"do": {"nothing"}}), 400, "")
}
