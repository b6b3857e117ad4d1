package tenant

import (
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxRoutes    = 100 // of one host
	maxUpstreams = 50  // of one route
	maxPath      = 200 // octets of a mount or a prefix
	maxTimeout   = time.Hour
)

// Route sends the paths below a prefix of one host to upstreams of the tenant. Only the operator adds routes.
type Route struct {
	// Prefix is a canonical path: "/" or "/shop", matched by whole segments.
	Prefix string `cbor:"1,keyasint" json:"path"`
	// Upstreams are http or https URLs, at least one.
	Upstreams []string `cbor:"2,keyasint" json:"upstreams"`
	// StripPrefix takes the prefix from the path before it is forwarded.
	StripPrefix bool `cbor:"3,keyasint,omitempty" json:"strip_prefix"`
	// PreserveHost sends the visitor's Host to the upstream instead of the upstream's own.
	PreserveHost bool `cbor:"4,keyasint,omitempty" json:"preserve_host"`
	// Timeout bounds the wait for an upstream's response header; 0: proxy's default.
	Timeout time.Duration `cbor:"5,keyasint,omitempty" json:"-"`
}

// Routes are the routes of one host, the longest prefix first.
type Routes []Route

// Match is the route with the longest prefix of a clean path, on boundaries of path segments.
func (rs Routes) Match(path string) (*Route, bool) {
	for i := range rs {
		if under(path, rs[i].Prefix) {
			return &rs[i], true
		}
	}
	return nil, false
}

// under says whether a path is a prefix or below it.
func under(path, prefix string) bool {
	if prefix == "/" {
		return strings.HasPrefix(path, "/")
	}
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// check says what is wrong with a route, and brings it into canonical form.
func (r *Route) check() error {
	wrong := FieldErrors{}
	prefix, err := cleanPath(r.Prefix)
	if err != nil {
		wrong.Add("path", err.Error())
	}
	r.Prefix = prefix
	if n := len(r.Upstreams); n == 0 || n > maxUpstreams {
		wrong.Add("upstreams", "A route has from 1 to "+strconv.Itoa(maxUpstreams)+" upstreams.")
	}
	r.Upstreams = slices.Clone(r.Upstreams)
	for i, s := range r.Upstreams {
		if r.Upstreams[i], err = cleanUpstream(s); err != nil {
			wrong.Add("upstreams", err.Error())
		}
	}
	if r.Timeout < 0 || r.Timeout > maxTimeout {
		wrong.Add("timeout", "A time-out is at most an hour.")
	}
	return wrong.Or()
}

// upsert puts a route in its place by length, instead of the one with the same prefix.
func (rs Routes) upsert(r Route) Routes {
	out := slices.DeleteFunc(slices.Clone(rs), func(o Route) bool { return o.Prefix == r.Prefix })
	out = append(out, r)
	slices.SortFunc(out, func(a, b Route) int {
		if d := len(b.Prefix) - len(a.Prefix); d != 0 {
			return d
		}
		return strings.Compare(a.Prefix, b.Prefix)
	})
	return out
}

// collide says whether a route would never be taken because the product that is mounted at mount answers itself. A route for
// "/" beside a product at "/" gets what the product does not know.
func collide(prefix, mount string) error {
	if prefix == mount && mount != "/" {
		return sentenceError("The product itself is mounted at " + mount + ": mount it elsewhere first, for example at /support.")
	}
	if under(mount, prefix) {
		return nil
	}
	rest, below := strings.CutPrefix(prefix, strings.TrimSuffix(mount, "/")+"/")
	first, _, _ := strings.Cut(rest, "/")
	if below && slices.Contains(ownPaths(), first) {
		return sentenceError(prefix + " is a page of the product, which is mounted at " + mount + ": mount it elsewhere first, for example at /support.")
	}
	return nil
}

// ownPaths are the first path elements below the mount that the product keeps for itself.
func ownPaths() []string {
	return []string{
		"admin", "agent", "api", "auth", "dashboard", "integration", "simpleauth", "static", "test-auth-redirect",
		"test-auth-redirect-form", "tickets", "widget", "widget.js", ".well-known",
	}
}

// cleanPath checks a mount or a prefix: plain segments, no slash at the end.
func cleanPath(p string) (string, error) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/"
	if len(p) > 1 {
		p = strings.TrimSuffix(p, "/")
	}
	switch {
	case !strings.HasPrefix(p, "/"):
		return "", sentenceError("A path begins with a slash.")
	case len(p) > maxPath:
		return "", sentenceError("The path is too long.")
	case strings.Trim(p, letters) != "" || path.Clean(p) != p:
		return "", sentenceError("A path has plain segments of letters, digits and -._~ only.")
	case under(p, "/.well-known") || under(p, "/auth"):
		return "", sentenceError(p + " belongs to the product on every host.")
	}
	return p, nil
}

func cleanUpstream(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", sentenceError("An upstream is a URL such as http://10.0.0.5:8080, not " + strconv.Quote(s) + ".")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", sentenceError("An upstream has no user, query or fragment.")
	case u.Port() != "" && !validPort(u.Port()):
		return "", sentenceError("The upstream's port is not one.")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
