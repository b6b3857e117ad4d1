package outbound

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// AddressError says that a connection would have led where tenants may not have us go.
type AddressError struct{ Address netip.Addr }

// Error names the address. It is for the log: whoever chose the name must not learn what it resolves to.
func (e *AddressError) Error() string { return fmt.Sprintf("%s is not a public address", e.Address) }

// guard decides which addresses may be connected to. It asks at the last moment, when names are resolved and nothing can
// change any more.
type guard struct {
	allow []netip.Prefix
	// public: all public addresses, beside those that are allowed.
	public bool
}

// control is a net.Dialer's Control.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect to %q: %w", address, err)
	}
	ip := to.Addr().Unmap().WithZone("")
	if g.public && Public(ip) || slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	return &AddressError{Address: ip}
}

// Public says whether an address is one that the whole internet can reach, and nothing else.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if translated.Contains(ip) {
		b := ip.As16()
		return Public(netip.AddrFrom4([4]byte(b[12:])))
	}
	inside := func(p netip.Prefix) bool { return p.Contains(ip) }
	if ip.Is4() {
		return !slices.ContainsFunc(special4(), inside)
	}
	return global6.Contains(ip) && ip.Zone() == "" && !slices.ContainsFunc(special6(), inside)
}

var (
	// translated are IPv4 addresses as networks with IPv6 alone see them (NAT64).
	translated = netip.MustParsePrefix("64:ff9b::/96")
	// global6 is all of IPv6 that was ever given out for use on the internet.
	global6 = netip.MustParsePrefix("2000::/3")
)

// special4 are the networks of IANA's registry of special addresses that are not globally reachable, multicast and what is
// reserved.
func special4() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	)
}

// special6 are those of IPv6, with the tunnels that lead to IPv4 addresses of anybody's choice.
func special6() []netip.Prefix {
	return prefixes("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
}

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}
