package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// assets are the files below /static. Each has the hash of its content in its name, so that browsers may keep it for
// good: a changed file is another file.
type assets struct {
	// address gives the path of a file by its plain name: base.css → /static/base.1f2e3d4c.css.
	address map[string]string
	// files gives the content by the last part of the path.
	files map[string]asset
}

type asset struct {
	packed

	mediaType string
}

// newAssets takes every file in static, and each page's own style under the page's name.
func newAssets(files fs.FS) (*assets, error) {
	a := &assets{address: map[string]string{}, files: map[string]asset{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		plain := path.Base(name)
		switch {
		case strings.HasPrefix(name, "pages/") && plain == "page.css":
			plain = path.Base(path.Dir(name)) + ".css"
		case !strings.HasPrefix(name, "static/"):
			return nil
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return a.add(plain, content)
	})
	return a, err
}

func (a *assets) add(plain string, content []byte) error {
	if _, taken := a.address[plain]; taken {
		return fmt.Errorf("two assets are called %s", plain)
	}
	file, err := pack(content)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	ext := path.Ext(plain)
	name := strings.TrimSuffix(plain, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	a.address[plain] = "/static/" + name
	a.files[name] = asset{file, mime.TypeByExtension(ext)}
	return nil
}

func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	f, ok := s.assets.files[r.PathValue("file")]
	if !ok {
		f, ok = themeAsset(r.PathValue("file"))
	}
	if !ok {
		return errNotFound
	}
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Vary", "Accept-Encoding")
	if f.zipped != nil && takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		return send(w, http.StatusOK, f.zipped)
	}
	return send(w, http.StatusOK, f.content)
}
