package web

import (
	"cmp"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// typedText is a field of one of our forms that somebody may have thought about for a while.
type typedText struct {
	Name, Label string
	Long        bool
}

// typedTexts are the fields of our forms in which people write what they would not want to write again.
var typedTexts = []typedText{
	{Name: "title", Label: words.Key("What is it about?")},
	{Name: "description", Label: words.Key("Tell us more"), Long: true},
	{Name: "body", Label: words.Key("Your answer"), Long: true},
	{Name: "comment", Label: words.Key("Do you want to tell us more?"), Long: true},
}

// kept says whether a field goes along with what is sent again. Nothing that opens doors stands in a page.
func kept(name string) bool {
	switch name {
	case "as", "code", "password", "private_key", "secret", "sig", "token":
		return false
	}
	return !slices.ContainsFunc(typedTexts, func(t typedText) bool { return t.Name == name })
}

// signedOutView gives people back what they had written when their session was over, or somebody else's had begun.
type signedOutView struct {
	frame

	// Action is where the form is sent again, Door where one signs in.
	Action, Door string
	// Other is who is signed in by now, empty: nobody. As has the form sent in their name, where that makes sense.
	Other, As string
	Texts     []keptText
	Kept      []hiddenField
	// Files: some came along. They are not kept: nobody had shown whose they are.
	Files bool
}

type keptText struct {
	typedText

	Value string
}

// keepTyped answers a form that came after the end of its session. Without any text in it the way leads to the door.
func (s *Server) keepTyped(w http.ResponseWriter, r *http.Request, door string) error {
	visit := tenant.VisitFrom(r.Context())
	// Another site's page must not put words into ours.
	if err := s.guard.check(r, visit.Tenant, false); err != nil {
		return err
	}
	values, files, err := s.readTyped(w, r)
	if err != nil {
		return err
	}
	view := &signedOutView{frame: s.frame(r, "You are signed out"), Files: files, Door: pathBelow(visit, door)}
	if view.keep(r, values); view.Texts == nil {
		return seeOther(w, visit, door)
	}
	return s.render(w, r, http.StatusUnauthorized, "signedout", view)
}

// keep takes what is to be sent again.
func (view *signedOutView) keep(r *http.Request, values url.Values) {
	view.Action = r.URL.EscapedPath()
	for _, text := range typedTexts {
		if values.Get(text.Name) != "" {
			if text.Name == "body" && values.Get("visibility") == string(tickets.Internal) {
				text.Label = "Internal note"
			}
			text.Label = view.T(text.Label)
			view.Texts = append(view.Texts, keptText{text, values.Get(text.Name)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !kept(name) {
			continue
		}
		for _, value := range values[name] {
			view.Kept = append(view.Kept, hiddenField{Name: name, Value: value})
		}
	}
}

// strayFormError is a form that was made for somebody else than who is signed in by now.
type strayFormError struct {
	values url.Values
	files  bool
}

// Error says so.
func (*strayFormError) Error() string { return "the form was made for somebody else" }

// addressed is a *strayFormError if the form was made for somebody else than who sends it, unless they said that it is to be in their
// name. A form that does not say whom it was made for is taken: it may be a program's.
func addressed(r *http.Request, values url.Values, files bool) error {
	c, made := callerOf(r), values.Get("for")
	if made == "" || !c.Known() {
		return nil
	}
	for name := range strings.FieldsSeq(callerNames(c)) {
		if made == name || values.Get("as") == name {
			return nil
		}
	}
	return &strayFormError{values, files}
}

// Mine is a form's field that says whom the form was made for.
func (f *frame) Mine() template.HTML {
	if f.who == "" {
		return ""
	}
	return template.HTML(`<input type="hidden" name="for" value="` + f.who + `">`) //nolint:gosec // letters and digits
}

// returnTyped answers a form that was made for somebody else: nothing is done, and what was typed is given back.
func (s *Server) returnTyped(w http.ResponseWriter, r *http.Request, stray *strayFormError) error {
	if wantsData(r) {
		return conflict("CONFLICT", "This page was made for somebody else than who is signed in now. Load it again.")
	}
	c := callerOf(r)
	view := &signedOutView{frame: s.ownFrame(r, "Somebody else is signed in", ""), Files: stray.files, Other: cmp.Or(c.Name, c.Email)}
	view.Notices = nil
	view.keep(r, stray.values)
	// Staff may answer what others would have answered. Requesters have no tickets in common.
	if c.Level == auth.Staff || view.Action == pathBelow(tenant.VisitFrom(r.Context()), "/tickets") {
		view.As = view.who
	}
	view.who = "" // this one goes back to whom it was made for
	return s.render(w, r, http.StatusConflict, "signedout", view)
}
