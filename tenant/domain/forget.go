package domain

import "github.com/deskgate/deskgate/tenant/erasure"

// Forgets is what the tables of this package do about somebody who is to be forgotten.
func Forgets() []erasure.Answer {
	return []erasure.Answer{
		erasure.Never(domainTable, "names of hosts"), erasure.Never(formerTable, "names of hosts"),
		erasure.Never(ownCertificates, "certificates of hosts"), erasure.Never(eventTable, "names of hosts"),
	}
}
