package auth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// resumes bounds how often one widget's session may buy a new bearer.
var resumes = limit.Bucket{Name: "widget-resumes", Limit: 600, Period: time.Hour}

// WidgetLogin is one sign-in at the widget, as the frame's own page sends it.
type WidgetLogin struct {
	// Tenant and Host are those of the frame.
	Tenant *tenant.Tenant
	Host   tenant.Host
	// Embedder is the origin of the page that the widget is on.
	Embedder string
	// Email and Name are what that page says of its visitor; Token is the partner's JWT. One or the other.
	Email, Name, Token string
	// Unreadable says why the body could not be read. The request is counted like any other; then that is the answer.
	Unreadable error
	// Session is the secret in the widget's cookie, empty where there is none.
	Session string
	Client  Client
}

// WidgetSession is a session of the widget together with what opens it.
type WidgetSession struct {
	Session Session
	// Secret is what the cookie has to hold; empty where it holds it already.
	Secret string
	// Bearer opens the tenant's API at the session's host, until BearerEndsAt.
	Bearer       string
	BearerEndsAt time.Time
	// Limit is how the caller stands. It is set beside an error as well.
	Limit limit.State
}

// Widgets signs people in at the widget on partners' pages, by the rules of the other doors: an address alone is asserted, a
// partner's token vouches. Such a session is of a side of its own. Its cookie does nothing but buy a new bearer, for a page of
// the same origin; the bearer is what the widget's own page holds in memory. It is safe for concurrent use.
type Widgets struct{ redirects *Redirects }

// Identify signs a visitor in, in the place of whoever was signed in at the same widget before.
//
// Errors: *limit.Error, Unreadable, ErrOriginNotAllowed, ErrTwoProofs, tenant.FieldErrors, ErrSignatureRequired,
// partner.ErrInvalid, partner.ErrExpired, partner.ErrReplayed.
func (w *Widgets) Identify(ctx context.Context, l WidgetLogin) (WidgetSession, error) {
	r := w.redirects
	req := RedirectRequest{
		Slug: l.Tenant.Slug, At: l.Tenant, Email: l.Email, Name: l.Name, Client: l.Client,
		// It is the page around the widget that sends the visitor; that our own page asks for it says nothing.
		Navigation: Navigation{Origin: l.Embedder, FetchSite: "cross-site"},
	}
	person, p, refused := w.consider(ctx, &l, &req)
	if refused != nil {
		p = proof{} // as in Begin
	}
	var (
		out WidgetSession
		err error
	)
	if out.Limit, err = r.count(ctx, l.Tenant, &req, p); err != nil {
		return out, err
	}
	if refused != nil {
		return out, refused
	}
	return w.enter(ctx, out, &l, p, p.claim(person, "widget", FromListed, landing{}))
}

// consider judges a sign-in without changing anything: who comes, or why not.
func (w *Widgets) consider(ctx context.Context, l *WidgetLogin, req *RedirectRequest) (Person, proof, error) {
	r := w.redirects
	switch {
	case l.Unreadable != nil:
		return Person{}, proof{}, l.Unreadable
	case !r.directory.AllowsOrigin(l.Tenant, l.Embedder):
		return Person{}, proof{}, ErrOriginNotAllowed
	case l.Token != "" && (l.Email != "" || l.Name != ""):
		return Person{}, proof{}, ErrTwoProofs
	case l.Token != "":
		token, p, err := r.proofs.login(ctx, l.Tenant, l.Token)
		return token.Person, p, err
	}
	if err := r.admits(l.Tenant, req, proof{}); err != nil {
		return Person{}, proof{}, err
	}
	person, err := req.person()
	return person, proof{}, err
}

// enter uses up the proof and starts the session with its first bearer, in one transaction.
func (w *Widgets) enter(ctx context.Context, out WidgetSession, l *WidgetLogin, p proof, c Claim) (WidgetSession, error) {
	r := w.redirects
	out.Secret, out.Bearer = NewSecret(), BearerPrefix+NewSecret()
	err := r.store.Update(ctx, l.Tenant.Scope(), func(tx *storage.Tx) error {
		if err := p.Use.Spend(tx); err != nil {
			return err
		}
		had, err := loadWidget(tx, l.Host, l.Embedder, l.Session)
		if err != nil {
			return err
		}
		a := Arrival{Tenant: l.Tenant, Host: l.Host, Client: l.Client, embedder: l.Embedder}
		if had.Level != 0 {
			a.Session = l.Session
		}
		rec, err := r.sessions.welcome(tx, &c, &a, out.Secret)
		if err != nil {
			return err
		}
		if out.BearerEndsAt, err = issue(tx, &rec, out.Bearer); err != nil {
			return err
		}
		out.Session, err = r.sessions.open(tx, l.Tenant, WidgetSide, rec)
		return err
	})
	if err != nil {
		return WidgetSession{Limit: out.Limit}, err
	}
	return out, nil
}

// loadWidget reads the session in a widget's cookie. The zero sessionRecord: there is none, or it is that of a page of another
// origin: where a browser does not keep the cookies of different sites' widgets apart, we do.
func loadWidget(tx *storage.Tx, host tenant.Host, embedder, secret string) (sessionRecord, error) {
	hash, ok := HashSecret(secret)
	if !ok {
		return sessionRecord{}, nil
	}
	r, err := load(tx, WidgetSide, host, hash)
	if errors.Is(err, ErrSignedOut) || err == nil && r.Embedder != embedder {
		return sessionRecord{}, nil
	}
	return r, err
}

// Resume makes a new bearer for the session in the widget's cookie, if the page around the widget has the origin that the
// session began at. ErrSignedOut, ErrOriginNotAllowed, *limit.Error.
func (w *Widgets) Resume(ctx context.Context, t *tenant.Tenant, host tenant.Host, embedder, secret string) (WidgetSession, error) {
	r := w.redirects
	if !r.directory.AllowsOrigin(t, embedder) {
		return WidgetSession{}, ErrOriginNotAllowed
	}
	var had sessionRecord
	err := r.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		had, err = loadWidget(tx, host, embedder, secret)
		return err
	})
	if err == nil && had.Level == 0 {
		err = ErrSignedOut
	}
	if err != nil {
		return WidgetSession{}, err
	}
	out := WidgetSession{Bearer: BearerPrefix + NewSecret(), Limit: r.limits.Take(ctx, resumes, publicID(had.Hash))}
	if err := out.Limit.Err(); err != nil {
		return out, err
	}
	err = r.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		rec, err := loadWidget(tx, host, embedder, secret)
		if err != nil {
			return err
		}
		if rec.Level == 0 {
			return ErrSignedOut
		}
		rec.SeenAt = now()
		if err := widgetSessions.Put(tx, &rec); err != nil {
			return err
		}
		if out.BearerEndsAt, err = issue(tx, &rec, out.Bearer); err != nil {
			return err
		}
		out.Session, err = r.sessions.open(tx, t, WidgetSide, rec)
		return err
	})
	return out, err
}

// End ends the widget's session that is in the cookie or that the bearer stands for. One that is over already is no error.
func (w *Widgets) End(ctx context.Context, t *tenant.Tenant, host tenant.Host, embedder, secret, bearer string) error {
	s := w.redirects.sessions
	return w.redirects.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		had, err := loadWidget(tx, host, embedder, secret)
		if err == nil && had.Level != 0 {
			err = s.erase(tx, WidgetSide, &had)
		}
		if err != nil {
			return err
		}
		_, rec, err := loadBearer(tx, host, hashToken(bearer))
		if errors.Is(err, ErrSignedOut) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.erase(tx, WidgetSide, &rec)
	})
}

// Handoff lets the visitor of a widget go on in a tab of its own: it returns the callback with its token. Path is where to at
// the portal, below its mount. An asserted visitor goes on with the same lineage, and so finds what was filed in the widget: but
// only at the widget's own host, and only in the browser that keeps the owner's secret in the chain's cookie. Else whoever began
// a lineage could send somebody else into it, and read along. The owner is empty where nothing has to be kept.
func (w *Widgets) Handoff(ctx context.Context, t *tenant.Tenant, s Session, path string) (callback, owner string, err error) {
	r, home := w.redirects, s.Host
	if s.Level == Vouched {
		home = r.directory.PrimaryHost(t)
	}
	to, err := judgeAt(r.directory, t, home, mountAt(r.directory, home)+path)
	if err != nil {
		return "", "", err
	}
	c := Claim{
		Level: s.Level, Person: Person{Email: s.Email, Name: s.Name}, Door: "widget", Source: FromListed,
		Landing: to.target, Chosen: to.chosen, ReturnLink: s.Embedder + "/",
	}
	var chain []byte
	if c.Level == Asserted {
		c.Lineage, owner = s.Lineage, NewSecret()
		hash, _ := HashSecret(owner)
		chain = hash[:]
	}
	token, err := r.handoffs.mint(t, to.host, forCallback, c, chain)
	return r.directory.Node().URLFor(to.host) + "/auth/callback?token=" + url.QueryEscape(token), owner, err
}
