package web

import (
	"time"

	"github.com/deskgate/deskgate/tickets/file"
)

// consoleView is a page of the console: the views, a list, and a ticket beside it if one is chosen.
type consoleView struct {
	frame

	Stand stand
	// Done is what to say about what was done just now.
	Done string
	// Seen is the number of the last event that the page has seen: what happens after it is news.
	Seen uint64
	// Keys: single keys work.
	Keys  bool
	Views []consoleTab
	// Saving: the present search can be saved as a view, with this text.
	Saving string
	// Dropping is where the present view is removed, empty where it is not the agent's.
	Dropping string
	// Setup is where an admin sees how requests get here, of a help desk that has none.
	Setup  string
	List   listView
	Ticket *ticketView
	// Sending are the replies that the agent can still take back.
	Sending []sendingView
	// Turned are the tickets whose status the agent can still take back; nil: none.
	Turned *turnedView
}

// Page is "ticket" or "list": what narrow windows show alone.
func (v *consoleView) Page() string {
	if v.Ticket != nil {
		return "ticket"
	}
	return "list"
}

// To is the address of one of the console's pages, with the list that is shown in it.
func (v *consoleView) To(path string) string { return v.Href(v.Stand.at(path)) }

// consoleTab is one of the views.
type consoleTab struct {
	Name, URL string
	Icon      string
	// Count is how many tickets it has, empty if nobody counted.
	Count   string
	Current bool
	// Saved: somebody made it. It stands below the others.
	Saved bool
}

// listView is the list of tickets.
type listView struct {
	// Name is the view's.
	Name  string
	Query string
	// Problems are sentences about what the search did not understand.
	Problems []string
	Rows     []rowView
	Sorts    []option
	// First and Next are the addresses of the list's beginning and of its next part, or empty.
	First, Next string
	// Key keeps the bar's form from counting twice.
	Key string
	// Assignees, Categories, Priorities and Statuses are the choices of the bar for many tickets at once.
	Assignees, Categories, Priorities, Statuses []option
	// What else the bar offers.
	MayClose, MaySpam, MayNoSpam bool
}

// rowView is a ticket in the list.
type rowView struct {
	Number  uint64
	Version uint64
	Title   string
	URL     string
	// Snippet is the beginning of what the requester wrote.
	Snippet   string
	Status    statusLabel
	Fresh     bool
	Priority  string // the key, empty for the usual one
	PriorityT string
	Requester string
	// Verified is false for a requester who only claims to be that person.
	Verified bool
	// Disowned: the owner of the address says that the ticket is not theirs.
	Disowned bool
	Assignee string
	Mine     bool
	Updated  time.Time
	Overdue  bool
	Current  bool
	// Offers is what the bar for many tickets can do to this one, for the page's script.
	Offers string
}

// sendingView is a reply that can still be taken back.
type sendingView struct {
	ID      string
	Number  uint64
	Due     time.Time
	Seconds int
	URL     string
}

// turnedView are tickets whose status the agent has changed just now.
type turnedView struct {
	URL, Text string
	Numbers   []uint64
	Due       time.Time
}

// ticketView is one ticket as agents see it.
type ticketView struct {
	Number  uint64
	Version uint64
	Subject string
	// Path is the ticket's own address without the list beside it; the others lead to what can be done with it.
	Path                                        string
	Answer, Change, Rename, Draft, State, Merge string
	// Find is where a field asks for other tickets as one types.
	Find              string
	Close, History    string
	Status            statusLabel
	Opened            time.Time
	Source            string
	Deleted, Spam     bool
	DeletedAt, GoneAt time.Time
	MergedInto        uint64
	MergedURL         string
	FollowUpOf        *link
	Split             []link
	Requester         requesterPanel
	First             messageView
	Earlier           string
	Folded, Shown     []messageView
	Pending           []messageView
	Last              string
	Activity          []activityView
	OlderActivity     string
	Editor            editorView
	Properties        propertiesView
	Present           string
	Presence          string
	Mine, Done        bool
	Other             []rowView
	Errors            fieldErrors
}

// requesterPanel is who asks for help.
type requesterPanel struct {
	Name, Email, ExternalID string
	Language                string
	Nobody                  bool
	// Organization is the ticket's, Colleagues the address of the list of all its tickets. Now is the requester's own, if that is another.
	Organization, Colleagues, Now string
	// Verified: the ticket is theirs for sure. Proven: they have come in with a proof of their address before, too.
	Verified, Proven, Disowned bool
	// Unreachable is what the mail server says that refuses letters to the requester; empty: none does.
	Unreachable string
	// Undeliverable says that mail to them comes back.
	Undeliverable string
	// All is the address of the list of all their tickets.
	All string
}

// messageView is one message of the thread.
type messageView struct {
	message

	Role string // a chip beside the name
	// Due is when a reply that waits is sent; Held its id, if the reader may take it back.
	Due  time.Time
	Held string
	Wait string
	// Split is where the message can be split off; empty: it cannot.
	Split string
}

// activityView is one thing that happened to the ticket.
type activityView struct {
	Who, What string
	At        time.Time
	Changes   []string
}

// editorView is the form for replies and notes.
type editorView struct {
	Body     string
	Internal bool
	Statuses []option
	// Saved is when the draft was kept; Returned why a reply came back.
	Saved    time.Time
	Returned string
	Replies  []option
	Tags     string // that a canned reply gives to the ticket
	Files    filesField
	Key      string
	Errors   fieldErrors
}

// propertiesView is the form of the ticket's properties.
type propertiesView struct {
	Statuses, Priorities, Categories, Assignees []option
	Tags                                        string
	Fields                                      []fieldView
	// Was is what the form showed, so that it can be told what the agent changed.
	Was []fieldView
	Due []dueView
	// Stars is the requester's rating, 0 for none; Said is what they wrote with it.
	Stars  int
	Said   string
	Errors fieldErrors
}

// fieldView is a custom field, or a value that a form carries.
type fieldView struct {
	Name, Value string
}

// dueView is a time until which something has to be done.
type dueView struct {
	Text string
	At   time.Time
	Late bool
	Done bool
}

// conflictView shows what a colleague and the agent did at the same time.
type conflictView struct {
	frame

	Number  uint64
	Subject string
	Action  string
	Back    string
	// Who changed it last, Since when.
	Who   string
	Since time.Time
	// Fields are those that both have changed, Kept those of the agent's that go with them.
	Fields []clashView
	Kept   []fieldView
	// Messages are what was written while the agent wrote, Body and the rest what the agent wrote.
	Messages []messageView
	Sending  []string
	Body     string
	Hidden   []fieldView
	Version  uint64
	Internal bool
}

// clashView is a property that two have changed.
type clashView struct {
	Name, Label        string
	Base, Theirs, Mine string
	TheirsRaw, MineRaw string
}

// bulkView says what became of many tickets.
type bulkView struct {
	frame

	Back string
	// Done is how many were changed, Sum the sentence that says so and why others were not.
	Done int
	Sum  string
	Rows []outcomeView
}

// outcomeView is what became of one of them.
type outcomeView struct {
	Number uint64
	URL    string
	Title  string
	Good   bool
	Why    string
}

// mergeView asks which of some tickets the others go into.
type mergeView struct {
	frame

	Action, Back string
	Rows         []rowView
	Missing      []uint64
	Into         uint64
	// Sought is what another ticket is searched by, Found the tickets that this finds, and Find where a field asks for some as one types.
	Sought, Find string
	Found        []rowView
	// Differ: they are not all of one requester.
	Differ bool
	Errors fieldErrors
}

// newTicketView is the form for a ticket that an agent opens for somebody.
type newTicketView struct {
	frame

	Form       newTicketForm
	Files      filesField
	Categories []option
	Priorities []option
	Assignees  []option
	Errors     fieldErrors
	Action     string
	Back       string
}

// newTicketForm is what the agent typed.
type newTicketForm struct {
	Title, Description, Category, Priority, Assignee, Tags, Email, Name, Key string
	// files are stored already.
	files []file.Info
}
