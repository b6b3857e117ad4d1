package web

import (
	"net/http"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

// tokenDocument is an API token in the API: all but its secret.
type tokenDocument struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Scopes     []string       `json:"scopes"`
	CreatedAt  tenant.Moment  `json:"created_at"`
	ExpiresAt  *tenant.Moment `json:"expires_at"`
	LastUsedAt *tenant.Moment `json:"last_used_at"`
}

// newTokenDocument is a token that was made just now, with its secret.
type newTokenDocument struct {
	tokenDocument

	Secret string `json:"secret"`
}

func tokenOf(k *auth.Token) tokenDocument {
	return tokenDocument{
		ID: k.ID, Name: k.Name, Scopes: k.Scopes.Names(), CreatedAt: tenant.Moment(k.CreatedAt), ExpiresAt: moment(k.ExpiresAt), LastUsedAt: moment(k.UsedAt),
	}
}

func (s *Server) listTokens(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	part := p.portion()
	if err := p.err(); err != nil {
		return err
	}
	all, err := s.doors.Tokens.List(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	answer := make([]tokenDocument, len(all))
	for i := range all {
		answer[i] = tokenOf(&all[i])
	}
	return encodeList(w, r, part, answer, func(d *tokenDocument) string { return d.ID })
}

// newToken is the body of a request that makes a token.
type newToken struct {
	Name      string           `json:"name"`
	Scopes    []string         `json:"scopes"`
	ExpiresAt optional[string] `json:"expires_at"`
}

func (s *Server) createToken(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in newToken
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	k, secret, err := s.newToken(r, c, in.Name, in.Scopes, in.ExpiresAt.value)
	if err != nil {
		return err
	}
	locate(w, r, "/api/tokens/"+k.ID)
	return encode(w, http.StatusCreated, newTokenDocument{tokenOf(&k), secret})
}

// newToken makes a token that may do no more than whoever makes it.
func (s *Server) newToken(r *http.Request, c caller, name string, names []string, expires string) (auth.Token, string, error) {
	wrong := tenant.FieldErrors{}
	scopes, err := auth.ParseScopes(names)
	wrong.Collect(err)
	at, err := auth.ParseExpiry(expires)
	if err != nil {
		wrong.Add("expires_at", "The expires_at field must be a time to come like 2027-01-31 or 2027-01-31T12:00:00Z, or how long like 30d.")
	}
	if beyond := scopes &^ c.grantable(); beyond != 0 {
		for _, scope := range beyond.Names() {
			wrong.Add("scopes", "You don't have the scope "+scope+" yourself.")
		}
	}
	if err := wrong.Or(); err != nil {
		return auth.Token{}, "", err
	}
	return s.doors.Tokens.Create(r.Context(), c.tenant, auth.TokenRequest{Name: name, Scopes: scopes, ExpiresAt: at, By: c.Actor()})
}

// grantable are the scopes that the caller may hand on: their own. An admin is also asked for tokens that sign people in.
func (c caller) grantable() auth.Scopes {
	switch {
	case c.Level == auth.Program:
		return c.Scopes
	case c.Level == auth.Staff && c.Role == auth.RoleAdmin:
		return auth.AllScopes
	}
	return 0
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	k, err := s.doors.Tokens.Find(r.Context(), c.tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.doors.Tokens.Revoke(r.Context(), c.tenant, k.ID, c.Actor()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
