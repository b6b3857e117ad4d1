package web

import (
	"html/template"
	"time"
)

// ticketCard is a ticket in one of the portal's lists.
type ticketCard struct {
	Number  uint64
	Title   string
	Status  statusLabel
	Updated time.Time
}

// statusLabel is a status in the words of whoever reads the page, with its key for the style: "waiting", "open", "done".
type statusLabel struct {
	Key, Text string
}

// message is one text of a thread: the ticket's description first, then its comments.
type message struct {
	ID     string
	Author string
	At     time.Time
	// Staff: an agent wrote it. Internal: requesters never see it. Own: whoever looks at the page wrote it.
	Staff, Internal, Own bool
	// Body is the Markdown text as clean HTML.
	Body template.HTML
	// Skipped, if not empty, is the address of messages between this one and the next.
	Skipped string
}

// option is one choice of a select.
type option struct {
	Value, Text string
	Selected    bool
}

// fieldErrors are the sentences about the fields of a form, shown beside them.
type fieldErrors map[string][]string

// dashboardView is the portal's first page.
type dashboardView struct {
	frame

	// Waiting are the tickets that wait for the requester, Open those that the desk works on.
	Waiting, Open []ticketCard
	// Solved are the latest few that are done.
	Solved []ticketCard
}

// Of is what the "cards" template needs to show some of the tickets.
func (v *dashboardView) Of(cards []ticketCard) *cardsView {
	return &cardsView{frame: v.frame, Cards: cards}
}

// cardsView is a column of cards.
type cardsView struct {
	frame

	Cards []ticketCard
}

// ticketsView is the list of the requester's tickets.
type ticketsView struct {
	frame

	// Shows are the filters: "all", "open", "solved".
	Shows []option
	Query string
	Cards []ticketCard
	// Next is the address of the next part, or empty.
	Next string
}

// createView is the form for a new request.
type createView struct {
	frame

	Form       createForm
	Categories []option
	// Confirms: the request is taken once the address is confirmed. Codes: it can be.
	Confirms, Codes bool
	Errors          fieldErrors
}

// createForm is what the requester typed.
type createForm struct {
	Title, Description, Category string
	// Key makes a form that is sent twice file one ticket.
	Key string
}

// threadView is one ticket as its requester sees it.
type threadView struct {
	frame

	Number   uint64
	Subject  string
	Status   statusLabel
	Category string
	Opened   time.Time
	Messages []message
	// Reply is the text that the requester typed, when it could not be taken.
	Reply                         string
	Errors                        fieldErrors
	MayReply, MaySolve, MayReopen bool
	// FollowUp: a reply makes a new ticket, because this one has been closed for too long.
	FollowUp bool
	Key      string
}
