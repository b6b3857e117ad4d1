package rule

import (
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// Forgets is what the tables of this package do about somebody who is to be forgotten: rules that name them go on without.
func Forgets() []erasure.Answer {
	return []erasure.Answer{
		erasure.Each(bookTable, func(p *erasure.Person, b *book) bool { return p.Told(b) }, func(tx *storage.Tx, p *erasure.Person, b *book) (erasure.Verdict, error) {
			if !p.Redact(b) {
				return erasure.Keep, nil
			}
			b.Version++ // or engines would go on with the rules that they know
			return erasure.Put, headTable.Put(tx, &head{Version: b.Version})
		}),
		erasure.Never(headTable, "numbers"),
		erasure.Never(turnTable, "of agents"),
	}
}
