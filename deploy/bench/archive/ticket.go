package archive

import (
	"fmt"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

// Agents is how many agents work on the tickets. The first requester has Favourites of them, and RareHits have the word Rare,
// whatever the archive's size, so that the same question has an answer of the same length.
const (
	Agents     = 12
	Favourites = 60
	RareHits   = 30
	Rare       = "zanzibar"
)

const (
	years      = 3
	eachAsks   = 40 // tickets of one requester, about
	tagKinds   = 60
	fewestAsks = 20
)

// Agent is the n-th agent.
func Agent(n int) tickets.Person {
	return tickets.Person{ID: fmt.Sprintf("agt_%02d", n), Name: fmt.Sprintf("Agent %d", n), Email: fmt.Sprintf("agent%d@acme.example", n)}
}

// Requester is the n-th requester.
func Requester(n int) tickets.Person {
	return tickets.Person{ID: fmt.Sprintf("usr_%06d", n), Name: fmt.Sprintf("Person %d", n), Email: fmt.Sprintf("person%d@partner.example", n)}
}

// maker makes an archive's tickets up.
type maker struct {
	size       int
	began      time.Time
	words      []string
	categories []string
}

// made is a ticket with its thread.
type made struct {
	ticket   tickets.Imported
	comments []tickets.ImportedComment
}

// make makes the i-th ticket, the oldest being the first.
func (m *maker) make(i int) made {
	s := newSpeaker(m.words, uint64(i))
	created := m.began.Add(time.Duration(float64(years*365*24*time.Hour) * float64(i) / float64(m.size)))
	t := tickets.Imported{
		Title:       fmt.Sprintf("%s %s on floor %d", topics[s.IntN(len(topics))], troubles[s.IntN(len(troubles))], s.IntN(9)),
		Description: s.text(40), Priority: tickets.PriorityMedium,
		CategoryID: m.categories[s.IntN(len(m.categories))], Tags: m.tags(s), Source: "portal", CreatedAt: created,
	}
	if m.every(i, RareHits) {
		t.Description += " " + Rare
	}
	switch s.IntN(20) {
	case 0:
		t.Priority = tickets.PriorityUrgent
	case 1, 2:
		t.Priority = tickets.PriorityHigh
	case 3, 4:
		t.Priority = tickets.PriorityLow
	}
	who := 1 + s.IntN(m.size/eachAsks+fewestAsks)
	if m.every(i, Favourites) {
		who = 0
	}
	m.live(s, &t, created)
	out := made{ticket: t, comments: m.thread(s, &t, who)}
	out.ticket.Ensure = known(Requester(who))
	return out
}

// every says whether the i-th ticket is one of n that are spread evenly.
func (m *maker) every(i, n int) bool { return i*n/m.size != (i+1)*n/m.size }

func (m *maker) tags(s *speaker) (tags []string) {
	for range s.IntN(4) {
		n := s.IntN(tagKinds)
		tags = append(tags, fmt.Sprintf("tag%d", n*n/tagKinds)) // the first are used more
	}
	return tags
}

// live gives the ticket what became of it.
func (m *maker) live(s *speaker, t *tickets.Imported, created time.Time) {
	statuses := map[tickets.Status]int{tickets.StatusNew: 5, tickets.StatusOpen: 7, tickets.StatusPending: 5, tickets.StatusOnHold: 3, tickets.StatusResolved: 5}
	t.Status = tickets.StatusClosed
	n := s.IntN(100)
	for _, status := range tickets.Statuses() {
		if n -= statuses[status]; n < 0 {
			t.Status = status
			break
		}
	}
	after := func(about time.Duration) time.Time {
		at := created.Add(time.Duration(s.ExpFloat64() * float64(about)))
		if latest := m.began.AddDate(years, 0, 0); at.After(latest) {
			return latest
		}
		return at
	}
	t.UpdatedAt = created
	if t.Status == tickets.StatusNew {
		return
	}
	if s.IntN(8) > 0 {
		who := Agent(s.IntN(Agents))
		t.Assignee = &who
	}
	t.FirstResponseAt = after(3 * time.Hour)
	t.UpdatedAt = after(4 * 24 * time.Hour)
	if t.Status == tickets.StatusResolved {
		t.UpdatedAt = m.began.AddDate(years, 0, -s.IntN(6))
		if t.UpdatedAt.Before(created) {
			t.UpdatedAt = created
		}
		t.ResolvedAt = t.UpdatedAt
	}
	if t.Status == tickets.StatusClosed {
		t.ResolvedAt, t.ClosedAt = t.UpdatedAt, t.UpdatedAt
	}
}

func (m *maker) thread(s *speaker, t *tickets.Imported, who int) (all []tickets.ImportedComment) {
	if t.Status == tickets.StatusNew || s.IntN(2) == 0 {
		return nil
	}
	p := Requester(who)
	for n := range 1 + s.IntN(3) {
		c := tickets.ImportedComment{Body: s.text(15), CreatedAt: t.FirstResponseAt.Add(time.Duration(n) * time.Minute)}
		if n%2 == 0 {
			a := Agent(s.IntN(Agents))
			c.Author = tickets.Author{ID: a.ID, Name: a.Name, Email: a.Email, Role: "agent"}
		} else {
			c.Author = tickets.Author{ID: p.ID, Name: p.Name, Email: p.Email, Role: "requester"}
		}
		if n == 2 {
			c.Visibility, c.Author.Role = tickets.Internal, "agent"
		}
		all = append(all, c)
	}
	return all
}

// Drafts are tickets as people file them today.
func Drafts(n int) []tickets.Draft {
	words := newVocabulary()
	all := make([]tickets.Draft, n)
	for i := range all {
		s, who := newSpeaker(words, uint64(i)), Requester(1+i%fewestAsks)
		all[i] = tickets.Draft{
			Title:       fmt.Sprintf("%s %s on floor %d", topics[i%len(topics)], troubles[i%len(troubles)], i%9),
			Description: s.text(40), Requester: &who, Tags: []string{fmt.Sprintf("tag%d", i%tagKinds)},
		}
	}
	return all
}
