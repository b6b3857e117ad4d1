package domain_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// world is a node with two tenants whose domains are looked up in DNS.
type world struct {
	store     *storage.Store
	directory *tenant.Directory
	tenants   *tenant.Registry
	domains   *domain.Registry
	acme, bee *tenant.Tenant
}

func newWorld(t *testing.T, node tenant.NodeOptions, o domain.Options) *world {
	t.Helper()
	if node.URLs == nil {
		node.URLs = []string{"https://tickets.example"}
	}
	n, err := tenant.NewNode(node)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: storagetest.Open(t, append(tenant.Tables(), domain.Tables()...)...)}
	w.directory = tenant.NewDirectory(w.store, n, nil)
	if err := w.directory.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.tenants = tenant.NewRegistry(w.store, w.directory)
	w.domains = domain.New(w.store, w.tenants, w.directory, o)
	for slug, made := range map[string]**tenant.Tenant{"acme": &w.acme, "bee": &w.bee} {
		if *made, _, err = w.tenants.Create(t.Context(), slug, ""); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) add(t *testing.T, of *tenant.Tenant, host string, by domain.By) *domain.Domain {
	t.Helper()
	d, err := w.domains.Add(t.Context(), of, host, by)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w *world) verify(t *testing.T, host string) *domain.Domain {
	t.Helper()
	d, err := w.domains.Verify(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w *world) find(t *testing.T, host string) *domain.Domain {
	t.Helper()
	d, err := w.domains.Find(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// serves says whether acme's host is served.
func (w *world) serves() bool {
	_, ok := w.directory.Lookup(host)
	return ok
}

// record is the domain's record of a type, as the tenant would set it.
func record(t *testing.T, d *domain.Domain, kind string) domain.Record {
	t.Helper()
	for _, r := range d.Records {
		if r.Type == kind {
			return r
		}
	}
	t.Fatalf("%s: no %s among the records %+v", d.Host, kind, d.Records)
	return domain.Record{}
}

// zone is the content of DNS. What it holds may change while it is asked.
type zone struct {
	mu      sync.Mutex
	records []dns.RR
	rcodes  map[string]int // for names that get an error
	ede     uint16         // the reason that is given for it; 0: none
	signed  bool           // errors are but for wrong signatures
	flat    bool           // capitals get lost over UDP
	capital bool           // some were seen
	asked   map[string]int // questions over UDP and TCP
}

// set replaces all records of the lines' names and types. A line is as in a zone file.
func (z *zone) set(t *testing.T, lines ...string) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		z.records = append(z.records, rr)
	}
}

// clear removes all records of a name.
func (z *zone) clear(name string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	var left []dns.RR
	for _, rr := range z.records {
		if rr.Header().Name != dns.Fqdn(name) {
			left = append(left, rr)
		}
	}
	z.records = left
}

func (z *zone) fail(name string, rcode int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.rcodes == nil {
		z.rcodes = map[string]int{}
	}
	if z.rcodes[dns.Fqdn(name)] = rcode; rcode == dns.RcodeSuccess {
		delete(z.rcodes, dns.Fqdn(name))
	}
}

// find answers as an authoritative server that leaves it to the client to follow aliases.
func (z *zone) find(name string, kind uint16) (answer []dns.RR, rcode int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.asked == nil {
		z.asked = map[string]int{}
	}
	z.asked[name]++
	if rc, bad := z.rcodes[name]; bad {
		return nil, rc
	}
	rcode = dns.RcodeNameError
	asked := name
	name = z.match(name)
	for _, rr := range z.records {
		h := rr.Header()
		if !strings.EqualFold(h.Name, name) {
			continue
		}
		rcode = dns.RcodeSuccess
		if h.Rrtype == kind || h.Rrtype == dns.TypeCNAME {
			rr = dns.Copy(rr)
			if strings.HasPrefix(name, "*") {
				rr.Header().Name = asked
			}
			answer = append(answer, rr)
		}
	}
	return answer, rcode
}

// ServeDNS answers over the network; what does not fit into UDP is truncated.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	m.Answer, m.Rcode = z.find(name, q.Question[0].Qtype)
	z.mu.Lock()
	defer z.mu.Unlock()
	z.capital = z.capital || name != q.Question[0].Name
	switch {
	case m.Rcode == dns.RcodeServerFailure && q.CheckingDisabled && z.signed:
		m.Rcode = dns.RcodeSuccess
	case m.Rcode == dns.RcodeServerFailure && z.ede != 0:
		m.SetEdns0(1232, false)
		o := m.IsEdns0()
		o.Option = append(o.Option, &dns.EDNS0_EDE{InfoCode: z.ede})
	case len(m.Answer) == 0:
		m.Ns = z.authority(name)
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		if z.flat { // and whatever is said is wrong
			m.Question[0].Name, m.Answer, m.Rcode = name, nil, dns.RcodeNameError
		}
		m.Truncate(512)
	}
	_ = w.WriteMsg(m)
}

// authority is the SOA of the zone that a name is in, if there is one. The lock is held.
func (z *zone) authority(name string) (soa []dns.RR) {
	for _, rr := range z.records {
		if h := rr.Header(); h.Rrtype == dns.TypeSOA && dns.IsSubDomain(h.Name, name) {
			soa = []dns.RR{rr}
		}
	}
	return soa
}

// match is the name itself, if it is there, or the wildcard that stands for it.
func (z *zone) match(name string) string {
	has := func(name string) bool {
		return slices.ContainsFunc(z.records, func(rr dns.RR) bool { return strings.EqualFold(rr.Header().Name, name) })
	}
	for at := name; at != "" && !has(name); {
		_, at, _ = strings.Cut(at, ".")
		if wild := "*." + at; has(wild) {
			return wild
		}
	}
	return name
}

// listen puts the zone on a port of this machine.
func (z *zone) listen(t *testing.T) (address string) {
	t.Helper()
	l, pc, err := proxytest.ListenBoth()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: z}, {Listener: l, Handler: z}} {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go func() { _ = s.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return pc.LocalAddr().String()
}

// serve puts the zone on a port of this machine and returns a resolver that asks it.
func (z *zone) serve(t *testing.T) domain.Resolver {
	t.Helper()
	return ask(t, z)
}

// ask returns a resolver that asks the zones, each of which has a server of its own.
func ask(t *testing.T, zones ...*zone) domain.Resolver {
	t.Helper()
	addresses := make([]string, len(zones))
	for i, z := range zones {
		addresses[i] = z.listen(t)
	}
	r, err := domain.NewResolver(addresses)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// memory is a Resolver on a zone without a network, for bubbles.
type memory struct{ *zone }

func (m memory) look(name string, kind uint16) ([]dns.RR, error) {
	rrs, rcode := m.find(dns.Fqdn(name), kind)
	if rcode != dns.RcodeSuccess && rcode != dns.RcodeNameError {
		return nil, &domain.UnansweredError{Type: dns.TypeToString[kind], Name: name, Server: "memory", Why: dns.RcodeToString[rcode]}
	}
	return rrs, nil
}

func (m memory) TXT(_ context.Context, name string) (texts []string, err error) {
	rrs, err := m.look(name, dns.TypeTXT)
	for _, rr := range rrs {
		if txt, ok := rr.(*dns.TXT); ok {
			texts = append(texts, strings.Join(txt.Txt, ""))
		}
	}
	return texts, err
}

func (m memory) CNAMEs(_ context.Context, name string) (chain []string, err error) {
	rrs, err := m.look(name, dns.TypeCNAME)
	for _, rr := range rrs {
		if c, ok := rr.(*dns.CNAME); ok {
			chain = append(chain, strings.TrimSuffix(c.Target, "."))
		}
	}
	return chain, err
}

func (m memory) Addresses(_ context.Context, name string) (addrs []netip.Addr, err error) {
	rrs, err := m.look(name, dns.TypeA)
	for _, rr := range rrs {
		if a, ok := rr.(*dns.A); ok {
			addrs = append(addrs, netip.MustParseAddr(a.A.String()))
		}
	}
	return addrs, err
}

func (memory) CAA(context.Context, string) ([]domain.CAA, error) { return nil, nil }

func (memory) Apex(context.Context, string) (string, error) { return "", nil }
