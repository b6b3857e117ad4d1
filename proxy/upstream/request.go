package upstream

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// outgoing makes the outgoing request but for its target. It takes the visitor's headers along, as they are needed nowhere
// else, and changes them. The body is nil if there is none.
func outgoing(w http.ResponseWriter, r *http.Request, j *Job) (*http.Request, *loan, error) {
	body, err := bounded(w, r, j.Route.MaxBody)
	if err != nil {
		return nil, nil, err
	}
	upgrade, err := upgradeOf(r.Header)
	if err != nil {
		return nil, nil, err
	}
	listener := w
	if !r.ProtoAtLeast(1, 1) {
		listener = nil // for HTTP/1.0 there is one answer to a request
	}
	out := r.WithContext(j.withHints(r.Context(), listener))
	out.Body, out.GetBody, out.RequestURI, out.Close = nil, nil, "", false
	out.Form, out.PostForm, out.MultipartForm, out.Pattern = nil, nil, nil, ""
	out.Trailer = nil // what comes behind a body was not looked at, and some applications take it for headers
	if body != nil {
		out.Body = body
	}
	h := out.Header
	trailers := httpguts.HeaderValuesContainsToken(h["Te"], "trailers")
	dropHops(h)
	if trailers {
		h["Te"] = trailersWanted
	}
	if upgrade != "" {
		h["Connection"] = upgradeWanted
		h["Upgrade"] = []string{upgrade}
	}
	if _, has := h["User-Agent"]; !has {
		h["User-Agent"] = none // or net/http would name itself
	}
	if j.Route.Sticky {
		stick(r, j)
	}
	introduce(h, j, r.Host)
	if j.Route.StripPrefix {
		u := *r.URL
		strip(&u, j.Route.Prefix)
		out.URL = &u
	}
	return out, (*loan)(body), nil
}

// Values that many requests share; nobody changes them.
var (
	trailersWanted = []string{"trailers"}
	upgradeWanted  = []string{"Upgrade"}
	none           = []string{""}
)

var errUpgrade = errors.New("the protocol to switch to has no name")

// upgradeOf is the protocol that a header wants to switch to, empty if it wants none.
func upgradeOf(h http.Header) (string, error) {
	if len(h["Upgrade"]) == 0 || !httpguts.HeaderValuesContainsToken(h["Connection"], "upgrade") {
		return "", nil
	}
	name := h["Upgrade"][0]
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return "", &BodyError{errUpgrade}
		}
	}
	return name, nil
}

// dropHops removes the headers that are about one connection only.
func dropHops(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				h.Del(name)
			}
		}
	}
	for name := range h {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
			"Transfer-Encoding", "Upgrade":
			delete(h, name)
		}
	}
}

// strip takes the prefix off the path, in both of its forms.
func strip(u *url.URL, prefix string) {
	if prefix == "/" {
		return
	}
	raw := u.RawPath
	u.Path = rooted(strings.TrimPrefix(u.Path, prefix))
	if raw == "" {
		return
	}
	for range len(prefix) { // each byte of the prefix is one of raw's, or an escape
		switch {
		case raw == "":
			return
		case raw[0] == '%' && len(raw) >= 3:
			raw = raw[3:]
		default:
			raw = raw[1:]
		}
	}
	u.RawPath = rooted(raw)
}

func rooted(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}

// address sends the request to a target. path is its URL without one.
func address(req *http.Request, t *target, path *url.URL, preserveHost bool) {
	u := new(*path)
	u.Scheme, u.Host = t.scheme, t.url.Host
	if t.url.Path != "" && t.url.Path != "/" {
		// Not JoinPath: what looks untidy in the rest may mean something, such as the two slashes of a URL in it.
		u.Path = strings.TrimSuffix(t.url.Path, "/") + path.Path
		u.RawPath = strings.TrimSuffix(t.url.EscapedPath(), "/") + path.EscapedPath()
	}
	if t.url.RawQuery != "" {
		u.RawQuery = strings.Trim(t.url.RawQuery+"&"+path.RawQuery, "&")
	}
	req.URL = u
	if !preserveHost {
		req.Host = t.url.Host
	}
}
