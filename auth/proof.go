package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// signatureSkew is how far the clock of a partner who signs may be off.
const signatureSkew = 120 * time.Second

// proof is what makes a redirect login a vouched one. The zero proof is none.
type proof struct {
	// credential is what the login is counted for.
	credential string
	// once, if not empty, may be used one single time until its end.
	once string
	ends time.Time
	// person is what the proof adds to the fields.
	person Person
}

func (p proof) given() bool { return p.credential != "" }

// claim is what the person is believed, and where they are going.
func (p proof) claim(person Person, door string, from Source, to landing) Claim {
	c := Claim{Level: Asserted, Person: person, Door: door, Source: from, Landing: to.target, ReturnLink: to.returnLink}
	if to.dropped != "" {
		c.Warning = "redirect_url dropped: " + to.dropped
	}
	if p.given() {
		c.Level = Vouched
		c.ExternalID, c.Locale, c.Organization = p.person.ExternalID, p.person.Locale, p.person.Organization
	}
	return c
}

// spent remembers a nonce or a partner's token that was used.
type spent struct {
	Once      string    `cbor:"1,keyasint"`
	ExpiresAt time.Time `cbor:"2,keyasint"`
}

var spentProofs = storage.NewTable(storage.Declaration[spent]{
	ID: 71, Name: "spent proofs",
	Key:     func(s *spent) storage.Key { return storage.Key(nil).Str(s.Once) },
	Expires: func(s *spent) time.Time { return s.ExpiresAt },
})

// proofs checks the proofs of redirect logins.
type proofs struct {
	store   *storage.Store
	tenants *tenant.Registry
	tokens  *Tokens
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
		err = p.unspent(ctx, t, pr)
	}
	if errors.Is(err, ErrTokenReplayed) {
		err = ErrSignatureInvalid
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

// unspent says ErrTokenReplayed of a proof that was used. Only spend decides who is first; this is for the counts: what every
// visitor can send again must not use up what the partner's key may do.
func (p *proofs) unspent(ctx context.Context, t *tenant.Tenant, pr proof) error {
	if pr.once == "" {
		return nil
	}
	return p.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		gone, err := spentProofs.Has(tx, storage.Key(nil).Str(pr.once))
		if gone && err == nil {
			return ErrTokenReplayed
		}
		return err
	})
}

// jwt checks a token in the fields. It must say of the visitor what the fields say.
func (p *proofs) jwt(ctx context.Context, t *tenant.Tenant, req *RedirectRequest) (proof, error) {
	token, err := p.verify(ctx, t, tenant.KindJWT, req.Token)
	if errors.Is(err, ErrTokenInvalid) || errors.Is(err, ErrTokenExpired) {
		return proof{}, fmt.Errorf("%w: %s", ErrSignatureInvalid, err.Error()) // of the two, the redirect login's own word
	}
	if err != nil {
		return proof{}, err
	}
	said, err := token.checked()
	field, fieldErr := ParseEmail(req.Email)
	if err != nil || fieldErr == nil && said.Email != field || strings.TrimSpace(token.Name) != strings.TrimSpace(req.Name) {
		return proof{}, fmt.Errorf("%w: the token is about somebody else than the fields", ErrSignatureInvalid)
	}
	return proof{credential: token.credential, once: token.once, ends: token.ends, person: said}, nil
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
	return proof{credential: id.Actor()}, nil
}

// signature checks ts, nonce and sig against the keys that are valid now.
func (p *proofs) signature(ctx context.Context, t *tenant.Tenant, req *RedirectRequest) (proof, error) {
	seconds, err := strconv.ParseInt(req.Timestamp, 10, 64)
	at := time.Unix(seconds, 0)
	if err != nil || time.Since(at).Abs() > signatureSkew || req.Nonce == "" || len(req.Nonce) > 128 {
		return proof{}, ErrSignatureInvalid
	}
	sig, err := hex.DecodeString(req.Signature)
	if err != nil {
		return proof{}, ErrSignatureInvalid
	}
	keys, err := p.tenants.Keys(ctx, t.ID)
	if err != nil {
		return proof{}, err
	}
	text := signedText(t.Slug, req)
	for _, k := range keys.Valid(tenant.KindRedirect, time.Now()) {
		mac := hmac.New(sha256.New, []byte(k.Secret))
		_, _ = mac.Write(text) // it never fails
		if hmac.Equal(mac.Sum(nil), sig) {
			return proof{
				credential: "key:" + string(t.ID) + ":" + k.ID,
				once:       "nonce:" + req.Nonce, ends: at.Add(signatureSkew + time.Minute),
			}, nil
		}
	}
	return proof{}, ErrSignatureInvalid
}

// signedText is what a signature is over: the fields exactly as sent, lengths in bytes.
func signedText(slug string, req *RedirectRequest) []byte {
	return fmt.Appendf(nil, "deskgate-redirect-v1\n%s\n%d:%s\n%d:%s\n%d:%s\n%s\n%s", slug,
		len(req.Email), req.Email, len(req.Name), req.Name, len(req.RedirectURL), req.RedirectURL, req.Timestamp, req.Nonce)
}

// spend uses up what may be used once. ErrSignatureInvalid: it was used before.
func (p *proofs) spend(ctx context.Context, t *tenant.Tenant, pr proof) error {
	if pr.once == "" {
		return nil
	}
	err := p.store.Update(ctx, t.Scope(), pr.spend)
	if errors.Is(err, ErrTokenReplayed) {
		return ErrSignatureInvalid
	}
	return err
}

// spend records that the proof is used, or returns ErrTokenReplayed.
func (p proof) spend(tx *storage.Tx) error {
	err := spentProofs.Insert(tx, &spent{Once: p.once, ExpiresAt: p.ends.UTC()})
	if errors.Is(err, storage.ErrExists) {
		return ErrTokenReplayed
	}
	return err
}
