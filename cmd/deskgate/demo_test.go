package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDemo clicks through the demo as a browser would, and starts it a second time in the same folder.
func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d, stop := startDemo(t, "--data", dir)
	pem, err := os.ReadFile(d.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for form, want := range map[string]string{"plain": "Hello Bea Fischer", "signed": "The machine shows error E17"} {
		if page := clickThrough(t, d, roots, form); !strings.Contains(page, want) {
			t.Errorf("the form %q leads to a page without %q:\n%s", form, want, page)
		}
	}
	if page := clickThrough(t, d, roots, "plain"); strings.Contains(page, "error E17") {
		t.Error("an unproven claim shows the tickets of that address")
	}
	for i, want := range map[int]string{0: "Water on the floor", 1: "Refund for the cancelled train"} {
		if list := listTickets(t, d.Tenants[i], d.Tenants[i], roots); !strings.Contains(list, want) {
			t.Errorf("the tickets of %s have no %q:\n%s", d.Tenants[i].Slug, want, list)
		}
	}
	if list := listTickets(t, d.Tenants[0], d.Tenants[1], roots); strings.Contains(list, "Water") {
		t.Errorf("globex's token opens acme:\n%s", list)
	}
	stop(syscall.SIGTERM)
	again, stop := startDemo(t, "--data", dir)
	if again.Tenants[0].Agent != d.Tenants[0].Agent || again.Tenants[0].Secrets[secretAPIToken] != d.Tenants[0].Secrets[secretAPIToken] {
		t.Error("the demo has forgotten its credentials")
	}
	stop(syscall.SIGTERM)
}

// What the demo mails is for its visitor to read.
func TestDemoShowsMail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d, stop := startDemo(t, "--data", dir, "--tls", "off")
	c := exec.CommandContext(t.Context(), "deskgate", "agent", "invite", "acme", "new@example.com", "--data", dir)
	c.Stderr = t.Output()
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	client := localClient(nil)
	defer client.CloseIdleConnections()
	link := `<a href="` + d.Tenants[0].URL + `/auth/invite?token=`
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for range 500 {
		_, letter, arrived := strings.Cut(navigate(t, client, http.MethodGet, d.MailURL, nil, d.PartnerURL), "to new@example.com")
		if letter, _, _ := strings.Cut(letter, "</article>"); arrived {
			if !strings.Contains(letter, link) {
				t.Errorf("the letter has no %q:\n%s", link, letter)
			}
			stop(syscall.SIGTERM)
			return
		}
		<-again.C
	}
	t.Error("the invitation is not among the demo's mail")
	stop(syscall.SIGTERM)
}

// A demo that was stopped while it made its tenants begins again.
func TestDemoInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	d, stop := startDemo(t, "--data", dir)
	stop(syscall.SIGTERM)
	if err := os.WriteFile(filepath.Join(dir, demoFile), []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, stop := startDemo(t, "--data", dir)
	if len(again.Tenants) != 2 || again.Tenants[0].Agent.Password == d.Tenants[0].Agent.Password {
		t.Errorf("tenants %+v", again.Tenants)
	}
	stop(syscall.SIGTERM)
}

// Without --data nothing is left of the demo, and without TLS no certificate is in the way.
func TestDemoWithoutTLS(t *testing.T) {
	d, stop := startDemo(t, "--tls", "off")
	if d.CAFile != "" || !strings.HasPrefix(d.Tenants[0].URL, "http://acme.deskgate.localhost:") {
		t.Errorf("CA file %q, URL %q", d.CAFile, d.Tenants[0].URL)
	}
	if page := clickThrough(t, d, nil, "signed"); !strings.Contains(page, "error E17") {
		t.Errorf("the signed form leads to a page without her tickets:\n%s", page)
	}
	stop(syscall.SIGHUP) // its terminal was closed
	if _, err := os.Stat(d.Data); err == nil {
		t.Errorf("%s is still there", d.Data)
	}
}

// A folder that holds something else is not the demo's.
func TestDemoRefusesOthersData(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "master.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "deskgate", "demo", "--data", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is no demo's folder") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Where the usual port is taken, the demo takes another one and says so.
func TestDemoFindsPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port //nolint:errcheck,forcetypeassert // it listens on TCP
	d := &demoDocument{}
	l, err := listenNear(t.Context(), "", port, d)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if len(d.Moved) != 1 || d.Moved[0].Wanted != port || strconv.Itoa(d.Moved[0].Got) != portOf(l) {
		t.Errorf("moved %v, listens on %s", d.Moved, portOf(l))
	}
}

// startDemo runs the demo on free ports. Stop ends it, and is content with exit code 0 only.
func startDemo(t *testing.T, flags ...string) (d demoDocument, stop func(os.Signal)) {
	t.Helper()
	args := append([]string{"demo", "--json", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0"}, flags...)
	c := exec.CommandContext(t.Context(), "deskgate", args...)
	c.Stderr = t.Output()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&d); err != nil {
		t.Fatalf("the demo said nothing: %v", err)
	}
	return d, func(s os.Signal) {
		t.Helper()
		if err := c.Process.Signal(s); err != nil {
			t.Error(err)
		}
		if err := c.Wait(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// clickThrough sends one of the forms of the partner's page as a browser does, and returns the page where that ends.
func clickThrough(t *testing.T, d demoDocument, roots *x509.CertPool, form string) string {
	t.Helper()
	client := localClient(roots)
	defer client.CloseIdleConnections()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Jar = trustworthy{jar}
	page := navigate(t, client, http.MethodGet, d.PartnerURL, nil, "none")
	_, page, _ = strings.Cut(page, `<form id="`+form+`" method="post" action="`)
	action, page, _ := strings.Cut(page, `"`)
	page, _, _ = strings.Cut(page, "</form>")
	fields := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		fields.Set(m[1], m[2])
	}
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		browse(r, "cross-site", d.PartnerURL)
		r.Header.Del("Origin")
		return nil
	}
	return navigate(t, client, http.MethodPost, action, fields, d.PartnerURL)
}

// navigate opens a page; from is the page where somebody clicked.
func navigate(t *testing.T, client *http.Client, method, target string, fields url.Values, from string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	browse(r, "cross-site", from)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", from)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v\n%s", target, res.StatusCode, err, b)
	}
	return string(b)
}

// browse sets what a browser sends when somebody clicks on a page.
func browse(r *http.Request, site, from string) {
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Site", site)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-User", "?1")
	r.Header.Set("Referer", from+"/")
}

// trustworthy keeps Secure cookies for plain HTTP on this machine, as Chromium and Firefox do.
type trustworthy struct{ http.CookieJar }

func (j trustworthy) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(secure(u), cookies)
}

func (j trustworthy) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(secure(u)) }

func secure(u *url.URL) *url.URL {
	s := *u
	s.Scheme = "https"
	return &s
}

// listTickets asks at one tenant's host with another's token.
func listTickets(t *testing.T, at, token demoTenant, roots *x509.CertPool) string {
	t.Helper()
	client := localClient(roots)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.URL+"/api/tickets", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Secrets[secretAPIToken])
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
