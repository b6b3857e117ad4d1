package web

import "time"

// agentRow is a ticket in the console's list.
type agentRow struct {
	Number    uint64
	Title     string
	Status    statusLabel
	Priority  statusLabel
	Requester string
	// Verified is false for a requester who only claims to be that person.
	Verified bool
	// Disowned: the owner of the address says that the ticket is not theirs.
	Disowned bool
	Assignee string
	Updated  time.Time
}

// agentListView is the console's list.
type agentListView struct {
	frame

	Views []agentTab
	Query string
	Rows  []agentRow
	Next  string
}

// agentTab is one of the console's views of the tickets.
type agentTab struct {
	Name, URL string
	Current   bool
}

// agentTicketView is one ticket as agents see it.
type agentTicketView struct {
	frame

	Number         uint64
	Subject        string
	Version        uint64
	Status         statusLabel
	Priority       statusLabel
	Category       string
	Tags           []string
	Requester      string
	RequesterEmail string
	Verified       bool
	Disowned       bool
	Assignee       string
	Mine           bool
	Opened         time.Time
	Messages       []message
	// Statuses are what the ticket can become with the next answer.
	Statuses   []option
	Priorities []option
	// What was typed, when it could not be taken.
	Reply            string
	Files            filesField
	Internal, Assign bool
	Errors           fieldErrors
	Key              string
}

// agentLoginView is the staff's sign-in form.
type agentLoginView struct {
	frame

	Email string
	// Next is where to go afterwards.
	Next string
	// Done is what to say about what was done just now.
	Done string
	// Provider is where staff may sign in instead, empty if there is no such place.
	Provider string
	Errors   fieldErrors
}

// leaveView is the page on the way to the tenant's provider.
type leaveView struct {
	frame

	To, URL string
}

// inviteView asks a new agent for a password.
type inviteView struct {
	frame

	Token, Email, Name string
	Errors             fieldErrors
}
