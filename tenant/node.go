package tenant

import "net/netip"

// NodeOptions are the operator's settings that names and URLs depend on.
type NodeOptions struct {
	// URLs are the node's public base URLs, the first one first.
	URLs []string
	// TLSOff: the node serves plain HTTP behind another TLS edge. A verified host is fit to be handed out at once.
	TLSOff bool
	// Addresses are the node's public IP addresses, for A and AAAA checks.
	Addresses []netip.Addr
}

// Node knows the operator's host names and makes the URLs that the node hands out.
type Node struct {
	urls      []nodeURL
	tlsOff    bool
	addresses []netip.Addr
}

type nodeURL struct {
	scheme string
	host   Host
	port   string // "" for the scheme's own, else ":8443"
}

// NewNode checks the settings.
func NewNode(o NodeOptions) (*Node, error) { panic("not yet") }

// Hosts are the node's host names, the first one first.
func (n *Node) Hosts() []Host { panic("not yet") }

// Addresses are the node's public IP addresses.
func (n *Node) Addresses() []netip.Addr { return n.addresses }

// TLSOff says whether the node leaves TLS to another edge.
func (n *Node) TLSOff() bool { return n.tlsOff }

// URL is the node's first public base URL, without a slash at the end.
func (n *Node) URL() string { panic("not yet") }

// URLFor is the base URL of a host that this node serves, without a slash at the end: the scheme and the port are those of
// the node URL that it is below, or of the first one.
func (n *Node) URLFor(h Host) string { panic("not yet") }

// IsNodeHost says whether the host is one of the operator's own.
func (n *Node) IsNodeHost(h Host) bool { panic("not yet") }

// TenantHost is {slug}.{first node host}.
func (n *Node) TenantHost(slug string) Host { panic("not yet") }

// TenantHosts are the tenant's default hosts, {slug}.{node host} for every node host.
func (n *Node) TenantHosts(slug string) []Host { panic("not yet") }

// Target is the name that a custom domain's CNAME has to point to: {random}.t.{first node host}.
func (n *Node) Target(t *Tenant) Host { panic("not yet") }

// CheckSlug refuses, beside what ParseSlug does, a slug whose host would be or contain a node host.
func (n *Node) CheckSlug(slug string) error { panic("not yet") }
