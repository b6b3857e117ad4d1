package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// consoleHome is the console's first page, consoleTickets the folder of its tickets.
const (
	consoleHome    = "/agent"
	consoleTickets = "/agent/tickets"
	consoleScript  = "console.js"
)

// stand is where in the console somebody is. All of it is in the address: what the list shows stays beside a ticket.
type stand struct {
	View, Query, Sort, Cursor string
}

// standOf is where the request's address says that its sender is.
func standOf(r *http.Request) stand {
	q := r.URL.Query()
	return stand{View: q.Get("view"), Query: strings.TrimSpace(q.Get("q")), Sort: q.Get("sort"), Cursor: q.Get("cursor")}
}

// at is the address of one of the console's pages with all of this place in it. The pairs are added.
func (s stand) at(path string, pairs ...string) string {
	values := url.Values{}
	for i, value := range []string{s.View, s.Query, s.Sort, s.Cursor} {
		if value != "" {
			values.Set([]string{"view", "q", "sort", "cursor"}[i], value)
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// ticket is the address of a ticket beside the list of this place.
func (s stand) ticket(n uint64, below string, pairs ...string) string {
	return s.at(consoleTickets+"/"+strconv.FormatUint(n, 10)+below, pairs...)
}

// agentStatus is a status in the words of the team.
func agentStatus(in words.Reader, s tickets.Status) statusLabel {
	return statusLabel{Key: s.Category(), Text: in.T(statusWords[s])}
}

var statusWords = map[tickets.Status]string{
	tickets.StatusNew:      words.Key("New|status"),
	tickets.StatusOpen:     words.Key("Open|status"),
	tickets.StatusPending:  words.Key("Pending|status"),
	tickets.StatusOnHold:   words.Key("On hold|status"),
	tickets.StatusResolved: words.Key("Resolved|status"),
	tickets.StatusClosed:   words.Key("Closed|status"),
}

var priorityWords = map[tickets.Priority]string{
	tickets.PriorityLow:    words.Key("Low|priority"),
	tickets.PriorityMedium: words.Key("Medium|priority"),
	tickets.PriorityHigh:   words.Key("High|priority"),
	tickets.PriorityUrgent: words.Key("Urgent|priority"),
}

// console fills what every page of the console shows: the views and the list of the place, and what the agent can still
// take back.
func (s *Server) consoleView(r *http.Request, title string) (*consoleView, error) {
	at := standOf(r)
	v := &consoleView{frame: s.ownFrame(r, title, "tickets"), Stand: at}
	v.Picks = true
	v.Script, v.Done = consoleScript, consoleDone(v.Reader, r)
	v.mount = strings.TrimSuffix(tenant.VisitFrom(r.Context()).Mount, "/")
	c := callerOf(r)
	habits, err := s.desk.Habits(r.Context(), c.tenant, c.actor())
	if err != nil {
		return nil, err
	}
	v.Keys = !habits.KeysOff
	if v.Seen, err = s.newestEvent(r); err != nil {
		return nil, err
	}
	if err := s.fillList(r, v); err != nil {
		return nil, err
	}
	if err := s.fillTurned(r, v); err != nil {
		return nil, err
	}
	return v, s.fillSending(r, v)
}

// turned names, in an address, the tickets whose status was changed just now.
const turned = "turned"

// fillTurned offers to take back that the status of tickets was changed, where that is possible still.
func (s *Server) fillTurned(r *http.Request, v *consoleView) error {
	c, back := callerOf(r), &turnedView{URL: v.Href(v.Stand.at(consoleHome + "/bulk")), Text: v.Done}
	for _, n := range numbersOf(r.URL.Query()[turned]) {
		turn, err := s.desk.LastTurn(r.Context(), c.tenant, c.actor(), tickets.ByNumber(n))
		if errors.Is(err, tickets.ErrTooLate) || errors.Is(err, tickets.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if back.Numbers = append(back.Numbers, n); len(back.Numbers) == 1 {
			back.Due, back.Text = turn.Until, v.T("#%[1]d is “%[2]s” now.", n, v.status(turn.To).Text)
		} else {
			back.Text = v.Done
		}
	}
	if len(back.Numbers) > 0 {
		v.Turned, v.Done = back, ""
	}
	return nil
}

// fillSending shows the replies that the agent can still take back.
func (s *Server) fillSending(r *http.Request, v *consoleView) error {
	c := callerOf(r)
	held, err := s.desk.HeldBy(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	for i := range held {
		h := &held[i]
		v.Sending = append(v.Sending, sendingView{
			ID: h.ID, Number: h.Number, Due: h.DueAt, Seconds: max(0, int(time.Until(h.DueAt).Seconds()+0.5)),
			URL: v.Href(v.Stand.ticket(h.Number, "/undo")),
		})
	}
	return nil
}

// colleagues are those whom a ticket can be given to: everybody on the staff who has joined.
func (s *Server) colleagues(ctx context.Context, tn *tenant.Tenant) ([]staff.Member, error) {
	all, err := s.staff.List(ctx, tn)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m staff.Member) bool { return m.JoinedAt.IsZero() })
	slices.SortFunc(all, func(a, b staff.Member) int {
		return cmp.Or(strings.Compare(strings.ToLower(nameOf(a)), strings.ToLower(nameOf(b))), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// nameOf is a member's name, or their address.
func nameOf(m staff.Member) string { return cmp.Or(m.Name, m.Email) }

// assignees are the choices of a select of agents: nobody, and everybody. One who has left stays the choice where they are
// the present one.
func (s *Server) assignees(r *http.Request, rd words.Reader, present *tickets.Person) ([]option, error) {
	members, err := s.colleagues(r.Context(), callerOf(r).tenant)
	if err != nil {
		return nil, err
	}
	id := ""
	if present != nil {
		id = present.ID
	}
	all, found := []option{{Value: "", Text: rd.T("nobody"), Selected: id == ""}}, id == ""
	for _, m := range members {
		text := nameOf(m)
		if m.ID == callerOf(r).ID {
			text = rd.T("%s (you)", text)
		}
		all = append(all, option{Value: m.ID, Text: text, Selected: m.ID == id})
		found = found || m.ID == id
	}
	if !found {
		all = append(all, option{Value: id, Text: rd.T("%s (has left)", present.Name), Selected: true})
	}
	return all, nil
}

// member is the agent with that ID as a ticket's assignee; nil for none.
func (s *Server) member(r *http.Request, id string) (*tickets.Person, error) {
	if id == "" {
		return nil, nil //nolint:nilnil // nobody is an assignee, too
	}
	return s.assignee(r, optional[string]{present: true, value: id})
}

// priorities are the choices of a select of priorities.
func priorities(rd words.Reader, present tickets.Priority) []option {
	var all []option
	for _, p := range tickets.Priorities() {
		all = append(all, option{Value: string(p), Text: rd.T(priorityWords[p]), Selected: p == present})
	}
	return all
}

// consoleSays are what the console says after something was done, by the word in its address.
var consoleSays = map[string]string{
	"saved":    words.Key("Saved."),
	"note":     words.Key("The note was added."),
	"sent":     words.Key("The reply was sent."),
	"undone":   words.Key("The reply was taken back. Its text is below."),
	"late":     words.Key("Too late: the reply was sent already."),
	"back":     words.Key("The status is again what it was."),
	"too-late": words.Key("Too late: something else has happened since. Change the status by hand."),
	"draft":    words.Key("The draft was kept."),
	"deleted":  words.Key("The ticket was deleted. It can be restored for 30 days."),
	"restored": words.Key("The ticket was restored."),
	"spam":     words.Key("The ticket was marked as spam."),
	"no-spam":  words.Key("The ticket is no longer marked as spam."),
	"merged":   words.Key("The tickets were merged."),
	"split":    words.Key("The messages were split off into this ticket."),
	"created":  words.Key("The ticket was created."),
	"view":     words.Key("The view was saved."),
	"no-view":  words.Key("The view was removed."),
	"theirs":   words.Key("Nothing was changed: everything is as your colleagues left it."),
}

// consoleDone is what the page is to say about what was done just now.
func consoleDone(rd words.Reader, r *http.Request) string {
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n > 0 && r.URL.Query().Get("done") == "bulk" {
		return rd.T("%d tickets were changed.", n)
	}
	if sentence, ok := consoleSays[r.URL.Query().Get("done")]; ok {
		return rd.T(sentence)
	}
	return ""
}

// toTicket leads back to a ticket beside the list that the request came from.
func toTicket(w http.ResponseWriter, r *http.Request, n uint64, fragment string, pairs ...string) error {
	return seeOther(w, tenant.VisitFrom(r.Context()), standOf(r).ticket(n, "", pairs...)+fragment)
}

// explain is what to say beside the form about an error that the agent can do something about; nil for all others.
func explain(err error) fieldErrors {
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return inText(inTags(fieldErrors(wrong)))
	}
	if p, ok := errors.AsType[*answerError](err); ok && p.Status == http.StatusUnprocessableEntity && p.Fields != nil {
		return fieldErrors(p.Fields)
	}
	if _, ok := errors.AsType[*tickets.TransitionError](err); ok {
		return fieldErrors{"status": {problemOf(err).Explanation}}
	}
	return nil
}

// inText calls the text of a message so, and not by the name that programs have for it.
func inText(wrong fieldErrors) fieldErrors {
	for i, sentence := range wrong["comment.body"] {
		wrong["comment.body"][i] = strings.Replace(sentence, "comment.body", "text", 1)
	}
	return wrong
}

// inTags says under the one field for tags what is wrong with those that were added or taken out.
func inTags(wrong fieldErrors) fieldErrors {
	for _, name := range []string{"add_tags", "remove_tags"} {
		if all := wrong[name]; len(all) > 0 && len(wrong["tags"]) == 0 {
			wrong["tags"] = all
		}
	}
	return wrong
}
