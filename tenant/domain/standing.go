package domain

import (
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// standing is what counts of a domain. It is part of a key, so that all domains are counted without reading one of them, and nothing
// more is written when they are looked at and found as they were.
type standing struct {
	status      Status
	certificate CertificateStatus
	notAfter    time.Time // of the certificate; zero: there is none
}

// The states by the numbers that stand in keys, which none loses.
var (
	statusNumbers      = []Status{"", Pending, Verified, Active, Drifted, Suspended, Removed}
	certificateNumbers = []CertificateStatus{
		"", CertificateNone, CertificateQueued, CertificateIssuing, CertificateActive, CertificateRenewing, CertificateFailing, CertificateExpired,
	}
)

func standingOf(d *Domain) standing {
	return standing{d.Status, d.Certificate.Status, d.Certificate.NotAfter}
}

// key appends the standing to a key.
func (s standing) key(k storage.Key) storage.Key {
	return k.Uint(numberOf(statusNumbers, s.status)).Uint(numberOf(certificateNumbers, s.certificate)).Time(s.notAfter)
}

// readStanding is the opposite of key.
func readStanding(p *storage.Parts) standing {
	return standing{stateOf(statusNumbers, p.Uint()), stateOf(certificateNumbers, p.Uint()), p.Time()}
}

// numberOf is where a state stands; one that is not known counts as none.
func numberOf[S ~string](all []S, s S) uint64 { return uint64(max(slices.Index(all, s), 0)) }

func stateOf[S ~string](all []S, n uint64) S { return all[min(n, uint64(len(all)-1))] }
