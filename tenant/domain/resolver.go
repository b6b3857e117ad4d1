package domain

import (
	"context"
	"net/netip"
)

// Resolver asks DNS. An answer that says that there is nothing is empty and no error; that a question could not be answered
// (time-out, SERVFAIL, REFUSED) is an *UnansweredError. Names come and go without the dot at the end, in lower case. It is safe
// for concurrent use.
type Resolver interface {
	// TXT returns the texts of a name, each joined from its parts.
	TXT(ctx context.Context, name string) ([]string, error)
	// CNAMEs returns the chain of aliases that begins at a name: the names it points to, in order.
	CNAMEs(ctx context.Context, name string) ([]string, error)
	// Addresses returns the A and AAAA records at the end of a name's chain.
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
	// CAA returns the records that hold for a name, found by climbing to its parents.
	CAA(ctx context.Context, name string) ([]CAA, error)
	// Apex is the name of the zone that a name is in, empty if that can't be told.
	Apex(ctx context.Context, name string) (string, error)
}

// CAA is one record that says who may issue certificates.
type CAA struct {
	Name     string // where it was found
	Critical bool
	Tag      string
	Value    string
}

// UnansweredError says that DNS could not be asked. It is never a no.
type UnansweredError struct {
	Type, Name string // the question
	Server     string // who was asked last
	Why        string // in a few words: "SERVFAIL", "no answer in time"
	Fault      Fault
}

// Fault is what is wrong with a name's DNS, as far as a server that can't answer lets it be known.
type Fault uint8

// The faults.
const (
	NoFault          Fault = iota
	BrokenSignatures       // DNSSEC says that whatever there is, is wrong
	SilentServers          // the zone's own name servers don't answer
	Refusal                // the server that was asked does not serve this node
)

// Error is a sentence for people.
func (e *UnansweredError) Error() string {
	return e.Type + " " + e.Name + " could not be asked: " + e.Why + " from " + e.Server
}
