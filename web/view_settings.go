package web

import "time"

// accountView is a member's own page of the settings.
type accountView struct {
	frame

	// Done is what to say about what was done just now.
	Done        string
	Name, Email string
	Admin       bool
	Joined      time.Time
	Errors      fieldErrors
}

// stepUpView asks a member to prove once more who they are.
type stepUpView struct {
	frame

	Email string
	// Next is where to go on.
	Next string
	// Password: the account has one.
	Password bool
	Errors   fieldErrors
}
