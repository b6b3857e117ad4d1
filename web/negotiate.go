package web

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// wantsPage reports whether the client would rather have a page than JSON: its Accept names text/html, and no less
// than it names JSON.
func wantsPage(r *http.Request) bool {
	page, data := preferences(r)
	return page > 0 && page >= data
}

// wantsData reports whether the client asks for JSON, and for no page as much.
func wantsData(r *http.Request) bool {
	page, data := preferences(r)
	return data > page
}

// preferences are how much the Accept header wants pages and JSON, each by its name.
func preferences(r *http.Request) (page, data float64) {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		mediaType, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, given := params["q"]; given {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		switch mediaType {
		case "text/html":
			page = max(page, q)
		case "application/json":
			data = max(data, q)
		}
	}
	return page, data
}
