package domain

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	questionTime = 2 * time.Second // one server, one try
	tries        = 2               // over all servers
	longestChain = 10              // aliases that are followed
	bufferSize   = 1232            // octets over UDP that pass everywhere
)

// resolver is the Resolver that asks servers over the network.
type resolver struct{ servers []string }

// NewResolver returns a Resolver that asks these servers, "host:port" each, in turn; without any, those of /etc/resolv.conf.
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
		r.servers = append(r.servers, s)
	}
	return r, nil
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

// TXT does what Resolver says.
func (r *resolver) TXT(ctx context.Context, name string) ([]string, error) {
	records, _, err := r.follow(ctx, name, dns.TypeTXT)
	var texts []string
	for _, rr := range records {
		if t, ok := rr.(*dns.TXT); ok {
			texts = append(texts, unescape(strings.Join(t.Txt, "")))
		}
	}
	return texts, err
}

// CNAMEs does what Resolver says.
func (r *resolver) CNAMEs(ctx context.Context, name string) ([]string, error) {
	_, chain, err := r.follow(ctx, name, dns.TypeCNAME)
	return chain, err
}

// Addresses does what Resolver says.
func (r *resolver) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		records, _, err := r.follow(ctx, name, kind)
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
		records, _, err := r.follow(ctx, at, dns.TypeCAA)
		if err != nil {
			return nil, err
		}
		var found []CAA
		for _, rr := range records {
			if c, ok := rr.(*dns.CAA); ok {
				found = append(found, CAA{Name: at, Critical: c.Flag&0x80 != 0, Tag: strings.ToLower(c.Tag), Value: c.Value})
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

// follow asks for records of a name, follows its aliases, also where the server leaves that to us, and returns the records at
// the end and the aliases.
func (r *resolver) follow(ctx context.Context, name string, kind uint16) (records []dns.RR, chain []string, err error) {
	at := name
	for len(chain) < longestChain {
		m, err := r.ask(ctx, at, kind)
		if err != nil {
			return nil, nil, err
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
			return records, chain, nil
		}
	}
	return nil, chain, nil
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

// ask asks the servers in turn until one answers.
func (r *resolver) ask(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind).SetEdns0(bufferSize, false)
	unanswered := &UnansweredError{Type: dns.TypeToString[kind], Name: name, Why: "no answer in time"}
	for range tries {
		for _, server := range r.servers {
			if ctx.Err() != nil {
				return nil, unanswered
			}
			unanswered.Server = server
			m, err := exchange(ctx, q, server)
			if err != nil {
				unanswered.Why = whyNot(err)
				continue
			}
			if m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError {
				return m, nil
			}
			unanswered.Why = dns.RcodeToString[m.Rcode]
		}
	}
	return nil, unanswered
}

// exchange asks one server over UDP, and over TCP if the answer does not fit.
func exchange(ctx context.Context, q *dns.Msg, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	q = q.Copy()
	q.Id = dns.Id()
	for _, network := range []string{"udp", "tcp"} {
		m, _, err := (&dns.Client{Net: network, UDPSize: bufferSize}).ExchangeContext(ctx, q, server)
		switch {
		case err != nil && network == "udp" && m != nil && m.Truncated:
			continue // what did not fit may be cut in the middle of a record
		case err != nil:
			return nil, err
		case len(m.Question) != 1 || m.Question[0].Qtype != q.Question[0].Qtype || !strings.EqualFold(m.Question[0].Name, q.Question[0].Name):
			return nil, errOtherQuestion
		case !m.Truncated:
			return m, nil
		}
	}
	return nil, errTruncated
}

var (
	errOtherQuestion = errors.New("answer to another question")
	errTruncated     = errors.New("answer cut short")
)

// whyNot says in a few words why there was no answer.
func whyNot(err error) string {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
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
