package outbox

import "github.com/deskgate/deskgate/tenant/erasure"

// Forgets is what the queue does about somebody who is to be forgotten: items about them go, whether they wait or were given up.
func (q *Queue[T]) Forgets(about func(*erasure.Person, *T) bool) erasure.Answer {
	return erasure.Dropped(q.table, func(p *erasure.Person, i *Item[T]) bool { return about(p, &i.Payload) || p.In(i.Reason) })
}
