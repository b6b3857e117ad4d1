package domain

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
	"github.com/deskgate/deskgate/tenant/span"
)

// ProbePath is where a host is asked whether its visitors arrive; a nonce follows.
const ProbePath = "/.well-known/deskgate/probe/"

const (
	// probeLife is how long a nonce is answered; clocks of a cluster's nodes may differ by clockSkew.
	probeLife, clockSkew = time.Minute, 10 * time.Second
	// probedAddresses is how many of a host's addresses are tried until one takes a connection.
	probedAddresses = 3

	// A nonce is a time, chance, and a signature over both and the host, in hex.
	nonceHead = 4 + 12
	nonceSize = nonceHead + 16
)

// AnswerProbe is what the node says to a probe of a host, if a node of this cluster has sent it within the last minute. What it
// says nobody else can say, and it says it to nothing else: whoever comes with a nonce of their own gets no answer. A probe that is
// passed on to us arrives, and that is all that it shows: it proves no ownership. It costs no I/O.
func (r *Registry) AnswerProbe(host tenant.Host, nonce string) (answer string, ok bool) {
	raw, err := hex.DecodeString(nonce)
	if err != nil || len(raw) != nonceSize || hex.EncodeToString(raw) != nonce {
		return "", false
	}
	age := time.Since(time.Unix(int64(binary.BigEndian.Uint32(raw)), 0))
	if age > probeLife || age < -clockSkew || !hmac.Equal(raw[nonceHead:], r.probeSign(host, raw[:nonceHead])) {
		return "", false
	}
	return r.probeAnswer(host, nonce), true
}

// Question makes a probe of a host, for whoever asks by other ways than a check does: the path to ask for within the next minute, and
// the answer that none but a node of this cluster has.
func (r *Registry) Question(host tenant.Host) (path, answer string) {
	nonce := r.probeNonce(host, time.Now())
	return ProbePath + nonce, r.probeAnswer(host, nonce)
}

// probeNonce makes a nonce for one probe of a host.
func (r *Registry) probeNonce(host tenant.Host, now time.Time) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(now.Unix())) // good until 2106
	head = append(head, make([]byte, nonceHead-len(head))...)
	_, _ = rand.Read(head[4:]) // never fails
	return hex.EncodeToString(append(head, r.probeSign(host, head)...))
}

func (r *Registry) probeSign(host tenant.Host, head []byte) []byte {
	return r.probeMAC("ask\n"+string(host)+"\n", head)[:nonceSize-nonceHead]
}

func (r *Registry) probeAnswer(host tenant.Host, nonce string) string {
	return hex.EncodeToString(r.probeMAC("answer\n"+string(host)+"\n", []byte(nonce)))
}

func (r *Registry) probeMAC(about string, what []byte) []byte {
	m := hmac.New(sha256.New, r.store.Derive(storage.Node(), "domain probe"))
	m.Write([]byte(about))
	m.Write(what)
	return m.Sum(nil)
}

// echo is what became of a probe.
type echo struct {
	arrived bool
	// answered: somebody else did, and it is not one that only keeps probes out.
	answered bool
	status   int
	front    string // which CDN has answered, as far as it can be told
	server   string // what it calls itself
	to       string // where it sends visitors
	err      error  // why there was no answer
}

// elsewhere says whether it is certain that visitors arrive somewhere else.
func (e *echo) elsewhere() bool { return e != nil && e.answered || e.inside() }

// inside says whether the addresses are not of the internet.
func (e *echo) inside() bool {
	if e == nil {
		return false
	}
	_, inside := errors.AsType[*outbound.AddressError](e.err)
	return inside
}

// probe asks a host over HTTP whether its visitors arrive at a node of this cluster; nil: nobody is there to ask.
func (r *Registry) probe(ctx context.Context, host tenant.Host, at []netip.Addr) *echo {
	if r.options.Prober == nil || len(at) == 0 {
		return nil
	}
	ctx, s := span.Within(ctx, "probe domain")
	nonce := r.probeNonce(host, time.Now())
	back, err := r.options.Prober.Probe(ctx, string(host), variety(at, probedAddresses), ProbePath+nonce)
	s.End(err)
	if err != nil {
		return &echo{err: err}
	}
	e := &echo{
		status: back.Status, server: back.Header.Get("Server"), to: back.Header.Get("Location"), front: frontOf(back.Header.Get, nil),
		arrived: back.OK() && hmac.Equal(bytes.TrimSpace(back.Body), []byte(r.probeAnswer(host, nonce))),
	}
	e.answered = !e.arrived && !back.Barred()
	return e
}

// variety are some of the addresses, in turn of both kinds, IPv4 first: the node may have no way to one of them.
func variety(all []netip.Addr, most int) []netip.Addr {
	var kinds [2][]netip.Addr
	for _, a := range all {
		kind := 0
		if a.Is6() {
			kind = 1
		}
		kinds[kind] = append(kinds[kind], a)
	}
	var picked []netip.Addr
	for i := range all {
		for _, k := range kinds {
			if i < len(k) && len(picked) < most {
				picked = append(picked, k[i])
			}
		}
	}
	return picked
}
