package limit

import "github.com/deskgate/deskgate/tenant/erasure"

// Forgets is what the tables of this package do about somebody who is to be forgotten.
func Forgets() []erasure.Answer {
	return []erasure.Answer{erasure.Never(table, "counts by IP address and by what stands for an account, for a day at most; the node's")}
}
