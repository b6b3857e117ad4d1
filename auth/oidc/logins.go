package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// attempts bounds how often somebody may be sent to a provider.
var attempts = limit.Bucket{Name: "oidc-ip", Limit: 30, Period: 15 * time.Minute}

// Config is what this package stands on.
type Config struct {
	Store  *storage.Store
	Limits *limit.Limits
	Staff  *staff.Members
	// Client asks the providers. It has to bound the size of what it reads, and where it goes.
	Client *http.Client
}

// Logins signs staff in at their tenants' providers. It is safe for concurrent use.
type Logins struct {
	store     *storage.Store
	limits    *limit.Limits
	staff     *staff.Members
	providers *providers
}

// New makes the door.
func New(c Config) *Logins {
	return &Logins{store: c.Store, limits: c.Limits, staff: c.Staff, providers: newProviders(c.Client)}
}

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return []storage.Declared{endedAttempts, clientSecrets, links}
}

// On reports whether the tenant's staff may sign in at a provider.
func On(t *tenant.Tenant) bool { return t.Settings.OIDCIssuer != "" && t.Settings.OIDCClientID != "" }

// Start is a sign-in that begins at one of the tenant's hosts.
type Start struct {
	Host tenant.Host
	// Callback is the address that the provider sends the browser back to. It is registered there.
	Callback string
	// Next is given back in the end.
	Next string
	// Fresh has the provider ask for the person's proof even if they are signed in there.
	Fresh  bool
	Client auth.Client
}

// Started is where to send the browser, and what its cookie has to hold until AttemptLife is over.
type Started struct {
	URL, Cookie string
	// Provider is the host that the browser is sent to, for people.
	Provider string
}

// Begin starts a sign-in. ErrOff, ErrProvider; *limit.Error.
func (l *Logins) Begin(ctx context.Context, t *tenant.Tenant, s Start) (Started, error) {
	if !On(t) {
		return Started{}, ErrOff
	}
	if err := l.limits.Take(ctx, attempts, limit.IP(s.Client.IP)).Err(); err != nil {
		return Started{}, err
	}
	p, err := l.providers.find(ctx, t.Settings.OIDCIssuer)
	if err != nil {
		return Started{}, l.refused(ctx, t, s.Client, "", err)
	}
	a := newAttempt(t, &s)
	cookie, err := a.seal(l.store, t, s.Host)
	if err != nil {
		return Started{}, err
	}
	options := []oauth2.AuthCodeOption{gooidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if a.Fresh {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"))
	}
	return Started{URL: p.client(&a, "").AuthCodeURL(a.State, options...), Cookie: cookie, Provider: p.host}, nil
}

// client is who we are at the provider.
func (p *provider) client(a *attempt, secret string) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = p.style
	if secret == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client says who it is, and no more
	}
	return &oauth2.Config{
		ClientID: a.ClientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: a.Callback,
		Scopes: []string{gooidc.ScopeOpenID, gooidc.ScopeEmail, gooidc.ScopeProfile},
	}
}

// Return is a browser that comes back from a provider.
type Return struct {
	Host tenant.Host
	// Cookie is what Begin gave the browser; Query are the parameters that it brings.
	Cookie string
	Query  url.Values
	// Previous is the secret in the staff cookie, empty where there is none.
	Previous string
	Client   auth.Client
}

// Finished is a member who is signed in.
type Finished struct {
	Session auth.Session
	// Secret is what the staff cookie has to hold.
	Secret string
	// Next is what was given to Begin.
	Next string
}

// Finish signs in whom the provider sends back. ErrOff, ErrStale, ErrDenied, ErrProvider, ErrRejected, ErrUnverified,
// ErrStranger, ErrOtherAccount: nobody is signed in, and all but the first two are in the tenant's audit log.
func (l *Logins) Finish(ctx context.Context, t *tenant.Tenant, r Return) (Finished, error) {
	if !On(t) {
		return Finished{}, ErrOff
	}
	who, a, err := l.identify(ctx, t, &r)
	if err != nil {
		return Finished{}, l.refused(ctx, t, r.Client, who.Email, err)
	}
	member, err := l.member(ctx, t, who)
	if err != nil {
		return Finished{}, l.refused(ctx, t, r.Client, who.Email, err)
	}
	s, secret, err := l.enter(ctx, t, staff.Entry{Member: member, Host: r.Host, Previous: r.Previous, Client: r.Client}, a.Fresh)
	return Finished{Session: s, Secret: secret, Next: a.Next}, err
}

// enter starts the member's session. Whom the provider has asked for a proof anew has proven who they are; else there is
// only the provider's word that they have done so some day.
func (l *Logins) enter(ctx context.Context, t *tenant.Tenant, e staff.Entry, fresh bool) (auth.Session, string, error) {
	e.Method = auth.ByOIDC
	if !fresh {
		return l.staff.Enter(ctx, t, e)
	}
	e.Method = auth.ByOIDCAnew
	s, secret, err := l.staff.Prove(ctx, t, e)
	if errors.Is(err, auth.ErrSignedOut) {
		return l.staff.Enter(ctx, t, e)
	}
	return s, secret, err
}

// identify ends an attempt and returns who the provider says has come. The attempt is used up as soon as it is known to
// be this browser's, whatever comes of it.
func (l *Logins) identify(ctx context.Context, t *tenant.Tenant, r *Return) (account, attempt, error) {
	a, err := unseal(l.store, t, r.Host, r.Cookie)
	if err != nil {
		return account{}, a, err
	}
	state, one := single(r.Query, "state")
	if !one || subtle.ConstantTimeCompare([]byte(state), []byte(a.State)) != 1 {
		return account{}, a, because(ErrStale, "the state is another one")
	}
	if a.Issuer != t.Settings.OIDCIssuer || a.ClientID != t.Settings.OIDCClientID {
		return account{}, a, because(ErrStale, "the settings have changed meanwhile")
	}
	if err := l.store.Update(ctx, t.Scope(), a.end); err != nil {
		return account{}, a, err
	}
	ctx, cancel := l.providers.in(ctx)
	defer cancel()
	p, err := l.providers.find(ctx, a.Issuer)
	if err != nil {
		return account{}, a, err
	}
	code, err := p.code(&a, r.Query)
	if err != nil {
		return account{}, a, err
	}
	secret, err := l.secret(ctx, t)
	if err != nil {
		return account{}, a, err
	}
	token, err := p.client(&a, secret.Secret).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return account{}, a, because(ErrProvider, "code for token: %w", err)
	}
	who, err := p.judge(ctx, &a, token)
	return who, a, err
}

// code is the code in the provider's answer, if this is the provider that was asked.
func (p *provider) code(a *attempt, q url.Values) (string, error) {
	issuer, one := single(q, "iss")
	if issuer != a.Issuer && (q.Has("iss") || p.namesItself) || q.Has("iss") && !one {
		return "", because(ErrRejected, "the answer is from %q", issuer)
	}
	if q.Has("error") {
		what := word(q.Get("error"))
		if what == "access_denied" {
			return "", because(ErrDenied, "%s", what)
		}
		return "", because(ErrProvider, "it answers %s", what)
	}
	code, one := single(q, "code")
	if !one || code == "" {
		return "", because(ErrRejected, "the answer has no code")
	}
	return code, nil
}

// single is the value of a parameter that stands there once.
func single(q url.Values, name string) (string, bool) {
	values := q[name]
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// word is an error code as providers have them.
func word(s string) string {
	const most = 64
	clean := strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s[:min(len(s), most)])
	if clean == "" {
		return "an error"
	}
	return clean
}

// refused notes for the tenant's admins why somebody could not sign in, and returns the error.
func (l *Logins) refused(ctx context.Context, t *tenant.Tenant, c auth.Client, email string, err error) error {
	known := errors.Is(err, ErrProvider) || errors.Is(err, ErrRejected) || errors.Is(err, ErrUnverified) ||
		errors.Is(err, ErrStranger) || errors.Is(err, ErrOtherAccount) || errors.Is(err, ErrDenied)
	if !known {
		return err
	}
	noted := l.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		e := tenant.Event{Actor: "system", Action: "oidc.refused", Object: email, Detail: err.Error()}
		if c.IP.IsValid() {
			e.IP = c.IP.String()
		}
		return tenant.Record(tx, e)
	})
	return errors.Join(err, noted)
}
