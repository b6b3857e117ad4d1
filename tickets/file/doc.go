// Package file keeps the files that people attach to what they write. The bytes lie beside the store, each content once; what
// is known of a file (its name, its type, who sent it, where it is used) and how much room a tenant takes are records.
//
// A file is uploaded first and belongs to nobody but whoever uploaded it, until a ticket or a comment takes it in the
// transaction that writes that. What nobody has taken after a day is removed. Who may read a file that is in a ticket is the
// help desk's to say: this package only knows which ticket and comment it is in, and whether that is staff's alone.
//
// The package believes nothing that a sender says of a file but its name, and that only after it was cleaned: the type is
// what the bytes look like.
package file
