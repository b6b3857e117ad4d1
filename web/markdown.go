package web

import (
	"html/template"
	"strings"
)

// markdown is a text as clean HTML.
func markdown(text string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		b.WriteString("<p>" + strings.ReplaceAll(template.HTMLEscapeString(paragraph), "\n", "<br>") + "</p>")
	}
	return template.HTML(b.String()) //nolint:gosec // every byte of the text is escaped
}
