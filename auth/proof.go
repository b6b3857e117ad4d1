package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// proof is what makes a redirect login a vouched one. The zero proof is none.
type proof struct {
	partner.Proof

	// person is what the proof adds to the fields.
	person Person
}

func (p proof) given() bool { return p.Credential != "" }

// claim is what the person is believed, and where they are going.
func (p proof) claim(person Person, door string, from Source, to landing) Claim {
	c := Claim{Level: Asserted, Person: person, Door: door, Source: from, Landing: to.target, Chosen: to.chosen, ReturnLink: to.returnLink}
	if to.dropped != "" {
		c.Warning = "redirect_url dropped: " + to.dropped
	}
	if p.given() {
		c.Level = Vouched
		c.ExternalID, c.Locale, c.Organization, c.Complete = p.person.ExternalID, p.person.Locale, p.person.Organization, p.person.Complete
	}
	return c
}

// proofs checks the proofs of redirect logins.
type proofs struct {
	store    *storage.Store
	partners *partner.Verifier
	tokens   *Tokens
}

// check looks at the proofs of a request. A wrong or used one is an error, never none at all. Nothing is used up yet.
func (p *proofs) check(ctx context.Context, t *tenant.Tenant, req *RedirectRequest) (proof, error) {
	signed := req.Timestamp != "" || req.Nonce != "" || req.Signature != ""
	n := 0
	for _, there := range []bool{req.Token != "", signed, req.APIToken != ""} {
		if there {
			n++
		}
	}
	switch {
	case n > 1:
		return proof{}, ErrTwoProofs
	case n == 0 || t == nil:
		return proof{}, nil
	}
	pr, err := p.checkOne(ctx, t, req)
	if err == nil {
		err = ofRedirect(p.partners.Unspent(ctx, t, pr.Use))
	}
	if err != nil {
		return proof{}, err
	}
	return pr, nil
}

// checkOne looks at the one proof that is there.
func (p *proofs) checkOne(ctx context.Context, t *tenant.Tenant, req *RedirectRequest) (proof, error) {
	switch {
	case req.Token != "":
		return p.jwt(ctx, t, req)
	case req.APIToken != "":
		return p.apiToken(ctx, t, req.APIToken)
	}
	return p.signature(ctx, t, req)
}

// jwt checks a token in the fields. It must say of the visitor what the fields say.
func (p *proofs) jwt(ctx context.Context, t *tenant.Tenant, req *RedirectRequest) (proof, error) {
	token, err := p.partners.Token(ctx, t, tenant.KindJWT, req.Token)
	if err != nil {
		return proof{}, ofRedirect(err)
	}
	// What is wrong with a field by itself is told as such, and comes before.
	email, emailErr := person.ParseEmail(req.Email)
	name, nameErr := person.ParseName(req.Name)
	if emailErr == nil && email != token.Email || nameErr == nil && name != token.Name {
		return proof{}, fmt.Errorf("%w: the token is about somebody else than the fields", ErrSignatureInvalid)
	}
	return proof{Proof: token.Proof, person: token.Person}, nil
}

func (p *proofs) apiToken(ctx context.Context, t *tenant.Tenant, secret string) (proof, error) {
	owner, id, err := p.tokens.Authenticate(ctx, secret)
	switch {
	case errors.Is(err, ErrCredentialUnknown), errors.Is(err, ErrCredentialRevoked), errors.Is(err, ErrCredentialExpired):
		return proof{}, ErrSignatureInvalid
	case err != nil:
		return proof{}, err
	case owner.ID != t.ID:
		return proof{}, ErrSignatureInvalid
	case !id.May(SessionsCreate):
		return proof{}, ErrInsufficientScope
	}
	return proof{Proof: partner.Proof{Credential: id.Actor()}}, nil
}

// signature checks ts, nonce and sig.
func (p *proofs) signature(ctx context.Context, t *tenant.Tenant, req *RedirectRequest) (proof, error) {
	good, err := p.partners.Signature(ctx, t, partner.SignedRequest{
		Email: req.Email, Name: req.Name, RedirectURL: req.RedirectURL,
		Timestamp: req.Timestamp, Nonce: req.Nonce, Signature: req.Signature,
	})
	return proof{Proof: good}, ofRedirect(err)
}

// ofRedirect is the redirect login's own word for a proof that is wrong, whatever is wrong with it.
func ofRedirect(err error) error {
	for _, wrong := range []error{partner.ErrInvalid, partner.ErrExpired, partner.ErrReplayed} {
		if errors.Is(err, wrong) {
			return fmt.Errorf("%w: %s", ErrSignatureInvalid, err.Error())
		}
	}
	return err
}

// spend uses up what may be used once. ErrSignatureInvalid: it was used before.
func (p *proofs) spend(ctx context.Context, t *tenant.Tenant, pr proof) error {
	if !pr.Use.Once() {
		return nil
	}
	return ofRedirect(p.store.Update(ctx, t.Scope(), pr.Use.Spend))
}
