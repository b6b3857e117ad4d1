package passkey

import "github.com/deskgate/deskgate/tenant/erasure"

// Forgets is what the tables of this package do about a requester who is to be forgotten.
func Forgets() []erasure.Answer {
	return []erasure.Answer{erasure.Never(passkeys, "staff's"), erasure.Never(challenges, "staff's, for minutes")}
}
