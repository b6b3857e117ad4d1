package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/tenant"
)

// simpleFields are the parameters of SimpleAuth's doors. The last one is our own page's.
var simpleFields = []string{"token", "redirect", "brand_id", "confirmed"}

// simpleLogin signs a requester in by SimpleAuth, operatorLogin a member of staff.
func (s *Server) simpleLogin(w http.ResponseWriter, r *http.Request) error {
	return s.answerSimpleLogin(w, r, s.simpleRequest(w, r, false))
}

func (s *Server) operatorLogin(w http.ResponseWriter, r *http.Request) error {
	q := s.simpleRequest(w, r, true)
	if !s.rightFolder(r, q) {
		return errNotFound
	}
	return s.answerSimpleLogin(w, r, q)
}

// simpleRequest is the request as auth takes it: each parameter stands in the address or in the form, once.
func (s *Server) simpleRequest(w http.ResponseWriter, r *http.Request, operators bool) auth.SimpleRequest {
	visit := tenant.VisitFrom(r.Context())
	fields, unreadable := simpleParameters(w, r)
	q := auth.SimpleRequest{
		Slug: fields["brand_id"], At: visit.Tenant, Host: visit.Host, Operators: operators, Token: fields["token"],
		Redirect: fields["redirect"], Unreadable: unreadable, Navigation: navigation(r), Client: client(r),
		Session: cookie(r, requesterCookie), Staff: auth.StaffDoor{Knows: s.staff.Knows, Enter: s.staff.EnterByEmail},
		// Only a page of the host itself can have posted that.
		Confirmed: fields["confirmed"] != "" && r.Method == http.MethodPost &&
			s.guard.check(r, visit.Tenant, false) == nil,
	}
	if operators {
		q.Session = ""
		if staffCookieCounts(r) {
			q.Session = cookie(r, staffCookie)
		}
	}
	return q
}

// simpleParameters reads the parameters of the address, and of the body of a POST.
func simpleParameters(w http.ResponseWriter, r *http.Request) (loginFields, error) {
	fields := loginFields{}
	if r.Method == http.MethodPost {
		var err error
		if fields, err = readLogin(w, r, simpleFields...); err != nil {
			return nil, err
		}
	}
	if len(r.URL.RawQuery) > maxLogin {
		return nil, errTooLarge
	}
	asked, err := formFields([]byte(r.URL.RawQuery), simpleFields)
	if err != nil {
		return nil, err
	}
	for name, value := range asked {
		if _, twice := fields[name]; twice || !utf8.ValidString(value) {
			return nil, manyValues(name)
		}
		fields[name] = value
	}
	return fields, nil
}

// rightFolder says whether the operators' door was asked for below the folder that its tenant has chosen. At a tenant's host
// the router would not have found it otherwise.
func (s *Server) rightFolder(r *http.Request, q auth.SimpleRequest) bool {
	if q.At != nil {
		return true
	}
	t, known := s.directory.BySlug(q.Slug)
	return !known || t.Settings.AdminFolder == r.PathValue(folderValue)
}

func (s *Server) answerSimpleLogin(w http.ResponseWriter, r *http.Request, q auth.SimpleRequest) error {
	s.openSimple(w, r, q)
	done, err := s.doors.Simple.Login(r.Context(), q)
	showLimit(w.Header(), done.Limit)
	if err != nil {
		return explainSimple(err)
	}
	switch done.Verdict {
	case auth.Elsewhere:
		// The page that the visitor comes from has to be known there.
		w.Header().Set("Referrer-Policy", "strict-origin-when-cross-origin")
		return found(w, done.URL)
	case auth.NewTab:
		return s.simpleNewTab(w, r, done.Tenant, q)
	case auth.AskFirst:
		return s.askSimple(w, r, q, done.Email)
	case auth.SignIn:
		if q.Operators {
			return enterConsole(w, done.Outcome)
		}
	}
	return s.conclude(w, r, done.Outcome)
}

// openSimple sets what every answer of these doors carries: the address has a token in it, and a page's fetch may learn that
// it has arrived.
func (s *Server) openSimple(w http.ResponseWriter, r *http.Request, q auth.SimpleRequest) {
	hand(w.Header())
	w.Header().Add("Vary", "Origin")
	t, origin := q.At, r.Header.Get("Origin")
	if t == nil {
		t, _ = s.directory.BySlug(q.Slug)
	}
	if t != nil && origin != "" && (origin == "null" || s.directory.AllowsOrigin(t, origin)) {
		allowOrigin(w.Header(), origin)
	}
}

func found(w http.ResponseWriter, location string) error {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
	return nil
}

// enterConsole gives a member of staff the session that SimpleAuth has started.
func enterConsole(w http.ResponseWriter, o auth.Outcome) error {
	setCookie(w, staffCookie, o.Secret, http.SameSiteLaxMode, o.Session.EndsAt)
	w.Header().Set("Location", o.Landing)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// simpleNewTab is what a frame shows.
func (s *Server) simpleNewTab(w http.ResponseWriter, r *http.Request, t *tenant.Tenant, q auth.SimpleRequest) error {
	if t != nil {
		w.Header().Set("Content-Security-Policy", framedPolicy(t.Settings.AllowedOrigins))
	}
	query := url.Values{}
	for name, value := range map[string]string{"token": q.Token, "redirect": q.Redirect, "brand_id": q.Slug} {
		if value != "" {
			query.Set(name, value)
		}
	}
	view := &newTabView{frame: s.frame(r, "Open in a new tab"), URL: r.URL.EscapedPath() + "?" + query.Encode()}
	return s.render(w, r, http.StatusOK, "newtab", view)
}

// askSimple shows whom the token stands for, with a button.
func (s *Server) askSimple(w http.ResponseWriter, r *http.Request, q auth.SimpleRequest, who string) error {
	w.Header().Set("Content-Security-Policy", policy(s.formTargets(q.At)))
	view := &continueView{
		frame: s.frame(r, "Continue"), Action: r.URL.EscapedPath(), Token: q.Token, Who: who,
		Fields: []hiddenField{{Name: "confirmed", Value: "yes"}},
	}
	if q.Redirect != "" {
		view.Fields = append(view.Fields, hiddenField{Name: "redirect", Value: q.Redirect})
	}
	side := auth.RequesterSide
	if q.Operators {
		side, view.Staff = auth.StaffSide, true
	}
	if c, err := s.identify(r, side); err == nil {
		if masked := person.MaskEmail(c.Email); masked != who {
			view.Instead = masked
		}
	}
	return s.render(w, r, http.StatusOK, "continue", view)
}

// simpleLogout signs a requester out by SimpleAuth, operatorLogout a member of staff.
func (s *Server) simpleLogout(w http.ResponseWriter, r *http.Request) error {
	return s.answerSimpleLogout(w, r, s.simpleRequest(w, r, false))
}

func (s *Server) operatorLogout(w http.ResponseWriter, r *http.Request) error {
	q := s.simpleRequest(w, r, true)
	if !s.rightFolder(r, q) {
		return errNotFound
	}
	return s.answerSimpleLogout(w, r, q)
}

func (s *Server) answerSimpleLogout(w http.ResponseWriter, r *http.Request, q auth.SimpleRequest) error {
	s.openSimple(w, r, q)
	done, err := s.doors.Simple.Logout(r.Context(), q)
	showLimit(w.Header(), done.Limit)
	if err != nil {
		return explainSimple(err)
	}
	if done.Verdict != auth.Elsewhere {
		return s.conclude(w, r, done.Outcome)
	}
	if done.Ended {
		name, sameSite := requesterCookie, requesterSameSite(done.Tenant)
		if q.Operators {
			name, sameSite = staffCookie, http.SameSiteLaxMode
		}
		dropCookie(w, name, sameSite)
	}
	if q.At != nil {
		w.Header().Set("Location", done.URL)
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	return found(w, done.URL)
}

// What SimpleAuth's doors say when they let nobody in. Partners' programs compare these sentences.
const (
	simpleExpired   = "The access token has expired."
	simpleInvalid   = "The access token provided is invalid."
	simpleNobody    = "Cannot login as not a valid user."
	simpleOperators = "Operators cannot currently login with SimpleAuth."
)

// explainSimple is the answer to an error in SimpleAuth's words.
func explainSimple(err error) error {
	if _, limited := errors.AsType[*limit.Error](err); limited {
		return err
	}
	for _, row := range []struct {
		err                    error
		status                 int
		code, message, explain string
	}{
		{auth.ErrOperatorsOff, http.StatusForbidden, "OPERATORS_DISABLED", simpleOperators, "The setting simpleauth_operators is off."},
		{auth.ErrNoOperator, http.StatusForbidden, "NOT_A_USER", simpleNobody, "No agent with this address has joined."},
		{partner.ErrNobody, http.StatusForbidden, "NOT_A_USER", simpleNobody, "The token names nobody who could be signed in."},
		{partner.ErrExpired, http.StatusUnauthorized, "TOKEN_EXPIRED", simpleExpired, "Each token is good for ten minutes at most."},
		{partner.ErrReplayed, http.StatusUnauthorized, "TOKEN_REPLAYED", simpleInvalid, "The token was used already. Each works once."},
		{partner.ErrInvalid, http.StatusUnauthorized, "TOKEN_INVALID", simpleInvalid, "The token or the brand_id is missing or wrong."},
	} {
		if errors.Is(err, row.err) {
			return &answerError{
				Status: row.status, Code: row.code, Message: row.message, Explanation: row.explain, Details: tokenDetail(err), Cause: err,
			}
		}
	}
	return err
}

// isSimple reports whether a path is one of SimpleAuth's doors, whose failures are documents for everybody.
func isSimple(path string) bool {
	return strings.HasPrefix(path, "/simpleauth/") || strings.Contains(path, "/simpleauth/log")
}

// folderValue is the name under which a request keeps the folder that stood before SimpleAuth's operators' door.
const folderValue = "folder"

// insideFolder is the path that the router knows an operators' door by: /admin, whatever the tenant calls its folder. At a node
// host the tenant is not known yet, and every folder will do until it is.
func insideFolder(visit *tenant.Visit, r *http.Request, path string) string {
	folder, door, inside := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !inside || !strings.HasPrefix(door, "simpleauth/") || folder == "" {
		return path
	}
	if visit.Tenant != nil && folder != visit.Tenant.Settings.AdminFolder {
		return ""
	}
	r.SetPathValue(folderValue, folder)
	return "/admin/" + door
}
