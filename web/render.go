package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

//go:embed pages static guide icons.svg
var files embed.FS

// pages are the parsed templates by the name of their folder.
type pages map[string]*template.Template

// newPages parses each pages/<page>/page.html together with the layout.
func newPages(files fs.FS) (pages, error) {
	icons, err := newIcons(files)
	if err != nil {
		return nil, err
	}
	layout, err := template.New("layout").Funcs(functions()).Funcs(template.FuncMap{
		"icon": icons.icon,
		"part": func(page dressed, of any) part { return part{page.base(), of} },
	}).ParseFS(files, "pages/layout/page.html", "pages/layout/files.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "pages/*/page.html")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, name := range names {
		page := path.Base(path.Dir(name))
		if page == "layout" {
			continue
		}
		t, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if all[page], err = t.ParseFS(files, name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// functions are what templates may call.
func functions() template.FuncMap {
	return template.FuncMap{
		"date":     func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"initials": initials,
		// A word of somebody's that stands in a sentence of ours: its direction is its own.
		"bdi": func(text string) template.HTML {
			return template.HTML("<bdi>" + template.HTMLEscapeString(text) + "</bdi>") //nolint:gosec // escaped
		},
		"iso": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
}

// initials are the first letters of the first n words of a name.
func initials(name string, n int) string {
	var b strings.Builder
	for _, word := range strings.Fields(name)[:min(n, len(strings.Fields(name)))] {
		r, _ := utf8.DecodeRuneInString(word)
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// part is what a template of a part of a page gets: {{template "thread" (part $ .Messages)}}. In it, $ has all that the
// page's frame has, and .Of is what the part shows.
type part struct {
	*frame

	Of any
}

// frame is what every page shows around its own content. Views embed it. The Reader says everything in the language of
// whoever reads the page: {{.T "Sign in"}}.
type frame struct {
	words.Reader

	Title string
	// Site is whose help desk this is.
	Site string
	// Viewer is nil if nobody is signed in.
	Viewer *viewer
	// Owner is whose drafts the page keeps, in letters that say nothing to others: see callerNames. Empty: it keeps none.
	Owner string
	// who is whom the page is made for: see callerNames. Empty: for nobody in particular.
	who string
	// Back is the way back to where a partner sent the visitor from.
	Back *link
	// Here is the section of the portal or console that the page belongs to: for the navigation.
	Here string
	// Staff says that the page belongs to the console.
	Staff bool
	// Settings is the navigation of the console's settings, where the page is one of theirs.
	Settings []sectionGroup
	// Notices stand above the content of the portal's pages.
	Notices []notice
	// Confirmed: a form was held up until its sender had confirmed that it is them, and nothing was done. Ready is what was to be done, as
	// the form's address says below the page's; empty: what stands on the page anyway.
	Confirmed bool
	Ready     string
	// Script is the file in static that the page runs, empty for none. Without it, no page but those of people who are signed in
	// may run any.
	Script string
	// Picks: the page has fields that find what is known as one types.
	Picks bool
	// Style is a style file in static that the page shares with others, empty for none.
	Style string
	// Logo is the address of the tenant's logo, empty for none.
	Logo string
	// Languages are those that the page can be read in. Address is where it is read again, empty: nobody is asked which language.
	Languages []words.Language
	Address   string

	theme  string
	common string
	mount  string
	page   string
	assets *assets
}

// frame is the frame of a page at the host that was asked. The title is said in the reader's language.
func (s *Server) frame(r *http.Request, title string) frame {
	f := frame{Reader: s.words(r), Site: "Deskgate", Languages: s.catalogue.Languages()}
	f.Title = f.Reader.Say(title)
	visit := tenant.VisitFrom(r.Context())
	if t := visit.Tenant; t != nil {
		f.Site, f.theme = t.Name, themeFile(t)
		if logo := logoAddress(t); logo != "" {
			f.Logo = pathBelow(visit, logo)
		}
	}
	return f
}

// viewer is who looks at the page.
type viewer struct {
	Name, Email string
	// Verified is false for who only claims to be that person.
	Verified bool
}

// link is a way out of the page.
type link struct {
	URL, Text string
}

// Href is the address of one of our pages, below the folder that the portal is mounted at.
func (f *frame) Href(path string) string { return f.mount + path }

// Styles are the addresses of the page's style files.
func (f *frame) Styles() []string {
	var styles []string
	for _, name := range []string{"base.css", "layout.css", f.Style, f.page + ".css"} {
		if a, ok := f.assets.address[name]; ok {
			styles = append(styles, f.Href(a))
		}
	}
	if f.theme != "" {
		styles = slices.Insert(styles, 1, f.Href("/static/"+f.theme))
	}
	return styles
}

// Scripts are the addresses of what the page runs.
func (f *frame) Scripts() []string {
	var scripts []string
	picks := ""
	if f.Picks {
		picks = "pick.js"
	}
	for _, name := range []string{f.common, picks, f.Script} {
		if name != "" {
			scripts = append(scripts, f.Asset(name))
		}
	}
	return scripts
}

// Say says sentences about what was typed in the reader's language.
func (f *frame) Say(all []string) []string {
	said := make([]string, len(all))
	for i, sentence := range all {
		said[i] = f.Reader.Say(sentence)
	}
	return said
}

// Asset is the address of a file in static.
func (f *frame) Asset(name string) string { return f.Href(f.assets.address[name]) }

// dress completes a frame before its page is rendered.
func (f *frame) dress(page, mount string, a *assets) {
	f.page, f.mount, f.assets = page, mount, a
}

// base is the frame itself.
func (f *frame) base() *frame { return f }

// scripted says whether the page runs a script.
func (f *frame) scripted() bool { return f.Script != "" || f.common != "" }

// dressed is a view: any struct that embeds a frame, by pointer.
type dressed interface {
	dress(page, mount string, a *assets)
	base() *frame
	scripted() bool
}

// render answers with a page. It is written only when all of it has been rendered.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, page string, view dressed) error {
	mount := strings.TrimSuffix(tenant.VisitFrom(r.Context()).Mount, "/")
	view.dress(page, mount, s.assets)
	t, ok := s.pages[page]
	if !ok {
		return fmt.Errorf("there is no page %s", page)
	}
	var body bytes.Buffer
	if err := t.ExecuteTemplate(&body, "layout", view); err != nil {
		return fmt.Errorf("render %s: %w", page, err)
	}
	h := w.Header()
	if view.scripted() {
		h.Set("Content-Security-Policy", policyScript+h.Get("Content-Security-Policy"))
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", view.base().Lang())
	h.Add("Vary", "Accept-Language, Cookie")
	return send(w, status, body.Bytes())
}
