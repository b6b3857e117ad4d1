package web

import (
	"cmp"
	"net/http"

	"github.com/deskgate/deskgate/tenant"
)

// guidePage is the integration guide, with the names of the help desk that it is read at.
func (s *Server) guidePage(w http.ResponseWriter, r *http.Request) error {
	view := &guideView{frame: s.frame(r, "Integration guide"), snippets: s.snippets}
	view.Reader = s.developers(r)
	view.Script, view.Style = "guide.js", "guide.css"
	if t := tenant.VisitFrom(r.Context()).Tenant; t != nil {
		s.guideFor(view, t)
	} else {
		asked := r.URL.Query()
		s.guideForName(view, cmp.Or(asked.Get("tenant"), asked.Get("slug")))
	}
	return s.render(w, r, http.StatusOK, "integration", view)
}
