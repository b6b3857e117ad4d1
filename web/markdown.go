package web

import (
	"bytes"
	"html/template"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

// What people write is CommonMark with GitHub's tables, strike-through and bare links, and a line break where they
// made one. Raw HTML is left out by the renderer, and whatever is not on the list of harmless elements by the sanitiser
// after it: a mistake in one of the two is not enough.
var (
	renderMarkdown = goldmark.New(
		goldmark.WithExtensions(extension.Linkify, extension.Strikethrough, extension.Table),
		goldmark.WithRendererOptions(html.WithHardWraps()),
	)
	harmless = harmlessHTML()
)

// harmlessHTML has no images: one from elsewhere would tell its server who reads the ticket, and when.
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
func markdown(text string) template.HTML {
	if excessive(text) {
		return verbatim(text)
	}
	var b bytes.Buffer
	if err := renderMarkdown.Convert([]byte(text), &b); err != nil {
		return verbatim(text) // writing to memory doesn't fail; if it ever does, people still read the text
	}
	clean := bytes.ReplaceAll(harmless.SanitizeBytes(b.Bytes()), []byte("<table>"), []byte(scrollable))
	return template.HTML(clean) //nolint:gosec // sanitised
}

// scrollable is how a table begins: a wide one scrolls by itself, also for those who have no mouse.
const scrollable = `<table tabindex="0">`

// verbatim is a text as it was typed.
func verbatim(text string) template.HTML {
	return template.HTML("<pre>" + template.HTMLEscapeString(text) + "</pre>") //nolint:gosec // escaped
}
