package webtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
)

// Navigate is what a browser sends along when somebody types an address or opens a bookmark.
var Navigate = []string{
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
	"Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document",
}

// Submit is what a browser sends along with a form of one of our own pages.
var Submit = []string{
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
	"Content-Type: application/x-www-form-urlencoded",
	"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document",
}

// Client makes requests to a Node, keeps cookies as browsers do, and follows no redirects. It sends no header but what
// it is told.
type Client struct {
	tb   testing.TB
	http *http.Client
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Client returns a client without cookies.
func (n *Node) Client(tb testing.TB) *Client {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	ok(tb, err)
	addr := n.addr // not n, which package testing would keep with the transport until the last parallel test has ended
	transport := &http.Transport{
		// The names are known to nobody but the node.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
		TLSClientConfig: &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS12},
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return &Client{tb: tb, http: &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Forgetful returns a client that keeps no cookies, for many requests that have nothing to do with each other: it uses its
// connections again.
func (n *Node) Forgetful(tb testing.TB) *Client {
	tb.Helper()
	c := n.Client(tb)
	c.http.Jar = nil
	return c
}

// Modern returns a client that keeps no cookies and speaks HTTP/2, as browsers do.
func (n *Node) Modern(tb testing.TB) *Client {
	tb.Helper()
	c := n.Forgetful(tb)
	c.http.Transport.(*http.Transport).ForceAttemptHTTP2 = true //nolint:errcheck,forcetypeassert // Client has made it
	return c
}

// Addr is where the node listens.
func (n *Node) Addr() string { return n.addr }

// Roots are the authorities that the node's certificates are to be checked with.
func (n *Node) Roots() *x509.CertPool { return n.roots }

// Do makes a request. Headers are written as "Name: value". Of an event stream it waits for the head alone: see Listen.
func (c *Client) Do(method, address, body string, headers ...string) Answer {
	c.tb.Helper()
	ctx, stop := context.WithCancel(c.tb.Context())
	defer stop()
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	ok(c.tb, err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	answer, err := c.http.Do(r)
	ok(c.tb, err)
	content := []byte{}
	if !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		content, err = io.ReadAll(answer.Body)
		ok(c.tb, err)
		ok(c.tb, answer.Body.Close())
	}
	got := Answer{Status: answer.StatusCode, Header: answer.Header, Body: string(content)}
	contract, err := TheContract()
	ok(c.tb, err)
	if err := contract.Judge(r, got); err != nil {
		c.tb.Errorf("%s %s is not as openapi.yaml says: %v", method, address, err)
	}
	return got
}

// Get asks for an address.
func (c *Client) Get(address string, headers ...string) Answer {
	c.tb.Helper()
	return c.Do(http.MethodGet, address, "", headers...)
}

// Open asks for an address as somebody does who types it.
func (c *Client) Open(address string) Answer {
	c.tb.Helper()
	return c.Get(address, Navigate...)
}

// Send posts a form of one of our own pages.
func (c *Client) Send(address string, fields url.Values) Answer {
	c.tb.Helper()
	return c.Do(http.MethodPost, address, fields.Encode(), Submit...)
}

// Cookies are the cookies that the client would send to the address.
func (c *Client) Cookies(address string) []*http.Cookie {
	c.tb.Helper()
	u, err := url.Parse(address)
	ok(c.tb, err)
	return c.http.Jar.Cookies(u)
}

// JSON reads the body as a JSON object.
func (a Answer) JSON(tb testing.TB) map[string]any {
	tb.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		tb.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	return v
}

// Code is the code of an error document, empty where there is none.
func (a Answer) Code() string {
	var document struct{ Code string }
	if json.NewDecoder(bytes.NewBufferString(a.Body)).Decode(&document) != nil {
		return ""
	}
	return document.Code
}

// Location is where a redirect leads.
func (a Answer) Location() string { return a.Header.Get("Location") }

// Handoff asks for the redirect login as a partner's server does, with the tenant's token as proof or without one, and
// returns the address of the callback.
func (n *Node) Handoff(tb testing.TB, t *Tenant, email, name string, proven bool) string {
	tb.Helper()
	headers := []string{"Content-Type: application/x-www-form-urlencoded"}
	if proven {
		headers = append(headers, "Authorization: Bearer "+t.Token)
	}
	form := url.Values{"email": {email}, "name": {name}}
	answer := n.Client(tb).Do(http.MethodPost, n.URL+"/api/auth/redirect/"+t.Slug, form.Encode(), headers...)
	if answer.Status != http.StatusFound {
		tb.Fatalf("redirect login of %s = %d %s", email, answer.Status, answer.Body)
	}
	return answer.Location()
}

// SignIn returns a browser in which a requester is signed in whom the tenant's server has vouched for.
func (n *Node) SignIn(tb testing.TB, t *Tenant, email, name string) *Client {
	tb.Helper()
	c := n.Client(tb)
	if answer := c.Open(n.Handoff(tb, t, email, name, true)); answer.Status != http.StatusSeeOther {
		tb.Fatalf("callback of %s = %d %s", email, answer.Status, answer.Body)
	}
	return c
}

// Visit returns a browser in which somebody is signed in who only claims to have that address.
func (n *Node) Visit(tb testing.TB, t *Tenant, email, name string) *Client {
	tb.Helper()
	c, callback := n.Client(tb), n.Handoff(tb, t, email, name, false)
	if answer := c.Open(callback); answer.Status != http.StatusOK {
		tb.Fatalf("callback of %s = %d %s", email, answer.Status, answer.Body)
	}
	address, query, _ := strings.Cut(callback, "?")
	token, err := url.ParseQuery(query)
	ok(tb, err)
	if answer := c.Send(address, token); answer.Status != http.StatusSeeOther {
		tb.Fatalf("confirmation of %s = %d %s", email, answer.Status, answer.Body)
	}
	return c
}

// Agent returns a browser in which a new member of the tenant's staff is signed in.
func (n *Node) Agent(tb testing.TB, t *Tenant, email, name string, role auth.Role) *Client {
	tb.Helper()
	invitation, err := n.Staff.Invite(tb.Context(), t.Tenant, email, name, role, "operator")
	ok(tb, err)
	c := n.Client(tb)
	if answer := c.Open(invitation.URL); answer.Status != http.StatusOK {
		tb.Fatalf("invitation of %s = %d %s", email, answer.Status, answer.Body)
	}
	address, query, _ := strings.Cut(invitation.URL, "?")
	form, err := url.ParseQuery(query)
	ok(tb, err)
	form.Set("password", Password)
	if answer := c.Send(address, form); answer.Status != http.StatusSeeOther {
		tb.Fatalf("acceptance of %s = %d %s", email, answer.Status, answer.Body)
	}
	return c
}

// Password is every agent's.
const Password = "correct horse battery staple"

// Vouched returns a browser in which a member of the tenant's staff is signed in for whom another site has vouched: they
// have proven nothing themselves.
func (n *Node) Vouched(tb testing.TB, t *Tenant, email string) *Client {
	tb.Helper()
	m, err := n.Staff.ByEmail(tb.Context(), t.Tenant, email)
	ok(tb, err)
	host := n.Directory.PrimaryHost(t.Tenant)
	_, secret, err := n.Staff.Enter(tb.Context(), t.Tenant, staff.Entry{Member: m.ID, Host: host, Method: auth.BySimpleAuth})
	ok(tb, err)
	c := n.Client(tb)
	c.Keep(t.URL, &http.Cookie{
		Name: "__Host-deskgate-staff", Value: secret, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return c
}

// Keep puts a cookie into the browser.
func (c *Client) Keep(address string, cookie *http.Cookie) {
	c.tb.Helper()
	u, err := url.Parse(address)
	ok(c.tb, err)
	c.http.Jar.SetCookies(u, []*http.Cookie{cookie})
}

// EndSessions ends all sessions of a vouched requester. The browsers that are remembered for them stay so.
func (n *Node) EndSessions(tb testing.TB, t *Tenant, email string) {
	tb.Helper()
	user, err := n.Doors.Users.ByEmail(tb.Context(), t.Tenant, email)
	ok(tb, err)
	who := auth.Identity{Level: auth.Vouched, ID: user.ID}
	sessions, err := n.Doors.Sessions.List(tb.Context(), t.Tenant, who)
	ok(tb, err)
	for _, one := range sessions {
		ok(tb, n.Doors.Sessions.Revoke(tb.Context(), t.Tenant, who, one.ID))
	}
}
