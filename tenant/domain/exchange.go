package domain

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/deskgate/deskgate/tenant/span"
)

const (
	questionTime = 2 * time.Second // one server, one try
	tries        = 2               // over all servers
	bufferSize   = 1232            // octets over UDP that pass everywhere
)

// ask asks the servers in turn until one answers.
func (r *resolver) ask(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind).SetEdns0(bufferSize, false)
	unanswered := &UnansweredError{Type: dns.TypeToString[kind], Name: name, Why: "no answer in time"}
	var last *dns.Msg
	for range tries {
		for _, server := range r.servers {
			if ctx.Err() != nil {
				return nil, unanswered
			}
			unanswered.Server = server
			m, err := exchange(ctx, q, server)
			if last = m; err != nil {
				unanswered.Why = whyNot(err)
				continue
			}
			if m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError {
				return m, nil
			}
			unanswered.Why = dns.RcodeToString[m.Rcode]
		}
	}
	if last != nil {
		unanswered.explain(ctx, q, last)
	}
	return nil, unanswered
}

// explain finds out why a server could not answer: it may say so (RFC 8914). One that checks signatures and answers as soon as it need
// not check them has found wrong ones.
func (e *UnansweredError) explain(ctx context.Context, q, m *dns.Msg) {
	if m.Rcode == dns.RcodeRefused {
		e.Fault = Refusal
	}
	if m.Rcode != dns.RcodeServerFailure {
		return
	}
	for _, code := range extendedCodes(m) {
		e.Why = dns.RcodeToString[m.Rcode] + " (" + dns.ExtendedErrorCodeToString[code] + ")"
		switch code {
		case dns.ExtendedErrorCodeDNSSECIndeterminate, dns.ExtendedErrorCodeDNSBogus, dns.ExtendedErrorCodeSignatureExpired,
			dns.ExtendedErrorCodeSignatureNotYetValid, dns.ExtendedErrorCodeDNSKEYMissing, dns.ExtendedErrorCodeRRSIGsMissing,
			dns.ExtendedErrorCodeNoZoneKeyBitSet, dns.ExtendedErrorCodeNSECMissing, dns.ExtendedErrorCodeSignatureExpiredBeforeValid:
			e.Fault = BrokenSignatures
			return
		case dns.ExtendedErrorCodeNoReachableAuthority, dns.ExtendedErrorCodeNetworkError:
			e.Fault = SilentServers
		}
	}
	if e.Fault != NoFault {
		return
	}
	unchecked := q.Copy()
	unchecked.CheckingDisabled = true
	if a, err := exchange(ctx, unchecked, e.Server); err == nil && (a.Rcode == dns.RcodeSuccess || a.Rcode == dns.RcodeNameError) {
		e.Fault = BrokenSignatures
	}
}

// extendedCodes are those that an answer gives as its reasons.
func extendedCodes(m *dns.Msg) (codes []uint16) {
	o := m.IsEdns0()
	if o == nil {
		return nil
	}
	for _, option := range o.Option {
		if x, ok := option.(*dns.EDNS0_EDE); ok && dns.ExtendedErrorCodeToString[x.InfoCode] != "" {
			codes = append(codes, x.InfoCode)
		}
	}
	return codes
}

// exchange asks one server over UDP, and over TCP if the answer does not fit. Who forges an answer has to guess the port, the
// number of the question and which of its letters are capitals; where a server does not keep these, TCP decides.
func exchange(ctx context.Context, q *dns.Msg, server string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	q = q.Copy()
	q.Id, q.Question[0].Name = dns.Id(), mixed(q.Question[0].Name)
	asked := q.Question[0]
	for _, network := range []string{"udp", "tcp"} {
		m, err := once(ctx, network, q, server)
		switch {
		case err != nil && network == "udp" && m != nil && m.Truncated:
			continue // what did not fit may be cut in the middle of a record
		case err != nil:
			return nil, err
		case len(m.Question) != 1 || m.Question[0].Qtype != asked.Qtype || !strings.EqualFold(m.Question[0].Name, asked.Name):
			return nil, errOtherQuestion
		case network == "udp" && m.Question[0].Name != asked.Name:
			continue
		case !m.Truncated:
			return m, nil
		}
	}
	return nil, errTruncated
}

// once asks one question, and tells of it if it is for something that is traced.
func once(ctx context.Context, network string, q *dns.Msg, server string) (*dns.Msg, error) {
	_, s := span.Below(ctx, "dns query")
	if s != nil {
		s.Text(span.Question, plain(q.Question[0].Name))
		s.Text("deskgate.dns.type", dns.TypeToString[q.Question[0].Qtype])
		s.At(server)
		s.Text(span.Network, network)
		s.Text(span.Protocol, "dns")
	}
	m, _, err := (&dns.Client{Net: network, UDPSize: bufferSize}).ExchangeContext(ctx, q, server)
	if err == nil && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		s.Fail(dns.RcodeToString[m.Rcode])
	}
	s.End(err)
	return m, err
}

// mixed is a name with capitals by chance.
func mixed(name string) string {
	chance := make([]byte, len(name))
	_, _ = rand.Read(chance) // never fails
	b := []byte(name)
	for i, c := range b {
		if 'a' <= c && c <= 'z' && chance[i]&1 == 1 {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
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
