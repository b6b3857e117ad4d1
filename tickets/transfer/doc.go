// Package transfer brings tickets in from elsewhere, and takes everything of a tenant out.
//
// An import is a job in the store: the file is kept, read once to say what is wrong with which line, and only then, when an admin
// says so, read again and written, item by item, each in one transaction with the place that the job has come to. So it goes on
// after a crash where it was, and writes nothing twice. Nobody is told of what comes in, unless that is asked for.
//
// An export is one zip that is written while it is read, in a few kilobytes of memory. What it says of tickets, an import can read:
// see the types of line.go.
//
// The package refuses to know users and staff: who wires it says how they are found.
package transfer
