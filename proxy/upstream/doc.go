// Package upstream forwards requests to the applications behind a tenant's hosts.
//
// It tells them the truth about the visitor: Host, X-Forwarded-For, -Proto, -Host and Forwarded are made here from the visit,
// and whatever the visitor sent of that kind is dropped, as are all headers in which the edge vouches for somebody. The
// product's own cookies stay here as well. WebSockets and streams pass through as they come.
//
// The package refuses to find out who the visitor is and which route is meant: it is given both.
package upstream
