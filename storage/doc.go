// Package storage keeps every byte of a node in one ordered, transactional key-value store and hands out transactions
// that are confined to one scope: the node's, or one tenant's.
//
// Code declares its records once as a [Table], with the indexes that the store keeps up beside them, and then works on
// them inside [Store.View] and [Store.Update]. A transaction clips everything to its scope, so that code which serves one
// tenant has no way to name another tenant's key. A nil error of Update means that the data is on disk. The function
// given to Update may run several times: it must do nothing but use the transaction; what has to happen once, after the
// commit, goes to [Tx.OnCommit]. Functions run one after the other, so they are short, and none calls Update itself.
//
// An engine's key is: scope (a byte, and a tenant's id) · table (two bytes) · part (a byte: the records, one of the
// indexes, or a sequence) · the record's or entry's [Key]. Each value carries a checksum over itself and its key.
//
// Sealed tables are encrypted with a key of their scope, which the master key wraps and which [Store.Erase] destroys
// first of all. Large values are [Blobs]. [Store.Follow] tells what changed in watched tables, [Store.Check] what is
// damaged; [Store.Backup] and [Restore] know nothing of the engine and so also lead from one to another.
//
// The package refuses to know what a ticket or a session is, to speak HTTP, and to let an engine's types out: engines
// live below it, behind [engine.Engine].
package storage
