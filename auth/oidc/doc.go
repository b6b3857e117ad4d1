// Package oidc signs a tenant's staff in at the tenant's own OpenID Connect provider.
//
// It is the authorization code flow with PKCE and nothing else. What begins in a browser ends in that browser: state,
// nonce and code verifier travel sealed in a cookie that is good for ten minutes, at one host of one tenant, once. The
// provider has to be the one that the sign-in began at (RFC 9207), and its ID token is checked for signature, issuer,
// audience, nonce, age and a verified address.
//
// An account at the provider belongs to one member for good: the first sign-in finds the member by address and links the
// two, later ones go by the provider's own name for the account. Whoever inherits an address at the provider is not the
// agent who had it. Nobody becomes an admin here, and nobody becomes an agent unless the tenant has listed the domain of
// their address.
//
// The package keeps no tokens of the provider: the session that begins is the help desk's own, and ends by itself.
package oidc
