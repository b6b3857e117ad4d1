package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

// settingsPage is one page of the console's settings. Its path, and what lies below it, is guarded as it says.
type settingsPage struct {
	path, text string
	guard      settingsGuard
	// group is its part of the navigation.
	group int
}

// settingsGuard says whom a page of the settings is for.
type settingsGuard uint8

const (
	// forStaff: everybody who is signed in at the console.
	forStaff settingsGuard = iota
	// forProven: everybody, if they have proven just now who they are.
	forProven
	// forAdmins: admins, who may look at it at any time.
	forAdmins
	// forProvenAdmins: admins who have proven just now who they are. Whatever changes something for others is theirs.
	forProvenAdmins
	// readByStaff: what everybody may look at; admins who have proven just now who they are may change it.
	readByStaff
)

func (g settingsGuard) admins() bool { return g == forAdmins || g == forProvenAdmins }

// settingsGroups are the parts of the settings' navigation.
var settingsGroups = []string{words.Key("You"), words.Key("Help desk"), words.Key("Tickets"), words.Key("People"), words.Key("Your programs"), words.Key("Data")}

// settingsPages are all pages of the settings, by the parts of the navigation.
var settingsPages = []settingsPage{
	{accountPath, "Account", forStaff, 0},
	{securityPath, "Password and codes", forProven, 0},
	{passkeysPath, "Passkeys", forProven, 0},
	{sessionsPath, "Sessions", forStaff, 0},
	{notificationsPath, "Notifications", forStaff, 0},
	{repliesPath, "Canned replies", forStaff, 0},
	{startPath, "Getting started", forAdmins, 1},
	{generalPath, "General", forProvenAdmins, 1},
	{domainsPath, "Domains", readByStaff, 1},
	{mailPath, "Mail", forProvenAdmins, 1},
	{limitsPath, "Limits", forAdmins, 1},
	{categoriesPath, "Categories", forProvenAdmins, 2},
	{rulesPath, "Rules", forProvenAdmins, 2},
	{policyPath, "Targets and hours", forProvenAdmins, 2},
	{teamPath, "Team", forProvenAdmins, 3},
	{signInPath, "Sign-in", forProvenAdmins, 3},
	{providerPath, "Single sign-on", forProvenAdmins, 3},
	{keysPath, "Keys", forProvenAdmins, 4},
	{tokensPath, "API tokens", forProvenAdmins, 4},
	{webhooksPath, "Webhooks", forProvenAdmins, 4},
	{validatorPath, "Token validator", forAdmins, 4},
	{transferPath, "Import and export", forProvenAdmins, 5},
	{auditPath, "Audit log", forAdmins, 5},
}

// settingsRoute adds a route of the settings, guarded as the page is that it belongs to.
func (s *Server) settingsRoute(method, pattern string, h handler) {
	page := settingsPageOf(pattern)
	serve := map[settingsGuard]func(handler) http.HandlerFunc{
		forStaff: s.console, forProven: s.proven, forAdmins: s.adminView, forProvenAdmins: s.admin,
		readByStaff: s.admin,
	}[page.guard]
	if page.guard == readByStaff && method == get {
		serve = s.shown
	}
	s.table.add(tenantHosts, method, pattern, serve(h))
}

// settingsPageOf is the page that a path belongs to: the one with the longest path that leads there.
func settingsPageOf(path string) settingsPage {
	best := settingsPages[0]
	for _, p := range settingsPages {
		if (path == p.path || strings.HasPrefix(path, p.path+"/")) && len(p.path) > len(best.path) {
			best = p
		}
	}
	return best
}

// section is an entry of the settings' navigation.
type section struct {
	URL, Text string
	Current   bool
}

// sectionGroup is a part of the settings' navigation.
type sectionGroup struct {
	Text     string
	Sections []section
}

// settingsFrame is the frame of a page of the settings, with their navigation. The path is that of the page in
// settingsPages.
func (s *Server) settingsFrame(r *http.Request, title, path string) frame {
	f := s.ownFrame(r, title, "settings")
	for _, group := range settingsGroups {
		f.Settings = append(f.Settings, sectionGroup{Text: f.Reader.Say(group)})
	}
	mount := strings.TrimSuffix(tenant.VisitFrom(r.Context()).Mount, "/")
	for _, p := range settingsPages {
		if p.guard.admins() && callerOf(r).Role != auth.RoleAdmin {
			continue
		}
		f.Settings[p.group].Sections = append(f.Settings[p.group].Sections, section{URL: mount + p.path, Text: f.Reader.Say(p.text), Current: p.path == path})
	}
	f.Settings = slices.DeleteFunc(f.Settings, func(g sectionGroup) bool { return len(g.Sections) == 0 })
	return f
}

// proofLife is how long a member may change what matters after a proof of who they are.
const proofLife = 15 * time.Minute

// errStepUp: the member is signed in, and has to prove once more who they are.
var errStepUp = &answerError{
	Status: http.StatusForbidden, Code: "STEP_UP_REQUIRED", Message: "Confirm that it is you.",
	Explanation: "This needs a proof of who you are that is not older than 15 minutes. Confirm it on the page /agent/step-up.",
}

// adminView serves a page of the console for admins.
func (s *Server) adminView(h handler) http.HandlerFunc {
	return s.console(func(w http.ResponseWriter, r *http.Request) error {
		if callerOf(r).Role != auth.RoleAdmin {
			return errForbidden
		}
		return h(w, r)
	})
}

// shown serves a page that admins may change, as to them alone, and that all others of the staff may read.
func (s *Server) shown(h handler) http.HandlerFunc {
	toAdmins := s.afresh(h)
	return s.console(func(w http.ResponseWriter, r *http.Request) error {
		if callerOf(r).Role == auth.RoleAdmin {
			return toAdmins(w, r)
		}
		return h(w, r)
	})
}

// admin serves a page of the console for admins who have proven who they are within proofLife; all others are asked to do
// so first.
func (s *Server) admin(h handler) http.HandlerFunc {
	return s.adminView(s.afresh(h))
}

// proven serves a page of the console for members who have proven who they are within proofLife.
func (s *Server) proven(h handler) http.HandlerFunc {
	return s.console(s.afresh(h))
}

func (s *Server) afresh(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if callerOf(r).session.Fresh(proofLife) {
			return h(w, r)
		}
		if wantsData(r) {
			return errStepUp
		}
		return s.toStepUp(w, r)
	}
}

// wantsProof says whether the caller has to prove once more who they are before they use these rights: staff who are
// signed in, to change what is the whole help desk's.
func (c caller) wantsProof(rights auth.Scopes) bool {
	const weighty = auth.TenantWrite | auth.WebhooksWrite
	return c.browser() && c.Level == auth.Staff && rights&weighty != 0 && !c.session.Fresh(proofLife)
}

// notices are what a page of the settings says after something was done, by the word in its address.
var notices = map[string]string{
	"mail-resumed":    "Emails to this address are tried again.",
	"provider":        "The provider was saved. Try it in another browser window before you rely on it.",
	"password":        "Your password was changed. Everywhere else you are signed out.",
	"reset":           "Your password was changed. Sign in with it.",
	"totp-on":         "Codes of the new authenticator are asked for from now on.",
	"totp-off":        "Codes are no longer asked for.",
	"session":         "The session was ended.",
	"removed":         "The member was removed, and is signed out everywhere.",
	"sessions-of":     "All sessions of this member were ended.",
	"totp-of":         "Codes are no longer asked for. The member is signed out everywhere.",
	"sessions":        "Everywhere else you are signed out.",
	"domain-added":    "The domain was added. Put these records into your DNS, then look for them.",
	"domain-verified": "The domain is verified.",
	"domain-missing":  "The records were not found yet. What is missing stands below.",
	"domain-removed":  "The domain was removed.",

	"certificate-brought": "The certificate was taken.",
	"certificate-removed": "The certificate is no longer used. Deskgate gets one by itself.",

	"key-rotated":     "There is a new key. Show it, and give it to whoever signs with it.",
	"token-revoked":   "The token opens nothing any more.",
	"saved":           "Saved.",
	"reply-removed":   "The canned reply was deleted.",
	"anew":            "That took too long. Begin anew.",
	"joined":          "Welcome! You are on the staff now. A passkey makes the next sign-in easier.",
	"passkey-added":   "The passkey was added. Try it the next time you sign in.",
	"passkey-renamed": "The passkey has another name now.",
	"passkey-removed": "The passkey was removed. You may remove it from your device as well.",
	"webhook-test":    "The test is on its way. Load the page again to see what came of it.",
	"webhook-again":   "The message is on its way again.",
	"webhook-removed": "The webhook was removed.",
	"unlinked":        "The account is forgotten. The next with your address takes its place.",
}

// done leads back to a page of the settings and has it say what was done.
func done(w http.ResponseWriter, r *http.Request, path, notice string) error {
	return seeOther(w, tenant.VisitFrom(r.Context()), path+"?done="+notice)
}

// noticeOf is what the page is to say about what was done just now.
func (s *Server) noticeOf(r *http.Request) string {
	return s.words(r).Say(notices[r.URL.Query().Get("done")])
}

// sentences are the sentences of a FieldErrors, or nil if the error is none.
func sentences(err error) fieldErrors {
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return fieldErrors(wrong)
	}
	return nil
}
