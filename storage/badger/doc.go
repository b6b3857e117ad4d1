// Package badger is the default engine: an embedded Badger database with one committer.
//
// Badger has no group commit and lets phantoms through, so its own transactions are not used for isolation. One
// committer gives out turns: each caller of Update runs its function when its turn comes, on the last snapshot and
// what the functions before it wrote, and all that ran while the disk was busy is committed as one Badger transaction
// with one sync. Transactions are therefore serialisable by construction, nobody ever runs twice, and numbers have
// no gaps. The price is that functions run one after the other: long reads belong in View.
//
// Badger maps its files into memory, which makes two faults of a disk dangerous. When the disk is full, the kernel kills
// the process: the engine stops writing while there is still room for what Badger does in the background. And a
// table that fails its checksum while it is opened is left out in silence: the engine reads the files itself before.
//
// What is deleted stays in Badger until a compaction, and is stepped over once by who scans: the engine remembers such
// gaps, and the committer, by whom all writes go, takes care that none is wrong.
//
// # Memory
//
// Options.Memory sizes Badger's tables. It is not a bound by itself, for Go's collector lets garbage pile up to as much
// again: the program should set GOMEMLIMIT (or debug.SetMemoryLimit) to what the whole process may have. Tables on
// disk are read through the page cache, which the kernel takes back when it needs to.
//
// # What cannot be seen
//
// Records and the log carry checksums over key and value; blocks of tables and entries of the write-ahead log carry
// Badger's. Open checks the write-ahead logs and the tables, Verify and the daily run of Run the tables again. A bit that
// flips in a table after it was checked is noticed at once in a value or a key that is read; in the few bytes that
// give a block its structure, or that mark an entry as deleted or expired, it can hide an entry until the next check.
package badger
