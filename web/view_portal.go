package web

import (
	"html/template"
	"time"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// ticketCard is a ticket in one of the portal's lists.
type ticketCard struct {
	Number  uint64
	Title   string
	Status  statusLabel
	Updated time.Time
	// Of is whose it is, in a list that has others' as well.
	Of string
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
	Body  template.HTML
	Files []shownFile
	// From is where the message was written, if that ticket was merged into this one.
	From *origin
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
	// Welcome is what the tenant says first, empty for our own words.
	Welcome string
}

// ticketsView is the list of the requester's tickets.
type ticketsView struct {
	frame

	// Scopes are the requester's own list and that of their organization, with their addresses; empty: there is only one. Company: it
	// is the organization's. ScopeName is what the address calls it.
	Scopes    []option
	Company   bool
	ScopeName string
	// Shows are the filters with their addresses. Show is the name of the chosen one, empty for all.
	Shows []option
	Show  string
	Query string
	Cards []ticketCard
	// Newest and Next are the addresses of the first and of the next part; empty: there is no other.
	Newest, Next string
}

// createView is the form for a new request.
type createView struct {
	frame

	Form       createForm
	Files      filesField
	Categories []option
	// Confirms: the request is taken once the address is confirmed. Codes: it can be.
	Confirms, Codes bool
	// ReadBy is whose members can read the request; empty: nobody but who files it.
	ReadBy string
	Errors fieldErrors
}

// createForm is what the requester typed.
type createForm struct {
	Title, Description, Category string
	// Files are stored already.
	Files []file.Info
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
	// Solved: a reply opens the ticket again.
	Solved bool
	// Rating is nil where the requester has none to give, and has given none.
	Rating *ratingView
	// Receipt is not nil if the request was filed just now.
	Receipt *receiptView
	// Reply is the text that the requester typed, when it could not be taken.
	Reply                         string
	Files                         filesField
	Errors                        fieldErrors
	MayReply, MaySolve, MayReopen bool
	// Colleague is whose ticket it is, if not the reader's own: it can only be read.
	Colleague string
	// ReadBy is whose members can read it, too; empty: nobody's.
	ReadBy string
	// FollowUp: a reply makes a new ticket, because this one has been closed for too long.
	FollowUp bool
	Key      string
	// Seen is the number of the last event that the page has seen: what happens after it is news.
	Seen uint64
}

// ratingView is what the requester thought of the help, and the form for it.
type ratingView struct {
	// Given is the number of stars, 0 for none yet. Thanks: they were given just now.
	Given  int
	Thanks bool
	// Open: they can be given, or changed.
	Open    bool
	Comment string
	Choices []option
	Errors  fieldErrors
}

// Row are the five stars, those that were given first.
func (v *ratingView) Row() []bool {
	all := make([]bool, tickets.MaxStars)
	for i := range all {
		all[i] = i < v.Given
	}
	return all
}

// meView is the requester's own page.
type meView struct {
	frame

	Done    string
	Reading readingView
}

// readingView are the language and the time zone of whoever looks at the page, and what else they could be.
type readingView struct {
	Languages, Zones []option
	Now              time.Time
	Errors           fieldErrors
}
