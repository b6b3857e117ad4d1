package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Knock is a browser in which somebody wants to be signed in by a code that is mailed to them, without coming from anywhere.
type Knock struct {
	Host tenant.Host
	// Email is the address as it was typed, for Knock. Known: another room knows it as a requester's.
	Email string
	Known bool
	// Secret is what the browser's cookie holds since it knocked, Session the secret in the requester's cookie.
	Secret, Session string
	Client          Client
	// Code is what was typed, for Enter.
	Code string
}

// Opens says whether people may sign in at a tenant by a code.
func (c *Confirmations) Opens(t *tenant.Tenant) bool { return c.Ready() && t.Settings.SignsInByMail() }

// Knock mails a code to an address that the tenant knows as a requester's, and returns what the browser's cookie is to hold. Where
// nobody has the address nothing is mailed, and all else is the same, up to the tries that a code has. Staff are nobody here.
//
// ErrNotFound: the tenant doesn't want it; ErrMailOff; a FieldErrors: that is no address; a *limit.Error: the visitor has asked too
// often, or the address was mailed to or guessed at too often.
func (c *Confirmations) Knock(ctx context.Context, t *tenant.Tenant, k Knock) (secret string, err error) {
	switch {
	case !t.Settings.SignsInByMail():
		return "", ErrNotFound
	case !c.Ready():
		return "", ErrMailOff
	}
	email, err := person.ParseEmail(k.Email)
	if err != nil {
		return "", err
	}
	if err := c.limits.Take(ctx, codesPerIP, limit.IP(k.Client.IP)).Err(); err != nil {
		return "", err
	}
	digits, err := newCode()
	if err != nil {
		return "", err
	}
	k.Secret = NewSecret()
	err = c.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		_, known, err := lookup(tx, Person{Email: email})
		if err != nil {
			return err
		}
		one := code{Lineage: k.lineage(), Email: email, Host: k.Host, Nobody: !known && !k.Known}
		if err := c.mailOut(tx, t, &one, map[string]string{"code": digits, "for": "sign-in"}); err != nil {
			return err
		}
		e := tenant.Event{Actor: "nobody", Action: "code.mailed", Object: email, Detail: "to sign in, at " + string(k.Host), IP: k.Client.Address()}
		if one.Nobody {
			e.Action, e.Detail = "code.withheld", "no requester has this address, at "+string(k.Host)
		}
		return tenant.Record(tx, e)
	})
	if err != nil {
		return "", err
	}
	return k.Secret, nil
}

// lineage is the name that the code of a browser is kept under which has no session: nobody can tell the cookie from it.
func (k *Knock) lineage() string {
	hash, ok := HashSecret(k.Secret)
	if !ok {
		return ""
	}
	return "knock_" + hex.EncodeToString(hash[:])
}

// code is that of the browser. ErrCodeOver: it has none, or asked for it at another host.
func (k *Knock) code(tx *storage.Tx) (code, error) {
	if k.lineage() == "" {
		return code{}, ErrCodeOver
	}
	one, err := codes.Get(tx, storage.Key(nil).Str(k.lineage()))
	if errors.Is(err, storage.ErrNotFound) || err == nil && one.Host != k.Host {
		return code{}, ErrCodeOver
	}
	return one, err
}

// Knocked says how it stands with the code of a browser. ErrCodeOver: it has none that could be typed.
func (c *Confirmations) Knocked(ctx context.Context, t *tenant.Tenant, k Knock) (Confirmation, error) {
	var out Confirmation
	err := c.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		one, err := k.code(tx)
		if err != nil {
			return err
		}
		if out, err = standing(tx, one.Lineage, one.Email); err == nil && !out.Sent {
			err = ErrCodeOver
		}
		return err
	})
	return out, err
}

// Enter takes a typed code. The right one begins a vouched session. Each try is on disk before it is answered.
//
// ErrNotFound: the tenant doesn't want it; a FieldErrors: that is no code, and no try; ErrCodeWrong; ErrCodeOver: the browser has none
// that could be typed; a *limit.Error.
func (c *Confirmations) Enter(ctx context.Context, t *tenant.Tenant, k Knock) (Confirmed, error) {
	if !t.Settings.SignsInByMail() {
		return Confirmed{}, ErrNotFound
	}
	digits, err := parseCode(k.Code)
	if err != nil {
		return Confirmed{}, err
	}
	if err := c.limits.Take(ctx, triesPerIP, limit.IP(k.Client.IP)).Err(); err != nil {
		return Confirmed{}, err
	}
	out := Confirmed{Secret: NewSecret()}
	wrong := false
	err = c.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		one, err := k.code(tx)
		if err != nil {
			return err
		}
		if wrong, err = c.try(tx, t, one.Lineage, one.Email, digits); wrong || err != nil {
			return err
		}
		out.Session, err = c.admit(tx, t, one.Email, &k, out.Secret)
		return err
	})
	if err := c.judged(ctx, t, wrong, err, k.Host, k.Client); err != nil {
		return Confirmed{}, err
	}
	return out, nil
}

// admit begins the session of whoever has proven an address. Somebody of whom nothing else is known is called by the address.
func (c *Confirmations) admit(tx *storage.Tx, t *tenant.Tenant, email string, k *Knock, secret string) (Session, error) {
	called, _, _ := strings.Cut(email, "@")
	who, err := asKnown(tx, Person{Email: email, Name: called})
	if err != nil {
		return Session{}, err
	}
	to := Arrival{Tenant: t, Host: k.Host, Session: k.Session, Client: k.Client}
	after, err := c.sessions.welcome(tx, &Claim{Level: Vouched, Person: who, Door: "code"}, &to, secret)
	if err != nil {
		return Session{}, err
	}
	return c.sessions.open(tx, t, to.side(), after)
}
