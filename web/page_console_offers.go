package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// What the bar for many tickets offers beside the statuses that they can get.
const (
	offerSpam   = "spam"
	offerNoSpam = "no-spam"
)

// offers are what the bar for many tickets can do to this one: the statuses that it can get, and whether it can become spam,
// or no spam. What can be done to any ticket is not in it.
func offers(t *tickets.Ticket, a tickets.Actor) []string {
	if t.MergedInto != "" {
		return nil
	}
	var all []string
	for _, status := range a.Moves(t.Status) {
		all = append(all, string(status))
	}
	if t.Spam() {
		return append(all, offerNoSpam)
	}
	return append(all, offerSpam)
}

// fillOffers has the bar offer what can be done to at least one ticket of the list.
func (v *consoleView) fillOffers() {
	can := map[string]bool{}
	for i := range v.List.Rows {
		for offer := range strings.FieldsSeq(v.List.Rows[i].Offers) {
			can[offer] = true
		}
	}
	for _, status := range tickets.Statuses() {
		if can[string(status)] {
			v.List.Statuses = append(v.List.Statuses, option{Value: string(status), Text: v.status(status).Text})
		}
	}
	v.List.MayClose, v.List.MaySpam, v.List.MayNoSpam = can[string(tickets.StatusClosed)], can[offerSpam], can[offerNoSpam]
}

// bulkSays are the reasons why one ticket was not changed, and why some of many were not.
var bulkSays = map[string]struct{ one, some string }{
	"NOT_FOUND":          {words.Key("There is no such ticket any more."), words.Key("%d are not there any more")},
	"INVALID_TRANSITION": {words.Key("It can't get this status from the one that it has."), words.Key("%d can't get this status from the one that they have")},
	"TICKET_MERGED":      {words.Key("It was merged into another ticket."), words.Key("%d were merged into other tickets")},
	"VERSION_CONFLICT":   {words.Key("Somebody changed it at the same moment."), words.Key("%d were changed by somebody else at the same moment")},
	"VALIDATION_FAILED":  {words.Key("It can't take one of these values."), words.Key("%d can't take one of these values")},
}

// bulkOther is said where there is nothing better to say.
var bulkOther = struct{ one, some string }{words.Key("That is not possible."), words.Key("with %d it is not possible")}

// reason is why a ticket was not changed, by its code.
func reason(code string) struct{ one, some string } {
	if says, known := bulkSays[code]; known {
		return says
	}
	return bulkOther
}

// sum says in one sentence how many tickets were changed, how many were not, and why. Why has their number by code.
func (v *bulkView) sum(why map[string]int) {
	codes := slices.SortedFunc(maps.Keys(why), func(a, b string) int { return cmp.Or(why[b]-why[a], strings.Compare(a, b)) })
	total, reasons := v.Done, make([]string, 0, len(codes))
	for _, code := range codes {
		total += why[code]
		reasons = append(reasons, v.T(reason(code).some, why[code]))
	}
	all := strings.Join(reasons, ", ")
	switch {
	case total == 1:
		v.Sum = v.T("The ticket was not changed.") + " " + v.T(reason(codes[0]).one)
	case v.Done == 0:
		v.Sum = v.T("None of %d tickets was changed: %s.", total, all)
	default:
		v.Sum = v.T("%d of %d tickets were changed: %s.", v.Done, total, all)
	}
	if len(codes) == 1 { // which the sentence says of all of them
		for i := range v.Rows {
			v.Rows[i].Why = ""
		}
	}
}
