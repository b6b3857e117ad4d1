package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web"
	"github.com/deskgate/deskgate/web/webtest"
	"github.com/deskgate/deskgate/web/words"
)

// What the edge itself says has the visitor's language and the tenant's name and colour, and asks for nothing else.
func TestEdgePages(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"brand_color": "#ffd400", "name": "Acme & Söhne"})
	n.Set(t, n.Bolt, map[string]string{"language": "de"})
	for _, tn := range []*webtest.Tenant{n.Acme, n.Bolt} {
		for prefix, r := range map[string]tenant.Route{
			"/shop": {Maintenance: true}, "/gone": {}, "/own": {ErrorPage: `<p lang="{{lang}}">{{name}}: {{message}} {{detail}}</p>`},
		} {
			r.Prefix, r.Upstreams = prefix, []string{"http://127.0.0.1:1"}
			if err := n.Tenants.AddRoute(t.Context(), tn.ID, n.Directory.PrimaryHost(tn.Tenant), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tc := range []struct {
		tenant         *webtest.Tenant
		path, accepted string
		status         int
		want           []string
	}{
		{n.Acme, "/shop", "en", 503, []string{`<html lang="en">`, "<h1>Back soon.</h1>", "Acme &amp; Söhne", "--color-brand:#ffd400", `<a class="btn" href="">Try again</a>`}},
		{n.Acme, "/shop", "fr, de-AT;q=0.8, en;q=0.5", 503, []string{`<html lang="de">`, "<h1>Gleich zurück.</h1>", "Zum Helpdesk"}},
		{n.Bolt, "/gone", "", 502, []string{`<html lang="de">`, "Diese Seite ist gerade nicht verfügbar.", "Bolt", "Fehler 502"}},
		{n.Bolt, "/gone", "en", 502, []string{`<html lang="en">`, "This page is not available right now."}},
		{n.Acme, "/own", "de", 502, []string{`<p lang="de">Acme &amp; Söhne: Diese Seite ist gerade nicht verfügbar. Die Anwendung hinter dieser Adresse antwortet nicht.</p>`}},
	} {
		a := n.Client(t).Get(tc.tenant.URL+tc.path, append(webtest.Navigate, "Accept-Language: "+tc.accepted)...)
		if a.Status != tc.status || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Accept-Language") || a.Header.Get("Content-Language") == "" {
			t.Errorf("%s in %q: %d %v", tc.path, tc.accepted, a.Status, a.Header)
		}
		for _, want := range tc.want {
			if !strings.Contains(a.Body, want) {
				t.Errorf("%s in %q has no %q:\n%s", tc.path, tc.accepted, want, a.Body)
			}
		}
		if tc.path != "/own" && !strings.Contains(a.Body, a.Header.Get("X-Request-Id")) {
			t.Errorf("%s does not say its request's id", tc.path)
		}
		if asks := regexp.MustCompile(`(src=|url\(|@import|<script|<link|href="[^"/])`).FindString(a.Body); asks != "" || len(a.Body) > 5<<10 {
			t.Errorf("%s asks for %q, and has %d bytes", tc.path, asks, len(a.Body))
		}
		if tc.tenant == n.Bolt && strings.Contains(a.Body, "ffd400") {
			t.Error("bolt's page has acme's colour")
		}
	}
	chosen := n.Client(t).Get(n.Acme.URL+"/shop", append(webtest.Navigate, "Accept-Language: en", "Cookie: __Host-deskgate-language=de")...)
	expect(t, chosen, 503, "Gleich zurück.")
	program := n.Client(t).Get(n.Acme.URL+"/shop", "Accept: application/json", "Accept-Language: de")
	expect(t, program, 503, `"message":"Back soon."`)
	form := n.Client(t).Do(http.MethodPost, n.Acme.URL+"/gone", "a=b", webtest.Submit...)
	if strings.Contains(form.Body, "Try again") {
		t.Error("a form that was sent is to be asked for again")
	}
}

// Whoever comes to nobody's host is spoken to as well, and told nothing about who is here.
func TestEdgePageForStrangers(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Language", "de")
	page := newServer(t).Notice(r, &tenant.Visit{}, web.Notice{Status: 421, Title: "Nothing is served here.", Text: "This name is not served at this address.", RequestID: "<id>"})
	body := string(page.HTML)
	if page.Lang != "de" || page.Title != "Hier ist nichts zu finden." || !strings.Contains(body, "<h1>Hier ist nichts zu finden.</h1>") || !strings.Contains(body, "&lt;id&gt;") {
		t.Errorf("got %s %q %s", page.Lang, page.Title, body)
	}
	for _, word := range []string{"eskgate", "<header", "Helpdesk", "<a "} {
		if strings.Contains(body, word) {
			t.Errorf("the page has %q: %s", word, body)
		}
	}
}

// TestEdgeSpeaksGerman: each sentence of the edge is in the catalogue.
func TestEdgeSpeaksGerman(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../proxy/problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	german, found := c.Reader("de", nil), 0
	ast.Inspect(file, func(n ast.Node) bool {
		made, ok := n.(*ast.CompositeLit)
		if !ok || !called(made.Type, "problem") {
			return true
		}
		for _, e := range made.Elts {
			l, ok := e.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				continue
			}
			sentence, err := strconv.Unquote(l.Value)
			if err != nil || !strings.HasSuffix(sentence, ".") {
				continue
			}
			if found++; german.Say(sentence) == sentence {
				t.Errorf("%q has no German", sentence)
			}
		}
		return true
	})
	if found < 15 {
		t.Errorf("found %d sentences", found)
	}
}

func called(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
