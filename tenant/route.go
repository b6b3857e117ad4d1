package tenant

import (
	"slices"
	"strings"
	"time"
)

// Route sends the paths below a prefix of one host to upstreams of the tenant. Only the operator adds routes.
type Route struct {
	// Prefix is a canonical path: "/" or "/shop", matched by whole segments.
	Prefix string `cbor:"1,keyasint" json:"path"`
	// Upstreams are http, https or h2c URLs, at least one. h2c is HTTP/2 without TLS, as gRPC servers speak it.
	Upstreams []string `cbor:"2,keyasint" json:"upstreams"`
	// StripPrefix takes the prefix from the path before it is forwarded.
	StripPrefix bool `cbor:"3,keyasint,omitempty" json:"strip_prefix"`
	// PreserveHost sends the visitor's Host to the upstream instead of the upstream's own.
	PreserveHost bool `cbor:"4,keyasint,omitempty" json:"preserve_host"`
	// Timeout bounds the wait for an upstream's response header; 0: proxy's default.
	Timeout time.Duration `cbor:"5,keyasint,omitempty" json:"-"`
	// Weights are the upstreams' shares, one for each; none: all alike. An upstream of weight 0 gets nothing new.
	Weights []int `cbor:"6,keyasint,omitempty" json:"-"`
	// Balance says which upstream a request goes to; empty: RoundRobin.
	Balance Balance `cbor:"7,keyasint,omitempty" json:"-"`
	// Sticky keeps a browser at one upstream by a cookie.
	Sticky bool `cbor:"8,keyasint,omitempty" json:"-"`
	// ConnectTimeout bounds connecting to an upstream; 0: proxy's default.
	ConnectTimeout time.Duration `cbor:"9,keyasint,omitempty" json:"-"`
	// IdleTimeout is how long a connection under way may carry nothing in either direction; 0: proxy's default.
	IdleTimeout time.Duration `cbor:"10,keyasint,omitempty" json:"-"`
	// MaxBody bounds the request's body in bytes; 0: there is no bound.
	MaxBody int64 `cbor:"11,keyasint,omitempty" json:"-"`
	// Health has the upstreams asked how they are; the zero Health: they are judged by how they answer visitors alone.
	Health Health `cbor:"12,keyasint,omitzero" json:"-"`
	// RequireLogin lets only those visitors through who are signed in at the tenant's portal, and of whom the product is as
	// sure as this; empty: everybody.
	RequireLogin Assurance `cbor:"13,keyasint,omitempty" json:"-"`
	// Maintenance answers every request with a page that asks to come back later.
	Maintenance bool `cbor:"14,keyasint,omitempty" json:"-"`
	// ErrorPage is the operator's own HTML for what the edge answers itself below the prefix; empty: the edge's page.
	ErrorPage string `cbor:"15,keyasint,omitempty" json:"-"`
}

// Balance is a way to choose among upstreams.
type Balance string

// The ways to choose.
const (
	// RoundRobin takes each in turn, by weight.
	RoundRobin Balance = "round-robin"
	// LeastConnections takes, of two upstreams drawn at random, the one with fewer requests under way, by weight.
	LeastConnections Balance = "least-connections"
)

// Health is how upstreams are asked how they are. It is the zero Health where they are not.
type Health struct {
	// Path is asked for below the upstream's URL, by GET.
	Path string `cbor:"1,keyasint,omitempty"`
	// Interval is the time between two questions; 0: proxy's default.
	Interval time.Duration `cbor:"2,keyasint,omitempty"`
	// Timeout bounds one of them; 0: proxy's default.
	Timeout time.Duration `cbor:"3,keyasint,omitempty"`
	// Least and Most bound the statuses that mean well; both 0: proxy's default.
	Least int `cbor:"4,keyasint,omitempty"`
	Most  int `cbor:"5,keyasint,omitempty"`
}

// Routes are the routes of one host, the longest prefix first.
type Routes []Route

// Match is the route with the longest prefix of a clean path, on boundaries of path segments; parameters of a segment (";") are none
// of its name.
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
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/' || path[len(prefix)] == ';')
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
