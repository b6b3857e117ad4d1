package web

import "time"

// notice is a sentence above the content of the portal's pages, with the way to do something about it.
type notice struct {
	Text string
	Link link
}

// confirmView asks for the code that was mailed, or offers to mail one.
type confirmView struct {
	frame

	// Ready: the node can mail codes.
	Ready bool
	Email string
	// Sent: a code waits to be typed. Good says for how long.
	Sent      bool
	TriesLeft int
	Good      string
	// Wait is how long it is until the address may be mailed to again; empty: it may be now.
	Wait     string
	Next     string
	Remember bool
	// Draft is the request that waits for the code, nil for none.
	Draft  *createForm
	Errors fieldErrors
}

// claimView shows the requests that may be the viewer's.
type claimView struct {
	frame

	Email  string
	Claims []claim
	// Next is the page to go on to.
	Next string
}

// claim is a request that somebody filed who only said to have the viewer's address.
type claim struct {
	Number    uint64
	Subject   string
	Name      string
	Filed     time.Time
	Beginning string
}

// signedInView shows where the viewer is signed in.
type signedInView struct {
	frame

	Sessions []place
	// More is how many sessions there are beside those.
	More    int
	Devices []place
}

// place is a browser in which the viewer is signed in, or which is remembered.
type place struct {
	ID      string
	Browser string
	Host    string
	IP      string
	Since   time.Time
	Seen    time.Time
	// Here: it is this very browser.
	Here bool
	// Widget is the host of the partner's page on whose widget they are signed in, empty for the portal.
	Widget string
}
