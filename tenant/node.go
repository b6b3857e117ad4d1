package tenant

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// targetLabel is the label below a node host that the tenants' CNAME targets are under.
const targetLabel = "t"

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
	hosts     []Host
	tlsOff    bool
	addresses []netip.Addr
}

type nodeURL struct {
	scheme string
	host   Host
	port   string // "" for the scheme's own, else ":8443"
}

// NewNode checks the settings.
func NewNode(o NodeOptions) (*Node, error) {
	if len(o.URLs) == 0 {
		return nil, errors.New("a node URL is needed, for example https://tickets.example.com")
	}
	n := &Node{tlsOff: o.TLSOff}
	for _, s := range o.URLs {
		u, err := parseNodeURL(s)
		if err != nil {
			return nil, err
		}
		if u.scheme == "http" && !o.TLSOff {
			return nil, fmt.Errorf("node URL %q: http needs TLS to be off, use https", s)
		}
		if slices.Contains(n.hosts, u.host) {
			return nil, fmt.Errorf("node URL %q: its host is given twice", s)
		}
		n.urls, n.hosts = append(n.urls, u), append(n.hosts, u.host)
	}
	for _, a := range o.Addresses {
		n.addresses = append(n.addresses, a.Unmap())
	}
	return n, nil
}

func parseNodeURL(s string) (nodeURL, error) {
	origin, err := ParseOrigin(s)
	if err != nil {
		return nodeURL{}, fmt.Errorf("node URL: %w", err)
	}
	scheme, rest, _ := strings.Cut(origin, "://")
	name, port, has := strings.Cut(rest, ":")
	h, err := ParseHost(name)
	if err != nil {
		return nodeURL{}, fmt.Errorf("node URL: %w", err)
	}
	if has {
		port = ":" + port
	}
	return nodeURL{scheme: scheme, host: h, port: port}, nil
}

// Hosts are the node's host names, the first one first.
func (n *Node) Hosts() []Host { return slices.Clone(n.hosts) }

// Addresses are the node's public IP addresses.
func (n *Node) Addresses() []netip.Addr { return slices.Clone(n.addresses) }

// TLSOff says whether the node leaves TLS to another edge.
func (n *Node) TLSOff() bool { return n.tlsOff }

// URL is the node's first public base URL, without a slash at the end.
func (n *Node) URL() string { return n.URLFor(n.urls[0].host) }

// URLFor is the base URL of a host that this node serves, without a slash at the end: the scheme and the port are those of
// the node URL that it is below, or of the first one. It is the host's origin as browsers send it, too.
func (n *Node) URLFor(h Host) string {
	best := n.urls[0]
	length := 0
	for _, u := range n.urls {
		if (h == u.host || h.Below(u.host)) && len(u.host) > length {
			best, length = u, len(u.host)
		}
	}
	return best.scheme + "://" + string(h) + best.port
}

// IsNodeHost says whether the host is one of the operator's own.
func (n *Node) IsNodeHost(h Host) bool { return slices.Contains(n.hosts, h) }

// Owns says whether the host is a node host or below one: no tenant can bring it along.
func (n *Node) Owns(h Host) bool {
	return slices.ContainsFunc(n.hosts, func(own Host) bool { return h == own || h.Below(own) })
}

// TenantHost is {slug}.{first node host}.
func (n *Node) TenantHost(slug string) Host { return Host(slug + "." + string(n.hosts[0])) }

// TenantHosts are the tenant's default hosts, {slug}.{node host} for every node host.
func (n *Node) TenantHosts(slug string) []Host {
	hosts := make([]Host, len(n.hosts))
	for i, own := range n.hosts {
		hosts[i] = Host(slug + "." + string(own))
	}
	return hosts
}

// Target is the name that a custom domain's CNAME has to point to: {random}.t.{first node host}.
func (n *Node) Target(t *Tenant) Host { return n.Targets(t)[0] }

// Targets are all names that a CNAME of this tenant may point to: its target below each node host, then its default hosts.
func (n *Node) Targets(t *Tenant) []Host {
	hosts := make([]Host, 0, 2*len(n.hosts))
	for _, own := range n.hosts {
		hosts = append(hosts, Host(t.Label+"."+targetLabel+"."+string(own)))
	}
	return append(hosts, n.TenantHosts(t.Slug)...)
}

// CheckSlug refuses, beside what ParseSlug does, a slug whose host would be or contain a node host, or would be too long.
func (n *Node) CheckSlug(slug string) error {
	if err := ParseSlug(slug); err != nil {
		return err
	}
	for _, h := range n.TenantHosts(slug) {
		if len(h) > maxHost {
			return fmt.Errorf("%w: the host %s… would be longer than %d characters", ErrBadSlug, slug, maxHost)
		}
		for _, own := range n.hosts {
			if own == h || own.Below(h) {
				return fmt.Errorf("%w: %s is, or is above, the node's own host %s", ErrBadSlug, h, own)
			}
		}
	}
	return nil
}
