package mail

import (
	"github.com/deskgate/deskgate/tenant/erasure"
)

// Forgets is what the tables of this package do about somebody who is to be forgotten: letters to them and about them are not
// sent any more.
func Forgets() []erasure.Answer {
	return []erasure.Answer{letters.Forgets(erasure.Mention[letter])}
}
