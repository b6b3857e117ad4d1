package partner

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/deskgate/deskgate/tenant"
)

// rule is one thing that has to hold for a token. Its check leaves in the examination what later rules need.
type rule struct {
	// name is for programs, says is the rule for people.
	name, says string
	// needs says whether enough of the token is known to judge; nil: always.
	needs func(*examination) bool
	check func(*examination) error
}

func hasParts(e *examination) bool       { return e.parts != nil }
func hasHead(e *examination) bool        { return e.head != nil }
func hasHeadAndKeys(e *examination) bool { return e.head != nil && len(e.ring.keys) > 0 }
func hasClaims(e *examination) bool      { return e.claims != nil }
func hasCandidates(e *examination) bool  { return len(e.candidates) > 0 }

// rules are all rules for tokens, in the order in which they are applied. Nothing in a token's claims is looked at before the
// signature is known to be good.
func rules() []rule {
	return []rule{
		{"form", "It is three parts of base64url without padding, with dots between them, in at most 8 KiB.", nil, (*examination).split},
		{"header", "The header is a JSON object in which no name comes twice, in whatever case.", hasParts, (*examination).readHead},
		{"crit", "The header demands no extension that has to be understood (crit).", hasHead, (*examination).checkCritical},
		{"key", "The tenant has a key for such tokens.", nil, (*examination).checkRing},
		{"kid", "If the header has a kid, it is the name of one of the tenant's keys, to the letter.", hasHeadAndKeys, (*examination).checkKeyID},
		{"alg", "The header's alg is that of the tenant's key. The header can't choose another.", hasCandidates, (*examination).checkAlgorithm},
		{"signature", "The signature was made with the tenant's key.", hasCandidates, (*examination).checkSignature},
		{"claims", "The claims are a JSON object in which no name comes twice, in whatever case.", hasParts, (*examination).readClaims},
		{"numbers", "exp, iat and nbf, where they are there, are numbers of seconds since 1970.", hasClaims, (*examination).checkNumbers},
		{"end", "It says when it ends (exp), or else when it was made (iat): then it is good for two minutes.", hasClaims, (*examination).checkEnd},
		{"expired", "It is not over. Clocks may be half a minute off.", hasEnd, (*examination).checkExpired},
		{"future", "It was not made in the future (iat), and is valid already (nbf).", hasClaims, (*examination).checkFuture},
		{"lifetime", "It is good for at most ten minutes, from iat or from now.", hasEnd, (*examination).checkLifetime},
		{"text", "email, name and the other claims about a person are text.", hasClaims, (*examination).checkTexts},
		{"email", "email is one plain email address.", hasClaims, (*examination).checkEmail},
		{"name", "The name is there and fits in 200 characters.", hasClaims, (*examination).checkName},
		{"jti", "The jti, if there is one, is text or a number.", hasClaims, (*examination).checkID},
	}
}

// checkCritical refuses every token with extensions that have to be understood: we understand none.
func (e *examination) checkCritical() error {
	if _, critical := e.head["crit"]; critical {
		return wrong("it has critical extensions (crit)")
	}
	return nil
}

// checkRing says why there is no key that could have signed.
func (e *examination) checkRing() error {
	switch {
	case len(e.ring.keys) > 0:
		return nil
	case e.ring.problem != "":
		return noKey("%w: %s", ErrKeySet, e.ring.problem)
	}
	return noKey("it has none for this")
}

// checkKeyID leaves the keys that the header names, or all of them. What else a header says about keys counts for nothing.
func (e *examination) checkKeyID() error {
	e.candidates = e.ring.keys
	named, there := e.head["kid"]
	if !there {
		return nil
	}
	kid, text := named.(string)
	if !text {
		e.candidates = nil
		return wrong("its kid is not text")
	}
	e.candidates = slices.DeleteFunc(slices.Clone(e.ring.keys), func(k checkKey) bool { return k.name != kid })
	if len(e.candidates) == 0 {
		return noKey("there is no key with its kid")
	}
	return nil
}

// checkAlgorithm leaves the keys that sign in the way that the header says.
func (e *examination) checkAlgorithm() error {
	said, _ := e.head["alg"].(string)
	var possible []string
	for _, k := range e.candidates {
		if !slices.Contains(possible, k.method.Alg()) {
			possible = append(possible, k.method.Alg())
		}
	}
	e.candidates = slices.DeleteFunc(slices.Clone(e.candidates), func(k checkKey) bool { return k.method.Alg() != said })
	if len(e.candidates) == 0 {
		return noKey("its alg is %s, and the tenant's key is for %s", sayAlgorithm(said), strings.Join(possible, " and "))
	}
	return nil
}

// sayAlgorithm repeats an algorithm's name if it is a name.
func sayAlgorithm(alg string) string {
	known := []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA", "none"}
	if slices.Contains(known, alg) {
		return alg
	}
	return "another one"
}

// checkSignature finds the key that signed.
func (e *examination) checkSignature() error {
	sig, err := base64.RawURLEncoding.Strict().DecodeString(e.parts[2])
	if err != nil {
		return wrong("its signature is not base64url")
	}
	for i, k := range e.candidates {
		if k.method.Verify(e.parts[0]+"."+e.parts[1], sig, k.key) == nil {
			e.signer = &e.candidates[i]
			e.token.Credential = credential(e.tenant, k.id)
			return nil
		}
	}
	if e.kind == tenant.KindJWT && e.candidates[0].method != jwt.SigningMethodHS256 {
		return noKey("no public key of the tenant fits its signature")
	}
	return noKey("its signature was made with another secret than the tenant's %s", e.kind.Field())
}

func credential(t *tenant.Tenant, key string) string { return fmt.Sprintf("key:%s:%s", t.ID, key) }
