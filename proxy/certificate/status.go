package certificate

import (
	"time"

	"github.com/deskgate/deskgate/tenant/domain"
)

// Rest is how it stands with an authority that speaks ACME.
type Rest struct {
	// Authority is the host of its directory.
	Authority string
	// Until is when it is asked again, zero if it is asked now; Reason says why it is not.
	Until  time.Time
	Reason domain.Reason
	// Faults is how often in a row it was out of order.
	Faults int
	// Failed is how many attempts there ended without a certificate, since the process began.
	Failed uint64
	// Ahead is how far its clock is ahead of this node's, as it said last; less than a minute is nothing.
	Ahead time.Duration
}

// Rests is how it stands with all authorities, in the order in which they are asked; none with the node's own one. It costs nothing, so
// that metrics and the doctor may ask as often as they like.
func (k *Keeper) Rests() []Rest {
	now := time.Now()
	all := make([]Rest, len(k.sources))
	for i, s := range k.sources {
		all[i].Authority = s.Name()
		if w := s.rests(now); w != nil {
			all[i].Until, all[i].Reason = w.until, w.reason
		}
		all[i].Ahead = time.Duration(s.ahead.Load())
		s.mu.Lock()
		all[i].Faults, all[i].Failed = s.faults, s.failed
		s.mu.Unlock()
	}
	return all
}
