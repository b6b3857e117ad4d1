package web

import (
	"slices"
	"strconv"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

// ticketList is a page of tickets, with what was not understood of the search for them.
type ticketList struct {
	list[ticketDocument]

	Problems []searchProblem `json:"search_problems,omitzero"`
}

// searchProblem is a part of a search that reads like a filter and is none.
type searchProblem struct {
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

func problemDocuments(all []tickets.Problem) []searchProblem {
	var documents []searchProblem
	for _, p := range all {
		documents = append(documents, searchProblem(p))
	}
	return documents
}

// ticketQuery reads the parameters of a list. They and the filters of the search all have to hold.
func ticketQuery(p parameters) (tickets.Query, []tickets.Problem, error) {
	q, problems := tickets.ParseSearch(p.text("q"))
	q.CategoryID, q.Assignee, q.RequesterID = p.text("category_id"), p.text("assignee_id"), p.text("requester_id")
	q.OrganizationIs = p.text("organization")
	q.Created, q.Updated = p.period("created", q.Created), p.period("updated", q.Updated)
	q.Deleted = p.flag("deleted") || q.Deleted
	q.Overdue = p.flag("overdue") || q.Overdue
	q.Ratings, q.Unrated = p.ratings(q.Ratings, q.Unrated)
	if sort := p.text("sort"); sort != "" {
		q.Sort = tickets.Sort(sort)
	}
	q.Limit, q.Cursor, q.IncludesTotal = p.limit(), p.text("cursor"), p.flag("include_total")
	if tag := p.text("tag"); tag != "" {
		q.Tags = append(q.Tags, tag)
	}
	q.Status, q.Not.Status = narrow(tickets.Statuses(), q.Status, q.Not.Status, p.words("status"))
	q.Priority, q.Not.Priority = narrow(tickets.Priorities(), q.Priority, q.Not.Priority, p.words("priority"))
	return q, problems, p.err()
}

// period narrows what a search asks for to what is later than one parameter and earlier than another. Each is a moment, or the day at
// whose beginning it is meant.
func (p *parameters) period(of string, searched tickets.Period) tickets.Period {
	also := tickets.Period{}
	if at, day := p.moment(of + "_after"); day != "" {
		also.Since = []tickets.Day{day}
	} else {
		also.After = at
	}
	if at, day := p.moment(of + "_before"); day != "" {
		also.Until = []tickets.Day{day}
	} else {
		also.Before = at
	}
	return searched.And(also)
}

// moment is a time, or a day of the tenant's calendar.
func (p *parameters) moment(name string) (time.Time, tickets.Day) {
	text := p.text(name)
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return time.Time{}, tickets.Day(text)
	}
	return p.time(name), ""
}

// ratings are the stars that the search and the parameters both ask for; nil: neither asks for any. None: they ask for what is not rated.
func (p *parameters) ratings(searched []int, unrated bool) (stars []int, none bool) {
	asked := searched
	also := func(fits func(stars int) bool) {
		if asked == nil {
			asked = []int{1, 2, 3, 4, 5}
		}
		asked = slices.DeleteFunc(asked, func(stars int) bool { return !fits(stars) })
	}
	switch rated := p.flag("rated"); {
	case rated:
		also(func(int) bool { return true })
	case p.values.Get("rated") != "":
		unrated = true
	}
	if words := p.words("rating"); len(words) > 0 {
		for _, word := range words {
			if n, err := strconv.Atoi(word); err != nil || n < 1 || n > tickets.MaxStars {
				p.reject("rating", "must be among 1, 2, 3, 4, 5.")
			}
		}
		also(func(stars int) bool { return slices.Contains(words, strconv.Itoa(stars)) })
	}
	return asked, unrated
}

// narrow has what a search wants and what a parameter wants both hold.
func narrow[S ~string](all, wanted, unwanted []S, also []string) (in, out []S) {
	if len(also) == 0 {
		return wanted, unwanted
	}
	asked := make([]S, len(also))
	for i, value := range also {
		asked[i] = S(value)
	}
	if len(wanted) == 0 {
		return asked, unwanted
	}
	// A value that there is none of is refused with the rest.
	wrong := slices.DeleteFunc(slices.Clone(asked), func(s S) bool { return slices.Contains(all, s) })
	others := slices.DeleteFunc(slices.Clone(all), func(s S) bool { return slices.Contains(asked, s) })
	return append(slices.Clip(wanted), wrong...), append(slices.Clip(unwanted), others...)
}
