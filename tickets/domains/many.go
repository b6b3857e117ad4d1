package domains

import (
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// sum says in the ticket for many how many hosts are in trouble that have none of their own.
func (b *book) sum() error {
	m := b.many
	m.DueAt = time.Time{}
	t, found, err := b.current(m)
	if err != nil {
		return err
	}
	was := m.Bad
	m.Bad = m.Count > 0
	switch {
	case m.Bad && b.tn.Settings.DomainTickets == tenant.Off:
		return nil
	case m.Bad && !found:
		t.Ticket, err = b.config.Desk.OpenIn(b.tx, b.tn, node(), tickets.Draft{
			Title: b.T("Many domains are in trouble"), Description: b.crowd(), Priority: tickets.PriorityUrgent, Tags: []string{"domain"},
			ExternalID: "domain:many:" + stamp(b.now),
		})
		m.Ticket = t.ID
	case m.Bad:
		err = b.change(&t, worse(&t.Ticket, b.crowd(), tickets.PriorityUrgent, ""))
	case was && found && !done(&t.Ticket):
		err = b.over(&t)
	default:
		return nil
	}
	m.speaks(b.now)
	return err
}

// over says that none of the many is in trouble any more.
func (b *book) over(t *place) error {
	c, body := tickets.Change{}, b.T("None of these domains is in trouble any more.")
	taken, err := b.takenOver(t)
	if err != nil {
		return err
	}
	if taken {
		body = paragraphs(body, b.stays())
	} else {
		c.Status = tickets.Set(tickets.StatusResolved)
	}
	c.Comment = internal(body)
	return b.change(t, c)
}
