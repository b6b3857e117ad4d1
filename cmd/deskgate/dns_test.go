package main

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/deskgate/deskgate/proxy/proxytest"
)

// zone is a DNS server with the records that a script has set.
type zone struct {
	mu      sync.Mutex
	records []dns.RR
}

// ServeDNS answers what was asked, or that there is nothing of the kind.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	m := new(dns.Msg).SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	for range 8 { // aliases are followed, but not in circles
		alias := ""
		for _, rr := range z.records {
			if strings.ToLower(rr.Header().Name) != name {
				continue
			}
			if rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			} else if c, ok := rr.(*dns.CNAME); ok {
				m.Answer = append(m.Answer, rr)
				alias = strings.ToLower(c.Target)
			}
		}
		if alias == "" {
			break
		}
		name = alias
	}
	_ = w.WriteMsg(m)
}

func (z *zone) set(record string) error {
	rr, err := dns.NewRR(record)
	if err != nil {
		return err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = append(z.records, rr)
	return nil
}

// zones are the DNS servers of the scripts that run at the moment, by address.
var zones sync.Map //nolint:gochecknoglobals // scripts have no other place for what they share with their commands

// runDNS is the DNS of a script: `dns start` sets $DNS, `dns set RECORD…` adds a record in the form of a zone file, `dns
// publish FILE TYPE` adds those records of a domain's document, `dns clear` takes all away.
func runDNS(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "start" {
		startDNS(ts)
		return
	}
	v, ok := zones.Load(ts.Getenv("DNS"))
	if !ok {
		ts.Fatalf("dns start comes first")
	}
	z := v.(*zone) //nolint:errcheck,forcetypeassert // nothing else is in it
	switch args[0] {
	case "set":
		ts.Check(z.set(strings.Join(args[1:], " ")))
	case "publish":
		publish(ts, z, ts.ReadFile(args[1]), args[2:])
	case "clear":
		z.mu.Lock()
		z.records = nil
		z.mu.Unlock()
	default:
		ts.Fatalf("dns start, set, publish, clear")
	}
}

func startDNS(ts *testscript.TestScript) {
	z := &zone{}
	l, p, err := proxytest.ListenBoth()
	ts.Check(err)
	address := p.LocalAddr().String()
	for _, s := range []*dns.Server{{Listener: l, Handler: z}, {PacketConn: p, Handler: z}} {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		go func() { _ = s.ActivateAndServe() }()
		<-up
		ts.Defer(func() { _ = s.Shutdown() })
	}
	zones.Store(address, z)
	ts.Defer(func() { zones.Delete(address) })
	ts.Setenv("DNS", address)
}

// publish puts the records that a domain's document asks for into DNS, of some types only if there are any.
func publish(ts *testscript.TestScript, z *zone, document string, types []string) {
	var doc oneDomain
	ts.Check(json.Unmarshal([]byte(document), &doc))
	for _, r := range doc.Domain.Records {
		if len(types) > 0 && !slices.Contains(types, r.Type) {
			continue
		}
		value := r.Value
		switch r.Type {
		case "TXT":
			value = `"` + value + `"`
		case "CNAME":
			value = dns.Fqdn(value)
			ts.Check(z.set(value + " 60 IN A 192.0.2.1")) // which the operator's wildcard has
		}
		ts.Check(z.set(dns.Fqdn(r.Name) + " 60 IN " + r.Type + " " + value))
	}
}
