package tickets

import (
	"slices"
	"strconv"
	"strings"
)

func (p *searchParser) status() string {
	return addChoices(p, Statuses(), &p.q.Status, &p.q.Not.Status, "There is no such status. There are new, open, pending, on_hold, resolved and closed.")
}

func (p *searchParser) priority() string {
	return addChoices(p, Priorities(), &p.q.Priority, &p.q.Not.Priority, "There is no such priority. There are low, medium, high and urgent.")
}

// addChoices adds values that are separated by commas to those that are wanted or, with a minus, unwanted.
func addChoices[S ~string](p *searchParser, all []S, wanted, unwanted *[]S, reason string) string {
	var chosen []S
	for value := range strings.SplitSeq(p.value, ",") {
		s := S(strings.ToLower(strings.TrimSpace(value)))
		if !slices.Contains(all, s) {
			return reason
		}
		chosen = append(chosen, s)
	}
	target := wanted
	if p.negated {
		target = unwanted
	}
	*target = inOrder(all, append(*target, chosen...))
	return ""
}

// inOrder is what is chosen of all, in the order of all.
func inOrder[S comparable](all, chosen []S) []S {
	var out []S
	for _, s := range all {
		if slices.Contains(chosen, s) {
			out = append(out, s)
		}
	}
	return out
}

func (p *searchParser) is() string {
	what := strings.ToLower(p.value)
	switch what {
	case "open", "waiting", "done":
		p.value = list(slices.DeleteFunc(Statuses(), func(s Status) bool { return s.Category() != what }))
		return p.status()
	case "unassigned":
		p.value = AssigneeNone
		return p.assignee()
	case "rated", "unrated":
		if p.negated != (what == "rated") {
			p.negated, p.value = false, "any"
			return p.rating()
		}
		p.q.Unrated = true
		return ""
	case "overdue":
		if p.negated {
			return "This cannot be left out."
		}
		p.q.Overdue = true
		return ""
	case "spam", "deleted", "merged":
		return p.putAway(what)
	}
	return "It can be is:open, waiting, done, unassigned, overdue, rated, unrated, spam, deleted or merged."
}

// putAway chooses the tickets that are out of all other lists; nobody has to ask for them to be left out.
func (p *searchParser) putAway(what string) string {
	if p.negated {
		return ""
	}
	p.q.Spam, p.q.Deleted, p.q.Merged = what == "spam", what == "deleted", what == "merged"
	return ""
}

func (p *searchParser) assignee() string {
	return p.add(&p.q.Assignees, &p.q.Not.Assignees)
}

func (p *searchParser) category() string {
	return p.add(&p.q.Categories, &p.q.Not.Categories)
}

// tag asks for all of several tags: a ticket may have more than one.
func (p *searchParser) tag() string {
	p.value = strings.ToLower(p.value)
	return p.add(&p.q.Tags, &p.q.Not.Tags)
}

// add adds values that are separated by commas to one of two lists.
func (p *searchParser) add(wanted, unwanted *[]string) string {
	list := wanted
	if p.negated {
		list = unwanted
	}
	var values []string
	for value := range strings.SplitSeq(p.value, ",") {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	if len(values) == 0 {
		return "Something is missing behind the colon."
	}
	*list = append(*list, values...)
	if *list = distinct(*list); len(*list) > maxFilters {
		*list = (*list)[:maxFilters]
		return tooMany
	}
	return ""
}

// distinct keeps the first of equal values.
func distinct[S ~string](in []S) []S {
	var out []S
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (p *searchParser) requester() string {
	switch {
	case len(parseTerms(p.value)) == 0:
		return "It takes an address or a name."
	case p.negated:
		p.q.Not.Requesters = append(p.q.Not.Requesters, p.value)
		return ""
	case p.q.Requester != "":
		return "Only one requester can be searched for at a time."
	}
	p.q.Requester = p.value
	return ""
}

func (p *searchParser) organization() string {
	switch {
	case len(parseTerms(p.value)) == 0:
		return "It takes a name."
	case p.negated:
		return "This cannot be left out."
	case p.q.Organization != "":
		return "Only one organization can be searched for at a time."
	}
	p.q.Organization = p.value
	return ""
}

func (p *searchParser) has() string {
	switch strings.ToLower(p.value) {
	case "attachment", "attachments", "file", "files":
	default:
		return "It can be has:attachment."
	}
	if p.negated {
		p.q.Not.Files = true
	} else {
		p.q.Files = true
	}
	return ""
}

func (p *searchParser) external() string {
	switch {
	case p.negated:
		return "This cannot be left out."
	case p.q.ExternalID != "":
		return "A ticket has only one external ID."
	}
	p.q.ExternalID = p.value
	return ""
}

// rating takes stars: 5, 1,2, <3, >=4, or any.
func (p *searchParser) rating() string {
	const reason = "It takes stars like 5, 1,2, <3 or >=4, any or none."
	switch {
	case strings.EqualFold(p.value, "none") && !p.negated, strings.EqualFold(p.value, "any") && p.negated:
		p.q.Unrated = true
		return ""
	case p.negated:
		return "This cannot be left out."
	}
	var chosen []int
	for value := range strings.SplitSeq(p.value, ",") {
		stars := parseStars(strings.ToLower(strings.TrimSpace(value)))
		if len(stars) == 0 {
			return reason
		}
		chosen = append(chosen, stars...)
	}
	p.q.Ratings = inOrder(allStars(), append(p.q.Ratings, chosen...))
	return ""
}

func allStars() []int { return []int{1, 2, 3, 4, 5} }

// parseStars are the stars that a number, a comparison or "any" means; none: it means none.
func parseStars(s string) (stars []int) {
	if s == "any" {
		return allStars()
	}
	op := s[:len(s)-len(strings.TrimLeft(s, "<>="))]
	n, err := strconv.Atoi(s[len(op):])
	fits, known := map[string]func(int) bool{
		"": func(x int) bool { return x == n }, "=": func(x int) bool { return x == n },
		"<": func(x int) bool { return x < n }, "<=": func(x int) bool { return x <= n },
		">": func(x int) bool { return x > n }, ">=": func(x int) bool { return x >= n },
	}[op]
	if err != nil || !known || n < 1 || n > MaxStars {
		return nil
	}
	return slices.DeleteFunc(allStars(), func(x int) bool { return !fits(x) })
}

func (p *searchParser) sort() string {
	s := Sort(strings.ToLower(p.value))
	if p.negated || !slices.Contains(Sorts(), s) {
		return "It can be sort:created_at, -created_at, updated_at or -updated_at."
	}
	p.q.Sort = s
	return ""
}

func (p *searchParser) created() string { return p.period(&p.q.Created) }

func (p *searchParser) updated() string { return p.period(&p.q.Updated) }

func (p *searchParser) period(when *Period) string {
	const reason = "It takes a day like 2026-01-31, today or yesterday, with <, <=, > or >= before it, or an age like <7d (h, d, w, m, y)."
	asked, ok := parsePeriod(p.value)
	if !ok || p.negated {
		return reason
	}
	*when = when.And(asked)
	return ""
}
