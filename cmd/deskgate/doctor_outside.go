package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// probe is what to ask a host for within a minute, and what none but the node's cluster answers.
type probe struct {
	Host   tenant.Host `json:"host"`
	Path   string      `json:"path"`
	Answer string      `json:"answer"`
}

var probeMake = action[probe, probe]{"probe/make", (*operator).makeProbe}

func (o *operator) makeProbe(_ context.Context, q probe) (probe, error) {
	q.Path, q.Answer = o.domains.Question(q.Host)
	return q, nil
}

// knockTime is how long a visit of doctor's may take.
const knockTime = 4 * time.Second

// examineOutside comes to the running node by its public names, at each of their addresses, as visitors and CAs do. It asks no
// machine but those that the names lead to.
func examineOutside(ctx context.Context, s *settings) (found []diagnosis) {
	node, err := s.node()
	if err != nil {
		return nil // said already
	}
	resolver, err := domain.NewResolver(s.resolvers)
	if err != nil {
		return nil
	}
	conn, err := dialAdmin(ctx, s.data)
	if err != nil {
		return nil // no node runs, or another user's
	}
	c := clientOver(s.data, conn)
	defer c.CloseIdleConnections()
	roots, err := s.visitorsTrust(ctx, c)
	if err != nil {
		return one(err.Error(), "look at the node's log")
	}
	var visits []*coming
	for _, host := range node.Hosts() {
		if foundWithoutDNS(string(host)) {
			continue
		}
		p, err := overSocket[probe, probe](ctx, c, probeMake.path(), probe{Host: host})
		if err != nil {
			return one(err.Error(), "look at the node's log")
		}
		addresses, err := resolver.Addresses(ctx, string(host))
		if err != nil {
			continue // the look at DNS says it
		}
		for _, door := range s.publicDoors(node, host) {
			for _, a := range addresses {
				visits = append(visits, &coming{door: door, at: a, probe: p, roots: roots})
			}
		}
	}
	var wg sync.WaitGroup
	for _, v := range visits {
		wg.Go(func() { v.found = v.knock(ctx) })
	}
	wg.Wait()
	for _, v := range visits {
		found = append(found, v.found...)
	}
	return found
}

// publicDoors are the URLs at which a host has to answer: its own and, where a CA comes there, port 80.
func (s *settings) publicDoors(node *tenant.Node, host tenant.Host) (all []*url.URL) {
	if u, err := url.Parse(node.URLFor(host)); err == nil {
		all = append(all, u)
	}
	if s.tls == tlsACME && s.acmeHTTPPort == 0 {
		all = append(all, &url.URL{Scheme: "http", Host: string(host)})
	}
	return all
}

// trust is whom visitors are known to trust; nil: that is not known, as with a CA of the operator's own.
type trust func(chain []*x509.Certificate, host string) error

func (s *settings) visitorsTrust(ctx context.Context, c *http.Client) (trust, error) {
	var roots *x509.CertPool // nil: the system's
	switch {
	case s.tls == tlsInternal:
		known, err := overSocket[nothing, manyRoots](ctx, c, caShow.path(), nothing{})
		if err != nil {
			return nil, err
		}
		roots = x509.NewCertPool()
		for _, r := range known.Roots {
			roots.AppendCertsFromPEM([]byte(r.Certificate))
		}
	case s.tls == tlsACME && !slices.ContainsFunc(s.acmeDirectories(), certificate.LimitsKnown):
		return func(chain []*x509.Certificate, host string) error { return chain[0].VerifyHostname(host) }, nil
	}
	return func(chain []*x509.Certificate, host string) error {
		o := x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: x509.NewCertPool()}
		for _, c := range chain[1:] {
			o.Intermediates.AddCert(c)
		}
		_, err := chain[0].Verify(o)
		return err
	}, nil
}

// coming is one look at a public door.
type coming struct {
	door  *url.URL
	at    netip.Addr
	probe probe
	roots trust

	found []diagnosis
}

// knock asks for the probe.
func (v *coming) knock(ctx context.Context) []diagnosis {
	ctx, stop := context.WithTimeout(ctx, knockTime)
	defer stop()
	var dialled bool
	var distrust error
	port := v.door.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[v.door.Scheme]
	}
	address := net.JoinHostPort(v.at.String(), port)
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			dialled = err == nil
			return c, err
		},
		TLSClientConfig: &tls.Config{
			ServerName: v.door.Hostname(), MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, //nolint:gosec // what is wrong is told
			VerifyConnection: func(s tls.ConnectionState) error {
				distrust = v.roots(s.PeerCertificates, v.door.Hostname())
				return nil
			},
		},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.door.String()+v.probe.Path, nil)
	if err != nil {
		return one(err.Error(), "correct --node-url")
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	switch {
	case err != nil && !dialled:
		return v.closed(address, err)
	case err != nil:
		return one(fmt.Sprintf("%s is not answered at %s: %v", v.door, address, err), "find out who listens there, and that what stands in front passes it on")
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return one(fmt.Sprintf("%s is not answered at %s: %v", v.door, address, err), "find out what stands in front of this node")
	}
	return v.judge(address, res, bytes.Equal(bytes.TrimSpace(body), []byte(v.probe.Answer)), distrust)
}

// closed is for an address that takes no connection.
func (v *coming) closed(address string, err error) []diagnosis {
	d := diagnosis{
		Problem: fmt.Sprintf("nobody answers for %s at %s: %v", v.door, address, err),
		Fix:     fmt.Sprintf("correct the A or AAAA record of %s, or let the firewall and whatever forwards ports pass this one on to the node", v.door.Hostname()),
	}
	if !here(v.at) { // a router need not lead its own network back
		d.Fix += "; if visitors come through from elsewhere, nothing is wrong"
		d.unsure = true
	}
	return []diagnosis{d}
}

// judge is for an answer.
func (v *coming) judge(address string, res *http.Response, ours bool, distrust error) (found []diagnosis) {
	if !ours {
		who := ""
		if server := res.Header.Get("Server"); server != "" {
			who = fmt.Sprintf(" by %.40q", server)
		}
		return one(fmt.Sprintf("%s is answered at %s%s with status %d, and not by this node", v.door, address, who, res.StatusCode),
			fmt.Sprintf("correct the A or AAAA record of %s, or have what answers there pass %s* on, with its Host", v.door.Hostname(), domain.ProbePath))
	}
	if distrust != nil {
		found = append(found, one(fmt.Sprintf("visitors don't trust the certificate of %s at %s: %v", v.door, address, distrust),
			"look under certificates, or at what stands in front of the node")...)
	}
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if skew := time.Until(theirs).Round(time.Second); err == nil && skew.Abs() > mostSkew {
		found = append(found, one(fmt.Sprintf("the clock of this machine and that of %s differ by %s", address, skew.Abs()), fixClock)...)
	}
	return found
}

// here says whether an address is one of this machine's.
func here(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return a.IsLoopback() || slices.ContainsFunc(all, func(own net.Addr) bool {
		p, err := netip.ParsePrefix(own.String())
		return err == nil && p.Addr().Unmap() == a.Unmap()
	})
}
