package web

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/tenant"
)

// What stands in the guide's snippets for what is the reader's own. The files in guide/snippets are programs all the same:
// the tests run each of them as the guide shows it.
const (
	yourDesk = "https://YOUR-DESK"
	yourSite = "https://YOUR-SITE"
	yourSlug = "YOUR-SLUG"
)

// exampleSite is a partner's origin where nobody has set one.
const exampleSite = "https://www.example.com"

// newSnippets reads the guide's snippets, each by the name of its file.
func newSnippets(files fs.FS) (map[string]string, error) {
	names, err := fs.Glob(files, "guide/snippets/*")
	if err != nil {
		return nil, err
	}
	snippets := map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		snippets[path.Base(name)] = strings.TrimSpace(string(text))
	}
	return snippets, nil
}

// guideView is the integration guide for one help desk, or for whichever the reader has.
type guideView struct {
	frame

	// Slug names the help desk. Base is where it is, its portal's address without a slash at the end; Desk is its origin.
	Slug, Base, Desk string
	// Tenant: the page is at a host of the help desk, and knows it. Named: the reader says that it is called so.
	Tenant, Named bool
	// Origin is where the partner's pages are, Origins the list that the reader would set, Listed the one that is set.
	Origin, Origins string
	Listed          []string

	snippets map[string]string
}

// code is one piece of code as it is shown. File is the snippet's, empty where there is none.
type code struct {
	Title, File, Text string
}

// languages is the same in several languages, of which one is shown at a time.
type languages struct {
	Name, Label string
	Codes       []code
}

// fault is what an integrator sees going wrong, with the answers that say so.
type fault struct {
	ID, Symptom string
	Errors      []*answerError
}

// Code is a snippet with the reader's own names in it.
func (v *guideView) Code(title, file string) (code, error) {
	text, ok := v.snippets[file]
	if !ok {
		return code{}, fmt.Errorf("there is no snippet %s", file)
	}
	names := strings.NewReplacer(yourDesk, v.Base, yourSite, v.Origin, yourSlug, v.Slug)
	return code{Title: title, File: file, Text: names.Replace(text)}, nil
}

// Languages is a group of snippets, given as titles and files by turns.
func (v *guideView) Languages(name, label string, pairs ...string) (languages, error) {
	group := languages{Name: name, Label: label}
	for pair := range slices.Chunk(pairs, 2) {
		one, err := v.Code(pair[0], pair[1])
		if err != nil {
			return group, err
		}
		group.Codes = append(group.Codes, one)
	}
	return group, nil
}

// Shell is a command of the operator's.
func (v *guideView) Shell(command string) code { return code{Title: "Shell", Text: command} }

// Query has the test pages know whom this page is about.
func (v *guideView) Query() string {
	if v.Named {
		return "?tenant=" + v.Slug
	}
	return ""
}

// Fault is an entry of the troubleshooting, with the answers that the product gives under these codes, word for word.
func (v *guideView) Fault(id, symptom string, codes ...string) (fault, error) {
	f := fault{ID: id, Symptom: symptom}
	for _, name := range codes {
		known := len(f.Errors)
		for _, p := range doorErrors {
			if p.Code == name {
				f.Errors = append(f.Errors, p)
			}
		}
		if len(f.Errors) == known {
			return f, fmt.Errorf("no door answers with %s", name)
		}
	}
	return f, nil
}

// SimpleAuth lists what its doors say when they let nobody in.
func (*guideView) SimpleAuth() []string {
	return []string{simpleExpired, simpleInvalid, simpleNobody, simpleOperators}
}

// doorErrors are the answers of the sign-in doors that the guide explains.
var doorErrors = []*answerError{
	errInvalid, malformed("The body, or a field in it, can't be read."), unsupported(loginTypes),
	errTenantNotFound, errUnauthenticated,
	problemOf(auth.ErrTokenExpired), problemOf(auth.ErrTokenUsed), problemOf(auth.ErrTokenInvalid),
	problemOf(partner.ErrExpired), problemOf(partner.ErrReplayed), problemOf(partner.ErrInvalid),
	problemOf(auth.ErrSignatureInvalid), problemOf(auth.ErrSignatureRequired), problemOf(auth.ErrInsufficientScope),
	problemOf(auth.ErrOriginNotAllowed), problemOf(&auth.DomainError{}), problemOf(&limit.Error{}),
}

// guideFor is the guide for a tenant, at one of its hosts.
func (s *Server) guideFor(v *guideView, t *tenant.Tenant) {
	v.Tenant, v.Slug, v.Base, v.Desk = true, t.Slug, s.directory.PortalURL(t), s.directory.PrimaryURL(t)
	v.Listed = t.Settings.AllowedOrigins
	v.Origin, v.Origins = exampleSite, exampleSite
	if len(v.Listed) > 0 {
		v.Origin, v.Origins = v.Listed[0], strings.Join(v.Listed, ",")
	}
}

// guideForName is the guide at a node host. It takes the reader's word for the name of the help desk and looks nothing up:
// the page would say who is here.
func (s *Server) guideForName(v *guideView, slug string) {
	v.Named = tenant.ParseSlug(slug) == nil
	if !v.Named {
		slug = yourSlug
	}
	node := s.directory.Node()
	v.Slug, v.Origin, v.Origins = slug, exampleSite, exampleSite
	v.Desk = node.URLFor(node.TenantHost(slug))
	v.Base = v.Desk
}
