package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

const (
	// patience is how long all that is asked of a provider for one request may take.
	patience = 15 * time.Second
	// freshFor is how long what a provider says of itself, and its keys, are not asked for again. staleFor is how long they
	// serve while it can't be asked.
	freshFor = time.Hour
	staleFor = 24 * time.Hour
	// mostProviders bounds what is kept in memory.
	mostProviders = 1000
)

// provider is what a provider says of itself.
type provider struct {
	*gooidc.Provider

	// host is where people are sent.
	host string
	// style is how the client's secret is sent.
	style oauth2.AuthStyle
	// namesItself: its answers say who answers.
	namesItself bool
	readAt      time.Time
}

// providers asks providers about themselves and remembers what they said. It is safe for concurrent use.
type providers struct {
	client *http.Client
	flight singleflight.Group

	mu    sync.Mutex
	known map[string]*provider
}

func newProviders(client *http.Client) *providers {
	return &providers{client: client, known: map[string]*provider{}}
}

// in is a context for what is asked of a provider.
func (ps *providers) in(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	return gooidc.ClientContext(ctx, ps.client), cancel
}

// find returns the provider with this issuer. ErrProvider: it can't be asked, or says what it should not.
func (ps *providers) find(ctx context.Context, issuer string) (*provider, error) {
	ps.mu.Lock()
	p := ps.known[issuer]
	ps.mu.Unlock()
	if p != nil && time.Since(p.readAt) < freshFor {
		return p, nil
	}
	// Whoever asked first may leave while others wait.
	read, err, _ := ps.flight.Do(issuer, func() (any, error) { return ps.read(context.WithoutCancel(ctx), issuer) })
	if now, ok := read.(*provider); ok && err == nil {
		return now, nil
	}
	if p != nil && time.Since(p.readAt) < staleFor {
		return p, nil
	}
	return nil, because(ErrProvider, "%w", err)
}

func (ps *providers) read(ctx context.Context, issuer string) (*provider, error) {
	ctx, cancel := ps.in(ctx)
	defer cancel()
	about, err := gooidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	p, err := understand(about)
	if err != nil {
		return nil, err
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.known) >= mostProviders {
		clear(ps.known)
	}
	ps.known[issuer] = p
	return p, nil
}

// understand reads what go-oidc leaves unread, and refuses to send people or secrets anywhere but over TLS.
func understand(about *gooidc.Provider) (*provider, error) {
	var more struct {
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		NamesItself bool     `json:"authorization_response_iss_parameter_supported"`
		JWKS        string   `json:"jwks_uri"`
	}
	if err := about.Claims(&more); err != nil {
		return nil, err
	}
	p := &provider{Provider: about, style: oauth2.AuthStyleInHeader, namesItself: more.NamesItself, readAt: time.Now()}
	if len(more.AuthMethods) > 0 && !slices.Contains(more.AuthMethods, "client_secret_basic") {
		p.style = oauth2.AuthStyleInParams
	}
	for _, address := range []string{about.Endpoint().TokenURL, more.JWKS, about.Endpoint().AuthURL} {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return nil, fmt.Errorf("%q is no address over https", address)
		}
		p.host = u.Hostname()
	}
	return p, nil
}
