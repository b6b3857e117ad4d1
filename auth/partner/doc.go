// Package partner judges what tenants' partners sign: their JWTs and their signed redirects.
//
// A partner's word makes a visitor somebody, so that it is read more strictly than its libraries do: [Verifier] takes a
// token only if every rule of the list holds, and remembers it, so that it works once. Which algorithm counts is a matter
// of the key that the tenant has set, never of the token's header. The package knows neither users nor sessions: what a
// good token opens is the business of package auth.
package partner
