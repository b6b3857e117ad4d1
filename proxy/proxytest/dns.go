package proxytest

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// DNS is an authoritative server for all names. It is safe for concurrent use.
type DNS struct {
	// Addr is where it answers, over UDP and TCP.
	Addr string

	mu      sync.Mutex
	records map[string][]dns.RR // by name, with a dot at the end
	broken  map[string]bool
	asked   map[string]int
}

// StartDNS starts a server without records. It ends with the test.
func StartDNS(tb testing.TB) *DNS {
	tb.Helper()
	d := &DNS{records: make(map[string][]dns.RR), broken: make(map[string]bool), asked: make(map[string]int)}
	tcp, udp, err := ListenBoth()
	if err != nil {
		tb.Fatal(err)
	}
	d.Addr = tcp.Addr().String()
	for _, s := range []*dns.Server{{Listener: tcp, Handler: d}, {PacketConn: udp, Handler: d}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			if err := s.ActivateAndServe(); err != nil {
				tb.Error(err)
			}
		}()
		<-started
		tb.Cleanup(func() {
			if err := s.Shutdown(); err != nil {
				tb.Error(err)
			}
		})
	}
	return d
}

// ListenBoth listens on a port of this machine that is free for TCP and UDP: a number that is free for one of them may be taken for
// the other. The caller closes both.
func ListenBoth() (tcp net.Listener, udp net.PacketConn, err error) {
	for range 100 {
		if tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil { //nolint:noctx // ends with its server
			return nil, nil, err
		}
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil { //nolint:noctx // ends with its server
			return tcp, udp, nil
		}
		_ = tcp.Close() // another one is tried
	}
	return nil, nil, err
}

// Set replaces all records of the first one's name: Set("a.example. 60 IN A 127.0.0.1").
func (d *DNS) Set(tb testing.TB, records ...string) {
	tb.Helper()
	rrs := make([]dns.RR, len(records))
	for i, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil || rr == nil {
			tb.Fatalf("record %q: %v", r, err)
		}
		rrs[i] = rr
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[key(rrs[0].Header().Name)] = rrs
}

// Clear removes all records of a name.
func (d *DNS) Clear(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, key(dns.Fqdn(name)))
}

// Break makes all questions about a name fail (SERVFAIL), or mends it.
func (d *DNS) Break(name string, broken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken[key(dns.Fqdn(name))] = broken
}

// Asked is how often a name was asked for.
func (d *DNS) Asked(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[key(dns.Fqdn(name))]
}

func key(name string) string { return strings.ToLower(name) }

// ServeDNS implements [dns.Handler].
func (d *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	if len(q.Question) == 1 {
		d.answer(m, q.Question[0])
	}
	_ = w.WriteMsg(m) // the asker may be gone
}

func (d *DNS) answer(m *dns.Msg, q dns.Question) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := key(q.Name)
	d.asked[name]++
	for range 8 { // a chain of aliases
		if d.broken[name] {
			m.Rcode = dns.RcodeServerFailure
			return
		}
		next := ""
		for _, rr := range d.records[name] {
			alias, isAlias := rr.(*dns.CNAME)
			if isAlias && q.Qtype != dns.TypeCNAME {
				next = key(alias.Target)
			}
			if isAlias || rr.Header().Rrtype == q.Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if len(m.Answer) == 0 && !d.exists(name) {
		m.Rcode = dns.RcodeNameError
	}
}

// exists says whether there is something at a name or below it.
func (d *DNS) exists(name string) bool {
	for n := range d.records {
		if n == name || strings.HasSuffix(n, "."+name) {
			return true
		}
	}
	return false
}
