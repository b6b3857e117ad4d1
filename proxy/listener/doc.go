// Package listener brings connections in. Before a server hears of a connection, its client has said who it is where a PROXY
// header is due, there is room for it, its TLS handshake is made, and what it sends is read along by package strict.
//
// It counts connections ([Crowd]) and handshakes ([Rate]) by client, and holds all of that on memory that does not grow with
// the number of those who come. What is refused costs no answer.
//
// The package refuses to know hosts, tenants and requests.
package listener
