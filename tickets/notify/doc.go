// Package notify has people told by mail what happens to tickets.
//
// [Notifier.Follow] is a follower of the desk: it writes, in the transaction in which something happens, one row per ticket that is
// due two minutes later. When it is, [Notifier.Run] looks who is to know and puts a letter for each of them into the outbox of
// tenant/mail, in the transaction that takes the row away: nothing is told twice, and a node that dies loses nothing. Whatever
// happened meanwhile is in the same letter.
//
// Letters carry no text on their way: they name the ticket and the comments, and [Threads] reads those when the letter is sent,
// with the eyes of its reader. So no internal note can get into a requester's letter, and what was deleted is not told any more.
//
// Who only claims to have an address is nobody in particular: their words are never mailed there, nor are those of the staff. See
// [mail.Claimed]. The package refuses to write to addresses that machines have, to one address or about one ticket
// without end, and to somebody about what they did themselves.
package notify
