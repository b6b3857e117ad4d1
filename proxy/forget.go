package proxy

import "github.com/deskgate/deskgate/tenant/erasure"

// Forgets is what the tables of this package do about somebody who is to be forgotten: all of them are about hosts.
func Forgets() []erasure.Answer {
	var all []erasure.Answer
	for _, t := range Tables() {
		all = append(all, erasure.Never(t, "certificates and names of hosts"))
	}
	return all
}
