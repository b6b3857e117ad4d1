package web

import (
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

// referencePath is the API's reference for people.
const referencePath = "/api/docs"

// referenceView is one page of the reference, filled in with the host that was asked.
type referenceView struct {
	frame

	// Base is the help desk's address, without a slash at the end.
	Base   string
	Groups []*referenceGroup
	// Group is the one that the page is about. Without one it is the overview, or that of the errors.
	Group  *referenceGroup
	Codes  []referenceCode
	Scopes []referenceScope
	Types  []string
	// Error is the error document.
	Error referenceObject

	verify map[string]string
}

// referenceScope says what a scope opens.
type referenceScope struct {
	Name   string
	Routes []referenceOperation
}

// Fill puts the help desk's address into a command.
func (v *referenceView) Fill(command string) string {
	return strings.ReplaceAll(command, yourDesk, v.Base)
}

// Shell is a command as a piece of code.
func (v *referenceView) Shell(title, command string) code {
	return code{Title: title, Text: v.Fill(command)}
}

// Verify is a program that checks signatures.
func (v *referenceView) Verify(title, file string) code {
	return code{Title: title, File: file, Text: v.verify[file]}
}

// Describes reports whether the page is about this group.
func (v *referenceView) Describes(g *referenceGroup) bool { return v.Group == g }

// Anchor is the address of an operation on the page of its group.
func (*referenceView) Anchor(o referenceOperation) template.URL {
	return template.URL("#" + o.ID) //nolint:gosec // a name out of our own file
}

func (s *Server) referencePage(w http.ResponseWriter, r *http.Request) error {
	view := s.reference(r, "API reference")
	for _, name := range auth.AllScopes.Names() {
		view.Scopes = append(view.Scopes, referenceScope{Name: name, Routes: s.opened(name)})
	}
	return s.render(w, r, http.StatusOK, "reference", view)
}

// referenceGroupPage is the page of one group, or of the errors.
func (s *Server) referenceGroupPage(w http.ResponseWriter, r *http.Request) error {
	slug := r.PathValue("group")
	view := s.reference(r, "API reference")
	if slug == referenceErrors {
		view.Codes = s.manual.Codes
		view.Title = view.T("Errors") + " · " + view.Title
		view.Error = s.manual.Error
		return s.render(w, r, http.StatusOK, "reference", view)
	}
	g, ok := s.manual.group(slug)
	if !ok {
		return errNotFound
	}
	view.Group, view.Title = g, g.Name+" · "+view.Title
	return s.render(w, r, http.StatusOK, "reference", view)
}

// reference is what all of its pages have.
func (s *Server) reference(r *http.Request, title string) *referenceView {
	view := &referenceView{frame: s.frame(r, title), Groups: s.manual.Groups, verify: s.verifiers}
	view.Script, view.Style = "guide.js", "guide.css"
	visit := tenant.VisitFrom(r.Context())
	if visit.Tenant != nil {
		view.Base = s.directory.PortalURL(visit.Tenant)
	} else {
		view.Base = s.directory.Node().URLFor(visit.Host)
	}
	return view
}

// opened are the operations for which a scope is needed.
func (s *Server) opened(scope string) (all []referenceOperation) {
	for _, g := range s.manual.Groups {
		for _, o := range g.Operations {
			for _, needed := range o.Scopes {
				if needed == scope {
					o.Group = g.Slug
					all = append(all, o)
				}
			}
		}
	}
	return all
}

// newVerifiers reads the programs that check the signatures of webhooks' messages. The tests run them as they are shown.
func newVerifiers(files fs.FS) (map[string]string, error) {
	programs := map[string]string{}
	for _, name := range []string{"verify.py", "verify.mjs"} {
		text, err := fs.ReadFile(files, "guide/verify/"+name)
		if err != nil {
			return nil, err
		}
		programs[name] = strings.TrimSpace(string(text))
	}
	return programs, nil
}
