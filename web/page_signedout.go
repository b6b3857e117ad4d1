package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

// typedText is a field of one of our forms that somebody may have thought about for a while.
type typedText struct {
	Name, Label string
	Long        bool
}

// What the forms of the portal and of the console send: what people write, and what goes with it.
var (
	typedTexts = []typedText{
		{Name: "title", Label: words.Key("What is it about?")},
		{Name: "description", Label: words.Key("Tell us more"), Long: true},
		{Name: "body", Label: words.Key("Your answer"), Long: true},
	}
	typedAlong = []string{"key", "category_id", "version", "visibility", "status", "priority", "assign"}
)

// signedOutView gives people back what they had written when their session was over.
type signedOutView struct {
	frame

	// Action is where the form is sent again, Door where one signs in.
	Action, Door string
	Texts        []keptText
	Kept         []hiddenField
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
	view := &signedOutView{frame: s.frame(r, "You are signed out"), Action: r.URL.EscapedPath(), Files: files}
	for _, text := range typedTexts {
		if values.Get(text.Name) != "" {
			text.Label = view.T(text.Label)
			view.Texts = append(view.Texts, keptText{text, values.Get(text.Name)})
		}
	}
	if view.Texts == nil {
		return seeOther(w, visit, door)
	}
	for _, name := range typedAlong {
		if values.Has(name) {
			view.Kept = append(view.Kept, hiddenField{Name: name, Value: values.Get(name)})
		}
	}
	for _, id := range values["attachment_ids"] {
		view.Kept = append(view.Kept, hiddenField{Name: "attachment_ids", Value: id})
	}
	view.Door = pathBelow(visit, door)
	return s.render(w, r, http.StatusUnauthorized, "signedout", view)
}
