package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// packed is a file as it is and compressed.
type packed struct {
	content, zipped []byte
	tag             string
}

func pack(content []byte) (packed, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return packed{}, err
	}
	if _, err := z.Write(content); err != nil {
		return packed{}, err
	}
	if err := z.Close(); err != nil {
		return packed{}, err
	}
	sum := sha256.Sum256(content)
	return packed{content: content, zipped: b.Bytes(), tag: `"` + hex.EncodeToString(sum[:8]) + `"`}, nil
}

// newWidgets reads the script for partners' pages. At a node's host it is told so: there its element names the tenant.
func newWidgets(files fs.FS) (atTenant, atNode packed, err error) {
	const tenants, nodes = "const atNode = false;", "const atNode = true;"
	content, err := fs.ReadFile(files, "static/widget.js")
	if err == nil && bytes.Count(content, []byte(tenants)) != 1 {
		err = errors.New("widget.js does not say once where it is from")
	}
	if err != nil {
		return packed{}, packed{}, err
	}
	if atTenant, err = pack(content); err != nil {
		return packed{}, packed{}, err
	}
	atNode, err = pack(bytes.Replace(content, []byte(tenants), []byte(nodes), 1))
	return atTenant, atNode, err
}

// widgetScript serves what partners put on their pages. Its address has no version in it, so it is asked for again soon.
func (s *Server) widgetScript(w http.ResponseWriter, r *http.Request) error {
	file := s.widget
	if tenant.VisitFrom(r.Context()).Tenant == nil {
		file = s.nodeWidget
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("ETag", file.tag)
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == file.tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		return send(w, http.StatusOK, file.zipped)
	}
	return send(w, http.StatusOK, file.content)
}

// takesGzip reports whether the client can read gzip. One that says how much it likes it is not asked twice.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(part) == "gzip" {
			return true
		}
	}
	return false
}
