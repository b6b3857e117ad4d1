// Package h3 serves HTTP/3, on the UDP port beside a TLS listener.
//
// It bounds what one client can make a node hold as package listener does for TCP: connections, handshakes, requests at once,
// the time until a request's head is there. A client that might not be where it says has to prove it (Retry) as soon as many
// come. 0-RTT is off: what is sent in it can be sent again by others.
//
// The package refuses to know hosts, tenants and what is answered.
package h3
