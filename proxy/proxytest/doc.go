// Package proxytest starts what tests of the edge need: a certificate authority that speaks ACME and validates for real, and
// a DNS server that says what a test wants it to say. Both are in the process, on ports of their own.
package proxytest
