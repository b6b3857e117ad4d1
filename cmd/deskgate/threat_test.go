package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// answered is what a request came back with.
type answered struct {
	status int
	header http.Header
	body   string
}

// ask makes a request with headers as "Name: value". A body is a form.
func (c *crashing) ask(client *http.Client, method, address string, form url.Values, headers ...string) answered {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answered{status: res.StatusCode, header: res.Header, body: string(body)}
}

// stop ends the node as its operator does, or as a power cut does.
func (c *crashing) stop(node interface{ Wait() error }, process *os.Process, signal os.Signal) {
	c.t.Helper()
	c.client.CloseIdleConnections()
	if err := process.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
	if err := node.Wait(); err != nil && signal != os.Kill {
		c.t.Fatal(err)
	}
}

// partnerToken is a JWT as partners make it.
func partnerToken(t *testing.T, secret string) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"email": "zoe@example.com", "name": "Zoe", "exp": time.Now().Add(5 * time.Minute).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	return text + "." + encode(mac(secret, text))
}

func mac(secret, text string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(h, text)
	return h.Sum(nil)
}

// signedLogin are the fields of a signed redirect.
func signedLogin(secret string) url.Values {
	ts := strconv.FormatInt(time.Now().Unix(), 10)
	text := "deskgate-redirect-v1\nacme\n15:zoe@example.com\n3:Zoe\n0:\n" + ts + "\nnonce"
	return url.Values{
		"email": {"zoe@example.com"}, "name": {"Zoe"}, "ts": {ts}, "nonce": {"nonce"}, "sig": {hex.EncodeToString(mac(secret, text))},
	}
}

var visit = []string{"Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}

// from is the client of somebody else on this machine.
func from(c *http.Client, address string) *http.Client {
	other := *c
	transport := c.Transport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // localClient's
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(to)
		if err != nil {
			return nil, err
		}
		return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}
	other.Transport = transport
	return &other
}

// TestRestart: the 61st unsigned redirect login of an address in an hour is refused whatever it writes into its headers, and
// after a restart too; what was used once stays used, after a restart and a power cut; who was signed in still is; and the
// log has none of the secrets that went through.
func TestRestart(t *testing.T) {
	c := newCrashing(t, "debug")
	node := c.start()
	secrets := c.populate()
	login := strings.Replace(c.url, "acme.", "", 1) + "/api/auth/redirect/acme"
	unsigned := url.Values{"email": {"zoe@example.com"}, "name": {"Zoe"}}
	flood := func(i int) answered {
		other := fmt.Sprintf("203.0.113.%d", i)
		return c.ask(c.client, http.MethodPost, login, unsigned, "X-Forwarded-For: "+other, "Forwarded: for="+other, "CF-Connecting-IP: "+other,
			"X-Real-IP: "+other, "True-Client-IP: "+other)
	}
	for i := range 61 {
		if got := flood(i); (got.status == http.StatusTooManyRequests) != (i == 60) {
			t.Fatalf("login %d = %d %s", i+1, got.status, got.body)
		}
	}
	elsewhere := from(c.client, "127.0.0.2")
	free := c.ask(elsewhere, http.MethodPost, login, unsigned)
	if free.status != http.StatusFound {
		t.Errorf("another address = %d %s", free.status, free.body)
	}

	token, signed, bearer := partnerToken(t, secrets["jwt_secret"]), signedLogin(secrets["redirect_key"]), "Authorization: Bearer "+c.token
	jwtLogin := func() answered {
		return c.ask(elsewhere, http.MethodPost, c.url+"/api/jwt/login", url.Values{"token": {token}})
	}
	signedRedirect := func() answered { return c.ask(elsewhere, http.MethodPost, login, signed) }
	vouched := c.ask(elsewhere, http.MethodPost, login, unsigned, bearer)
	callback := vouched.header.Get("Location")
	arrive := func() answered { return c.ask(elsewhere, http.MethodGet, callback, nil, visit...) }
	if a, b, d := jwtLogin(), signedRedirect(), arrive(); a.status != 200 || b.status != 302 || d.status != 303 {
		t.Fatalf("first uses = %d %s, %d %s, %d %s", a.status, a.body, b.status, b.body, d.status, d.body)
	} else {
		vouched = d
	}
	cookie, _, _ := strings.Cut(vouched.header.Get("Set-Cookie"), ";")
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Kill} {
		c.stop(node, node.Process, signal)
		elsewhere.CloseIdleConnections()
		node = c.start()
		if a, b, d := jwtLogin(), signedRedirect(), arrive(); a.status != 401 || b.status != 401 || d.status != 401 {
			t.Errorf("after %v, second uses = %d %s, %d %s, %d %s", signal, a.status, a.body, b.status, b.body, d.status, d.body)
		}
		if me := c.ask(c.client, http.MethodGet, c.url+"/api/users/me", nil, "Cookie: "+cookie); me.status != 200 {
			t.Errorf("after %v, the session = %d %s", signal, me.status, me.body)
		}
		if got := flood(99); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
			t.Errorf("after %v, the next login = %d %s", signal, got.status, got.body)
		}
		if got := c.ask(elsewhere, http.MethodPost, login, unsigned); got.status != http.StatusFound {
			t.Errorf("after %v, another address = %d %s", signal, got.status, got.body)
		}
	}
	elsewhere.CloseIdleConnections()
	c.stop(node, node.Process, syscall.SIGTERM)

	handed, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	_, session, _ := strings.Cut(cookie, "=")
	secrets["partner's token"], secrets["signature"], secrets["hand-off"], secrets["session"] = token, signed.Get("sig"), handed.Query().Get("token"), session
	for name, secret := range secrets {
		if secret == "" || strings.Contains(c.log.String(), secret) {
			t.Errorf("the log has the %s %q in it", name, secret)
		}
	}
	if !strings.Contains(c.log.String(), "/auth/callback") {
		t.Errorf("there is no access log: %.1000s", c.log.String())
	}
}
