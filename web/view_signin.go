package web

// signInView tells a visitor without a session how to come in.
type signInView struct {
	frame

	// From are the partner's pages that send people over.
	From []link
	// SignedOut: the visitor has just signed out.
	SignedOut bool
	// Welcome is what the tenant says first, empty for nothing.
	Welcome string
	// Opens: whoever has asked for help before may have a code mailed.
	Opens bool
	// Email is what was typed for that, Next where it leads.
	Email, Next string
	Errors      fieldErrors
}

// knockView asks for the code that was mailed to somebody who has no session yet.
type knockView struct {
	frame

	// Email is the address that a code was asked for. Good says how long it can be typed, Wait when it may be mailed to again.
	Email, Good, Wait string
	TriesLeft         int
	Next              string
	Errors            fieldErrors
}

// continueView asks whether to go on as the person that a hand-off is for.
type continueView struct {
	frame

	// Action is where the form goes, Token what it brings along.
	Action, Token string
	// Fields are what it brings along besides.
	Fields []hiddenField
	// Who is the masked address.
	Who string
	// Instead is the masked address of whoever is signed in now, or empty.
	Instead string
}

// newTabView is what a frame shows instead of signing in.
type newTabView struct {
	frame

	URL string
}

// nameView asks for the name that a partner's form did not bring, and posts the rest again. What the visitor sends from it
// counts as meant, so it says for whom.
type nameView struct {
	frame

	Action string
	Email  string
	Fields []hiddenField
	Errors fieldErrors
}

// hiddenField is a field of a form that is sent along.
type hiddenField struct {
	Name, Value string
}

// problemView is an error as a page.
type problemView struct {
	frame

	Status      int
	Code        string
	Message     string
	Explanation string
	Details     string
	Errors      fieldErrors
	RequestID   string
	// Way leads on from here.
	Way *link
}

// nodeView is the page at the root of a node host.
type nodeView struct {
	frame
}
