package webtest

import (
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// File is one that somebody has chosen in a form.
type File struct {
	Name, Content string
	// Type is what the browser says of it; empty: nothing.
	Type string
}

// Attach posts a form with files, as a browser does for one of our own pages unless headers say otherwise.
func (c *Client) Attach(address string, fields url.Values, files []File, headers ...string) Answer {
	c.tb.Helper()
	var body strings.Builder
	w := multipart.NewWriter(&body)
	for name, values := range fields {
		for _, value := range values {
			ok(c.tb, w.WriteField(name, value))
		}
	}
	for _, f := range files {
		h := textproto.MIMEHeader{}
		name := strings.NewReplacer("\"", "%22", "\r", "%0D", "\n", "%0A").Replace(f.Name)
		h.Set("Content-Disposition", `form-data; name="files"; filename="`+name+`"`)
		if f.Type != "" {
			h.Set("Content-Type", f.Type)
		}
		part, err := w.CreatePart(h)
		ok(c.tb, err)
		_, err = part.Write([]byte(f.Content))
		ok(c.tb, err)
	}
	ok(c.tb, w.Close())
	if len(headers) == 0 {
		for _, h := range Submit {
			if !strings.HasPrefix(h, "Content-Type") {
				headers = append(headers, h)
			}
		}
	}
	return c.Do(http.MethodPost, address, body.String(), append(headers, "Content-Type: "+w.FormDataContentType())...)
}
