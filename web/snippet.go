package web

import (
	"bufio"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	render "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

const (
	// snippetRunes is how many characters of a text a list shows.
	snippetRunes = 110
	// snippetSource is how many bytes of a text are looked at for that, at most.
	snippetSource = 2 << 10
)

// snippet is the beginning of a text in one line, in the words that people read where all of it is shown: what makes words
// bold there is not in it, and a star that stands for itself is.
func snippet(body string) string {
	head, l := headOf(body), &line{rest: snippetRunes}
	if unmarked(head) || excessive(head) {
		l.add(head)
		return l.String()
	}
	source := []byte(head)
	doc := renderMarkdown.Parser().Parse(text.NewReader(source))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // nothing in it fails
		if l.full {
			return ast.WalkStop, nil
		}
		l.node(n, source, entering)
		return ast.WalkContinue, nil
	})
	return l.String()
}

// headOf is as much of a text as its snippet may need: whole paragraphs where they are not too long.
func headOf(body string) string {
	const enough = utf8.UTFMax * snippetRunes
	if len(body) > enough {
		if at := strings.Index(body[enough:], "\n\n"); at >= 0 {
			body = body[:enough+at]
		}
	}
	if len(body) <= snippetSource {
		return body
	}
	cut := snippetSource
	for cut > 0 && !utf8.RuneStart(body[cut]) {
		cut--
	}
	return body[:cut]
}

// unmarked says whether a text surely has no Markdown in it.
func unmarked(text string) bool {
	if strings.ContainsAny(text, "*_`[]<>&\\~#|=") {
		return false
	}
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " \t")
		if line != "" && strings.IndexByte("-+0123456789", line[0]) >= 0 {
			return false
		}
	}
	return true
}

// line is a text that is written word by word, with one space between two, until it is full.
type line struct {
	strings.Builder

	rest  int
	space bool
	full  bool
}

// add writes a text.
func (l *line) add(text string) {
	for _, c := range text {
		if unicode.IsSpace(c) {
			l.space = l.Len() > 0
			continue
		}
		if l.full {
			return
		}
		if l.rest <= 0 {
			l.full = true
			l.WriteRune('…')
			return
		}
		if l.space {
			l.WriteByte(' ')
			l.rest, l.space = l.rest-1, false
		}
		l.WriteRune(c)
		l.rest--
	}
}

// node writes what people read of a node, but for what is in it.
func (l *line) node(n ast.Node, source []byte, entering bool) {
	if n.Type() == ast.TypeBlock {
		l.add(" ")
	}
	if s, struck := n.(*extast.Strikethrough); struck && s.HasChildren() {
		l.add("~~") // without which the text would say the opposite
	}
	if !entering {
		return
	}
	switch n := n.(type) {
	case *ast.Text:
		l.text(n, source)
	case *ast.String:
		l.add(string(n.Value))
	case *ast.AutoLink:
		l.add(string(n.Label(source)))
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		for i := range n.Lines().Len() {
			at := n.Lines().At(i)
			l.add(string(at.Value(source)))
		}
	case *ast.ListItem:
		l.add(mark(n))
	}
}

// text writes characters, those that are written as something else as what they are.
func (l *line) text(n *ast.Text, source []byte) {
	value := n.Segment.Value(source)
	if n.IsRaw() {
		l.add(string(value))
	} else {
		var b strings.Builder
		w := bufio.NewWriter(&b)
		render.DefaultWriter.Write(w, value)
		_ = w.Flush() // to memory
		l.add(html.UnescapeString(b.String()))
	}
	if n.SoftLineBreak() || n.HardLineBreak() {
		l.add(" ")
	}
}

// mark is what stands before an item of a list.
func mark(n *ast.ListItem) string {
	list, is := n.Parent().(*ast.List)
	if !is || !list.IsOrdered() {
		return "• "
	}
	at := list.Start
	for before := n.PreviousSibling(); before != nil; before = before.PreviousSibling() {
		at++
	}
	return strconv.Itoa(at) + ". "
}
