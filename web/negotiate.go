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
	page, data := 0.0, 0.0
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
	return page > 0 && page >= data
}
