package webhook

import (
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/erasure"
)

func aboutMessage(p *erasure.Person, m *Message) bool {
	return m.Domain == nil && p.Told(m) || m.Ticket != nil && m.Ticket.IsOf(p)
}

// forgetMessage drops what is to be said about the person's tickets, or by them. What others said of them goes on without them.
func forgetMessage(_ *storage.Tx, p *erasure.Person, m *Message) (erasure.Verdict, error) {
	who := m.Event.Actor
	if m.Ticket == nil || m.Ticket.IsOf(p) || p.Is(who.ID, who.Email) {
		return erasure.Drop, nil
	}
	if r := m.Ticket.Requester; r != nil {
		p = p.Sparing(r.ID, r.Email, r.Name)
	}
	if p.Redact(m) {
		return erasure.Put, nil
	}
	return erasure.Keep, nil
}

func aboutDelivery(_ *erasure.Person, d *Delivery) bool { return d.excerpts() }

// forgetDelivery takes what a receiver answered out of a delivery whose message is gone: nobody knows any more whom it was about.
func forgetDelivery(tx *storage.Tx, p *erasure.Person, d *Delivery) (erasure.Verdict, error) {
	has, err := messageTable.Has(tx, messageKey(d.Message))
	if err != nil {
		return erasure.Keep, err
	}
	if has {
		if p.Redact(d) {
			return erasure.Put, nil
		}
		return erasure.Keep, nil
	}
	for i := range d.Attempts {
		d.Attempts[i].Excerpt = ""
	}
	return erasure.Put, nil
}

// excerpts says whether something is kept of what the receiver answered.
func (d *Delivery) excerpts() bool {
	for i := range d.Attempts {
		if d.Attempts[i].Excerpt != "" || d.Attempts[i].Error != "" {
			return true
		}
	}
	return false
}
