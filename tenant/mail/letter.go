package mail

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Kind is what a letter is about. It chooses the words.
type Kind string

// The kinds of letters, and the fields that each of them has.
const (
	// Code is the code that confirms an address. Fields: "code"; optional: "for", which is "sign-in" where it also signs in.
	Code Kind = "code"
	// Invite asks somebody to join the staff. Fields: "url", and "role" (agent or admin).
	Invite Kind = "invite"
	// Reset lets a member of staff choose a new password. Fields: "url".
	Reset Kind = "reset"
	// Notice tells somebody what happened to their account. Fields: "what", one of the Notice… words; "when", RFC 3339; optional:
	// "ip", "device", "detail" (as the name of a passkey).
	Notice Kind = "notice"

	// The following are about tickets; see package tickets/notify, which writes them and reads the facts when they are sent. Fields:
	// "ticket", "reader" and "what"; optional: "new", "about", "last".

	// Request tells a requester what became of their request.
	Request Kind = "request"
	// Claimed tells the owner of an address, and nothing of what was written, that a request was filed in its name and answered.
	Claimed Kind = "claimed"
	// Work tells a member of staff what there is to do.
	Work Kind = "work"
	// WebhookOff tells an admin that the program has switched a webhook off. It is essential. Fields: "reader", "webhook", "name", "why"; optional:
	// "answer", the last one, and "body", how that began.
	WebhookOff Kind = "webhook_off"
	// Digest tells a member of staff of several tickets at once. Fields: "reader", and "tickets": a line for each with its ID, what there is to
	// tell, the new comments, and perhaps "last", with one space between them; optional: "about", "over".
	Digest Kind = "digest"
)

// AboutTickets says whether letters of this kind tell what happens to tickets: they come without anybody's asking for each.
func (k Kind) AboutTickets() bool { return k == Request || k == Claimed || k == Work || k == Digest }

// What a Notice may be about: the values of its field "what".
const (
	NoticePassword       = "password"        // the password was changed
	NoticePasskeyAdded   = "passkey_added"   // a passkey was added
	NoticePasskeyRemoved = "passkey_removed" // a passkey was removed
	NoticeTOTPOn         = "totp_on"         // codes of an authenticator app are asked for from now on
	NoticeTOTPOff        = "totp_off"        // and are no longer
	NoticeRecovery       = "recovery"        // new recovery codes were made
	NoticeRecoveryUsed   = "recovery_used"   // somebody signed in with a recovery code
	NoticeSignIn         = "sign_in"         // somebody signed in from a new device
)

// Letter is what the product has to tell somebody. It names facts; the words are the renderer's.
type Letter struct {
	Kind Kind
	// To is the address, and Name what the person is called. Only for a person whom the tenant knows: a name that a visitor claims
	// is left out of a letter to the address that he claims.
	To, Name string
	// Fields are the facts, by the names that the Kind has for them.
	Fields map[string]string
	// Host is where the letter's reader is expected; empty: the tenant's primary host.
	Host tenant.Host
	// Thread sets apart the letters that belong together, a word for a Message-ID: mail programs show them as one conversation. Opens says that
	// this one is the first of them.
	Thread string
	Opens  bool
	// Expires is when the letter is worth nothing any more; it is not sent after. Zero: never.
	Expires time.Time
}

// threadLetters are what the word for a thread is made of.
const threadLetters = "abcdefghijklmnopqrstuvwxyz0123456789._-"

// errLetter: the letter could not be rendered as it is.
var errLetter = errors.New("incomplete letter")

// fields are the fields of each kind, those that a letter must have first.
func (k Kind) fields() (must, may []string, known bool) {
	switch k {
	case Code:
		return []string{"code"}, []string{"for"}, true
	case Invite:
		return []string{"url"}, []string{"role"}, true
	case Reset:
		return []string{"url"}, nil, true
	case Notice:
		return []string{"what", "when"}, []string{"ip", "device", "detail"}, true
	case Request, Claimed, Work:
		return []string{"ticket", "reader", "what"}, []string{"new", "about", "last"}, true
	case WebhookOff:
		return []string{"reader", "webhook", "name", "why"}, []string{"answer", "body"}, true
	case Digest:
		return []string{"reader", "tickets"}, []string{"about", "over"}, true
	default:
		return nil, nil, false
	}
}

// check refuses a letter that nobody could render or deliver.
func (l *Letter) check() error {
	must, may, known := l.Kind.fields()
	if !known {
		return fmt.Errorf("%w: there is no kind %q", errLetter, l.Kind)
	}
	if l.To == "" {
		return fmt.Errorf("%w: %s to nobody", errLetter, l.Kind)
	}
	if strings.Trim(l.Thread, threadLetters) != "" {
		return fmt.Errorf("%w: %s in the thread %q", errLetter, l.Kind, l.Thread)
	}
	for _, name := range must {
		if l.Fields[name] == "" {
			return fmt.Errorf("%w: %s without %s", errLetter, l.Kind, name)
		}
	}
	for name := range l.Fields {
		if !slices.Contains(must, name) && !slices.Contains(may, name) {
			return fmt.Errorf("%w: %s with %s", errLetter, l.Kind, name)
		}
	}
	if l.Kind == Code && l.Name != "" {
		return fmt.Errorf("%w: a code goes to whoever has the address, not to a name that somebody claims", errLetter)
	}
	return nil
}
