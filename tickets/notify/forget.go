package notify

import (
	"slices"
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// Forgets is what the tables of this package do about a requester who is to be forgotten: nobody is told any more of what they did,
// and nothing is kept of what they wished or how their address answered.
func Forgets() []erasure.Answer {
	return []erasure.Answer{
		erasure.Each(digestTable, func(p *erasure.Person, d *digest) bool { return p.Told(d) }, forgetNews),
		erasure.Dropped(wishTable, func(p *erasure.Person, w *wishesOf) bool {
			address, is := strings.CutPrefix(w.Reader, addressPrefix)
			return w.Reader == userPrefix+p.ID || is && slices.Contains(p.Emails, address)
		}),
		erasure.Dropped(tallyTable, func(p *erasure.Person, y *tally) bool { return slices.Contains(p.Emails, y.Address) }),
		erasure.Dropped(troubleTable, func(p *erasure.Person, t *Trouble) bool { return slices.Contains(p.Emails, t.Address) }),
		erasure.Never(choiceTable, "of agents"),
		erasure.Never(roundTable, "of agents"),
		erasure.Never(itemTable, "it names tickets and comments"),
	}
}

// forgetNews leaves in a digest what others did.
func forgetNews(_ *storage.Tx, p *erasure.Person, d *digest) (erasure.Verdict, error) {
	var left []news
	handedOut := 0
	for i := range d.News {
		if p.Told(&d.News[i]) {
			continue
		}
		left = append(left, d.News[i])
		if i < d.HandedOut {
			handedOut++
		}
	}
	d.News, d.HandedOut = left, handedOut
	if len(d.News) == 0 && d.Kind != reminder {
		return erasure.Drop, nil
	}
	return erasure.Put, nil
}
