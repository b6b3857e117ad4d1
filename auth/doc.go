// Package auth establishes who is asking, how sure we are of it, and what they may do, within one tenant.
//
// Somebody who comes from a partner's page is first a [Claim]: [Redirects] judges the request and seals the claim into a
// hand-off token, [Handoffs] decides what a browser that brings the token back may do with it, and turns it, once, into a
// [Session]. An unproven claim is worth less than a proven one, from its first record on: see [Level]. Programs come with
// an API token ([Tokens]), the tenant's own people by what package staff takes for a proof. All of them end as one [Identity].
//
// Every method takes the tenant and sees nothing of any other. Secrets are stored as hashes only. The package refuses to
// speak HTTP: what a request's headers said comes in as plain structs, and which error is which status is web's business.
package auth
