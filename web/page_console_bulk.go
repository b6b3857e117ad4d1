package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// maxBulk is how many tickets can be changed at once.
const maxBulk = 100

// agentBulk does the same to many tickets. What became of each stands in the address of the page that it leads to.
func (s *Server) agentBulk(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	numbers := numbersOf(values["ids"])
	if len(numbers) == 0 {
		return seeOther(w, visitOf(r), standOf(r).at(consoleHome))
	}
	if len(numbers) > maxBulk {
		return invalid(map[string][]string{"ids": {"At most 100 tickets can be changed at once."}})
	}
	do := values.Get("do")
	if do == "merge" {
		return seeOther(w, visitOf(r), standOf(r).at(consoleHome+"/merge", "ids", joined(numbers)))
	}
	if !slices.Contains([]string{"change", "close", "delete", "spam"}, do) {
		return malformed("There is nothing like this to do.")
	}
	change, err := s.bulkChange(r, values)
	if err != nil {
		return err
	}
	result := url.Values{}
	for _, n := range numbers {
		code := "ok"
		if err := s.bulkOne(r, tickets.ByNumber(n), do, change); err != nil {
			p := problemOf(err)
			if p.Status >= http.StatusInternalServerError {
				return err
			}
			code = p.Code
		}
		result.Add(code, strconv.FormatUint(n, 10))
	}
	pairs := make([]string, 0, 2*len(result))
	for _, code := range slices.Sorted(keysOf(result)) {
		pairs = append(pairs, "r."+code, strings.Join(result[code], ","))
	}
	return seeOther(w, visitOf(r), standOf(r).at(consoleHome+"/bulk", pairs...))
}

func keysOf(m url.Values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// numbersOf are the numbers of tickets that a form or an address names, each once.
func numbersOf(texts []string) []uint64 {
	var all []uint64
	for _, text := range texts {
		for one := range strings.SplitSeq(text, ",") {
			n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(one), "#"), 10, 64)
			if err == nil && n > 0 && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

func joined(numbers []uint64) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.FormatUint(n, 10)
	}
	return strings.Join(texts, ",")
}

// bulkChange is what the form wants of each ticket.
func (s *Server) bulkChange(r *http.Request, values url.Values) (tickets.Change, error) {
	var change tickets.Change
	switch assignee := values.Get("assignee"); assignee {
	case "":
	case tickets.AssigneeNone:
		change.Assignee = tickets.Clear[tickets.Person]()
	default:
		p, err := s.member(r, assignee)
		if err != nil {
			return change, err
		}
		change.Assignee = orClear(p)
	}
	if status := values.Get("status"); status != "" {
		change.Status = tickets.Set(tickets.Status(status))
	}
	if priority := values.Get("priority"); priority != "" {
		change.Priority = tickets.Set(tickets.Priority(priority))
	}
	change.AddTags = splitTags(values.Get("add_tags"))
	if body := values.Get("body"); strings.TrimSpace(body) != "" {
		change.Comment = &tickets.Note{Body: body, Visibility: tickets.Internal}
		if values.Get("visibility") == string(tickets.Public) {
			change.Comment.Visibility = tickets.Public
		}
	}
	if values.Get("do") == "close" {
		change.Status = tickets.Set(tickets.StatusClosed)
	}
	return change, nil
}

// bulkOne does to one ticket what is to be done to each.
func (s *Server) bulkOne(r *http.Request, ref tickets.Ref, do string, change tickets.Change) error {
	c := callerOf(r)
	switch do {
	case "delete":
		return s.desk.Delete(r.Context(), c.tenant, c.actor(), ref, 0)
	case "spam":
		_, err := s.desk.Update(r.Context(), c.tenant, c.actor(), ref, tickets.Change{Spam: tickets.Set(true)})
		return err
	}
	_, err := s.desk.Update(r.Context(), c.tenant, c.actor(), ref, change)
	return err
}

// bulkSays are the reasons why a ticket of many was not changed.
var bulkSays = map[string]string{
	"NOT_FOUND":          words.Key("There is no such ticket any more."),
	"INVALID_TRANSITION": words.Key("It can't get this status from the one that it has."),
	"TICKET_MERGED":      words.Key("It was merged into another ticket."),
	"VERSION_CONFLICT":   words.Key("Somebody changed it at the same moment."),
	"VALIDATION_FAILED":  words.Key("It can't take one of these values."),
}

// bulkPage says what became of many tickets.
func (s *Server) bulkPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	v := &bulkView{frame: s.ownFrame(r, "", "tickets")}
	v.Title, v.mount = v.T("Many tickets at once"), strings.TrimSuffix(pathBelow(visitOf(r), "/"), "/")
	at := standOf(r)
	v.Back = v.Href(at.at(consoleHome))
	for name, values := range r.URL.Query() {
		code, is := strings.CutPrefix(name, "r.")
		if !is {
			continue
		}
		for _, n := range numbersOf(values) {
			if code == "ok" {
				v.Done++
				continue
			}
			row := outcomeView{Number: n, Why: v.T(cmp.Or(bulkSays[code], words.Key("That is not possible.")))}
			t, err := s.desk.FindDeleted(r.Context(), c.tenant, c.actor(), tickets.ByNumber(n))
			if err == nil {
				row.Title, row.URL = t.Title, v.Href(at.ticket(n, ""))
			} else if !errors.Is(err, tickets.ErrNotFound) {
				return err
			}
			if len(v.Rows) < maxBulk {
				v.Rows = append(v.Rows, row)
			}
		}
	}
	slices.SortFunc(v.Rows, func(a, b outcomeView) int { return cmp.Compare(a.Number, b.Number) })
	if len(v.Rows) == 0 {
		return seeOther(w, visitOf(r), at.at(consoleHome, "done", "bulk", "n", strconv.Itoa(v.Done)))
	}
	return s.render(w, r, http.StatusOK, "bulk", v)
}
