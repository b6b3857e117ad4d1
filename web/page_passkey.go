package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/tenant"
)

//nolint:gosec // names and addresses, no secrets
const (
	// passkeyCookie tells the browsers apart that challenges are made for.
	passkeyCookie = "__Host-deskgate-passkey"

	passkeyAskPath    = "/auth/passkey/challenge"
	passkeySignInPath = "/auth/passkey/sign-in"
	passkeyProvePath  = stepUpPath + "/passkey"
	passkeyAgainPath  = passkeyProvePath + "/challenge"
	passkeysPath      = "/agent/settings/passkeys"

	// passkeyScript is what the pages with passkeys run.
	passkeyScript = "passkey.js"
)

// passkeyAnswer is what the script sends back from an authenticator.
type passkeyAnswer struct {
	Credential jsontext.Value `json:"credential"`
	// Next is where to go on after a sign-in.
	Next string `json:"next"`
	// Name is that of a new passkey.
	Name string `json:"name"`
}

// onward is where the script goes on.
type onward struct {
	Location string `json:"location"`
}

func ceremony(r *http.Request) passkey.Ceremony {
	visit := tenant.VisitFrom(r.Context())
	return passkey.Ceremony{Host: visit.Host, Origin: visit.Origin(), Browser: cookie(r, passkeyCookie), Client: client(r)}
}

// challenge answers with what the authenticator is to answer.
func (s *Server) challenge(w http.ResponseWriter, c passkey.Challenge, err error) error {
	if err != nil {
		return err
	}
	writeCookie(w, passkeyCookie, c.Browser, http.SameSiteStrictMode, int(passkey.ChallengeLife/time.Second))
	return encode(w, http.StatusOK, jsontext.Value(c.Options))
}

// readAssertion reads what the script sends.
func readAssertion(w http.ResponseWriter, r *http.Request) (passkeyAnswer, error) {
	var a passkeyAnswer
	_, err := decode(w, r, &a)
	return a, err
}

func (s *Server) passkeyAsk(w http.ResponseWriter, r *http.Request) error {
	c, err := s.passkeys.Ask(r.Context(), tenant.VisitFrom(r.Context()).Tenant, ceremony(r))
	return s.challenge(w, c, err)
}

func (s *Server) passkeySignIn(w http.ResponseWriter, r *http.Request) error {
	a, err := readAssertion(w, r)
	if err != nil {
		return err
	}
	visit := tenant.VisitFrom(r.Context())
	session, secret, err := s.passkeys.SignIn(r.Context(), visit.Tenant, ceremony(r), a.Credential, cookie(r, staffCookie))
	return admitted(w, visit, session, secret, a.Next, err)
}

func (s *Server) passkeyAskAgain(w http.ResponseWriter, r *http.Request) error {
	caller := callerOf(r)
	c, err := s.passkeys.AskMember(r.Context(), caller.tenant, ceremony(r), caller.ID)
	return s.challenge(w, c, err)
}

func (s *Server) passkeyProve(w http.ResponseWriter, r *http.Request) error {
	a, err := readAssertion(w, r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	session, secret, err := s.passkeys.Prove(r.Context(), c.tenant, ceremony(r), c.ID, a.Credential, cookie(r, staffCookie))
	return admitted(w, tenant.VisitFrom(r.Context()), session, secret, a.Next, err)
}

// admitted gives the browser its session and tells the script where to go on.
func admitted(w http.ResponseWriter, visit *tenant.Visit, session auth.Session, secret, wish string, err error) error {
	if err != nil {
		return err
	}
	keepStaff(w, session, secret)
	return encode(w, http.StatusOK, onward{pathBelow(visit, consolePath(visit.Mount, wish))})
}

// hasPasskey reports whether the caller has a passkey for this host.
func (s *Server) hasPasskey(r *http.Request, c caller) (bool, error) {
	all, err := s.passkeys.List(r.Context(), c.tenant, c.ID)
	host := tenant.VisitFrom(r.Context()).Host
	return slices.ContainsFunc(all, func(p passkey.Passkey) bool { return p.Host == host && p.CopiedAt.IsZero() }), err
}

// passkeysPage lists a member's passkeys, and the account at the provider that they sign in with.
func (s *Server) passkeysPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	all, err := s.passkeys.List(r.Context(), c.tenant, c.ID)
	if err != nil {
		return err
	}
	host := tenant.VisitFrom(r.Context()).Host
	view := &passkeysView{frame: s.settingsFrame(r, "Passkeys", passkeysPath), Done: s.noticeOf(r), Host: host.Unicode()}
	view.Script = passkeyScript
	view.Joined = r.URL.Query().Get("done") == "joined"
	for _, p := range all {
		view.Passkeys = append(view.Passkeys, passkeyRow{Passkey: p, Host: p.Host.Unicode(), Elsewhere: p.Host != host})
	}
	if account, err := s.oidc.Account(r.Context(), c.tenant, c.ID); err == nil {
		view.Provider, view.Account, view.LinkedAt = providerOf(c.tenant), account.Email, account.LinkedAt
	}
	return s.render(w, r, http.StatusOK, "passkeys", view)
}

func (s *Server) preparePasskey(w http.ResponseWriter, r *http.Request) error {
	caller := callerOf(r)
	c, err := s.passkeys.Prepare(r.Context(), caller.tenant, ceremony(r), caller.ID)
	return s.challenge(w, c, err)
}

func (s *Server) addPasskey(w http.ResponseWriter, r *http.Request) error {
	a, err := readAssertion(w, r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	if _, err := s.passkeys.Add(r.Context(), c.tenant, ceremony(r), c.ID, a.Name, a.Credential); err != nil {
		return err
	}
	return encode(w, http.StatusOK, onward{pathBelow(tenant.VisitFrom(r.Context()), passkeysPath) + "?done=passkey-added"})
}

func (s *Server) renamePasskey(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	if err := s.passkeys.Rename(r.Context(), c.tenant, c.ID, values.Get("id"), values.Get("name")); err != nil {
		return err
	}
	return done(w, r, passkeysPath, "passkey-renamed")
}

func (s *Server) removePasskey(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	if err := s.passkeys.Remove(r.Context(), c.tenant, c.ID, values.Get("id")); err != nil {
		return err
	}
	return done(w, r, passkeysPath, "passkey-removed")
}

// unlinkAccount has a member's account at the provider be theirs no more.
func (s *Server) unlinkAccount(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.oidc.Unlink(r.Context(), c.tenant, c.ID, c.Actor()); err != nil {
		return err
	}
	return done(w, r, passkeysPath, "unlinked")
}
