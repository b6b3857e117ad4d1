package web

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
