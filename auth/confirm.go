package auth

import (
	"context"
	"crypto/hmac"
	"errors"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// How often one visitor may have codes mailed, to whatever addresses, and try them.
var (
	codesPerIP = limit.Bucket{Name: "code-mails", Limit: 20, Period: time.Hour}
	triesPerIP = limit.Bucket{Name: "code-tries", Limit: 60, Period: time.Hour}
)

// Confirmations have people prove that an address is theirs, by a code that is mailed to it and typed in the very browser
// that asked for it. What they answer does not depend on whether the tenant knows the address. Safe for concurrent use.
type Confirmations struct {
	store    *storage.Store
	sessions *Sessions
	limits   *limit.Limits
	refusals *Refusals
	post     *mail.Post
}

// Confirmation is how it stands with the code of an asserted session, or of a browser that has none.
type Confirmation struct {
	// Email is the address in question.
	Email string
	// Sent: a code was mailed for this session, and is not over yet.
	Sent bool
	// TriesLeft and ExpiresAt are set with Sent.
	TriesLeft int
	ExpiresAt time.Time
	// NextAt is when the address may be mailed to again, for whoever asks; zero: now.
	NextAt time.Time
}

// Asking is a browser that asks for a code, or brings one.
type Asking struct {
	Host tenant.Host
	// Session is the secret in the requester's cookie, Device that in the cookie of remembered browsers. In the widget Bearer is
	// what stands for its session, and neither of them counts.
	Session, Device, Bearer string
	Client                  Client
	// Code is what was typed, for Check. Remember: from now on the browser is enough.
	Code     string
	Remember bool
}

// Confirmed is what the right code has led to.
type Confirmed struct {
	// Session is the vouched session that takes the place of the asserted one, and Secret what its cookie holds.
	Session Session
	Secret  string
	// Device is what the cookie of the remembered browser holds; empty: it is not remembered.
	Device string
	// Bearer opens the API for a session of the widget, until BearerEndsAt; empty elsewhere.
	Bearer       string
	BearerEndsAt time.Time
}

// Ready says whether codes can be mailed.
func (c *Confirmations) Ready() bool { return c.post.Ready() }

// Standing says how it stands with a session's code. ErrSignedOut; ErrConfirmed: there is nothing to confirm.
func (c *Confirmations) Standing(ctx context.Context, t *tenant.Tenant, a Asking) (Confirmation, error) {
	var out Confirmation
	err := c.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := a.asserted(tx)
		if err != nil {
			return err
		}
		out, err = standing(tx, r.Lineage, r.Email)
		return err
	})
	return out, err
}

// asserted is the session of who asks.
func (a *Asking) asserted(tx *storage.Tx) (*sessionRecord, error) {
	r, err := a.record(tx)
	if err == nil && r.Level != Asserted {
		err = ErrConfirmed
	}
	return &r, err
}

func (a *Asking) record(tx *storage.Tx) (sessionRecord, error) {
	if a.Bearer != "" {
		_, r, err := loadBearer(tx, a.Host, hashToken(a.Bearer))
		return r, err
	}
	hash, ok := HashSecret(a.Session)
	if !ok {
		return sessionRecord{}, ErrSignedOut
	}
	return load(tx, RequesterSide, a.Host, hash)
}

func standing(tx *storage.Tx, lineage, email string) (Confirmation, error) {
	out := Confirmation{Email: email}
	next, err := nextMailing(tx, email)
	if err != nil {
		return out, err
	}
	out.NextAt = next
	one, err := codes.Get(tx, storage.Key(nil).Str(lineage))
	if errors.Is(err, storage.ErrNotFound) || err == nil && one.over() {
		return out, nil
	}
	out.Sent, out.TriesLeft, out.ExpiresAt = true, codeTries-one.Misses, one.ExpiresAt
	return out, err
}

// Send mails a code to the address of an asserted session. ErrMailOff; ErrSignedOut; ErrConfirmed; a *limit.Error: the
// visitor has asked too often, or the address was mailed to or guessed at too often.
func (c *Confirmations) Send(ctx context.Context, t *tenant.Tenant, a Asking) error {
	if !c.Ready() {
		return ErrMailOff
	}
	if _, err := c.Standing(ctx, t, a); err != nil {
		return err
	}
	if err := c.limits.Take(ctx, codesPerIP, limit.IP(a.Client.IP)).Err(); err != nil {
		return err
	}
	digits, err := newCode()
	if err != nil {
		return err
	}
	return c.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := a.asserted(tx)
		if err != nil {
			return err
		}
		one := code{Lineage: r.Lineage, Email: r.Email, Host: r.Host}
		if err := c.mailOut(tx, t, &one, map[string]string{"code": digits}); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{
			Actor: actorOf(r), Action: "code.mailed", Object: r.Email, Detail: "at " + string(r.Host), IP: a.Client.Address(),
		})
	})
}

// mailOut keeps a code and mails it, if somebody has its address. A *limit.Error: the address was mailed to, or guessed at, too often.
func (c *Confirmations) mailOut(tx *storage.Tx, t *tenant.Tenant, one *code, fields map[string]string) error {
	if err := mayMail(tx, one.Email); err != nil {
		return err
	}
	at := now()
	one.ExpiresAt = at.Add(codeLife)
	if !one.Nobody {
		one.MAC = codeMAC(c.store, t, one.Lineage, one.Email, fields["code"])
	}
	if err := codes.Put(tx, one); err != nil {
		return err
	}
	if err := mailings.Put(tx, &mailing{Email: one.Email, At: at}); err != nil || one.Nobody {
		return err
	}
	return c.post.Enqueue(tx, mail.Letter{Kind: mail.Code, To: one.Email, Fields: fields, Host: one.Host, Expires: one.ExpiresAt})
}

func mayMail(tx *storage.Tx, email string) error {
	next, err := nextMailing(tx, email)
	if err != nil {
		return err
	}
	if !next.IsZero() {
		return limit.State{Limit: 1, Reset: next, Reached: true}.Err()
	}
	m, err := missesOf(tx, email)
	if err != nil {
		return err
	}
	return m.err()
}

// Check takes a typed code. The right one makes a vouched session of the same lineage in the place of the asserted one. Each
// try is on disk before it is answered.
//
// A FieldErrors: that is no code, and no try; ErrCodeWrong; ErrCodeOver: there is none that could be typed; ErrSignedOut;
// ErrConfirmed; a *limit.Error.
func (c *Confirmations) Check(ctx context.Context, t *tenant.Tenant, a Asking) (Confirmed, error) {
	digits, err := parseCode(a.Code)
	if err != nil {
		return Confirmed{}, err
	}
	if err := c.limits.Take(ctx, triesPerIP, limit.IP(a.Client.IP)).Err(); err != nil {
		return Confirmed{}, err
	}
	out := Confirmed{Secret: NewSecret()}
	wrong := false
	err = c.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		r, err := a.asserted(tx)
		if err != nil {
			return err
		}
		if wrong, err = c.try(tx, t, r.Lineage, r.Email, digits); wrong || err != nil {
			return err
		}
		return c.promote(tx, t, r, &a, &out)
	})
	if err := c.judged(ctx, t, wrong, err, a.Host, a.Client); err != nil {
		return Confirmed{}, err
	}
	return out, nil
}

// judged is what became of a try, which the audit log lists if it failed.
func (c *Confirmations) judged(ctx context.Context, t *tenant.Tenant, wrong bool, err error, at tenant.Host, by Client) error {
	if err == nil && wrong {
		err = ErrCodeWrong
	}
	if errors.Is(err, ErrCodeWrong) || errors.Is(err, ErrCodeOver) {
		c.refusals.Note(ctx, t, "code.refused", "", err.Error()+", at "+string(at), by)
	}
	return err
}

// try compares what was typed with the code, and counts it if it is wrong.
func (c *Confirmations) try(tx *storage.Tx, t *tenant.Tenant, lineage, email, digits string) (wrong bool, err error) {
	m, err := missesOf(tx, email)
	if err == nil {
		err = m.err()
	}
	if err != nil {
		return false, err
	}
	one, err := codes.Get(tx, storage.Key(nil).Str(lineage))
	if errors.Is(err, storage.ErrNotFound) || err == nil && one.over() {
		return false, ErrCodeOver
	}
	if err != nil {
		return false, err
	}
	if hmac.Equal(one.MAC, codeMAC(c.store, t, lineage, email, digits)) && !one.Nobody {
		return false, codes.Delete(tx, storage.Key(nil).Str(lineage))
	}
	one.Misses++
	m.Count++
	if err := codes.Put(tx, &one); err != nil {
		return true, err
	}
	return true, missed.Put(tx, &m)
}

// promote makes the session of who has proven the address a vouched one, and remembers the browser if that is wanted.
func (c *Confirmations) promote(tx *storage.Tx, t *tenant.Tenant, r *sessionRecord, a *Asking, out *Confirmed) error {
	person, err := asKnown(tx, Person{Email: r.Email, Name: r.Name})
	if err != nil {
		return err
	}
	claim := Claim{Level: Vouched, Person: person, Door: "code", Lineage: r.Lineage}
	to := Arrival{Tenant: t, Host: a.Host, Session: a.Session, Client: a.Client, embedder: r.Embedder}
	if a.Bearer != "" {
		to.Session = ""
		if err := c.sessions.erase(tx, WidgetSide, r); err != nil {
			return err
		}
	}
	after, err := c.sessions.welcome(tx, &claim, &to, out.Secret)
	if err != nil {
		return err
	}
	if out.Session, err = c.sessions.open(tx, t, to.side(), after); err != nil {
		return err
	}
	if a.Bearer != "" {
		out.Bearer = BearerPrefix + NewSecret()
		out.BearerEndsAt, err = issue(tx, &after, out.Bearer)
		return err
	}
	out.Device = ""
	if !a.Remember {
		return nil
	}
	if err := forget(tx, a.Device); err != nil {
		return err
	}
	out.Device, err = remember(tx, &after)
	return err
}

// asKnown is the person with the name that the user of this address has already: a code proves the address, and says
// nothing about what somebody wants to be called.
func asKnown(tx *storage.Tx, p Person) (Person, error) {
	u, found, err := lookup(tx, p)
	if found && err == nil {
		p.Name = u.Name
	}
	return p, err
}

func actorOf(r *sessionRecord) string {
	return Identity{Level: r.Level, ID: r.User, Lineage: r.Lineage}.Actor()
}
