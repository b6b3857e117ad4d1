package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Source says who asked for a hand-off.
type Source uint8

// The sources.
const (
	FromElsewhere Source = iota // a browser, on a page that the tenant has not listed
	FromListed                  // a browser, on a page of a listed origin, of the tenant's or of the node's
	FromServer                  // no browser
)

// Claim says who somebody is said to be, and where to. It travels sealed in a hand-off token.
type Claim struct {
	Level Level `json:"l"`
	Person
	// Door is how the claim came in: "redirect", "jwt", "simpleauth".
	Door   string `json:"d"`
	Source Source `json:"s"`
	// Landing is a path on the host, or the URL of an allowed origin where the tenant wants it so.
	Landing    string `json:"u"`
	ReturnLink string `json:"b,omitempty"`
	// Chosen: the login has said where to land.
	Chosen bool `json:"c,omitempty"`
	// Warning is what the audit log is to keep, such as that a redirect_url was dropped.
	Warning string `json:"w,omitempty"`
	// Lineage is that of the asserted session that goes on in another tab of the same browser; empty for a new one.
	Lineage string `json:"i,omitempty"`
}

// used remembers the ID of a token that was consumed, as long as the token is good.
type used struct {
	ID        string    `cbor:"1,keyasint"`
	ExpiresAt time.Time `cbor:"2,keyasint"`
}

var usedTokens = storage.NewTable(storage.Declaration[used]{
	ID: 70, Name: "used hand-offs",
	Key:     func(u *used) storage.Key { return storage.Key(nil).Str(u.ID) },
	Expires: func(u *used) time.Time { return u.ExpiresAt.Add(time.Minute) },
})

// Arrival is a request that brings a hand-off token to a tenant's host.
type Arrival struct {
	Tenant *tenant.Tenant
	Host   tenant.Host
	Token  string
	Navigation
	// Session is the secret in the requester's cookie, Chain that in the chain's cookie, Device that in the cookie of remembered
	// browsers; empty where there is none.
	Session, Chain, Device string
	Client                 Client
	// embedder is the origin of the page around the widget, where it is the widget that somebody signs in at.
	embedder string
}

// side is the side that the session will be of.
func (a *Arrival) side() Side {
	if a.embedder != "" {
		return WidgetSide
	}
	return RequesterSide
}

// Outcome is what to answer to an arrival.
type Outcome struct {
	Verdict Verdict
	// Session and Secret are set with SignIn: the new session, and what its cookie holds.
	Session Session
	Secret  string
	// First: with SignIn, nobody has ever proven before that the address is theirs.
	First bool
	// Remembered: with SignIn, the browser was recognised by its device's cookie, which is good for DeviceLife from now on.
	Remembered bool
	// Landing is set with SignIn: a path on the host, or a URL.
	Landing string
	// Chosen: with SignIn, the login has said where to land; else Landing is the dashboard.
	Chosen bool
	// Email is set with AskFirst and Button: whom the token stands for, masked.
	Email string
	// Next and Chain are set with Chained: the token for /auth/continue, and what the chain's cookie holds.
	Next, Chain string
}

// Handoffs seals claims into tokens, and turns each token into one session. It is safe for concurrent use.
type Handoffs struct {
	store     *storage.Store
	directory *tenant.Directory
	sessions  *Sessions
}

func newHandoffs(store *storage.Store, directory *tenant.Directory, sessions *Sessions) *Handoffs {
	return &Handoffs{store: store, directory: directory, sessions: sessions}
}

// Mint seals a claim for one host of the tenant. The claim's person is in canonical form.
func (h *Handoffs) Mint(t *tenant.Tenant, host tenant.Host, c Claim) (string, error) {
	return h.mint(t, host, forCallback, c, nil)
}

func (h *Handoffs) mint(t *tenant.Tenant, host tenant.Host, p purpose, c Claim, chain []byte) (string, error) {
	return seal(h.store, t, host, p, &sealed{
		ID: rand.Text(), ExpiresAt: time.Now().Add(HandoffLife).UnixMilli(), Claim: c, Chain: chain,
	})
}

// Peek reads a token without consuming it. ErrTokenInvalid, ErrTokenExpired, ErrTokenUsed.
func (h *Handoffs) Peek(ctx context.Context, t *tenant.Tenant, host tenant.Host, token string) (Claim, error) {
	s, _, err := h.peek(ctx, &Arrival{Tenant: t, Host: host, Token: token}, forCallback)
	return s.Claim, err
}

// peek reads a token that was not used yet, and what session the browser has.
func (h *Handoffs) peek(ctx context.Context, a *Arrival, p purpose) (sealed, existing, error) {
	s, err := unseal(h.store, a.Tenant, a.Host, p, a.Token)
	if err != nil {
		return sealed{}, existing{}, err
	}
	var had existing
	err = h.store.View(ctx, a.Tenant.Scope(), func(tx *storage.Tx) error {
		gone, err := usedTokens.Has(tx, storage.Key(nil).Str(s.ID))
		if err != nil {
			return err
		}
		if gone {
			return ErrTokenUsed
		}
		hash, ok := HashSecret(a.Session)
		if !ok {
			return nil
		}
		r, err := load(tx, RequesterSide, a.Host, hash)
		if errors.Is(err, ErrSignedOut) {
			return nil
		}
		had = existing{level: r.Level, email: r.Email}
		return err
	})
	if err != nil {
		return sealed{}, existing{}, err
	}
	return s, had, nil
}

// Arrive answers GET, HEAD and OPTIONS of /auth/callback. ErrTokenInvalid, ErrTokenExpired, ErrTokenUsed.
func (h *Handoffs) Arrive(ctx context.Context, a Arrival) (Outcome, error) {
	switch v := a.arrival(); v {
	case SignIn:
		return h.signInOrAsk(ctx, &a, forCallback)
	case Chained:
		return h.chain(ctx, &a)
	default:
		return Outcome{Verdict: v}, nil
	}
}

// Continue answers GET and HEAD of /auth/continue. Errors as Arrive.
func (h *Handoffs) Continue(ctx context.Context, a Arrival) (Outcome, error) {
	v := a.arrival()
	if v != SignIn && v != Chained {
		return Outcome{Verdict: v}, nil
	}
	s, _, err := h.peek(ctx, &a, forChain)
	if err != nil {
		return Outcome{}, err
	}
	if v == Chained && !s.ownedBy(a.Chain) {
		return Outcome{Verdict: Button, Email: person.MaskEmail(s.Claim.Email)}, nil
	}
	return h.signInOrAsk(ctx, &a, forChain)
}

// ownedBy says whether the secret is in the cookie that was handed out with the token.
func (s *sealed) ownedBy(secret string) bool {
	hash, ok := HashSecret(secret)
	return ok && subtle.ConstantTimeCompare(hash[:], s.Chain) == 1
}

// claim is what the token says of whoever brings it. A lineage is that of the browser it began in: elsewhere the claim begins
// another one.
func (s *sealed) claim(a *Arrival) *Claim {
	c := s.Claim
	if !s.ownedBy(a.Chain) {
		c.Lineage = ""
	}
	return &c
}

// Confirm answers the POST of the pages for AskFirst and Button, at both addresses. The caller has made sure that the
// request comes from a page of the host itself. Errors as Arrive.
func (h *Handoffs) Confirm(ctx context.Context, a Arrival) (Outcome, error) {
	out, err := h.signIn(ctx, &a, forCallback)
	if errors.Is(err, ErrTokenInvalid) {
		return h.signIn(ctx, &a, forChain)
	}
	return out, err
}

// signInOrAsk consumes the token of a browser's visit, unless somebody else may have sent the browser.
func (h *Handoffs) signInOrAsk(ctx context.Context, a *Arrival, p purpose) (Outcome, error) {
	s, had, err := h.peek(ctx, a, p)
	if err != nil {
		return Outcome{}, err
	}
	trusted := func(origin string) bool { return trustedOrigin(h.directory, a.Tenant, origin) }
	if !a.welcome(&s.Claim, had, trusted) {
		return Outcome{Verdict: AskFirst, Email: person.MaskEmail(s.Claim.Email)}, nil
	}
	return h.signIn(ctx, a, p)
}

// trustedOrigin says whether a page of this origin may send visitors: it is allowed, the tenant's own, or the node's.
func trustedOrigin(d *tenant.Directory, t *tenant.Tenant, origin string) bool {
	if origin == "" || origin == "null" {
		return false
	}
	if d.AllowsOrigin(t, origin) {
		return true
	}
	for _, h := range d.Node().Hosts() {
		if d.Node().URLFor(h) == origin {
			return true
		}
	}
	return false
}

// signIn consumes a token and starts its session, in one transaction.
func (h *Handoffs) signIn(ctx context.Context, a *Arrival, p purpose) (Outcome, error) {
	s, err := unseal(h.store, a.Tenant, a.Host, p, a.Token)
	if err != nil {
		return Outcome{}, err
	}
	return h.enter(ctx, a, s.claim(a), s.consume)
}

// enter starts the session of a claim, and uses up what proves it, in one transaction.
func (h *Handoffs) enter(ctx context.Context, a *Arrival, c *Claim, use func(*storage.Tx) error) (Outcome, error) {
	out := Outcome{Verdict: SignIn, Landing: c.Landing, Chosen: c.Chosen, Secret: NewSecret()}
	err := h.store.Update(ctx, a.Tenant.Scope(), func(tx *storage.Tx) error {
		if err := use(tx); err != nil {
			return err
		}
		r, err := h.sessions.welcome(tx, c, a, out.Secret)
		if err != nil {
			return err
		}
		out.First, out.Remembered = r.first, r.remembered
		out.Session, err = h.sessions.open(tx, a.Tenant, RequesterSide, r)
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// consume records that the token is used. Of any number at once one gets past it.
func (s *sealed) consume(tx *storage.Tx) error {
	err := usedTokens.Insert(tx, &used{ID: s.ID, ExpiresAt: time.UnixMilli(s.ExpiresAt).UTC()})
	if errors.Is(err, storage.ErrExists) {
		return ErrTokenUsed
	}
	return err
}

// chain consumes the token of a client that is no browser, and hands it the next one together with a cookie.
func (h *Handoffs) chain(ctx context.Context, a *Arrival) (Outcome, error) {
	s, err := unseal(h.store, a.Tenant, a.Host, forCallback, a.Token)
	if err != nil {
		return Outcome{}, err
	}
	return h.chainOn(ctx, a, s.claim(a), s.consume)
}

// chainOn uses up what proves a claim, and hands on the claim.
func (h *Handoffs) chainOn(ctx context.Context, a *Arrival, c *Claim, use func(*storage.Tx) error) (Outcome, error) {
	if err := h.store.Update(ctx, a.Tenant.Scope(), use); err != nil {
		return Outcome{}, err
	}
	secret := NewSecret()
	hash, _ := HashSecret(secret)
	next, err := h.mint(a.Tenant, a.Host, forChain, *c, hash[:])
	return Outcome{Verdict: Chained, Next: next, Chain: secret}, err
}
