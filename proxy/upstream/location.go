package upstream

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// relocate has an answer lead to where the visitor comes, where it leads to the upstream as the edge knows it: an application that was
// not told the visitor's host, or stands below a path of its own, knows no better. What leads elsewhere is left as it is, and so are
// paths that an application may have made of X-Forwarded-Prefix.
func relocate(h http.Header, t *target, r *tenant.Route, asked *http.Request) {
	for _, name := range [...]string{"Location", "Content-Location"} {
		if values := h[name]; len(values) == 1 {
			if to, ours := t.outside(values[0], r); ours && !t.insists(values[0], to, asked) {
				h[name] = []string{to}
			}
		}
	}
}

// outside is the path by which visitors come to a URL of the upstream's. ours is false if it is none.
func (t *target) outside(to string, r *tenant.Route) (path string, ours bool) {
	u, err := url.Parse(to)
	if err != nil || u.Opaque != "" || u.User != nil || u.Path == "" && u.Host == "" {
		return "", false
	}
	base := strings.TrimSuffix(t.url.EscapedPath(), "/")
	switch {
	case u.Host == "":
		ours = base != "" && u.Path[0] == '/'
	case u.Scheme == "http" || u.Scheme == "https":
		ours = sameHost(u, t.url)
	}
	if !ours {
		return "", false
	}
	rest, below := strings.CutPrefix(u.EscapedPath(), base)
	if !below || rest != "" && rest[0] != '/' {
		return "", false
	}
	if r.StripPrefix && r.Prefix != "/" {
		rest = r.Prefix + rest
	}
	rest = "/" + strings.TrimLeft(rest, "/") // two slashes would be another host
	if u.RawQuery != "" || u.ForceQuery {
		rest += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		rest += "#" + u.EscapedFragment()
	}
	return rest, true
}

// insists says whether an upstream wants to be asked for the same page by the other scheme. By way of the edge that would be the page
// that was asked for, again and again.
func (t *target) insists(said, to string, asked *http.Request) bool {
	scheme, _, absolute := strings.Cut(said, "://")
	return absolute && !strings.EqualFold(scheme, t.scheme) && to == asked.URL.RequestURI() &&
		(asked.Method == http.MethodGet || asked.Method == http.MethodHead)
}

// sameHost compares hosts and ports. A port that is left out is that of either scheme: applications behind an edge mistake theirs.
func sameHost(a, b *url.URL) bool {
	usual := func(u *url.URL) bool {
		p := u.Port()
		return p == "" || p == "80" && u.Scheme != "https" || p == "443" && u.Scheme == "https"
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) && (a.Port() == b.Port() || usual(a) && usual(b))
}
