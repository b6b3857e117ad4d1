package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tickets"
)

// maxMerge is how many tickets the console merges at once.
const maxMerge = 20

// mergePage asks which of some tickets the others go into, or with which other one a single ticket is to be merged: "with" is
// the number of that, or a search for it.
func (s *Server) mergePage(w http.ResponseWriter, r *http.Request) error {
	numbers := numbersOf(r.URL.Query()["ids"])
	if n := numberIn(r.URL.Query().Get("with")); n != 0 && !slices.Contains(numbers, n) {
		numbers = append(numbers, n)
	}
	return s.renderMerge(w, r, http.StatusOK, numbers, 0, nil)
}

func (s *Server) renderMerge(w http.ResponseWriter, r *http.Request, status int, numbers []uint64, into uint64, wrong fieldErrors) error {
	c := callerOf(r)
	v, err := s.consoleView(r, "")
	if err != nil {
		return err
	}
	m := &mergeView{frame: v.frame, Into: into, Errors: wrong, Back: v.Href(v.Stand.at(consoleHome)), Action: v.Href(v.Stand.at(consoleHome + "/merge"))}
	m.Script, m.Title, m.Find = "", m.T("Merge tickets"), v.Href(findAddress(numbers...))
	owners := map[string]bool{}
	for _, n := range numbers[:min(len(numbers), maxMerge)] {
		t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), tickets.ByNumber(n))
		if errors.Is(err, tickets.ErrNotFound) {
			m.Missing = append(m.Missing, n)
			continue
		}
		if err != nil {
			return err
		}
		m.Rows = append(m.Rows, v.rowOf(&t, c))
		owners[ownerOf(&t)] = true
	}
	slices.SortFunc(m.Rows, func(a, b rowView) int { return int(a.Number) - int(b.Number) })
	if m.Into == 0 && len(m.Rows) > 0 {
		m.Into = m.Rows[0].Number
	}
	m.Differ = len(owners) > 1
	if m.Sought = strings.TrimSpace(r.URL.Query().Get("with")); len(m.Rows) < 2 && numberIn(m.Sought) == 0 {
		found, err := s.searchBut(r, m.Sought, numbers, 2*maxFound)
		if err != nil {
			return err
		}
		for i := range found {
			m.Found = append(m.Found, v.rowOf(&found[i], c))
		}
	}
	return s.render(w, r, status, "merge", m)
}

// ownerOf tells requesters apart.
func ownerOf(t *tickets.Ticket) string {
	if t.Requester == nil {
		return ""
	}
	return t.Requester.ID + " " + t.Requester.Lineage
}

// agentMerge merges tickets into one of them.
func (s *Server) agentMerge(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	numbers := numbersOf(values["ids"])
	into, err := strconv.ParseUint(values.Get("into"), 10, 64)
	if err != nil || len(numbers) < 2 || len(numbers) > maxMerge || !slices.Contains(numbers, into) {
		return malformed("Choose two to twenty tickets, and which of them the others go into.")
	}
	for _, n := range numbers {
		if n == into {
			continue
		}
		_, err := s.desk.Merge(r.Context(), c.tenant, c.actor(), tickets.ByNumber(n), tickets.ByNumber(into), tickets.Merging{
			Apart: values.Get("apart") == "yes",
		})
		if _, done := errors.AsType[*tickets.MergedError](err); done {
			continue // the form was sent twice, or a colleague was faster
		}
		if wrong := explain(err); wrong != nil {
			return s.renderMerge(w, r, problemOf(err).Status, numbers, into, fieldErrors{"into": sentencesOf(wrong)})
		}
		if errors.Is(err, tickets.ErrRequestersDiffer) {
			return s.renderMerge(w, r, problemOf(err).Status, numbers, into, fieldErrors{"apart": {problemOf(err).Explanation}})
		}
		if err != nil {
			return err
		}
	}
	return seeOther(w, visitOf(r), standOf(r).ticket(into, "", "done", "merged"))
}
