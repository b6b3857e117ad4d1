package auth

// Navigation is what the headers of a request say about how a browser came to make it, header by header as sent.
type Navigation struct {
	Method string
	// Speculative: one of Sec-Purpose, Purpose, X-Purpose and X-Moz is there.
	Speculative bool
	// Origin is the header as sent, "null" included, empty where there is none. Referer likewise.
	Origin, Referer string
	// FetchSite, FetchMode and FetchDest are Sec-Fetch-Site, -Mode and -Dest.
	FetchSite, FetchMode, FetchDest string
}

// Verdict says what becomes of a request that brings a hand-off token.
type Verdict uint8

// The verdicts. Only SignIn and Chained have consumed the token.
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
)

// Existing is the session that the browser has at this host already. The zero Existing is none.
type Existing struct {
	Level Level
	Email string
}
