// Package tenant knows the customers of the node: their hosts and what stands behind each, their settings and keys, and
// what was done in their name.
//
// A [Tenant] is a snapshot: it never changes once it was handed out. [Registry] changes what is stored; [Directory] answers,
// for every request and without touching the store, which tenant a host belongs to. Host names have one canonical form,
// [Host], which [ParseHost] makes; nothing else in the program compares host names. The proof that a custom domain is the
// tenant's, and the state of its certificate, are the business of package domain below this one.
//
// The package refuses to speak HTTP, to know what a ticket or a session is, and to issue certificates.
package tenant
