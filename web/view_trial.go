package web

import (
	"strings"

	"github.com/deskgate/deskgate/auth"
)

// trialView is a page on which integrators try the redirect login, with a script or with a form.
type trialView struct {
	frame

	// Fetch: with a script.
	Fetch bool
	// Slug names the help desk; Fixed: it is the one at whose host the page is.
	Slug  string
	Fixed bool
	// Given is what was typed before, but for proofs: those work once.
	Given loginFields
	// Steps are what came of it; nil before the first try.
	Steps *trialSteps
}

// Query has the other pages know whom this one is about.
func (v *trialView) Query() string {
	if v.Fixed || v.Slug == "" {
		return ""
	}
	return "?tenant=" + v.Slug
}

// trialSteps are the steps of one try, in the order in which they happen.
type trialSteps struct {
	// The page asks.
	URL, Body string
	Sent      []header
	// Deskgate answers, with a Problem or with the rest.
	Status   string
	Received []header
	Problem  *answerError
	// The browser goes to Callback within Life seconds. Link is the same with the whole token.
	Callback, Link string
	Life           int
	// The user arrives.
	Assurance, Meaning, Landing, Back string
	Warnings                          []string
	// For real: the form as it would stand on a partner's page. Proven: there was a proof, which is used up.
	Action string
	Hidden []hiddenField
	Proven bool
}

// header is one line of a request or an answer.
type header struct{ Name, Value string }

// meaning says in a sentence what a level is worth.
func meaning(l auth.Level) string {
	if l == auth.Vouched {
		return "They see all of their requests."
	}
	return "They file requests, and see what this browser has filed. Nothing proved that the address is theirs."
}

// brief shortens the token in an address: it is long, and a secret for two minutes.
func brief(address string) string {
	const shown = 12
	before, token, found := strings.Cut(address, "token=")
	if !found || len(token) <= shown {
		return address
	}
	return before + "token=" + token[:shown] + "…"
}
