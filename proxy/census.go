package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/deskgate/deskgate/proxy/live"
	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// Census is how all certificates and domains of the node are together.
type Census struct {
	Domains map[domain.Status]int
	// Certificates are of all hosts that are served, and were asked for.
	Certificates map[domain.CertificateStatus]int
	// Expires is when the first of them ends; zero: there is none.
	Expires time.Time
	// ChecksDue are checks of domains whose time has come, CertificatesDue certificates to be obtained or renewed.
	ChecksDue, CertificatesDue int
	// CheckDueSince is when the check that waits longest was due; zero: none waits.
	CheckDueSince time.Time
	// Troubled are hosts whose certificate could not be obtained, some of them.
	Troubled []domain.Trouble
	// Drifting are domains whose proof is gone, some of them.
	Drifting []domain.Drift
}

const (
	censusFresh = time.Minute
	// censusShare bounds what counting costs: a hundredth of the time.
	censusShare = 100
	// censusTime is what it may take at most: 100,000 domains take some hundredths of a second.
	censusTime = 30 * time.Second
)

// census counts once for all who ask within a while.
type census struct {
	count func(context.Context) (Census, error)

	mu    sync.Mutex
	until time.Time
	last  Census
}

func (c *census) now(ctx context.Context) (Census, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	begin := time.Now()
	if begin.Before(c.until) {
		return c.last, nil
	}
	ctx, cancel := context.WithTimeout(ctx, censusTime)
	defer cancel()
	counted, err := c.count(ctx)
	took := time.Since(begin)
	c.until = begin.Add(max(censusFresh, censusShare*took))
	if err == nil {
		c.last = counted
	}
	return c.last, err
}

// Census counts domains and certificates; what it says may be a minute old, or older where counting takes long.
func (s *Server) Census(ctx context.Context) (Census, error) { return s.census.now(ctx) }

func (s *Server) takeCensus(ctx context.Context) (Census, error) {
	of, err := s.config.Domains.Census(ctx)
	c := Census{
		Domains: of.Domains, Certificates: of.Certificates, Expires: of.Expires,
		ChecksDue: of.ChecksDue, CertificatesDue: of.CertificatesDue, CheckDueSince: of.CheckDueSince, Troubled: of.Troubled, Drifting: of.Drifting,
	}
	if s.certificates == nil { // nobody here is to obtain one
		c.CertificatesDue, c.Expires, c.Troubled = 0, time.Time{}, nil
	}
	if s.certificates == nil || err != nil {
		return c, err
	}
	now := time.Now()
	return c, s.certificates.Own(ctx, func(host tenant.Host, own domain.Certificate) {
		c.Certificates[own.Status]++
		if end := own.NotAfter; !end.IsZero() && (c.Expires.IsZero() || end.Before(c.Expires)) {
			c.Expires = end
		}
		if own.NextAttempt.Before(now) {
			c.CertificatesDue++
		}
		c.Troubled = domain.AppendTrouble(c.Troubled, host, own)
	})
}

// State is how the edge is at the moment.
type State struct {
	Begun       time.Time
	Connections int
	Running     int64 // requests
	Upstreams   []upstream.State
	Retries     uint64 // of requests to upstreams, since Begun
}

// State looks.
func (s *Server) State() State {
	return State{
		Begun: s.begun, Connections: s.crowd.Open(), Running: s.metrics.running.Load(), Upstreams: s.upstreams.All(), Retries: s.upstreams.Summary().Retries,
	}
}

// Watch looks at the traffic for so long.
func (s *Server) Watch(ctx context.Context, within time.Duration) (live.Traffic, error) {
	return s.watchers.Watch(ctx, within)
}

// watchCertificates shows the census.
func (m *metrics) watchCertificates(c *census) {
	now := func() Census {
		counted, _ := c.now(context.Background()) // what was seen before is better than nothing
		return counted
	}
	m.show(Number{
		Name: "domains", Help: "Tenants' own domains, by state.", Label: "state",
		Values: func() map[string]float64 {
			return byState(now().Domains, domain.Pending, domain.Verified, domain.Active, domain.Drifted, domain.Suspended)
		},
	})
	m.show(Number{
		Name: "certificates", Help: "Certificates of hosts that are served, by state.", Label: "state",
		Values: func() map[string]float64 {
			return byState(now().Certificates, domain.CertificateNone, domain.CertificateQueued, domain.CertificateIssuing,
				domain.CertificateActive, domain.CertificateRenewing, domain.CertificateFailing, domain.CertificateExpired)
		},
	})
	m.gauge("certificate_expires_first_seconds", "Unix time at which the first certificate of a served host ends; 0 if there is none.", func() float64 {
		if at := now().Expires; !at.IsZero() {
			return float64(at.Unix())
		}
		return 0
	})
	m.gauge("certificates_due", "Certificates whose time has come to be obtained or renewed.", func() float64 { return float64(now().CertificatesDue) })
	m.gauge("domain_checks_due", "Checks of domains whose time has come.", func() float64 { return float64(now().ChecksDue) })
}

// byState has all states, also those that nothing is in: whoever asks for a rate or a sum wants to see zeros.
func byState[S ~string](counted map[S]int, states ...S) map[string]float64 {
	all := make(map[string]float64, len(states))
	for _, s := range states {
		all[string(s)] = 0
	}
	for s, n := range counted {
		all[string(s)] = float64(n)
	}
	return all
}
