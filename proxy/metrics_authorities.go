package proxy

import (
	"github.com/deskgate/deskgate/proxy/ca"
	"github.com/deskgate/deskgate/proxy/certificate"
)

// watchRoots shows the roots of the node's own authority.
func (m *metrics) watchRoots(k *certificate.Keeper) {
	m.gauge("internal_root_expires_seconds", "Unix time at which the root of the node's own CA ends; 0 with another CA.", func() float64 {
		if roots := k.Roots(); len(roots) > 0 {
			return float64(roots[0].NotAfter.Unix())
		}
		return 0
	})
	m.gauge("internal_root_next_seconds", "Unix time at which another root of the node's own CA begins to sign; 0 if none is announced.", func() float64 {
		if roots := k.Roots(); len(roots) > 1 && roots[1].State == ca.Coming {
			return float64(roots[1].Signs.Unix())
		}
		return 0
	})
}

// watchAuthorities shows those that are asked for certificates: as many series as are configured.
func (m *metrics) watchAuthorities(k *certificate.Keeper) {
	by := func(value func(certificate.Rest) float64) func() map[string]float64 {
		return func() map[string]float64 {
			all := map[string]float64{}
			for _, r := range k.Rests() {
				if v, twice := all[r.Authority]; !twice || value(r) > v {
					all[r.Authority] = value(r)
				}
			}
			return all
		}
	}
	m.show(Number{
		Name: "acme_rest_until_seconds", Help: "Unix time until which a CA is left alone; 0 if it is asked for certificates.", Label: "authority",
		Values: by(func(r certificate.Rest) float64 {
			if r.Until.IsZero() {
				return 0
			}
			return float64(r.Until.Unix())
		}),
	})
	m.show(Number{
		Name: "acme_faults", Help: "How often in a row a CA was out of order.", Label: "authority",
		Values: by(func(r certificate.Rest) float64 { return float64(r.Faults) }),
	})
	m.show(Number{
		Name: "acme_failures_total", Help: "Attempts at a CA that ended without a certificate.", Total: true, Label: "authority",
		Values: by(func(r certificate.Rest) float64 { return float64(r.Failed) }),
	})
	m.show(Number{
		Name: "acme_clock_ahead_seconds", Help: "How far a CA's clock was ahead of this machine's when it was asked last; less than a minute is 0.", Label: "authority",
		Values: by(func(r certificate.Rest) float64 { return r.Ahead.Seconds() }),
	})
}
