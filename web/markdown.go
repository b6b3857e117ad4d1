package web

import (
	"bytes"
	"html/template"
	"slices"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// What people write is CommonMark with GitHub's tables, strike-through and bare links, and a line break where they
// made one. HTML is text like any other: who writes List<String>, or pastes a piece of XML, wants it to be read. Whatever is
// not on the list of harmless elements is left out by the sanitiser after it: a mistake in one of the two is not enough.
var (
	renderMarkdown = goldmark.New(
		goldmark.WithParser(markdownParser()),
		goldmark.WithExtensions(extension.Linkify, extension.Strikethrough, extension.Table),
		goldmark.WithRendererOptions(html.WithHardWraps()),
	)
	harmless = harmlessHTML()
)

// markdownParser knows all of CommonMark but HTML, and takes images for links.
func markdownParser() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewEmphasisParser(), 500),
		),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
		parser.WithASTTransformers(util.Prioritized(imagesAsLinks{}, 100)),
	)
}

// imagesAsLinks shows where an image is without fetching it: its server would hear who reads the ticket, and when.
type imagesAsLinks struct{}

// Transform implements [parser.ASTTransformer].
func (imagesAsLinks) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var images []*ast.Image
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // nothing in it fails
		if i, ok := n.(*ast.Image); ok && entering {
			images = append(images, i)
		}
		return ast.WalkContinue, nil
	})
	for _, i := range slices.Backward(images) { // an image within another's description goes first
		replace(i)
	}
}

// replace puts an image's description in its place, as a link to the image unless it is within a link. Without a
// description the image's address is shown.
func replace(i *ast.Image) {
	parent := i.Parent()
	if i.ChildCount() == 0 {
		i.AppendChild(i, ast.NewString(i.Destination))
	}
	if !linked(parent) {
		link := ast.NewLink()
		link.Destination, link.Title = i.Destination, i.Title
		adopt(link, i)
		parent.ReplaceChild(parent, i, link)
		return
	}
	for c := i.FirstChild(); c != nil; c = i.FirstChild() {
		parent.InsertBefore(parent, i, c)
	}
	parent.RemoveChild(parent, i)
}

func adopt(parent, from ast.Node) {
	for c := from.FirstChild(); c != nil; c = from.FirstChild() {
		parent.AppendChild(parent, c)
	}
}

// linked says whether a node is a link, or within one or an image that will be one.
func linked(n ast.Node) bool {
	for ; n != nil; n = n.Parent() {
		if k := n.Kind(); k == ast.KindLink || k == ast.KindImage {
			return true
		}
	}
	return false
}

func harmlessHTML() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	return p
}

// markdown is a text that somebody wrote as clean HTML.
func markdown(body string) template.HTML {
	if excessive(body) {
		return verbatim(body)
	}
	var b bytes.Buffer
	if err := renderMarkdown.Convert([]byte(body), &b); err != nil {
		return verbatim(body) // writing to memory doesn't fail; if it ever does, people still read the text
	}
	clean := bytes.ReplaceAll(harmless.SanitizeBytes(b.Bytes()), []byte("<table>"), []byte(scrollable))
	return template.HTML(clean) //nolint:gosec // sanitised
}

// scrollable is how a table begins: a wide one scrolls by itself, also for those who have no mouse.
const scrollable = `<table tabindex="0">`

// verbatim is a text as it was typed.
func verbatim(body string) template.HTML {
	return template.HTML("<pre>" + template.HTMLEscapeString(body) + "</pre>") //nolint:gosec // escaped
}
