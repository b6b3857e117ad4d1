// Package erasure has the whole program forget a person of a tenant's.
//
// Each room says for each of its tables, in a function Forgets beside its Tables, what becomes of the records about the person: an
// [Answer]. A table without one is an error of the program's. The [Eraser] asks one after the other, in transactions that each
// touch one record, and notes in the store how far it is: what a crash interrupts goes on at the next start, and doing a part of
// it twice does no harm.
//
// What it learns on its way, such as an address that the person had before, it looks for as well: in another round.
//
// The package refuses to know what is in a ticket or a session, and what people wrote about somebody in their own words: that is
// theirs.
package erasure
