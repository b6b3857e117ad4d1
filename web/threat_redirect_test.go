package web_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// elsewhere are addresses that lead away from a help desk at this base URL, or that somebody might read so.
func elsewhere(base string) []string {
	host := strings.TrimPrefix(base, "https://")
	name, port, _ := strings.Cut(host, ":")
	return []string{
		"https://evil.example/", "http://evil.example/", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example",
		"\\/evil.example", "/\\/evil.example", "https:evil.example", "https:/evil.example", "https:\\\\evil.example", "HTTPS:evil.example", "/%2fevil.example",
		"/%5cevil.example", "/%252fevil.example", "/.//evil.example", "/..//evil.example", "/a/../..//evil.example", "/\t/evil.example", "\t//evil.example",
		" //evil.example", "//evil.example ", "/\n/evil.example", "/\x00/evil.example", "/a\r\nLocation: https://evil.example", "/a%0d%0aSet-Cookie:a=b",
		base + "@evil.example/", base + ":x@evil.example/", base + "\\@evil.example", base + ".evil.example/", base + "%2eevil.example/", base + "%00.evil.example",
		"https://evil.example\\@" + host, "https://evil.example#@" + host, "https://evil.example?@" + host, "https://evil.example/" + base,
		"https://" + name + ".:" + port + ".evil.example/", "https://" + name + ":" + port + "1/", "https://" + name + ":1/", "https://" + name + "/",
		"http://" + host + "/", "ftp://" + host + "/", "//" + name + "@evil.example", "https://[::1]/", "https://2130706433/", "https://0x7f.1/",
		"javascript:alert(1)", "JavaScript:alert(1)", "\x01javascript:alert(1)", "java\nscript:alert(1)", "javascript://" + host + "/%0aalert(1)",
		"data:text/html,<script>alert(1)</script>", "vbscript:x", "blob:" + base + "/x", "about:blank", "file:///etc/passwd", "null",
		"https://xn--/", "https://\u0435vil.example/", "https://evil\u3002example/", "//evil\u2024example", "https://evil.example\u200b/", "/\u202egnp.live",
		"https://app.acme.example.evil.example/", "https://app.acme.example@evil.example/", "https://app.acme.example:444/", "http://app.acme.example/",
		"https://bolt.desk.example:" + port + "/", "https://desk.example:" + port + "/", "/auth/callback?token=x", "/auth/sign-out", "/simpleauth/logout",
	}
}

// stays says what is wrong with a Location at a help desk that must not lead away from it.
func stays(location, base string) error {
	for i := range len(location) {
		if c := location[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return fmt.Errorf("byte %#x in it", c)
		}
	}
	u, err := url.Parse(location)
	if err != nil {
		return err
	}
	if u.Host == "" && u.Scheme == "" && strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//") {
		return nil
	}
	if u.User != nil || u.Scheme+"://"+u.Host != base {
		return fmt.Errorf("it leads to %s", u.Host)
	}
	return nil
}

// TestNoOpenRedirect: wherever somebody asks to be sent, through whatever door, the sign-in ends at the help desk, and no
// page has a link to there.
func TestNoOpenRedirect(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	secret := n.Acme.Keys.Secrets()["jwt_secret"]
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	asked := 0
	token := func(to string) string {
		asked++
		return jws(sha256.New, secret, hs256, payload(fmt.Sprint("redirect", asked), `,"redirect_url":`, quoted(to)))
	}
	proof := "Authorization: Bearer " + n.Acme.Token
	partners := n.Forgetful(t)
	doors := map[string]func(to string) (callback string){
		"form": func(to string) string {
			form := url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}, "redirect_url": {to}}
			return partners.Do("POST", n.URL+"/api/auth/redirect/acme", form.Encode(), asForm, proof).Location()
		},
		"JSON": func(to string) string {
			body := `{"email":"zoe@example.com","name":"Zoe","redirect_url":` + quoted(to) + `}`
			return partners.Do("POST", n.Acme.URL+"/api/auth/redirect/acme", body, asJSON, proof).Location()
		},
		"JWT login": func(to string) string {
			body := `{"tenant_slug":"acme","token":"` + token(to) + `"}`
			callback, _ := partners.Do("POST", n.URL+"/api/jwt/login", body, asJSON).JSON(t)["redirect_url"].(string)
			return callback
		},
	}
	for _, mode := range []string{"link", "follow", "strict"} {
		n.Set(t, n.Acme, map[string]string{"external_redirect": mode, "allowed_origins": "https://app.acme.example"})
		for name, door := range doors {
			for _, to := range elsewhere(n.Acme.URL) {
				callback := door(to)
				if callback == "" && mode == "strict" {
					continue // refused
				}
				if !strings.HasPrefix(callback, n.Acme.URL+"/auth/callback?token=") {
					t.Errorf("%s, %s, to %q: the first hop leads to %q", name, mode, to, callback)
					continue
				}
				got := partners.Open(callback)
				if err := stays(got.Location(), n.Acme.URL); got.Status != 303 || err != nil || strings.Contains(got.Location(), "/auth/") {
					t.Errorf("%s, %s, to %q = %d %q: %v", name, mode, to, got.Status, got.Location(), err)
				}
				cookie, _, _ := strings.Cut(got.Header.Get("Set-Cookie"), ";")
				if page := partners.Get(n.Acme.URL+"/dashboard", "Cookie: "+cookie).Body; !strings.Contains(page, "Zoe") || strings.Contains(page, "evil") || strings.Contains(page, "Back to") {
					t.Errorf("%s, %s, to %q: the dashboard has a way back: %s", name, mode, to, page)
				}
			}
		}
	}
}

// TestStaffLandInTheConsole: what comes after the staff's sign-in is a page of the console. FuzzConsolePath tries more.
func TestStaffLandInTheConsole(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	for next, want := range map[string]string{
		"/agent/tickets/1?a=b": "/agent/tickets/1?a=b", "//evil.example/agent": "/agent", "https://evil.example/agent/": "/agent",
		"/agent/../dashboard": "/agent", "/agent\\..\\x": "/agent", "/dashboard": "/agent", n.Acme.URL + "/agent/tickets": "/agent",
	} {
		form := url.Values{"email": {"ann@acme.example"}, "password": {webtest.Password}, "next": {next}}
		got := n.Client(t).Do("POST", n.Acme.URL+"/agent/login", form.Encode(), append([]string{nextVisitor()}, webtest.Submit...)...)
		if got.Status != 303 || got.Location() != want {
			t.Errorf("next=%q = %d %q, want %s", next, got.Status, got.Location(), want)
		}
	}
}
