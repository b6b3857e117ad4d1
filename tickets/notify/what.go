package notify

import (
	"slices"
	"strings"
)

// What says what a letter tells, in one word. A letter may tell several things.
type What string

// What requesters are told.
const (
	Received What = "received" // they filed it themselves
	Filed    What = "filed"    // somebody filed it for them
	Replied  What = "replied"
	Solved   What = "solved"
	Waiting  What = "waiting" // for them, since long
	Closing  What = "closing" // it is solved, and soon closed
)

// What staff is told.
const (
	Opened    What = "opened"
	Assigned  What = "assigned"
	Answered  What = "answered" // the requester has written
	Moved     What = "moved"    // the requester has solved it, or opened it again
	Rated     What = "rated"
	Noted     What = "noted" // a colleague has written
	Mentioned What = "mentioned"
	Overdue   What = "overdue"
)

// Class is a class of letters that somebody can do without. That of a digest is several, with commas between them.
type Class string

// Each are the classes of which it is made.
func (c Class) Each() []Class {
	var all []Class
	for one := range strings.SplitSeq(string(c), ",") {
		if one != "" {
			all = append(all, Class(one))
		}
	}
	return all
}

// classOf is the class of a letter about several things.
func classOf(all []Class) Class {
	slices.Sort(all)
	words := make([]string, 0, len(all))
	for _, c := range slices.Compact(all) {
		words = append(words, string(c))
	}
	return Class(strings.Join(words, ","))
}

// The classes of letters. AboutReplies is there for both sides, and AboutClaims for addresses that others name.
const (
	AboutReceipts  Class = "receipts"
	AboutReplies   Class = "replies"
	AboutSolved    Class = "solved"
	AboutReminders Class = "reminders"
	AboutClaims    Class = "claims"
	AboutNew       Class = "new"
	AboutAssigned  Class = "assigned"
	AboutNotes     Class = "notes"
	AboutOverdue   Class = "overdue"
)

// classes say which class of letters tells what.
var classes = map[What]Class{
	Received: AboutReceipts, Filed: AboutReceipts, Replied: AboutReplies, Solved: AboutSolved, Waiting: AboutReminders, Closing: AboutReminders,
	Opened: AboutNew, Assigned: AboutAssigned, Answered: AboutReplies, Moved: AboutReplies, Rated: AboutReplies,
	Noted: AboutNotes, Mentioned: AboutNotes, Overdue: AboutOverdue,
}

// weight is the order in which a letter tells several things, the most important first.
var weight = []What{
	Mentioned, Assigned, Overdue, Solved, Replied, Answered, Moved, Waiting, Closing, Rated, Noted, Opened, Filed, Received,
}

// sorted are the things that a letter tells, each once, the most important first.
func sorted(all []What) []What {
	slices.SortFunc(all, func(a, b What) int { return slices.Index(weight, a) - slices.Index(weight, b) })
	return slices.Compact(all)
}

func join(all []What) string {
	words := make([]string, len(all))
	for i, w := range all {
		words[i] = string(w)
	}
	return strings.Join(words, ",")
}

func split(s string) []What {
	var all []What
	for word := range strings.SplitSeq(s, ",") {
		all = append(all, What(word))
	}
	return all
}
