package domains

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tickets"
)

// node is who writes.
func node() tickets.Actor { return tickets.System(tickets.NodeName) }

func ignoreGone(err error) error {
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, tickets.ErrNotFound) {
		return nil
	}
	return err
}

// say says in the matter's ticket what an event has to say: it opens one where there is none, has it open as long as the trouble
// lasts, and resolves it afterwards. Last: it is the last word for now, so that the ticket stays open.
func (b *book) say(m *matter, e *domain.Event, last bool) error {
	t, found, err := b.current(m)
	if err != nil {
		return err
	}
	if m.Bad && (!found || done(&t.Ticket)) {
		if b.crowded() {
			return b.count(m)
		}
		b.many.Opened = append(b.many.Opened, b.now)
	}
	switch {
	case m.Bad && !found:
		t.Ticket, err = b.first(m, e)
		m.Ticket = t.ID
	case m.Bad:
		err = b.change(&t, worse(&t.Ticket, b.trouble(e), priorityOf(e), b.pauses(last)))
	case found && !done(&t.Ticket):
		err = b.better(&t, e, last)
	default:
		return b.put(m) // somebody else has settled it
	}
	if err != nil {
		return err
	}
	m.speaks(b.now)
	if last && !m.Bad && e.Type != domain.EventRemoved {
		m.hold(e, b.now)
	}
	return b.put(m)
}

// place is the ticket in which something is said. Own: it is about nothing but domains, as the node has opened it.
type place struct {
	tickets.Ticket

	own bool
}

// current is the ticket of a matter, or the one that this was merged into. False: there is none that could go on. To those is
// counted what people have asked for and are done with: the node opens nothing of that again, and nobody would read it there.
func (b *book) current(m *matter) (place, bool, error) {
	const longestWay = 5 // of merged tickets
	id := m.Ticket
	for range longestWay {
		ref, err := tickets.ParseRef(id)
		if err != nil {
			return place{}, false, nil //nolint:nilerr // there was no ticket
		}
		t, err := tickets.Read(b.tx, node(), ref)
		if err != nil {
			return place{}, false, ignoreGone(err)
		}
		if t.MergedInto == "" {
			own, err := b.own(&t)
			return place{t, own}, !t.Spam() && !t.ClosedForGood() && (own || !done(&t)), err
		}
		id = t.MergedInto
	}
	return place{}, false, nil
}

// own says whether the node has opened a ticket, and all that were merged into it, for nobody.
func (b *book) own(t *tickets.Ticket) (bool, error) {
	if !t.ByNode() {
		return false, nil
	}
	for _, id := range t.MergedFrom {
		ref, err := tickets.ParseRef(id)
		if err != nil {
			return false, err
		}
		from, err := tickets.Read(b.tx, node(), ref)
		if err != nil || !from.ByNode() {
			return false, ignoreGone(err)
		}
	}
	return true, nil
}

// change changes a ticket. What people have asked for gets the comment alone: how it stands with that is not the node's to say.
func (b *book) change(t *place, c tickets.Change) error {
	if !t.own {
		c = tickets.Change{Comment: c.Comment}
	}
	_, err := b.config.Desk.UpdateIn(b.tx, b.tn, node(), &t.Ticket, c)
	return err
}

func done(t *tickets.Ticket) bool { return t.Status.Category() == "done" }

// first opens the ticket for an event. The one that has its external ID already is that.
func (b *book) first(m *matter, e *domain.Event) (tickets.Ticket, error) {
	id := externalID(e)
	t, err := tickets.ReadExternal(b.tx, node(), id)
	if !errors.Is(err, tickets.ErrNotFound) {
		return t, err
	}
	tags := []string{"domain"}
	if m.Kind == ofCertificate {
		tags = append(tags, "certificate")
	}
	return b.config.Desk.OpenIn(b.tx, b.tn, node(), tickets.Draft{
		Title: b.title(e), Description: b.trouble(e), Priority: priorityOf(e), Tags: tags, ExternalID: id,
	})
}

// worse is the change that says that there is trouble, or more of it.
func worse(t *tickets.Ticket, body string, p tickets.Priority, last string) tickets.Change {
	c := tickets.Change{Comment: internal(body + last)}
	if done(t) {
		c.Status = tickets.Set(tickets.StatusOpen)
	}
	if rank := tickets.Priorities(); slices.Index(rank, p) > slices.Index(rank, t.Priority) {
		c.Priority = tickets.Set(p)
	}
	return c
}

// better says that the trouble is over, and resolves the ticket unless a person has begun to work on it. That of a domain that was
// removed is closed.
func (b *book) better(t *place, e *domain.Event, last bool) error {
	c, body := tickets.Change{}, b.relief(e)
	taken, err := b.takenOver(t)
	switch {
	case err != nil:
		return err
	case e.Type == domain.EventRemoved:
		c.Status = tickets.Set(tickets.StatusClosed)
	case last:
		body += b.pauses(true)
	case taken:
		body = paragraphs(body, b.stays())
	default:
		c.Status = tickets.Set(tickets.StatusResolved)
	}
	c.Comment = internal(body)
	return b.change(t, c)
}

// takenOver says whether a person has begun to work on a ticket: has written something, or has it wait, or it is theirs. To be
// assigned is not enough, as rules do that.
func (b *book) takenOver(t *place) (bool, error) {
	const enough = 100
	if !t.own || t.Status.Category() == "waiting" {
		return true, nil
	}
	last, err := tickets.ReadLast(b.tx, node(), &t.Ticket, enough)
	return slices.ContainsFunc(last, func(c tickets.Comment) bool { return c.Author.Role != node().Author().Role }), err
}

func internal(body string) *tickets.Note {
	return &tickets.Note{Body: body, Visibility: tickets.Internal}
}

// priorityOf is how much an event presses: where visitors see an error, very much.
func priorityOf(e *domain.Event) tickets.Priority {
	if e.Type == domain.EventSuspended || e.Type == domain.EventCertificateExpired || e.Type == domain.EventCertificateFailed && e.Is.Certificate.NotAfter.IsZero() {
		return tickets.PriorityUrgent
	}
	return tickets.PriorityHigh
}

// externalID names the event as a ticket's external ID.
func externalID(e *domain.Event) string {
	const longest = 120
	host := string(e.Is.Host)
	if len(host) > longest {
		host = "…" + host[len(host)-longest:]
	}
	what := strings.ReplaceAll(strings.TrimPrefix(string(e.Type), "domain."), ".", "-")
	return "domain:" + host + ":" + what + ":" + stamp(e.At)
}

func stamp(at time.Time) string { return at.UTC().Format("20060102T150405.000Z") }
