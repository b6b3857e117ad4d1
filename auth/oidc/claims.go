package oidc

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	strict "github.com/go-json-experiment/json"
	"golang.org/x/oauth2"

	"github.com/deskgate/deskgate/auth/person"
)

const (
	// skew is how far the provider's clock may be from ours.
	skew = time.Minute
	// oldest is the age of an ID token that comes straight from the provider.
	oldest     = 10 * time.Minute
	maxSubject = 255 // bytes, as the specification has it
)

// algorithms are those of which the provider's public key is enough.
func algorithms() []string {
	return []string{
		gooidc.RS256, gooidc.ES256, gooidc.EdDSA, gooidc.PS256, gooidc.RS384, gooidc.RS512, gooidc.ES384, gooidc.ES512,
		gooidc.PS384, gooidc.PS512,
	}
}

// account is somebody as the provider knows them.
type account struct {
	Issuer, Subject string
	Email, Name     string
}

// claims is what is read of an ID token, or of the provider's answer about a person. Names count as they are written, and
// none may come twice.
type claims struct {
	Subject  string  `json:"sub"`
	Nonce    string  `json:"nonce"`
	Party    string  `json:"azp"`
	IssuedAt float64 `json:"iat"`
	AuthTime float64 `json:"auth_time"`
	Name     string  `json:"name"`
	Email    string  `json:"email"`
	// Verified is a word with some providers.
	Verified any `json:"email_verified"`
}

func (c *claims) verified() bool { return c.Verified == true || c.Verified == "true" }

// readClaims reads the claims out of what go-oidc has checked.
func readClaims(from interface{ Claims(v any) error }) (claims, error) {
	var (
		raw json.RawMessage
		c   claims
	)
	if err := from.Claims(&raw); err != nil {
		return c, err
	}
	return c, strict.Unmarshal(raw, &c)
}

// judge makes the provider's answer to an attempt into an account. ErrRejected, ErrUnverified; ErrProvider.
func (p *provider) judge(ctx context.Context, a *attempt, token *oauth2.Token) (account, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return account{}, because(ErrRejected, "there is no ID token")
	}
	now := time.Now()
	verifier := p.Verifier(&gooidc.Config{
		ClientID: a.ClientID, SupportedSigningAlgs: algorithms(), Now: func() time.Time { return now.Add(-skew) },
	})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return account{}, because(ErrRejected, "%w", err)
	}
	c, err := readClaims(id)
	if err != nil {
		return account{}, because(ErrRejected, "%w", err)
	}
	if why := c.wrong(a, id, now); why != "" {
		return account{}, because(ErrRejected, "%s", why)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return account{}, because(ErrRejected, "%w", err)
		}
	}
	if c.Email == "" {
		if c, err = p.ask(ctx, c, token); err != nil {
			return account{}, err
		}
	}
	return c.account(a.Issuer)
}

// wrong says what is wrong with an ID token whose signature, issuer, audience and end are good. Empty: nothing.
func (c *claims) wrong(a *attempt, id *gooidc.IDToken, now time.Time) string {
	issued, proven := moment(c.IssuedAt), moment(c.AuthTime)
	switch {
	case subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(a.Nonce)) != 1:
		return "the nonce is another one"
	case c.Subject == "" || len(c.Subject) > maxSubject || c.Subject != id.Subject:
		return "there is no subject"
	case c.Party != "" && c.Party != a.ClientID, c.Party == "" && len(id.Audience) != 1:
		return "it was made for another client"
	case issued.After(now.Add(skew)), issued.Before(now.Add(-oldest)):
		return "it was not issued just now"
	case a.Fresh && proven.Before(a.startedAt().Add(-skew)):
		return "the person was not asked anew"
	}
	return ""
}

// moment is a time as tokens have it.
func moment(seconds float64) time.Time { return time.Unix(int64(min(max(seconds, 0), 1<<40)), 0) }

// ask gets the address from the provider that did not put it into the ID token.
func (p *provider) ask(ctx context.Context, about claims, token *oauth2.Token) (claims, error) {
	if p.UserInfoEndpoint() == "" {
		return claims{}, because(ErrRejected, "the ID token has no email")
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return claims{}, because(ErrProvider, "%w", err)
	}
	c, err := readClaims(info)
	switch {
	case err != nil:
		return claims{}, because(ErrRejected, "%w", err)
	case c.Subject != about.Subject:
		return claims{}, because(ErrRejected, "the answer is about somebody else")
	}
	c.Name = cmp.Or(c.Name, about.Name)
	return c, nil
}

func (c *claims) account(issuer string) (account, error) {
	if c.Email == "" {
		return account{}, because(ErrRejected, "there is no email")
	}
	if !c.verified() {
		return account{}, because(ErrUnverified, "%s", c.Email)
	}
	email, err := person.ParseEmail(c.Email)
	if err != nil {
		return account{}, because(ErrRejected, "%w", err)
	}
	name, err := person.ParseName(c.Name)
	if err != nil {
		name = "" // the address will do
	}
	return account{Issuer: issuer, Subject: c.Subject, Email: email, Name: name}, nil
}
