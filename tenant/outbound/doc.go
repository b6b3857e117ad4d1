// Package outbound is the only way in which this program asks other machines for something over HTTP: partners' key sets,
// tenants' identity providers, their webhooks, and what their domains answer.
//
// The addresses come from tenants, and the node stands in a network that its tenants must not see. So a connection is made
// to public addresses only, whatever a name resolves to at that moment; the operator may allow networks that are not
// public. An answer is bounded in size and time, and a redirect neither leaves its scheme nor takes a body along; a
// probe's may go from http to https, but never leaves its host. Proxies from the environment are not used: they would connect
// for us, unasked.
package outbound
