package web

import (
	"bytes"
	"html/template"
	"strings"

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

// What a text may hold to be shown as more than plain text. The renderer fills up each row of a table to the width of its
// head, and its time for brackets, emphasis, and quotes and lists in one another grows with their square: 64 KiB that are made for it
// would take seconds and gigabytes. No person writes more than this.
const (
	maxCells    = 10_000 // of tables, if every line were a row of the widest
	maxBrackets = 2000
	maxEmphasis = 2000 // of the characters that it begins and ends with
	maxDepth    = 50   // of quotes and lists that one line begins, one in the other
)

// tableRule is what the line below a table's head is made of, also in a list or a quote.
const tableRule = "|-: \t\r\n>*+.)0123456789"

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

// excessive says whether a text was made to be hard to render.
func excessive(text string) bool {
	if strings.Count(text, "[") > maxBrackets || emphasis(text) > maxEmphasis {
		return true
	}
	rows, widest := 0, 0
	for line := range strings.Lines(text) {
		if depth(line) > maxDepth {
			return true
		}
		if rows++; strings.Trim(line, tableRule) == "" {
			widest = max(widest, strings.Count(line, "|"))
		}
	}
	return rows*widest > maxCells
}

// depth is how many quotes and lists a line begins, one in the other.
func depth(line string) (n int) {
	for ; n <= maxDepth; n++ {
		line = strings.TrimLeft(line, " \t")
		quoted, quote := strings.CutPrefix(line, ">")
		mark := strings.TrimLeft(line, "0123456789")
		switch {
		case quote:
			line = quoted
		case len(mark) > 1 && strings.IndexByte("-+*.)", mark[0]) >= 0 && strings.IndexByte(" \t", mark[1]) >= 0:
			line = mark[2:]
		default:
			return n
		}
	}
	return n
}

// emphasis counts the characters that emphasis begins and ends with.
func emphasis(text string) int {
	return strings.Count(text, "*") + strings.Count(text, "_") + strings.Count(text, "~")
}
