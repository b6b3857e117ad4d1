// Package strict stands between a client's bytes and the server that makes requests of them, and lets pass only what can be
// read in one way.
//
// [HTTP1] reads along by the grammar of RFC 9112 without its tolerances: a line ends with CR LF, a name has no space before
// its colon, a length is said once. Servers differ in what they make of the rest, and whoever gets two of them to see
// different requests in the same bytes smuggles one past the first. [HTTP2] counts frames that cost work and carry nothing.
//
// The package refuses to repair anything, to answer, and to know what a request is for.
package strict
