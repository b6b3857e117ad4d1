package tenant

import "time"

// Route sends the paths below a prefix of one host to upstreams of the tenant. Only the operator adds routes.
type Route struct {
	// Prefix is a canonical path: "/" or "/shop", matched by whole segments.
	Prefix string `cbor:"1,keyasint"`
	// Upstreams are http or https URLs, at least one.
	Upstreams []string `cbor:"2,keyasint"`
	// StripPrefix takes the prefix from the path before it is forwarded.
	StripPrefix bool `cbor:"3,keyasint,omitempty"`
	// PreserveHost sends the visitor's Host to the upstream instead of the upstream's own.
	PreserveHost bool `cbor:"4,keyasint,omitempty"`
	// Timeout bounds the wait for an upstream's response header; 0: proxy's default.
	Timeout time.Duration `cbor:"5,keyasint,omitempty"`
}

// Routes are the routes of one host.
type Routes []Route

// Match is the route with the longest prefix of the path, on boundaries of path segments.
func (rs Routes) Match(path string) (*Route, bool) { panic("not yet") }

// Setup is what the operator configured for one host of a tenant.
type Setup struct {
	Tenant ID     `cbor:"1,keyasint"`
	Host   Host   `cbor:"2,keyasint"`
	Mount  string `cbor:"3,keyasint,omitempty"`
	Routes Routes `cbor:"4,keyasint,omitempty"`
}
