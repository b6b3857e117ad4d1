package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

// foundDocument is what a field of the console finds as one types.
type foundDocument struct {
	Found []foundItem `json:"found"`
}

// foundItem is one thing that was found: how it is shown, and what it fills into which fields.
type foundItem struct {
	Text string            `json:"text"`
	More string            `json:"more"`
	Fill map[string]string `json:"fill"`
}

// maxFound is how many things a field offers.
const maxFound = 8

// findPeople finds requesters by the beginnings of words of their name or address: those who have an account, and those who have
// asked before.
func (s *Server) findPeople(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	text := strings.TrimSpace(p.text("q"))
	if err := p.err(); err != nil {
		return err
	}
	answer := foundDocument{Found: []foundItem{}}
	if text == "" {
		return encode(w, http.StatusOK, answer)
	}
	c := callerOf(r)
	known, err := s.doors.Users.List(r.Context(), c.tenant, auth.UserQuery{Text: text, Limit: maxFound})
	if err != nil {
		return err
	}
	var people []tickets.Person
	for i := range known.Users {
		people = append(people, tickets.Person{Name: known.Users[i].Name, Email: known.Users[i].Email})
	}
	const recent = 50
	asked, err := s.desk.List(r.Context(), c.tenant, c.actor(), tickets.Query{Requester: strings.ReplaceAll(text, "@", " "), Limit: recent})
	if err != nil {
		return err
	}
	for i := range asked.Tickets {
		if t := &asked.Tickets[i]; t.Requester != nil && t.Requester.Email != "" {
			people = append(people, *t.Requester)
		}
	}
	told := map[string]bool{}
	for _, one := range people {
		if email := strings.ToLower(one.Email); !told[email] && len(answer.Found) < maxFound {
			told[email] = true
			answer.Found = append(answer.Found, foundItem{
				Text: cmp.Or(one.Name, one.Email), More: one.Email, Fill: map[string]string{"email": one.Email, "name": one.Name},
			})
		}
	}
	return encode(w, http.StatusOK, answer)
}

// findTickets finds tickets to merge another one with, by number or as a search does.
func (s *Server) findTickets(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	text, but := strings.TrimSpace(p.text("q")), p.text("but")
	if err := p.err(); err != nil {
		return err
	}
	found, err := s.searchBut(r, text, numbersOf([]string{but}), maxFound)
	if err != nil {
		return err
	}
	answer, rd := foundDocument{Found: []foundItem{}}, s.words(r)
	for i := range found {
		t := &found[i]
		named, who := numberAndTitle(t), rd.T("nobody")
		if t.Requester != nil {
			who = cmp.Or(t.Requester.Name, t.Requester.Email)
		}
		answer.Found = append(answer.Found, foundItem{
			Text: named, More: who + " · " + agentStatus(rd, t.Status).Text, Fill: map[string]string{"into": named},
		})
	}
	return encode(w, http.StatusOK, answer)
}

func numberAndTitle(t *tickets.Ticket) string {
	return "#" + strconv.FormatUint(t.Number, 10) + " " + t.Title
}

// searchBut are the tickets that a search finds, but for some. A number alone is that of a ticket.
func (s *Server) searchBut(r *http.Request, text string, but []uint64, most int) ([]tickets.Ticket, error) {
	if text == "" {
		return nil, nil
	}
	c := callerOf(r)
	q, _ := tickets.ParseSearch(text)
	if n := numberIn(text); n != 0 {
		q = tickets.Query{Number: n}
	}
	q.Limit = most + len(but)
	page, err := s.desk.List(r.Context(), c.tenant, c.actor(), q)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(page.Tickets, func(t tickets.Ticket) bool { return slices.Contains(but, t.Number) })
	return found[:min(most, len(found))], nil
}

// numberIn is the number of a ticket that a text is or begins with, as in "12", "#12" or "#12 The title"; 0: none.
func numberIn(text string) uint64 {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	digits, marked := strings.CutPrefix(first, "#")
	if !marked && rest != "" {
		return 0 // words that begin with a number
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// findAddress is where a field asks for tickets other than these.
func findAddress(but ...uint64) string {
	return consoleHome + "/find?but=" + url.QueryEscape(joined(but))
}
