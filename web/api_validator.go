package web

import (
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

// tokenKind is a door that takes tokens, as the validator offers it.
type tokenKind struct {
	Kind tenant.Kind
	Text string
}

// tokenKinds are all of them, the usual one first.
func tokenKinds() []tokenKind {
	return []tokenKind{
		{tenant.KindJWT, words.Key("JWT login, redirect login and widget")},
		{tenant.KindSimpleAuth, "SimpleAuth"},
		{tenant.KindSimpleAuthOperators, words.Key("SimpleAuth for staff")},
	}
}

// parseTokenKind takes a kind of tokenKinds; empty is the first.
func parseTokenKind(word string) (tenant.Kind, error) {
	all := tokenKinds()
	if word == "" {
		return all[0].Kind, nil
	}
	if !slices.ContainsFunc(all, func(k tokenKind) bool { return string(k.Kind) == word }) {
		return "", invalid(map[string][]string{"kind": {"The kind field must be jwt, simpleauth or simpleauth-operators."}})
	}
	return tenant.Kind(word), nil
}

// tokenQuestion is the body of a request to explain a token.
type tokenQuestion struct {
	Token string `json:"token"`
	Kind  string `json:"kind"`
}

// explainedDocument is what became of a token under each rule. No key is in it, nor anything that was made with one.
type explainedDocument struct {
	Valid bool              `json:"valid"`
	Kind  tenant.Kind       `json:"kind"`
	Rules []partner.Finding `json:"rules"`
	// Header and Claims are null where they can't be read.
	Header jsontext.Value `json:"header"`
	Claims jsontext.Value `json:"claims"`
	// Clock is how many seconds the partner's clock seems to be ahead, for a token that was made just now.
	Clock      *int     `json:"clock_offset_seconds"`
	Algorithms []string `json:"algorithms"`
	// Person is who would be signed in; null if nobody would.
	Person *explainedPerson `json:"person"`
}

type explainedPerson struct {
	Email        string  `json:"email"`
	Name         string  `json:"name"`
	ExternalID   *string `json:"external_id"`
	Locale       *string `json:"locale"`
	Organization *string `json:"organization"`
}

// testJWT says rule by rule whether a door would take a token. The token stays unused.
func (s *Server) testJWT(w http.ResponseWriter, r *http.Request) error {
	var in tokenQuestion
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	if in.Token == "" {
		return invalid(map[string][]string{"token": {"The token field is required."}})
	}
	kind, err := parseTokenKind(in.Kind)
	if err != nil {
		return err
	}
	said, err := s.doors.Partners.Explain(r.Context(), callerOf(r).tenant, kind, in.Token)
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, explained(kind, said))
}

func explained(kind tenant.Kind, said partner.Explanation) explainedDocument {
	doc := explainedDocument{
		Valid: said.Good, Kind: kind, Rules: said.Findings, Header: jsontext.Value(said.Header), Claims: jsontext.Value(said.Claims),
		Algorithms: []string{},
	}
	for _, a := range said.Algorithms {
		if !slices.Contains(doc.Algorithms, a) {
			doc.Algorithms = append(doc.Algorithms, a)
		}
	}
	if said.Dated {
		doc.Clock = new(int(said.Clock.Seconds()))
	}
	if p := said.Token.Person; said.Good {
		doc.Person = &explainedPerson{
			Email: p.Email, Name: p.Name, ExternalID: orNull(p.ExternalID), Locale: orNull(p.Locale), Organization: orNull(p.Organization),
		}
	}
	return doc
}
