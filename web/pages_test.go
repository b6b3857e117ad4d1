package web_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/webtest"
)

// page is an address, and who goes there.
type page struct {
	name, address string
	as            *webtest.Client
	// A page that answers a form: that of the page from.
	from string
	form url.Values
	// script is what is done on the page before it is looked at.
	script string
}

// open asks for the page as its visitor does.
func (p page) open(headers ...string) webtest.Answer {
	if p.from != "" {
		return p.as.Do(http.MethodPost, p.address, p.form.Encode(), append(webtest.Submit, headers...)...)
	}
	return p.as.Get(p.address, append(webtest.Navigate, headers...)...)
}

// show has the browser show the page.
func (p page) show(b *webtest.Browser) {
	if p.from == "" {
		b.Enter(p.as, p.address)
	} else {
		b.Enter(p.as, p.from)
		b.Submit(p.address, p.form)
	}
	if p.script != "" {
		b.Script(p.script)
	}
}

// allPages are the pages of a help desk in which something has happened, with somebody who may see them.
func allPages(t *testing.T) (all []page) {
	t.Helper()
	n := webtest.Start(t, webtest.WithMail())
	home := n.Acme.URL
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://www.acme.example", "welcome_text": "Welcome to Acme.\nWe answer on weekdays."})
	nobody, zoe := n.Client(t), n.SignIn(t, n.Acme, "zoe@example.com", "Zoe Margarethe Park")
	visitor := n.Visit(t, n.Acme, "yan@example.com", "Yan")
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann Lee", auth.RoleAdmin)
	for _, title := range []string{"The lamp in the hall flickers", "Invoice 2026-118 is wrong", strings.Repeat("A long title ", 12)} {
		expect(t, zoe.Send(home+"/tickets", url.Values{"title": {title}, "description": {"Since **yesterday** evening.\n\n- I changed the bulb\n- twice\n\n> and `it` still does it"}}), 303, "")
	}
	expect(t, visitor.Send(home+"/tickets", url.Values{"title": {"Where is it?"}, "description": {"Order 5."}}), 303, "")
	p := caller(t, n, n.Acme)
	p.call("POST", "/api/tickets/1/comments", `{"body":"We look into it.\n\nCould you send a picture?"}`)
	p.call("PATCH", "/api/tickets/1", `{"status":"pending"}`)
	p.call("PATCH", "/api/tickets/2", `{"status":"open"}`)
	expect(t, zoe.Send(home+"/tickets/2/solved", nil), 303, "")
	expect(t, zoe.Send(home+"/tickets/2/rating", url.Values{"stars": {"4"}, "comment": {"Quick!"}}), 303, "")
	visit := func(as *webtest.Client, paths ...string) {
		for _, path := range paths {
			name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(path, "-"), "-")
			all = append(all, page{name: name, address: home + path, as: as})
		}
	}
	for path, resting := range map[string]bool{"/shop": true, "/gone": false} { // what the edge says itself
		if err := n.Tenants.AddRoute(t.Context(), n.Acme.ID, n.Directory.PrimaryHost(n.Acme.Tenant), tenant.Route{
			Prefix: path, Upstreams: []string{"http://127.0.0.1:1"}, Maintenance: resting,
		}); err != nil {
			t.Fatal(err)
		}
		visit(nobody, path)
	}
	visit(nobody, "/auth/sign-in", "/agent/login", "/agent/forgot", "/auth/callback?token=x", "/nowhere")
	visit(visitor, "/auth/confirm")
	knocker := n.Client(t)
	expect(t, knocker.Send(home+"/auth/code/send", url.Values{"email": {"zoe@example.com"}, "next": {"/tickets/1"}}), 303, "")
	visit(knocker, "/auth/code?next=%2Ftickets%2F1")
	visit(zoe, "/dashboard", "/tickets", "/tickets?q=nothing&show=solved", "/tickets/create", "/tickets/1", "/tickets/2", "/tickets/3",
		"/auth/account", "/auth/sessions", "/auth/claim")
	visit(n.SignIn(t, n.Acme, "new@example.com", "Newcomer"), "/dashboard?empty")
	visit(ann, "/agent", "/agent?view=all", "/agent/tickets/1", "/agent/tickets/1?history=1", "/agent/tickets/new", "/agent/merge?ids=1,2,4", "/agent/tickets/1/split",
		"/agent/bulk?r.ok=1&r.INVALID_TRANSITION=2", "/agent?q=nothinglikethis")
	visit(nobody, "/api/docs", "/api/docs/errors")
	for _, group := range []string{"sign-in", "tickets", "attachments", "views", "canned-replies", "categories", "events", "automation", "tenant", "users"} {
		visit(nobody, "/api/docs/"+group)
	}
	for _, route := range newServer(t).Routes() {
		if route.Pattern == "/agent/style" { // in builds with the tag dev
			visit(ann, route.Pattern)
		}
		if route.Method == http.MethodGet && strings.HasPrefix(route.Pattern, "/agent/settings") && !strings.Contains(route.Pattern, ":") {
			visit(ann, route.Pattern)
		}
	}
	return append(all, page{name: "node", address: n.URL + "/", as: nobody})
}

// TestEveryPageInEveryLook: axe-core finds nothing serious on any page, in either theme and either language; nothing sticks out of a
// phone's window, also when it is enlarged or spaced out; thumbs find what they press, and nothing vanishes in forced colours. With DESKGATE_SHOTS set to a folder, pictures of all pages are left there, or of those whose names
// match DESKGATE_PAGES.
func TestEveryPageInEveryLook(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile("testdata/npm/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal("npm's modules are not installed, run make tools: ", err)
	}
	all := append(allPages(t), busyPages(t)...)
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	shots, looks := os.Getenv("DESKGATE_SHOTS"), []webtest.Look{{Width: 360, Dark: true, Language: "de"}, {Width: 1440, Language: "en"}}
	if shots != "" {
		looks = photographed
		only := regexp.MustCompile(os.Getenv("DESKGATE_PAGES"))
		all = slices.DeleteFunc(all, func(p page) bool { return !only.MatchString(p.name) })
	}
	for i, look := range looks {
		b.Wear(look)
		for j, p := range all {
			// On the busy desk one look each is enough for every day.
			closely := shots != "" || !strings.HasPrefix(p.name, busy) || j%len(looks) == i
			if !closely && look.Width > 360 {
				continue
			}
			p.show(b)
			if shots != "" {
				b.Shot(filepath.Join(shots, p.name+"-"+look.String()+".png"))
			}
			var wrong []string
			if closely {
				wrong = b.Violations(string(axe))
			}
			if out := b.Overflow(); out != "" {
				wrong = append(wrong, out+" stick out")
			}
			if look.Width == 360 {
				wrong = append(wrong, b.Measure()...)
			}
			for _, one := range wrong {
				t.Errorf("%s at %s: %s", p.name, look, one)
			}
		}
	}
}

// photographed are the looks of which pictures are made.
var photographed = []webtest.Look{
	{Width: 360, Language: "en"},
	{Width: 360, Dark: true, Language: "en"},
	{Width: 900, Language: "en"},
	{Width: 900, Dark: true, Language: "en"},
	{Width: 1440, Language: "en"},
	{Width: 1440, Dark: true, Language: "en"},
	{Width: 360, Dark: true, Language: "de"},
	{Width: 1440, Language: "de"},
}

// TestPagesAreSmall: the pages and their style files keep within the budget of desk.md.
func TestPagesAreSmall(t *testing.T) {
	t.Parallel()
	const maxHTML, maxCSS = 15 << 10, 12 << 10
	all := append(allPages(t), busyPages(t)...)
	sheets := regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)">`)
	for _, p := range all {
		got := p.open()
		if n := packed(t, got.Body); n > maxHTML {
			t.Errorf("%s has %d bytes of HTML, gzipped, want at most %d", p.name, n, maxHTML)
		}
		u, err := url.Parse(p.address)
		if err != nil {
			t.Fatal(err)
		}
		css := 0
		for _, sheet := range sheets.FindAllStringSubmatch(got.Body, -1) {
			css += packed(t, p.as.Get("https://"+u.Host+sheet[1]).Body)
		}
		if css > maxCSS {
			t.Errorf("%s has %d bytes of CSS, gzipped, want at most %d", p.name, css, maxCSS)
		}
	}
}

// packed is how long a text is, gzipped.
func packed(t *testing.T, text string) int {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}

// TestPagesAreInOneLanguage: what a page says in English it says otherwise in German, but for names and what people wrote.
func TestPagesAreInOneLanguage(t *testing.T) {
	t.Parallel()
	all := allPages(t)
	markup := regexp.MustCompile(`(?s)<article class="text" lang="en">.*?</article>|<ol lang="en">.*?</ol>|<(style|script|code|pre|svg|title)\b.*?</(style|script|code|pre|svg|title)>|<div class="msg-body.*?</div>|<div class="item-title.*?</div>|<option value="[A-Z][^"]*/[^>]*>[^<]*|<[^>]*>`)
	// Names, what people wrote in allPages, and words that are the same in both languages.
	same := regexp.MustCompile(`Acme|Zoe|Ann|Yan|Newcomer|Lamp|lamp|Invoice|long title|Where is it|Since yesterday evening|We look into it|^Ticket #1$|Order|Quick|weekdays|desk\.example|acme\.example|@|^English$|^Deutsch$|^Deskgate|` +
		`^UTC$|^(SimpleAuth|Name|Status|Tickets?|Team|Support|Passkeys?|Webhooks?|Token|Code|Codes|Agent|Admin|Domains?|Single Sign-on|Single sign-on|Issuer|Test|test|Token test|Deskgate|Spam|Enter|Ctrl|Text|API|Logo)$|` +
		`^[0-9.,]+ [KMG]iB$|^[a-z]+:[a-z]+( [a-z]+:[a-z]+)*$|^[a-z_]+\.[a-z_]+$|^[A-Z_]+ · |_01[A-Z0-9]+|^[0-9#· :.-]+$|^(General question|Technical problem|Account|Billing|Other)\b`)
	for _, p := range all {
		if p.name == "agent-settings-audit" {
			continue // the log has words of its own
		}
		english, german := p.open("Accept-Language: en").Body, p.open("Accept-Language: de").Body
		known := map[string]bool{}
		for text := range strings.SplitSeq(markup.ReplaceAllString(english, "\n"), "\n") {
			known[strings.TrimSpace(text)] = true
		}
		for text := range strings.SplitSeq(markup.ReplaceAllString(german, "\n"), "\n") {
			text = strings.TrimSpace(text)
			if known[text] && regexp.MustCompile(`[A-Za-z]{3}`).MatchString(text) && !same.MatchString(text) {
				t.Errorf("%s says %q in both languages", p.name, text)
			}
		}
	}
}
