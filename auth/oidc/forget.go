package oidc

import "github.com/deskgate/deskgate/tenant/erasure"

// Forgets is what the tables of this package do about a requester who is to be forgotten.
func Forgets() []erasure.Answer {
	return []erasure.Answer{
		erasure.Never(links, "staff's accounts"),
		erasure.Never(endedAttempts, "random names, for minutes"),
		erasure.Never(clientSecrets, "the tenant's own"),
	}
}
