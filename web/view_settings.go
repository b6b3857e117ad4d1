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
	// Provider is where the member signs in as well, empty if there is no such place.
	Provider string
	Errors   fieldErrors
}

// providerView is the page about the provider at which staff may sign in.
type providerView struct {
	frame

	Done                      string
	Issuer, ClientID, Domains string
	// SecretSet is when the client secret was set; zero: there is none.
	SecretSet time.Time
	// On: staff may sign in there.
	On bool
	// Callbacks are the addresses to register at the provider.
	Callbacks []string
	Errors    fieldErrors
}
