package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

// validatorPath is the page on which admins have a partner's token explained.
const validatorPath = "/agent/settings/validator"

// validatorView is the page on which admins have a token explained.
type validatorView struct {
	frame

	Kinds []choice
	// Said is nil until a token was sent. The token itself is not shown again.
	Said   *explainedView
	Errors fieldErrors
}

// explainedView is an explanation for people.
type explainedView struct {
	explainedDocument

	Failed, Skipped int
	// HeaderText and ClaimsText are indented.
	HeaderText, ClaimsText string
	// ClockText says how the partner's clock goes, if the token tells.
	ClockText string
}

func (s *Server) validatorPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderValidator(w, r, http.StatusOK, "", nil, nil)
}

func (s *Server) renderValidator(w http.ResponseWriter, r *http.Request, status int, kind tenant.Kind, said *explainedView, wrong fieldErrors) error {
	view := &validatorView{frame: s.settingsFrame(r, "Token validator", validatorPath), Said: said, Errors: wrong}
	for _, k := range tokenKinds() {
		view.Kinds = append(view.Kinds, choice{Value: string(k.Kind), Text: view.T(k.Text), Selected: k.Kind == kind})
	}
	return s.render(w, r, status, "validator", view)
}

// validate explains the token of the form. White space around it comes from copying, and is not part of it.
func (s *Server) validate(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	kind, err := parseTokenKind(values.Get("kind"))
	if err != nil {
		return err
	}
	token := strings.TrimSpace(values.Get("token"))
	if token == "" {
		return s.renderValidator(w, r, http.StatusUnprocessableEntity, kind, nil, fieldErrors{"token": {"Paste a token first."}})
	}
	said, err := s.doors.Partners.Explain(r.Context(), callerOf(r).tenant, kind, token)
	if err != nil {
		return err
	}
	return s.renderValidator(w, r, http.StatusOK, kind, viewExplained(s.words(r), explained(kind, said)), nil)
}

func viewExplained(in words.Reader, doc explainedDocument) *explainedView {
	for i := range doc.Rules {
		doc.Rules[i].Detail = detailText(in, doc.Rules[i].Detail)
	}
	view := &explainedView{explainedDocument: doc, HeaderText: indented(doc.Header), ClaimsText: indented(doc.Claims)}
	for _, f := range doc.Rules {
		switch f.State {
		case partner.Failed:
			view.Failed++
		case partner.Skipped:
			view.Skipped++
		}
	}
	if doc.Clock != nil {
		view.ClockText = clockText(in, *doc.Clock)
	}
	return view
}

// detailText is what is wrong under a rule, in the reader's language: a sentence, or one that another explains.
func detailText(in words.Reader, detail string) string {
	if said := in.Say(detail); said != detail {
		return said
	}
	what, why, both := strings.Cut(detail, ": ")
	if !both {
		return detail
	}
	return in.Say(what) + ": " + in.Say(why)
}

func indented(v jsontext.Value) string {
	if v == nil {
		return ""
	}
	v = v.Clone()
	if v.Indent() != nil {
		return ""
	}
	return string(v)
}

// clockText says what iat tells about the partner's clock.
func clockText(in words.Reader, ahead int) string {
	seconds := (time.Duration(max(ahead, -ahead)) * time.Second).String()
	switch {
	case ahead > 0:
		return in.T("By its iat the token was made %s from now: the partner’s clock is ahead of ours.", seconds)
	case ahead == 0:
		return in.T("By its iat the token was made just now.")
	}
	return in.T("By its iat the token was made %s ago. If it was made just now, the partner’s clock is behind ours.", seconds)
}
