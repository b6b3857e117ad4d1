package web_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestDomainPage: the page about a domain, from its registration to its removal and back, for admins of its tenant alone; agents read it.
func TestDomainPage(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const path, host = "/agent/settings/domains", "help.acme.example"
	n.Register(t, n.Acme, host)
	ann, bob := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin), n.Agent(t, n.Acme, "bob@acme.example", "Bob", auth.RoleAgent)
	theirs := n.Agent(t, n.Bolt, "eve@bolt.example", "Eve", auth.RoleAdmin)
	at := n.Acme.URL + path
	expect(t, ann.Open(at+"/"+host), 200, "Waiting for DNS")
	expect(t, bob.Open(at+"/"+host), 200, "Waiting for DNS")
	expect(t, theirs.Open(n.Bolt.URL+path+"/"+host), 404, "")
	for _, act := range []string{"/certificate", "/certificate/remove", "/verify", "/primary", "/remove"} {
		expect(t, bob.Send(at+"/"+host+act, nil), 403, "")
		expect(t, theirs.Send(n.Bolt.URL+path+"/"+host+act, nil), 404, "")
	}
	if got := expect(t, ann.Send(at+"/"+host+"/verify", nil), 303, "").Location(); got != path+"/"+host+"?done=domain-missing" {
		t.Errorf("after looking in vain: %s", got)
	}
	expect(t, ann.Open(at+"/"+host+"?done=domain-missing"), 200, `<p class="notice warn" role="status">`)
	for _, want := range []string{"What to do now", "Enter the CNAME record there.", `enter <code class="pick">_deskgate.help</code> only`, ">Not found</span>"} {
		expect(t, ann.Open(at+"/"+host), 200, want)
		expect(t, bob.Open(at+"/"+host), 200, want)
	}
	n.Bring(t, n.Acme, host)
	here := expect(t, ann.Open(at+"/"+host), 200, "The domain is yours, and is served.").Body
	lacks(t, here, "What to do now")
	if found := strings.Count(here, ">Found</span>"); found != 2 {
		t.Errorf("%d records are found, want both: %s", found, here)
	}
	n.Withdraw("_deskgate." + host)
	expect(t, ann.Send(at+"/"+host+"/verify", nil), 303, "")
	expect(t, ann.Open(at+"/"+host), 200, ">Not there, and not needed</span>")
	n.Publish(t, "TXT", "_deskgate."+host, proofOf(t, n, host))
	n.Withdraw(host)
	expect(t, ann.Send(at+"/"+host+"/verify", nil), 303, "")
	expect(t, ann.Open(at+"/"+host), 200, "its visitors do not arrive here, or not all of them")
	n.Publish(t, "CNAME", host, "elsewhere.example")
	expect(t, ann.Send(at+"/"+host+"/verify", nil), 303, "")
	expect(t, ann.Open(at+"/"+host), 200, ">Not found</span>")
	expect(t, ann.Send(at+"/"+host+"/remove", nil), 303, "")
	expect(t, ann.Open(at), 200, "removed on ")
	gone := expect(t, ann.Open(at+"/"+host), 200, "Add it again")
	if !strings.Contains(gone.Body, "ann@acme.example") || strings.Contains(gone.Body, `name="private_key"`) {
		t.Errorf("a removed one does not say who removed it, or takes a certificate: %s", gone.Body)
	}
	expect(t, theirs.Open(n.Bolt.URL+path+"/"+host), 404, "")
	if page := theirs.Open(n.Bolt.URL + path).Body; strings.Contains(page, host) {
		t.Error("the other tenant's list has what was removed")
	}
	if got := expect(t, ann.Send(at, map[string][]string{"host": {host}}), 303, "").Location(); got != path+"/"+host+"?done=domain-added" {
		t.Errorf("after adding it again: %s", got)
	}
	again := expect(t, ann.Open(at+"/"+host), 200, "Waiting for DNS")
	if !strings.Contains(again.Body, "<b>Removed</b>") {
		t.Error("the history does not go on")
	}
	if list := ann.Open(at).Body; strings.Contains(list, "removed on ") {
		t.Error("it is listed as removed, too")
	}
	expect(t, ann.Send(at+"/"+host+"/verify", nil), 303, "")
	expect(t, ann.Open(at+"/"+host), 200, "The domain is yours")
	n.Withdraw(host)
	n.Withdraw("_deskgate." + host)
	n.Publish(t, "CNAME", host, string(n.Directory.Node().Hosts()[0])) // which is nobody's own target
	expect(t, ann.Send(at+"/"+host+"/verify", nil), 303, "")
	expect(t, ann.Open(at+"/"+host), 200, "what proved that it is yours is gone from your DNS")
}

// proofOf is the text that proves that a host is acme's.
func proofOf(t *testing.T, n *webtest.Node, host string) string {
	t.Helper()
	d, err := n.Domains.FindOwn(t.Context(), n.Acme.Tenant, host)
	if err != nil || d.Records[0].Type != "TXT" {
		t.Fatalf("%+v, %v", d, err)
	}
	return d.Records[0].Value
}

// pairForm is a form with which somebody brings a certificate: as text, and as files.
func pairForm(t *testing.T, fields, files map[string]string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"certificate_file", "private_key_file"} {
		filename := ""
		if files[name] != "" {
			filename = "x.pem"
		}
		part, err := w.CreateFormFile(name, filename)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), "Content-Type: " + w.FormDataContentType()
}

// TestBringACertificate by the page: as text or as files; what is wrong with it is said in the reader's language, and the key is never
// given back.
func TestBringACertificate(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const path, host = "/agent/settings/domains/help.acme.example", "help.acme.example"
	n.Register(t, n.Acme, host)
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	ca := proxytest.NewSigner(t, "CA", proxytest.NewSigner(t, "Root", nil))
	pair := func(change func(*x509.Certificate), name string) (string, string) {
		chain, key := ca.Pair(t, nil, change, name)
		return string(chain), string(key)
	}
	chain, key := pair(nil, host)
	_, otherKey := pair(nil, host)
	foreign, foreignKey := pair(nil, "acme.example")
	old, oldKey := pair(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, host)
	packed, err := os.ReadFile("../tenant/domain/testdata/packed.p12")
	if err != nil {
		t.Fatal(err)
	}
	send := func(fields, files map[string]string) webtest.Answer {
		t.Helper()
		body, contentType := pairForm(t, fields, files)
		return ann.Do("POST", n.Acme.URL+path+"/certificate", body, append(webtest.Navigate[:len(webtest.Navigate):len(webtest.Navigate)], contentType, "Accept-Language: de")...)
	}
	text := func(chain, key string) map[string]string {
		return map[string]string{"certificate": chain, "private_key": key}
	}
	for name, tc := range map[string]struct {
		fields, files map[string]string
		status        int
		want          string
	}{
		"nothing":          {nil, nil, 422, "Bitte füllen Sie dieses Feld aus."},
		"another key":      {text(chain, otherKey), nil, 422, "Das ist nicht der Schlüssel zu diesem Zertifikat."},
		"another host":     {text(foreign, foreignKey), nil, 422, "Das Zertifikat gilt nicht für help.acme.example, sondern nur für acme.example."},
		"expired":          {text(old, oldKey), nil, 422, "Das Zertifikat ist am "},
		"no certificate":   {text("hello", key), nil, 422, "Hier ist kein Zertifikat in PEM"},
		"in one":           {text(chain+key, key), nil, 422, "Unter den Zertifikaten ist ein privater Schlüssel"},
		"swapped":          {text(key, chain), nil, 422, "Unter den Zertifikaten ist ein privater Schlüssel"},
		"encrypted":        {text(chain, strings.ReplaceAll(key, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY")), nil, 422, "Der Schlüssel ist verschlüsselt"},
		"PKCS #12":         {text("", key), map[string]string{"certificate_file": string(packed)}, 422, "Das ist eine PKCS-#12-Datei"},
		"PKCS #12 as key":  {text(chain, ""), map[string]string{"private_key_file": string(packed)}, 422, "Das ist eine PKCS-#12-Datei"},
		"large":            {text("", key), map[string]string{"certificate_file": strings.Repeat("x", 200<<10)}, 422, "Das Zertifikat ist größer als 64 KiB."},
		"large key":        {text(chain, ""), map[string]string{"private_key_file": strings.Repeat("x", 200<<10)}, 422, "Der Schlüssel ist größer als 64 KiB."},
		"much too large":   {text("", key), map[string]string{"certificate_file": strings.Repeat("x", 2<<20)}, 413, "Das ist zu viel: Zertifikat und Schlüssel dürfen je 64 KiB haben."},
		"too much text":    {text(strings.Repeat("x", 300<<10), key), nil, 413, "Das ist zu viel: Zertifikat und Schlüssel dürfen je 64 KiB haben."},
		"text":             {text(chain, key), nil, 303, ""},
		"text of a window": {text("\ufeff"+strings.ReplaceAll(chain, "\n", "\r\n"), strings.ReplaceAll(key, "\n", "\r\n")), nil, 303, ""},
		"files":            {nil, map[string]string{"certificate_file": chain, "private_key_file": key}, 303, ""},
		"files and text":   {text("hello", "hello"), map[string]string{"certificate_file": chain, "private_key_file": key}, 303, ""},
	} {
		got := send(tc.fields, tc.files)
		if got.Status != tc.status || !strings.Contains(got.Body, tc.want) {
			t.Errorf("%s = %d %s, want %d with %q", name, got.Status, got.Body, tc.status, tc.want)
		}
		secret := strings.Split(tc.fields["private_key"], "\n")
		if len(secret) > 2 && !strings.Contains(secret[0], "CERTIFICATE") && strings.Contains(got.Body, secret[1]) {
			t.Errorf("%s: the key is given back", name)
		}
		if strings.Contains(got.Body, strings.Split(key, "\n")[1]) {
			t.Errorf("%s: a key is given back", name)
		}
	}
	if again := send(text(chain, otherKey), nil).Body; !strings.Contains(again, strings.Split(chain, "\n")[1]) {
		t.Error("the chain, with which nothing is wrong, has to be typed again")
	}
	leaf, _, _ := strings.Cut(chain, "-----END CERTIFICATE-----\n")
	expect(t, send(text(leaf+"-----END CERTIFICATE-----\n", key), nil), http.StatusSeeOther, "")
	expect(t, ann.Open(n.Acme.URL+path), 200, "The chain ends with what CA signed.")
	expect(t, ann.Send(n.Acme.URL+path+"/certificate/remove", nil), 303, "")
	expect(t, ann.Send(n.Acme.URL+path+"/certificate/remove", nil), 303, "")
	page := ann.Open(n.Acme.URL + path).Body
	if strings.Contains(page, "Brought by you") {
		t.Error("it was taken back, and is still there")
	}
	leafDER, _ := pem.Decode([]byte(leaf + "-----END CERTIFICATE-----\n"))
	fingerprint := sha256.Sum256(leafDER.Bytes)
	for _, want := range []string{"A certificate of your own was brought", "The certificate of your own was taken back", "· ann@acme.example", "Issued by CA, valid until ", hex.EncodeToString(fingerprint[:])} {
		if !strings.Contains(page, want) {
			t.Errorf("the history does not say %q", want)
		}
	}
	for _, secret := range strings.Split(key, "\n")[1:3] {
		lacks(t, page, secret)
	}
}

// TestAgentsReadOfDomains: a ticket sends them to the domain's page, on which they read all and change nothing.
func TestAgentsReadOfDomains(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const path, host = "/agent/settings/domains", "help.acme.example"
	admin := n.Agent(t, n.Acme, "ann@acme.example", "Ann Lee", auth.RoleAdmin)
	agent := n.Agent(t, n.Acme, "bob@acme.example", "Bob", auth.RoleAgent)
	other := n.Agent(t, n.Bolt, "kim@bolt.example", "Kim", auth.RoleAgent)
	n.Bring(t, n.Acme, host)
	n.Bring(t, n.Acme, "gone.acme.example")
	expect(t, caller(t, n, n.Acme).call("DELETE", "/api/tenant/domains/gone.acme.example", ""), 204, "")
	for at, words := range map[string]string{
		path: ">" + host + "</a>", path + "/" + host: "_deskgate." + host, path + "/gone.acme.example": "Removed",
	} {
		shown := expect(t, agent.Open(n.Acme.URL+at), 200, words).Body
		lacks(t, shown, `action="`+path)
		expect(t, agent.Open(n.Acme.URL+at), 200, "Only admins change something here.")
		expect(t, admin.Open(n.Acme.URL+at), 200, `action="`+path)
		lacks(t, admin.Open(n.Acme.URL+at).Body, "Only admins")
	}
	lacks(t, expect(t, other.Open(n.Bolt.URL+path), 200, "").Body, host)
	expect(t, other.Open(n.Bolt.URL+path+"/"+host), 404, "")
	for _, at := range []string{"", "/tickets", "/" + host + "/verify", "/" + host + "/primary", "/" + host + "/remove", "/" + host + "/certificate", "/" + host + "/certificate/remove"} {
		expect(t, agent.Send(n.Acme.URL+path+at, url.Values{"host": {"new.acme.example"}}), 403, "")
	}
	expect(t, n.Client(t).Open(n.Acme.URL+path+"/"+host), 303, "")
	expect(t, n.SignIn(t, n.Acme, "zoe@example.com", "Zoe").Open(n.Acme.URL+path+"/"+host), 303, "")
}

// TestNodesNameIsNoDomain: what is said about a name of the node's does not call it no host name.
func TestNodesNameIsNoDomain(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	u, err := url.Parse(n.Bolt.URL)
	if err != nil {
		t.Fatal(err)
	}
	host := u.Hostname()
	expect(t, caller(t, n, n.Acme).call("POST", "/api/tenant/domains", `{"host":"`+host+`"}`), 422, `"This can't be a domain of yours: `+host+` belongs to the node itself."`)
	expect(t, caller(t, n, n.Acme).call("POST", "/api/tenant/domains", `{"host":"127.0.0.1"}`), 422, `This can't be a domain of yours: not a host name: `)
}
