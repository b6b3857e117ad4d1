// Package upstream forwards requests to the applications behind a tenant's hosts.
//
// A request walks through one file after the other: proxy.go takes it, limits.go bounds its body, request.go and headers.go
// make of it what the application is told, pool.go, balance.go and sticky.go choose an upstream, target.go and transport.go
// reach it, most often by package h1, retry.go decides whether another one is asked, forward.go and upgrade.go bring the answer
// back. Beside that, health.go asks upstreams how they are, and registry.go drops those that no route names any more.
//
// Applications are told the truth about the visitor: Host, X-Forwarded-For, -Proto, -Host and Forwarded are made here from the
// visit, and whatever the visitor sent of that kind is dropped, as are all headers in which the edge vouches for somebody. The
// product's own cookies stay here as well, in both directions. WebSockets and streams pass through as they come.
//
// The package refuses to find out who the visitor is and which route is meant: it is given both.
package upstream
