package transfer

import (
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// Forgets is what the tables of this package do about somebody who is to be forgotten. Whether they are in a file that waits to be
// imported nobody knows: such files go.
func (t *Transfers) Forgets() []erasure.Answer {
	about := func(p *erasure.Person, j *Job) bool { return j.Sum != nil || len(j.Sample) > 0 || p.Told(j) }
	return []erasure.Answer{
		erasure.Each(jobTable, about, func(tx *storage.Tx, p *erasure.Person, j *Job) (erasure.Verdict, error) {
			p.Redact(j)
			if j.Sample = nil; j.Sum == nil {
				return erasure.Put, nil
			}
			j.State, j.Why = Failed, "The file was removed, because somebody was erased who may be in it."
			return erasure.Put, t.drop(tx, j)
		}),
		erasure.Redacted(problemTable),
		erasure.Never(markTable, "IDs of tickets"),
	}
}
