package web

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

// Notice is what the edge in front of the product has to say to a person, in English. Again says that the same request may be answered
// a little later.
type Notice struct {
	Status      int
	Title, Text string
	RequestID   string
	Again       bool
}

// NoticePage is a notice in the visitor's language, as a whole page that asks for nothing else: whoever sees it may get nothing else
// from here.
type NoticePage struct {
	Lang, Title, Text string
	HTML              []byte
}

// edgeView is a notice on its page.
type edgeView struct {
	words.Reader
	Notice

	// Site is whose host it is, empty for nobody's; Theme has the tenant's colour. Desk is the address of the help desk, where there is
	// one that may be there still.
	Site  string
	Theme template.CSS
	Desk  string
}

// Notice makes a page of what the edge says to the visitor. The page has the tenant's name and colour; who comes to nobody's host is
// told nothing about who is here.
func (s *Server) Notice(r *http.Request, v *tenant.Visit, n Notice) NoticePage {
	r = r.WithContext(tenant.WithVisit(r.Context(), v))
	view := edgeView{Reader: s.words(r), Notice: n}
	view.Title, view.Text = view.Say(n.Title), view.Say(n.Text)
	if t := v.Tenant; t != nil {
		view.Site = t.Name
		if brand, ok := parseColor(t.Settings.BrandColor); ok {
			view.Theme = template.CSS(themeCSS(brand)) //nolint:gosec // made of numbers
		}
		if n.Status >= http.StatusInternalServerError {
			view.Desk = pathBelow(v, "/")
		}
	}
	page := NoticePage{Lang: view.Lang(), Title: view.Title, Text: view.Text}
	var b bytes.Buffer
	if err := s.pages["edge"].ExecuteTemplate(&b, "layout", view); err != nil {
		s.report(err)
		return page
	}
	page.HTML = b.Bytes()
	return page
}
