package web

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// stylePath is the page that shows the design system to those who build with it.
const stylePath = "/agent/style"

// styleRoutes adds that page, in builds with the tag dev alone: a setting could be on by accident.
func (s *Server) styleRoutes() {
	if development {
		s.table.add(tenantHosts, get, stylePath, s.open(s.stylePage))
	}
}

// styleView is the page of the design system.
type styleView struct {
	frame

	// Text is the head of base.css, where the tokens are described.
	Text string
	// Spaces, Types and Colors are the tokens, Icons the drawings, Chips the statuses.
	Spaces, Types, Colors []string
	Icons                 []string
	Chips                 []statusLabel
}

func (s *Server) stylePage(w http.ResponseWriter, r *http.Request) error {
	css, err := files.ReadFile("static/base.css")
	if err != nil {
		return err
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(string(css), "/*"), "*/")
	view := &styleView{frame: s.frame(r, ""), Text: strings.ReplaceAll(text, "\n *", "\n")}
	view.Reader, view.Staff, view.Title = s.developers(r), true, "Style"
	for _, token := range regexp.MustCompile(`--[a-z]+-?[a-z0-9-]*(:)`).FindAllString(string(css), -1) {
		token = strings.TrimSuffix(token, ":")
		for prefix, list := range map[string]*[]string{"--space-": &view.Spaces, "--text-": &view.Types, "--color-": &view.Colors} {
			if strings.HasPrefix(token, prefix) && !slices.Contains(*list, token) {
				*list = append(*list, token)
			}
		}
	}
	sprite, err := newIcons(files)
	if err != nil {
		return err
	}
	for name := range sprite {
		view.Icons = append(view.Icons, name)
	}
	slices.Sort(view.Icons)
	for _, key := range []string{"open", "waiting", "done", "rest", "alert", "plain"} {
		view.Chips = append(view.Chips, statusLabel{Key: key, Text: key})
	}
	return s.render(w, r, http.StatusOK, "style", view)
}
