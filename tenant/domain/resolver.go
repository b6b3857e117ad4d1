package domain

import (
	"context"
	"net/netip"
)

// Resolver asks DNS. An answer that says that there is nothing is empty and no error; that the question could not be answered
// (time-out, SERVFAIL, REFUSED) is an error. It is safe for concurrent use.
type Resolver interface {
	// TXT returns the texts of a name, each joined from its parts.
	TXT(ctx context.Context, name string) ([]string, error)
	// CNAMEs returns the chain of aliases that begins at a name: the names it points to, in order.
	CNAMEs(ctx context.Context, name string) ([]string, error)
	// Addresses returns the A and AAAA records at the end of a name's chain.
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
	// CAA returns the records that hold for a name, found by climbing to its parents.
	CAA(ctx context.Context, name string) ([]CAA, error)
	// Apex is the name of the zone that a name is in.
	Apex(ctx context.Context, name string) (string, error)
}

// CAA is one record that says who may issue certificates.
type CAA struct {
	Name     string // where it was found
	Critical bool
	Tag      string
	Value    string
}

// NewResolver returns a Resolver that asks these servers, "host:port" each, in turn; without any, those of /etc/resolv.conf.
func NewResolver(servers []string) (Resolver, error) { panic("not yet") }
