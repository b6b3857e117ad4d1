// Package storage keeps every byte of a node in one ordered, transactional key-value store and hands out transactions
// that are confined to one scope: the node's, or one tenant's.
//
// Code declares its records once as a [Table], with the indexes that the store keeps up beside them, and then works on
// them inside [Store.View] and [Store.Update]. A transaction clips everything to its scope, so that code which serves one
// tenant has no way to name another tenant's key. A nil error of Update means that the data is on disk. The function
// given to Update may run several times: it must do nothing but use the transaction; what has to happen once, after the
// commit, goes to [Tx.OnCommit].
//
// The package refuses to know what a ticket or a session is, to speak HTTP, and to let an engine's types out: engines
// live below it, behind [engine.Engine].
package storage
