package partner

import (
	"context"
	"errors"
	"log/slog"

	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
)

// Verifier checks what partners sign. It is safe for concurrent use.
type Verifier struct {
	store   *storage.Store
	tenants *tenant.Registry
	remote  *keySets
}

// Config is what a Verifier stands on.
type Config struct {
	Store *storage.Store
	// Tenants knows the keys.
	Tenants *tenant.Registry
	// Outbound fetches the key sets that partners publish.
	Outbound *outbound.Client
	Log      *slog.Logger
}

// New returns a Verifier.
func New(c Config) *Verifier {
	v := &Verifier{store: c.Store, tenants: c.Tenants, remote: newKeySets(c.Outbound, c.Log)}
	c.Tenants.OnDelete(func(_ context.Context, t *tenant.Tenant) error {
		v.remote.forget(t)
		return nil
	})
	return v
}

// Proof is what a partner's signature is worth: whom it is counted for, and that it works once.
type Proof struct {
	// Credential names the key. It is never empty in a Proof that was returned without an error.
	Credential string
	Use        Use
}

// Token is what a good JWT says.
type Token struct {
	// Person is in canonical form.
	person.Person
	Proof

	RedirectURL string
}

// Token checks a partner's JWT against the tenant's keys of this kind and all other rules. ErrInvalid, with ErrNobody if only the
// person is wrong; ErrExpired. Nothing is used up, and nobody has asked whether it was used: see Use. It may wait for a
// partner's server, and is not to be called inside a transaction.
func (v *Verifier) Token(ctx context.Context, t *tenant.Tenant, kind tenant.Kind, raw string) (Token, error) {
	e, err := v.examine(ctx, t, kind, raw)
	if err == nil {
		err = e.verdict
	}
	if err != nil {
		return Token{}, err
	}
	return e.token, nil
}

// examine applies the rules to a token. Where no key that we know has signed it, a partner that publishes its keys is asked
// for new ones.
func (v *Verifier) examine(ctx context.Context, t *tenant.Tenant, kind tenant.Kind, raw string) (*examination, error) {
	for asked := false; ; asked = true {
		ring, err := v.ring(ctx, t, kind)
		if err != nil {
			return nil, err
		}
		e := newExamination(t, kind, ring, raw)
		e.judge()
		if asked || !errors.Is(e.verdict, errNoKey) || !v.refresh(ctx, t, kind) {
			return e, nil
		}
	}
}
