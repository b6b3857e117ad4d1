// Package certificate keeps the certificates of all hosts of a node: it obtains, renews, loads and forgets them.
//
// They come from an ACME authority or from the node's own one. The scheduler asks for them within the authority's limits, fair
// between tenants; every attempt is in a ledger before it begins, so that a crash, or a loop of them, asks for nothing twice.
// A handshake asks the directory of hosts before anything else, so that a stranger's name costs no look-up and no I/O. What
// certificates are made of lives in the store, sealed.
//
// The package refuses to know what is served over the connections that it lets through, and which domain is proven.
package certificate
