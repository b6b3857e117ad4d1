package web

import (
	"mime"
	"net/http"
	"slices"
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

// takes reports whether the client takes a type of answers: its Accept is not there, or names the type, or what it is one of. The
// narrowest name counts.
func takes(r *http.Request, kind, sub string) bool {
	header := strings.TrimSpace(strings.Join(r.Header.Values("Accept"), ","))
	if header == "" {
		return true
	}
	best, q := -1, 0.0
	for part := range strings.SplitSeq(header, ",") {
		mediaType, params, err := mime.ParseMediaType(part)
		width := slices.Index([]string{"*/*", kind + "/*", kind + "/" + sub}, mediaType)
		if err != nil || width < best || width < 0 {
			continue
		}
		weight := 1.0
		if text, given := params["q"]; given {
			if weight, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		best, q = width, weight
	}
	return q > 0
}
