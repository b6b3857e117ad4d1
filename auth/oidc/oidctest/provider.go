// Package oidctest is an OpenID Connect provider in the process, for tests. It is strict about what it is asked, and says
// whatever a test wants it to say.
package oidctest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What every Provider knows its one client by.
const (
	ClientID = "deskgate"
	Secret   = "the secret of the client at the provider"
)

// Person is who is signed in at the provider.
type Person struct {
	Subject, Email, Name string
	// Unverified: the provider has not seen that the address is theirs.
	Unverified bool
}

// Provider is a provider that serves until its test ends. It is safe for concurrent use.
type Provider struct {
	// Issuer is its URL.
	Issuer string

	mu     sync.Mutex
	key    *ecdsa.PrivateKey
	keyID  string
	codes  map[string]*grant
	tokens map[string]Person
	asked  map[string]int
	person Person
	about  map[string]any
	claims func(map[string]any)
	sign   func(map[string]any) string
}

// grant is a code that was given out.
type grant struct {
	person Person
	asked  url.Values
}

// New starts a provider under the name {name}.example.com.
func New(tb testing.TB, name string) *Provider {
	tb.Helper()
	p := &Provider{codes: map[string]*grant{}, tokens: map[string]Person{}, asked: map[string]int{}}
	p.Rotate(tb)
	s := httptest.NewTLSServer(p.routes())
	tb.Cleanup(s.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "https://"), ":")
	p.Issuer = "https://" + name + ".example.com:" + port
	return p
}

// Client returns a client that trusts the providers of this package, and finds every name at this machine.
func Client(tb testing.TB) *http.Client {
	tb.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	t := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}
	tb.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 10 * time.Second}
}

// SignIn has this person be the one who is signed in.
func (p *Provider) SignIn(who Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = who
}

// About adds to what the provider says of itself; nil takes an entry away.
func (p *Provider) About(entries map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.about = entries
}

// Claims has a test change what the next ID tokens say; nil: nothing.
func (p *Provider) Claims(change func(map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = change
}

// Sign has a test sign the next ID tokens itself; nil: the provider does.
func (p *Provider) Sign(sign func(claims map[string]any) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sign = sign
}

// Rotate gives the provider another key.
func (p *Provider) Rotate(tb testing.TB) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.keyID = key, rand.Text()
}

// Asked is how often a path was asked for.
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// Approve does what a browser and its user do at the address of the authorization endpoint: it returns where the provider
// sends the browser.
func (p *Provider) Approve(tb testing.TB, address string) *url.URL {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	back, wrong := p.approve(u.Query())
	if wrong != "" {
		tb.Fatalf("the provider refuses %s: %s", address, wrong)
	}
	return back
}

func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.page)
	mux.HandleFunc("POST /authorize", p.consent)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked[r.URL.Path]++
		p.mu.Unlock()
		mux.ServeHTTP(w, r)
	})
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	about := map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token",
		"jwks_uri": p.Issuer + "/keys", "userinfo_endpoint": p.Issuer + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	for name, value := range p.about {
		if about[name] = value; value == nil {
			delete(about, name)
		}
	}
	answer(w, http.StatusOK, about)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err) // it is a good key
	}
	enc := base64.RawURLEncoding
	answer(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": p.keyID,
		"x": enc.EncodeToString(point[1:33]), "y": enc.EncodeToString(point[33:]),
	}}})
}

// page is what people see.
func (p *Provider) page(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var fields strings.Builder
	for name, values := range r.URL.Query() {
		fmt.Fprintf(&fields, `<input type="hidden" name="%s" value="%s">`, html.EscapeString(name), html.EscapeString(values[0]))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := fmt.Fprintf(w, `<!doctype html><title>Provider</title><h1>Provider</h1>
<form method="post">%s<button id="approve">Continue as %s</button></form>`, fields.String(), html.EscapeString(p.person.Email))
	if err != nil {
		panic(err) // the browser has gone
	}
}

func (p *Provider) consent(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	back, wrong := p.approve(r.PostForm)
	if wrong != "" {
		http.Error(w, wrong, http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", back.String())
	w.WriteHeader(http.StatusFound)
}

// approve gives a code out for a request that has all that it needs.
func (p *Provider) approve(q url.Values) (*url.URL, string) {
	for name, want := range map[string]string{
		"response_type": "code", "client_id": ClientID, "code_challenge_method": "S256",
	} {
		if q.Get(name) != want {
			return nil, name + " is " + q.Get(name)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge", "redirect_uri"} {
		if q.Get(name) == "" {
			return nil, "there is no " + name
		}
	}
	if !slices.Contains(strings.Fields(q.Get("scope")), "openid") {
		return nil, "the scope is not openid"
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.RawQuery != "" {
		return nil, "bad redirect_uri"
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = &grant{person: p.person, asked: q}
	p.mu.Unlock()
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.Issuer}}.Encode()
	return back, ""
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	} else if unescaped, err := url.QueryUnescape(secret); err == nil {
		secret = unescaped
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := r.PostFormValue("code")
	g := p.codes[code]
	delete(p.codes, code)
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case id != ClientID || secret != Secret:
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
	case g == nil || r.PostFormValue("grant_type") != "authorization_code",
		base64.RawURLEncoding.EncodeToString(challenge[:]) != g.asked.Get("code_challenge"),
		r.PostFormValue("redirect_uri") != g.asked.Get("redirect_uri"):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
	default:
		access := rand.Text()
		p.tokens[access] = g.person
		answer(w, http.StatusOK, map[string]any{
			"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": p.idToken(g, access),
		})
	}
}

func (p *Provider) idToken(g *grant, access string) string {
	now := time.Now()
	sum := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": p.Issuer, "aud": ClientID, "sub": g.person.Subject, "nonce": g.asked.Get("nonce"),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "auth_time": now.Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
		"email":   g.person.Email, "email_verified": !g.person.Unverified, "name": g.person.Name,
	}
	if p.claims != nil {
		p.claims(claims)
	}
	if p.sign != nil {
		return p.sign(claims)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims(claims))
	t.Header["kid"] = p.keyID
	signed, err := t.SignedString(p.key)
	if err != nil {
		panic(err) // it is a good key
	}
	return signed
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, known := p.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !known {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"sub": who.Subject, "email": who.Email, "email_verified": !who.Unverified, "name": who.Name,
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err) // the client has gone
	}
}
