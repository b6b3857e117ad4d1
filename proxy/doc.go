// Package proxy is the edge of a node: it owns the listeners, TLS and the certificates, finds the tenant of a request,
// and forwards what is not the product's own to the tenant's upstreams.
//
// A request walks through one chain: recover, request id, access log, host, and then either the product's handler or an
// upstream. Everything behind the chain finds a [tenant.Visit] in the request's context: whose host it is, who calls from
// where, and how. A handshake asks the directory of hosts before anything else, so that a stranger's name costs no
// look-up and no I/O.
//
// Certificates come from an ACME authority or from the node's own one ([Internal]); package certificate obtains and renews them
// within the authority's limits.
//
// The package refuses to know what the product's pages are, who is signed in, and which domain is proven: the product is
// an [http.Handler], the proof is package domain's.
package proxy
