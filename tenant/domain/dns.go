package domain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const longestChain = 10 // aliases that are followed

// resolver is the Resolver that asks servers over the network. They stand in for each other.
type resolver struct{ servers []string }

// mostServers is how many are asked in each check.
const mostServers = 5

// NewResolver returns a Resolver that asks these servers, "host:port" each. Of several, all are asked about a domain, and more
// than half have to see a proof; for other questions the first that answers counts. Without any, those of /etc/resolv.conf are
// asked in turn until one answers.
func NewResolver(servers []string) (Resolver, error) {
	if len(servers) == 0 {
		return &resolver{servers: systemServers()}, nil
	}
	r := &resolver{}
	for _, s := range servers {
		if _, _, err := net.SplitHostPort(s); err != nil {
			s = net.JoinHostPort(strings.Trim(s, "[]"), "53")
		}
		host, port, err := net.SplitHostPort(s)
		if err != nil || host == "" || port == "" {
			return nil, errors.New("a DNS server is HOST:PORT, not " + s)
		}
		if !slices.Contains(r.servers, s) { // who is named twice has one vote
			r.servers = append(r.servers, s)
		}
	}
	switch n := len(r.servers); {
	case n > mostServers:
		return nil, fmt.Errorf("%d DNS servers are too many: all are asked in each check, name at most %d", n, mostServers)
	case n == 1:
		return r, nil
	}
	p := &panel{resolver: r}
	for _, s := range r.servers {
		p.members = append(p.members, &resolver{servers: []string{s}})
	}
	return p, nil
}

// systemServers are those of the machine, or one on the machine itself, as libc does.
func systemServers() []string {
	c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil || len(c.Servers) == 0 {
		return []string{"127.0.0.1:53"}
	}
	servers := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		servers[i] = net.JoinHostPort(s, c.Port)
	}
	return servers
}

// name is how people are told of the server; of several that stand in for each other there is none.
func (r *resolver) name() string {
	if len(r.servers) != 1 {
		return ""
	}
	return strings.TrimSuffix(r.servers[0], ":53")
}

// TXT does what Resolver says.
func (r *resolver) TXT(ctx context.Context, name string) ([]string, error) {
	texts, _, _, err := r.texts(ctx, name)
	return texts, err
}

// texts are those of a name, with the aliases that lead to them, and how long the answer may be remembered.
func (r *resolver) texts(ctx context.Context, name string) (texts, aliases []string, good time.Duration, err error) {
	records, aliases, good, err := r.follow(ctx, name, dns.TypeTXT)
	for _, rr := range records {
		if t, ok := rr.(*dns.TXT); ok {
			texts = append(texts, unescape(strings.Join(t.Txt, "")))
		}
	}
	return texts, aliases, good, err
}

// CNAMEs does what Resolver says.
func (r *resolver) CNAMEs(ctx context.Context, name string) ([]string, error) {
	_, chain, _, err := r.follow(ctx, name, dns.TypeCNAME)
	return chain, err
}

// Addresses does what Resolver says.
func (r *resolver) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		records, _, _, err := r.follow(ctx, name, kind)
		if err != nil {
			return nil, err
		}
		for _, rr := range records {
			var ip net.IP
			switch rr := rr.(type) {
			case *dns.A:
				ip = rr.A
			case *dns.AAAA:
				ip = rr.AAAA
			}
			if a, ok := netip.AddrFromSlice(ip); ok {
				addrs = append(addrs, a.Unmap())
			}
		}
	}
	return addrs, nil
}

// CAA does what Resolver says.
func (r *resolver) CAA(ctx context.Context, name string) ([]CAA, error) {
	for at := name; at != ""; _, at, _ = strings.Cut(at, ".") {
		records, _, _, err := r.follow(ctx, at, dns.TypeCAA)
		if err != nil {
			return nil, err
		}
		var found []CAA
		for _, rr := range records {
			if c, ok := rr.(*dns.CAA); ok {
				found = append(found, CAA{Name: plain(c.Hdr.Name), Critical: c.Flag&0x80 != 0, Tag: strings.ToLower(c.Tag), Value: c.Value})
			}
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

// Apex does what Resolver says.
func (r *resolver) Apex(ctx context.Context, name string) (string, error) {
	m, err := r.ask(ctx, name, dns.TypeSOA)
	if err != nil {
		return "", err
	}
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		if rr.Header().Rrtype == dns.TypeSOA {
			return plain(rr.Header().Name), nil
		}
	}
	return "", nil
}

// EncryptedHellos are the lists of keys (ECHConfigList, RFC 9849) in the HTTPS records of a name, which browsers encrypt with which host they
// come to. An *UnansweredError: DNS could not be asked.
func EncryptedHellos(ctx context.Context, r Resolver, name string) (lists [][]byte, err error) {
	asked, ok := r.(interface {
		follow(ctx context.Context, name string, kind uint16) ([]dns.RR, []string, time.Duration, error)
	})
	if !ok {
		return nil, errNoResolver
	}
	records, _, _, err := asked.follow(ctx, name, dns.TypeHTTPS)
	for _, rr := range records {
		h, ok := rr.(*dns.HTTPS)
		if !ok {
			continue
		}
		for _, pair := range h.Value {
			if e, ok := pair.(*dns.SVCBECHConfig); ok {
				lists = append(lists, e.ECH)
			}
		}
	}
	return lists, err
}

// follow asks for records of a name, follows its aliases, also where the server leaves that to us, and returns the records at
// the end, the aliases, and how long all of it may be remembered.
func (r *resolver) follow(ctx context.Context, name string, kind uint16) (records []dns.RR, chain []string, good time.Duration, err error) {
	at := name
	for len(chain) < longestChain {
		m, err := r.ask(ctx, at, kind)
		if err != nil {
			return nil, nil, 0, err
		}
		if g := remembered(m); good == 0 || g < good {
			good = g
		}
		before := len(chain)
		chain = appendAliases(chain, at, m.Answer)
		if len(chain) > before {
			at = chain[len(chain)-1]
		}
		for _, rr := range m.Answer {
			if rr.Header().Rrtype == kind && kind != dns.TypeCNAME && plain(rr.Header().Name) == at {
				records = append(records, rr)
			}
		}
		if len(records) > 0 || len(chain) == before {
			return records, chain, good, nil
		}
	}
	return nil, chain, good, nil
}

// remembered is how long a server may give the same answer: as its records say, or, if there are none, the zone.
func remembered(m *dns.Msg) time.Duration {
	var least uint32
	shorten := func(seconds uint32) {
		if least == 0 || seconds < least {
			least = seconds
		}
	}
	for _, rr := range m.Answer {
		shorten(rr.Header().Ttl)
	}
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok && len(m.Answer) == 0 {
			shorten(min(soa.Hdr.Ttl, soa.Minttl))
		}
	}
	return time.Duration(least) * time.Second
}

// appendAliases appends where an answer leads to from a name.
func appendAliases(chain []string, at string, answer []dns.RR) []string {
	for again := true; again && len(chain) < longestChain; {
		again = false
		for _, rr := range answer {
			if c, ok := rr.(*dns.CNAME); ok && plain(c.Hdr.Name) == at && !slices.Contains(chain, plain(c.Target)) {
				at, again = plain(c.Target), true
				chain = append(chain, at)
			}
		}
	}
	return chain
}

// unescape takes a text out of the form that it has in zone files: \" and \\ and \065.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				b = append(b, byte(n))
				i += 3
				continue
			}
		}
		i++
		b = append(b, s[i])
	}
	return string(b)
}

// plain is a name as the rest of the program knows it.
func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
