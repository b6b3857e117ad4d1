package auth

import "net/url"

// Navigation is what the headers of a request say about how a browser came to make it, each as it was sent, empty where it
// was not.
type Navigation struct {
	Method string
	// Speculative: one of Sec-Purpose, Purpose, X-Purpose and X-Moz is there.
	Speculative bool
	// Origin may be "null".
	Origin, Referer string
	// FetchSite, FetchMode and FetchDest are Sec-Fetch-Site, -Mode and -Dest.
	FetchSite, FetchMode, FetchDest string
}

// Verdict says what becomes of a request that brings a hand-off token.
type Verdict uint8

// The verdicts. Only SignIn and Chained consume the token.
const (
	// AnswerHead: 200, nothing else.
	AnswerHead Verdict = iota + 1
	// Preflight: 204 with the answer to a CORS preflight.
	Preflight
	// Speculation: 503, not to be stored: a prefetch looks exactly like a visit but for its purpose.
	Speculation
	// Ready: 200 and a constant {"status":"handoff_ready"} for a page's fetch; the token was not even looked up.
	Ready
	// NewTab: 200 and a page that has itself opened in a tab of its own: we are in a frame, or not shown at all.
	NewTab
	// AskFirst: 200 and "Continue as …?", whose button posts.
	AskFirst
	// SignIn: the visitor is signed in: cookie, 303 to the landing.
	SignIn
	// Chained: 302 to /auth/continue with the next token, and a cookie: the client is no browser.
	Chained
	// Button: 200 and a page with a button: whoever follows redirects for a browser has to let the browser press it.
	Button
	// Elsewhere: 302 to another host of the tenant, where the visitor is signed in.
	Elsewhere
)

// String is the verdict's name, for logs and tests.
func (v Verdict) String() string {
	names := [...]string{"none", "head", "preflight", "speculation", "ready", "new tab", "ask first", "sign in", "chained", "button", "elsewhere"}
	if int(v) < len(names) {
		return names[v]
	}
	return names[0]
}

// modern says whether the client tells how it came to make the request, as every browser of today does.
func (n Navigation) modern() bool {
	return n.FetchSite != "" || n.FetchMode != "" || n.FetchDest != ""
}

// browser says whether the request shows any sign of a browser. Sec-Fetch-Mode alone is none: browsers send all three, the
// fetch of Node only that one.
func (n Navigation) browser() bool {
	return n.FetchSite != "" || n.FetchDest != "" || n.Origin != "" || n.Referer != ""
}

// The methods that the callback tells apart. This package doesn't know net/http.
const (
	methodGet     = "GET"
	methodPost    = "POST"
	methodHead    = "HEAD"
	methodOptions = "OPTIONS"
)

// arrival decides what a request for the callback is, from its headers alone: in all cases but SignIn and Chained the token
// has not even been looked up. The order of the rules matters.
func (n Navigation) arrival() Verdict {
	switch {
	case n.Method == methodHead:
		return AnswerHead
	case n.Method == methodOptions:
		return Preflight
	case n.Speculative:
		return Speculation
	case n.Origin != "":
		return Ready
	case !n.modern():
		return Chained
	case n.FetchMode != "navigate":
		return Ready
	case n.FetchDest != "document":
		return NewTab
	}
	return SignIn
}

// asVisit is a form that was posted as if its page had led here by a link: what Origin says of a form, Referer says of a link.
func (n Navigation) asVisit() Navigation {
	if n.Method != methodPost {
		return n
	}
	n.Method = methodGet
	if n.Origin != "" {
		n.Referer, n.Origin = n.Origin, ""
	}
	return n
}

// existing is the requester's session that the browser has at this host already. The zero existing is none.
type existing struct {
	level Level
	email string
}

// welcome says whether somebody who brings a claim may be signed in without being asked: what has to be ruled out is that
// another site signs the visitor in as somebody else. Trusted says which origins' pages may send visitors.
func (n Navigation) welcome(c *Claim, had existing, trusted func(origin string) bool) bool {
	switch {
	case had.level != 0:
		return had.email == c.Email
	case !n.browser(): // it has shown the chain's cookie, or it would not have come this far
		return true
	case n.FetchSite == "none":
		return c.Level == Vouched && c.Source == FromServer
	}
	return c.Source != FromElsewhere && trusted(originOf(n.Referer))
}

// source says who asks for a hand-off.
func (n Navigation) source(trusted func(origin string) bool) Source {
	switch {
	case !n.browser():
		return FromServer
	case n.Origin != "" && trusted(n.Origin), n.Origin == "" && trusted(originOf(n.Referer)):
		return FromListed
	}
	return FromElsewhere
}

// originOf is the origin of a URL, or empty.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
