// Package webhook tells tenants' own programs what happens in their help desk, as the Standard Webhooks specification says
// (https://www.standardwebhooks.com): with an id that stays the same, a timestamp, and signatures that prove who sends it.
//
// [Hooks.Follow] writes in the transaction of an event which webhooks have to hear of it, so that none is told of what never
// happened and none misses what did; the ticket is kept as it was then. What is sent goes out by tenant/outbox, so that a receiver
// that is down loses nothing, and by tenant/outbound, so that no tenant sees the node's own network. Messages come at least once and
// in no certain order: the event's sequence says which was first.
//
// The package does not know how a ticket looks in the API: it is given a function that writes a message's body, which is the
// same as the API's.
package webhook
