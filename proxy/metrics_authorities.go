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
