package web

import (
	"html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template/parse"
)

// developersPages are those that are English alone: for partners' developers, and for us. The widget has words of its own.
var developersPages = []string{"reference", "integration", "trial", "style", "widget"}

// TestTemplatesSayNothingByThemselves: whatever a page says that is not data goes through the catalogue.
func TestTemplatesSayNothingByThemselves(t *testing.T) {
	files, err := filepath.Glob("pages/*/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if slices.Contains(developersPages, filepath.Base(filepath.Dir(name))) {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree := parse.New(name)
		tree.Mode = parse.SkipFuncCheck
		trees := map[string]*parse.Tree{}
		if _, err := tree.Parse(string(content), "", "", trees); err != nil {
			t.Fatal(err)
		}
		for _, define := range slices.Sorted(maps.Keys(trees)) {
			if define == "width" {
				continue // a class
			}
			var said strings.Builder
			outline(&said, trees[define].Root)
			for _, words := range foreign(said.String()) {
				t.Errorf("%s says %q without the catalogue", name, words)
			}
		}
	}
}

// outline writes a template's own text, with a mark for each action.
func outline(b *strings.Builder, n parse.Node) {
	branch := func(n *parse.BranchNode) {
		b.WriteString("\x00")
		outline(b, n.List)
		if n.ElseList != nil {
			outline(b, n.ElseList)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			outline(b, child)
		}
	case *parse.TextNode:
		b.Write(n.Text)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	default:
		b.WriteString("\x00")
	}
}

var (
	// unsaid are names that are the same in every language, and what is code.
	unsaid = regexp.MustCompile(`(?s)<(code|pre|script|style|kbd)\b[^>]*>.*?</(code|pre|script|style|kbd)>|<!doctype html>|Deskgate|\bms\b`)
	spoken = regexp.MustCompile(`\b(aria-label|title|placeholder|alt)="([^"]*)"`)
	markup = regexp.MustCompile(`(?s)<[^>]*>`)
	word   = regexp.MustCompile(`[\p{L}]{2,}[^\x00<>]*`)
)

// foreign are the words in a piece of a page that are in no markup: text, and what is read out.
func foreign(page string) []string {
	page = unsaid.ReplaceAllString(page, "")
	var found []string
	for _, attribute := range spoken.FindAllStringSubmatch(page, -1) {
		if text := word.FindString(attribute[2]); text != "" && !strings.Contains(text, "://") && !strings.Contains(text, "example.com") {
			found = append(found, text)
		}
	}
	for _, text := range word.FindAllString(html.UnescapeString(markup.ReplaceAllString(page, "\x00")), -1) {
		found = append(found, strings.TrimSpace(text))
	}
	return found
}
