// Package mail sends the letters that the product writes: codes, invitations, resets, notices.
//
// Rooms write a [Letter] inside the transaction that it belongs to, with [Post.Enqueue]; it says what to tell and to whom, not in which
// words. [Post.Run] has it rendered and hands it to the operator's SMTP server, from the durable queue of package outbox. A node
// without --smtp-url has a Post as well, one that is not [Post.Ready].
//
// The package refuses to put words of a visitor into a letter to somebody whom that visitor only names, to send credentials over a
// line that others can read, and to log them.
package mail
