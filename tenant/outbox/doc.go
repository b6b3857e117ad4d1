// Package outbox carries things from the store to the outside world: letters and webhooks.
//
// A room writes an item in its own transaction, with [Queue.Put]: the item is there if, and only if, what it tells of has
// happened. A [Courier] finds the items of all tenants, when it starts and by the change feed, and hands each one to a function that
// delivers it; what could not be delivered is tried again later, at growing intervals, and in the end given up and kept as a
// dead letter for a while. Before an item is delivered it is leased in the store, so that no other node delivers it as well.
//
// An item is delivered at least once. It comes twice only when the node dies, or loses its lease, between the delivery and the note
// that it was done: who receives it can tell by the item's ID.
package outbox
