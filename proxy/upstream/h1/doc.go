// Package h1 asks a server over HTTP/1.1 in the clear, for requests without a body that may be sent twice: most of what a proxy
// forwards.
//
// net/http's Transport gives each connection two goroutines, and hands each request and each answer from one to the next. Here
// all is done by whoever calls, with net/http's own [http.Request.Write] and [http.ReadResponse], for two thirds of the
// processor time of an exchange (see BenchmarkRoundTrip). What that takes is what the requests are not: a body would have to
// be sent while the answer comes, and a request that must not be sent twice could be lost on a connection that its server is
// closing.
//
// Nobody watches a kept connection. So before it is used again it is asked whether anything has come in: the end, or something
// that nobody asked for, which must never be taken for the answer to the next request.
//
// The package refuses to know routes, visitors, and which server is the right one.
package h1
