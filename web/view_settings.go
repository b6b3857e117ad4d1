package web

import (
	"slices"
	"time"

	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/tenant"
)

// accountView is a member's own page of the settings.
type accountView struct {
	frame

	// Done is what to say about what was done just now.
	Done        string
	Name, Email string
	Admin       bool
	Joined      time.Time
	// Keys: single keys work in the console. Undo: replies wait for some seconds before they are sent.
	Keys, Undo bool
	Reading    readingView
	Errors     fieldErrors
}

// stepUpView asks a member to prove once more who they are.
type stepUpView struct {
	frame

	Email string
	// Next is where to go on.
	Next string
	// Code or Password says what is asked for; neither: the account has no way to prove it here.
	Code, Password bool
	// Passkeys: the member has one for this host.
	Passkeys bool
	// Provider is where the member signs in as well, empty if there is no such place.
	Provider string
	Errors   fieldErrors
}

// secondFactorView asks for the second factor of somebody who has shown the password.
type secondFactorView struct {
	frame

	Email string
	// Next is where to go afterwards.
	Next   string
	Errors fieldErrors
}

// authenticatorView shows the secret for an authenticator, and asks for its first code.
type authenticatorView struct {
	frame

	Email string
	Next  string
	// Action is where the form goes.
	Action string
	// Text is the secret as people type it, Code its QR code.
	Text   string
	Code   qrCode
	Errors fieldErrors
}

// recoveryView shows recovery codes, once.
type recoveryView struct {
	frame

	Codes []string
	// Onward is the way on.
	Onward link
}

// forgotView asks for the address that a link to a new password is mailed to.
type forgotView struct {
	frame

	// Mail: the node sends mail. Sent: the link is on its way, if there is such an account.
	Mail, Sent bool
	Email      string
	Errors     fieldErrors
}

// newPasswordView asks for a new password.
type newPasswordView struct {
	frame

	Token, Email string
	Errors       fieldErrors
}

// securityView is what a member signs in with.
type securityView struct {
	frame

	Done       string
	Email      string
	Password   bool
	PasswordAt time.Time
	TOTP       bool
	TOTPAt     time.Time
	// Demanded: the help desk demands a second factor.
	Demanded   bool
	Left       int
	RecoveryAt time.Time
	Errors     fieldErrors
}

// sessionsView are the places where a member is signed in.
type sessionsView struct {
	frame

	Done     string
	Sessions []sessionRow
	// Others: there are sessions beside this one.
	Others bool
}

// sessionRow is one session.
type sessionRow struct {
	ID, Device, Method, Host, IP string
	Seen, Since                  time.Time
	// Here: it is the one that looks at the page.
	Here bool
	// Ending is where the form goes that ends it.
	Ending string
}

// signInSettingsView is how people come in, for admins.
type signInSettingsView struct {
	frame

	Done string
	// Unsigned is about visitors of whom nothing is proven, Unlisted about those from pages that are not listed,
	// ByMail about codes that are mailed to people who come from nowhere.
	Unsigned, ByMail, Unlisted []choice
	// Origins are the listed ones, one in a line.
	Origins      string
	SecondFactor []choice
	// Operators: staff may come in by SimpleAuth.
	Operators bool
	// Colleagues: requesters read those of others in their organization.
	Colleagues bool
	Errors     fieldErrors
}

// choice is one of the answers to a question of the settings.
type choice struct {
	Value, Text, Hint string
	Selected          bool
}

// passkeysView lists a member's passkeys.
type passkeysView struct {
	frame

	Done string
	// Host is where a new passkey will work.
	Host     string
	Passkeys []passkeyRow
	// Joined: the member has come from their invitation just now.
	Joined bool
	// Provider and Account are set for who signs in at the tenant's provider as well.
	Provider, Account string
	LinkedAt          time.Time
}

// passkeyRow is one passkey in the list.
type passkeyRow struct {
	passkey.Passkey

	Host string
	// Elsewhere: it works at another of the tenant's hosts, and not at this one.
	Elsewhere bool
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

// teamView is the list of the staff, for admins.
type teamView struct {
	frame

	Done    string
	Members []teamRow
	// Link is an invitation that was made just now, or nil.
	Link *handedLink
	// What was typed, when it could not be taken.
	Email, Name, Role string
	Errors            fieldErrors
}

// teamRow is one of the staff in the list.
type teamRow struct {
	ID, Name, Email string
	Admin, Joined   bool
	TOTP            bool
	SignedIn        time.Time
}

// handedLink is a link that an admin hands over to somebody.
type handedLink struct {
	Email, URL string
	Ends       time.Time
	// Mailed: it is on its way by mail as well. Invitation: it lets somebody join.
	Mailed, Invitation bool
}

// memberView is one of the staff, for admins.
type memberView struct {
	frame

	Done                      string
	ID, Name, Email           string
	Admin, TOTP               bool
	Invited, Joined, SignedIn time.Time
	// Own: the admin looks at themselves.
	Own      bool
	Link     *handedLink
	Sessions []sessionRow
}

// auditView is the audit log, and what it is narrowed to.
type auditView struct {
	frame

	Actor, Action, Since, Until string
	// Path is the page's own, and Next the address of older events; empty: there are none.
	Path, Next string
	Events     []auditRow
	// Filtered: not all events are asked for. Kept is how many days the log goes back.
	Filtered bool
	Kept     int
	Errors   fieldErrors
}

// auditRow is one event, and what people call whoever did it.
type auditRow struct {
	tenant.Event

	Who string
}

// Actions are what the filter offers. One that somebody came with by an address of their own is kept.
func (v *auditView) Actions() []option {
	all := []option{
		{Text: v.T("Everything")},
		{Value: "session.", Text: v.T("Sign-ins")},
		{Value: "login.", Text: v.T("Refused logins")},
		{Value: "code.", Text: v.T("Codes by mail")},
		{Value: "key.", Text: v.T("Keys")},
		{Value: "token.", Text: v.T("API tokens")},
		{Value: "agent.", Text: v.T("Agents")},
		{Value: "tenant.", Text: v.T("Settings")},
		{Value: "domain.", Text: v.T("Domains")},
		{Value: "mail.", Text: v.T("Mail that failed")},
	}
	i := slices.IndexFunc(all, func(o option) bool { return o.Value == v.Action })
	if i < 0 {
		all, i = append(all, option{Value: v.Action, Text: v.Action}), len(all)
	}
	all[i].Selected = true
	return all
}
