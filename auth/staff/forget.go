package staff

import "github.com/deskgate/deskgate/tenant/erasure"

// Forgets is what the tables of this package do about a requester who is to be forgotten: staff are others, who leave by Remove.
func Forgets() []erasure.Answer {
	return []erasure.Answer{erasure.Never(members, "staff"), erasure.Never(pendings, "staff")}
}
