// Package tickets is one tenant's help desk: tickets and their comments, the rights that people have on them, their
// history, lists, search, and what happens to them by the passing of time.
//
// Everything goes through a [Desk], in the name of an [Actor]. What an actor can see is a matter of structure, not of
// filters: a requester's lists run over an index that begins with the owner, and another owner's ticket is not found, like
// one that never was. A change is one transaction: the ticket with its number, its index entries and search postings, the
// history and the counters are on disk together or not at all.
//
// The package refuses to speak HTTP, to know how somebody proved who they are, and to render text: titles and bodies are
// kept as they were sent.
package tickets
