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
	if do == "back" {
		return s.takeBack(w, r, numbers)
	}
	if !slices.Contains([]string{"change", "close", "delete", offerSpam, offerNoSpam}, do) {
		return malformed("There is nothing like this to do.")
	}
	action, change, err := s.bulkChange(r, values)
	if err != nil {
		return err
	}
	change.Idempotency = once(values.Get("key"), "bulk", joined(numbers), values.Encode())
	result, err := s.bulk(r, numbers, action, change)
	if err != nil {
		return err
	}
	pairs := make([]string, 0, 2*len(result))
	for _, code := range slices.Sorted(keysOf(result)) {
		pairs = append(pairs, "r."+code, strings.Join(result[code], ","))
	}
	if change.Status.Present {
		pairs = append(pairs, turned, "yes")
	}
	return seeOther(w, visitOf(r), standOf(r).at(consoleHome+"/bulk", pairs...))
}

// takeBack gives tickets the status that they had before the agent changed it just now.
func (s *Server) takeBack(w http.ResponseWriter, r *http.Request, numbers []uint64) error {
	c, how := callerOf(r), "too-late"
	for _, n := range numbers {
		_, err := s.desk.TakeBack(r.Context(), c.tenant, c.actor(), tickets.ByNumber(n))
		if err == nil {
			how = "back"
		} else if !errors.Is(err, tickets.ErrTooLate) && !errors.Is(err, tickets.ErrNotFound) {
			return err
		}
	}
	if len(numbers) == 1 {
		return toTicket(w, r, numbers[0], "", "done", how)
	}
	return seeOther(w, visitOf(r), standOf(r).at(consoleHome, "done", how))
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

// numbersOf are the numbers of tickets that a form or an address names, each once, and one more than maxBulk at most.
func numbersOf(texts []string) []uint64 {
	var all []uint64
	for _, text := range texts {
		for one := range strings.SplitSeq(text, ",") {
			n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(one), "#"), 10, 64)
			if err == nil && n > 0 && len(all) <= maxBulk && !slices.Contains(all, n) {
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

// bulk changes tickets and returns their numbers by what became of them: "ok", or the code of why not.
func (s *Server) bulk(r *http.Request, numbers []uint64, action tickets.BulkAction, change tickets.Change) (url.Values, error) {
	c, ids, result := callerOf(r), make([]string, len(numbers)), url.Values{}
	for i, n := range numbers {
		ids[i] = strconv.FormatUint(n, 10)
	}
	done, err := s.desk.Bulk(r.Context(), c.tenant, c.actor(), ids, action, change)
	if wrong := explain(err); err != nil && wrong != nil {
		result[problemOf(err).Code] = ids // what is wanted is wrong for any ticket
		return result, nil
	}
	for _, o := range done.Outcomes {
		code := "ok"
		if o.Err != nil {
			code = problemOf(o.Err).Code
		}
		result.Add(code, o.ID)
	}
	return result, err
}

// bulkChange is what the form wants of each ticket.
func (s *Server) bulkChange(r *http.Request, values url.Values) (action tickets.BulkAction, change tickets.Change, err error) {
	switch values.Get("do") {
	case "delete":
		return tickets.BulkDelete, change, nil
	case offerSpam, offerNoSpam:
		change.Spam = tickets.Set(values.Get("do") == offerSpam)
		return action, change, nil
	case "close":
		change.Status = tickets.Set(tickets.StatusClosed)
	}
	switch assignee := values.Get("assignee"); assignee {
	case "":
	case tickets.AssigneeNone:
		change.Assignee = tickets.Clear[tickets.Person]()
	default:
		p, err := s.member(r, assignee)
		if err != nil {
			return action, change, err
		}
		change.Assignee = orClear(p)
	}
	if status := values.Get("status"); status != "" && values.Get("do") != "close" {
		change.Status = tickets.Set(tickets.Status(status))
	}
	if priority := values.Get("priority"); priority != "" {
		change.Priority = tickets.Set(tickets.Priority(priority))
	}
	if category := values.Get("category"); category != "" {
		change.CategoryID = tickets.Set(category)
	}
	change.AddTags, change.RemoveTags = splitTags(values.Get("add_tags")), splitTags(values.Get("remove_tags"))
	if body := values.Get("body"); strings.TrimSpace(body) != "" {
		change.Comment = &tickets.Note{Body: body, Visibility: tickets.Internal}
		if values.Get("visibility") == string(tickets.Public) {
			change.Comment.Visibility = tickets.Public
		}
	}
	return action, change, nil
}

// bulkPage says what became of many tickets.
func (s *Server) bulkPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	v := &bulkView{frame: s.ownFrame(r, "", "tickets")}
	v.Title, v.mount = v.T("Many tickets at once"), strings.TrimSuffix(pathBelow(visitOf(r), "/"), "/")
	at := standOf(r)
	v.Back = v.Href(at.at(consoleHome))
	why := map[string]int{}
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
			why[code]++
			row := outcomeView{Number: n, Why: v.T(reason(code).one)}
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
		pairs := []string{"done", "bulk", "n", strconv.Itoa(v.Done)}
		if r.URL.Query().Get(turned) != "" {
			pairs = append(pairs, turned, joined(numbersOf(r.URL.Query()["r.ok"])))
		}
		return seeOther(w, visitOf(r), at.at(consoleHome, pairs...))
	}
	v.sum(why)
	return s.render(w, r, http.StatusOK, "bulk", v)
}
