package web_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/webtest"
)

// ran are the guide's snippets that the tests of this file and of guide_browser_test.go run, as the guide shows them.
var ran = map[string][]string{
	"addresses": {
		"token.php", "token.py", "token.mjs", "jwt-jsonwebtoken.mjs", "jwt-jose.mjs", "jwt.php", "jwt.py", "laravel.php", "wordpress.php",
	},
	"keypair":    {"jwt-keypair.mjs", "jwt-keypair.php"},
	"simpleauth": {"simpleauth.php", "simpleauth.mjs"},
	"fields":     {"signed.php", "signed.py", "signed.mjs"},
	"go":         {"jwt.go.txt", "signed.go.txt"},
	"api":        {"api.sh", "api.mjs", "api.py"},
	"browser":    {"form.html", "fetch.html", "widget.html", "widget-token.html", "HelpButton.jsx"},
}

// zoe is a partner's user whose name is hard on whoever builds text by hand.
const zoe = `{"id":7,"email":"zoe@example.com","name":"Zoë \"Zo\" O'Brien"}`

const zoesName = `Zoë "Zo" O'Brien`

// shown are the snippets as the guide at this address shows them, by the name of their file.
func shown(t *testing.T, n *webtest.Node, address string) map[string]string {
	t.Helper()
	guide := n.Client(t).Open(address)
	if guide.Status != http.StatusOK {
		t.Fatalf("%s = %d %s", address, guide.Status, guide.Body)
	}
	page, err := html.Parse(strings.NewReader(guide.Body))
	if err != nil {
		t.Fatal(err)
	}
	snippets := map[string]string{}
	for node := range page.Descendants() {
		if name := attribute(node, "data-file"); name != "" {
			snippets[name] = text(node) + "\n"
		}
	}
	return snippets
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// TestGuideShowsWhatIsTested: every snippet there is, filled in, and none that no test runs.
func TestGuideShowsWhatIsTested(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	there, tested := shown(t, n, n.Acme.URL+"/integration"), map[string]bool{}
	for _, names := range ran {
		for _, name := range names {
			tested[name] = true
		}
	}
	files, err := fs.Glob(os.DirFS("guide/snippets"), "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if there[name] == "" || !tested[name] {
			t.Errorf("%s: shown %t, tested %t; want both", name, there[name] != "", tested[name])
		}
	}
	for name, code := range there {
		if strings.Contains(code, "YOUR-") {
			t.Errorf("%s is not filled in: %s", name, code)
		}
	}
}

// TestGuideAddresses: what a partner's server makes of the guide's programs signs exactly that user in, vouched for.
func TestGuideAddresses(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk := n.Bring(t, n.Acme, "help.acme.example")
	p, snippets := newPrograms(t, n), shown(t, n, desk+"/integration")
	for _, name := range ran["addresses"] {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := "testdata/guide/url" + filepath.Ext(name)
			if name == "laravel.php" || name == "wordpress.php" {
				driver = "testdata/guide/" + name
			}
			command := append(p.interpreter(t, name), driver, p.write(t, name, snippets[name]), zoe)
			vouched(t, n, desk, p.run(t, command...))
		})
	}
}

// vouched visits the address, as a browser does that was sent there by somebody's server, and looks who is signed in.
func vouched(t *testing.T, n *webtest.Node, desk, address string) {
	t.Helper()
	c := n.Client(t)
	if got := c.Open(address); got.Status != http.StatusSeeOther || !strings.HasPrefix(address, desk+"/auth/callback?token=") {
		t.Fatalf("%s = %d %s, want 303", address, got.Status, got.Body)
	}
	me := c.Get(desk + "/api/users/me").JSON(t)
	if me["email"] != "zoe@example.com" || me["name"] != zoesName || me["assurance"] != "vouched" {
		t.Errorf("signed in is %v, want Zoë, vouched", me)
	}
}

// TestGuideKeyPairs: tokens that are made with the partner's private key sign its user in; the help desk has the public key alone.
func TestGuideKeyPairs(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"jwt-keypair.mjs": edwards, "jwt-keypair.php": big} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := webtest.Start(t)
			private, err1 := x509.MarshalPKCS8PrivateKey(key)
			public, err2 := x509.MarshalPKIXPublicKey(key.Public())
			text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
			_, err3 := n.Tenants.Import(t.Context(), n.Acme.ID, tenant.KindJWT, string(text))
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Fatal(err)
			}
			p, snippets := newPrograms(t, n), shown(t, n, n.Acme.URL+"/integration")
			p.environment = append(p.environment, "DESKGATE_PRIVATE_KEY="+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
			command := append(p.interpreter(t, name), "testdata/guide/token"+filepath.Ext(name), p.write(t, name, snippets[name]), zoe)
			form := url.Values{"token": {p.run(t, command...)}, "tenant_slug": {"acme"}}
			got := n.Client(t).Do("POST", n.URL+"/api/jwt/login", form.Encode(), asForm)
			address, _ := got.JSON(t)["redirect_url"].(string)
			vouched(t, n, n.Acme.URL, address)
		})
	}
}

// TestGuideSimpleAuth: the address signs exactly that user in, and the one for signing out ends that.
func TestGuideSimpleAuth(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, snippets := newPrograms(t, n), shown(t, n, n.Acme.URL+"/integration")
	for _, name := range ran["simpleauth"] {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := append(p.interpreter(t, name), "testdata/guide/"+name, p.write(t, name, snippets[name]), zoe)
			c := n.Client(t)
			if got := c.Open(p.run(t, append(command, "login")...)); got.Status != http.StatusSeeOther || got.Location() != "/tickets" {
				t.Fatalf("login = %d to %q %s, want 303 to /tickets", got.Status, got.Location(), got.Body)
			}
			if me := c.Get(n.Acme.URL + "/api/users/me").JSON(t); me["name"] != zoesName || me["assurance"] != "vouched" {
				t.Errorf("signed in is %v, want Zoë, vouched", me)
			}
			c.Open(p.run(t, append(command, "logout")...))
			if me := c.Get(n.Acme.URL + "/api/users/me"); me.Status != http.StatusUnauthorized {
				t.Errorf("after the logout: %d %s", me.Status, me.Body)
			}
		})
	}
}

// TestGuideSignedForms: a form with the fields that a partner's server has signed signs exactly that user in, once.
func TestGuideSignedForms(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://shop.partner.example"})
	p, snippets := newPrograms(t, n), shown(t, n, n.Acme.URL+"/integration")
	for _, name := range ran["fields"] {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := "testdata/guide/fields" + filepath.Ext(name)
			command := append(p.interpreter(t, name), driver, p.write(t, name, snippets[name]), zoe, "https://shop.partner.example/ä?b=c")
			submit(t, n, p.run(t, command...))
		})
	}
}

// submit posts the fields of a form from the partner's page, twice.
func submit(t *testing.T, n *webtest.Node, fields string) {
	t.Helper()
	values := map[string]string{}
	if err := json.Unmarshal([]byte(fields), &values); err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	form := url.Values{}
	for name, value := range values {
		form.Set(name, value)
	}
	post := func() webtest.Answer {
		return n.Client(t).Do("POST", n.Acme.URL+"/api/auth/redirect/acme", form.Encode(), asForm, asPage, "Origin: https://shop.partner.example")
	}
	got := post()
	if got.Status != http.StatusFound {
		t.Fatalf("%s = %d %s", fields, got.Status, got.Body)
	}
	c := n.Client(t)
	if got := c.Get(got.Location(), "Referer: https://shop.partner.example/", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
		"Sec-Fetch-Dest: document", asPage); got.Status != http.StatusSeeOther {
		t.Fatalf("the visit = %d %s, want 303", got.Status, got.Body)
	}
	if me := c.Get(n.Acme.URL + "/api/users/me").JSON(t); me["name"] != zoesName || me["assurance"] != "vouched" {
		t.Errorf("signed in is %v, want Zoë, vouched", me)
	}
	if got := post(); got.Status != http.StatusUnauthorized {
		t.Errorf("the same form again = %d %s, want 401", got.Status, got.Body)
	}
}

// TestGuideGo: the same in Go. Both snippets are one program, which has to please go vet as well.
func TestGuideGo(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://shop.partner.example"})
	p, snippets := newPrograms(t, n), shown(t, n, n.Acme.URL+"/integration")
	driver, err := os.ReadFile("testdata/guide/main.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	files := []string{p.write(t, "main.go", string(driver))}
	for _, name := range ran["go"] {
		files = append(files, p.write(t, strings.TrimSuffix(name, ".txt"), snippets[name]))
	}
	program := filepath.Join(p.dir, "program")
	p.run(t, append([]string{"go", "build", "-o", program}, files...)...)
	p.run(t, append([]string{"go", "vet"}, files...)...)
	vouched(t, n, n.Acme.URL, p.run(t, program, "url", zoe))
	submit(t, n, p.run(t, program, "fields", zoe, "https://shop.partner.example/ä?b=c"))
}

// TestGuideAPI: the guide's programs file requests, and read them page by page.
func TestGuideAPI(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, snippets := newPrograms(t, n), shown(t, n, n.Acme.URL+"/integration")
	var filed struct {
		Number    int
		Requester struct{ Email string }
	}
	if out := p.run(t, "sh", "-e", p.write(t, "api.sh", snippets["api.sh"])); json.Unmarshal([]byte(out), &filed) != nil ||
		filed.Number != 1 || filed.Requester.Email != "zoe@example.com" {
		t.Errorf("curl prints %s", out)
	}
	if got := p.run(t, "node", "testdata/guide/api.mjs", p.write(t, "api.mjs", snippets["api.mjs"])); got != "[2,2]" {
		t.Errorf("the same key twice files %s, want number 2 and number 2", got)
	}
	got := p.run(t, append(p.python(), "testdata/guide/api.py", p.write(t, "api.py", snippets["api.py"]))...)
	if got != `["The lamp flickers", "Order 4711 arrived damaged"]` {
		t.Errorf("open are %s", got)
	}
}
