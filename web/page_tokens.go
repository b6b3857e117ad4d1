package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/deskgate/deskgate/auth"
)

// tokensPath is the page about the tokens of programs.
const tokensPath = "/agent/settings/tokens"

// tokensView lists the API tokens.
type tokensView struct {
	frame

	Done   string
	Tokens []tokenRow
	// Secret is that of a token that was made just now: it is shown this once.
	Secret, Name string
	Expires      []option
	Scopes       []choice
	Errors       fieldErrors
}

// tokenRow is one token.
type tokenRow struct {
	ID, Name               string
	Scopes                 []string
	Created, Expires, Used time.Time
}

func (s *Server) tokensPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderTokens(w, r, http.StatusOK, &tokensView{}, nil, "")
}

// renderTokens lists the tokens. The view brings what was typed, and what came of it.
func (s *Server) renderTokens(w http.ResponseWriter, r *http.Request, status int, view *tokensView, scopes []string, expires string) error {
	all, err := s.doors.Tokens.List(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	view.frame, view.Done = s.settingsFrame(r, "API tokens", tokensPath), s.noticeOf(r)
	for _, k := range slices.Backward(all) {
		view.Tokens = append(view.Tokens, tokenRow{
			ID: k.ID, Name: k.Name, Scopes: k.Scopes.Names(), Created: k.CreatedAt, Expires: k.ExpiresAt, Used: k.UsedAt,
		})
	}
	for _, name := range auth.AllScopes.Names() {
		view.Scopes = append(view.Scopes, choice{Value: name, Text: name, Selected: slices.Contains(scopes, name)})
	}
	view.Expires = []option{
		{Value: "30d", Text: view.T("in 30 days")},
		{Value: "90d", Text: view.T("in 90 days")},
		{Value: "365d", Text: view.T("in a year")},
		{Value: "", Text: view.T("never")},
	}
	for i := range view.Expires {
		view.Expires[i].Selected = view.Expires[i].Value == expires
	}
	return s.render(w, r, status, "tokens", view)
}

// makeToken shows the new token's secret on the page that it answers with, and never again.
func (s *Server) makeToken(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	name, scopes, expires := values.Get("name"), values["scope"], values.Get("expires")
	k, secret, err := s.newToken(r, callerOf(r), name, scopes, expires)
	if wrong := sentences(err); wrong != nil {
		return s.renderTokens(w, r, http.StatusUnprocessableEntity, &tokensView{Name: name, Errors: wrong}, scopes, expires)
	}
	if err != nil {
		return err
	}
	return s.renderTokens(w, r, http.StatusOK, &tokensView{Secret: secret, Name: k.Name}, nil, "")
}

func (s *Server) endToken(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.doors.Tokens.Revoke(r.Context(), c.tenant, r.PathValue("id"), c.Actor()); err != nil {
		return err
	}
	return done(w, r, tokensPath, "token-revoked")
}
