// Package web is the product's face: the routes, the pages and the JSON API of a tenant's help desk, and the one table
// that says which error is which answer.
//
// A request arrives with a tenant.Visit in its context: the host is known, the client's address is decided, the
// request has an id. From here it walks
//
//	routes → handler (cross-origin rules, identity, limits) → api_*.go or page_*.go → encode or render
//
// and a handler does three things: decode, call one method of another room, encode. Rules live in auth, tickets and
// tenant; nothing here touches the store. A handler writes an answer or returns an error, never both: error.go turns
// the error into the document of the contract, or into a page for a browser that came to see one.
//
// Pages need no script, but for the few that are one; those name it in their view. They are rendered into a buffer before the
// first byte leaves, their styles are files with the hash of their content in the name, and the content security policy allows
// neither inline script nor inline style.
package web
