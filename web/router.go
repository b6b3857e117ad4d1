package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/julienschmidt/httprouter"
)

// handler answers a request, or returns an error for error.go to answer; never both.
type handler func(w http.ResponseWriter, r *http.Request) error

// Route is one row of the product's table of routes.
type Route struct {
	Method, Pattern string
}

// hosts says on which hosts a route exists.
type hosts int

const (
	tenantHosts hosts = 1 << iota
	nodeHosts
	anyHost = tenantHosts | nodeHosts
)

// table is the product's routes: a tree for each kind of host, and the rows in the order in which they were added.
type table struct {
	node, tenant *router
	rows         []Route
}

func newTable() *table {
	return &table{node: newRouter(), tenant: newRouter()}
}

// router is a tree of routes, and beside it the addresses that the tree cannot hold: it knows no word where another route of
// the method has a parameter.
type router struct {
	*httprouter.Router

	words map[string]map[string]httprouter.Handle // by address and method
}

func newRouter() *router {
	return &router{Router: bareRouter(), words: make(map[string]map[string]httprouter.Handle)}
}

// Lookup finds what serves a path. A word is never a parameter, whatever the method is.
func (r *router) Lookup(method, path string) (httprouter.Handle, httprouter.Params, bool) {
	if byMethod, word := r.words[path]; word {
		return byMethod[method], nil, false
	}
	return r.Router.Lookup(method, path)
}

// bareRouter is a router that answers nothing by itself: it would redirect API calls and answer preflights.
func bareRouter() *httprouter.Router {
	r := httprouter.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false
	r.HandleMethodNotAllowed, r.HandleOPTIONS = false, false
	return r
}

// add registers a route, and HEAD with each GET. The pattern is set on the request that came in, for whoever logs it.
func (t *table) add(where hosts, method, pattern string, h http.HandlerFunc) {
	t.register(where, method, pattern, h, func(r *router, method string, serve httprouter.Handle) { r.Handle(method, pattern, serve) })
}

// serves says whether some route takes an address.
func (r *router) serves(method, address string) bool {
	if r.words[address][method] != nil {
		return true
	}
	handle, _, _ := r.Lookup(method, address)
	return handle != nil
}

// word registers an address that ends with a word where other routes have a parameter.
func (t *table) word(where hosts, method, address string, h http.HandlerFunc) {
	t.register(where, method, address, h, func(r *router, method string, serve httprouter.Handle) {
		if r.words[address] == nil {
			r.words[address] = make(map[string]httprouter.Handle)
		}
		r.words[address][method] = serve
	})
}

func (t *table) register(where hosts, method, pattern string, h http.HandlerFunc, into func(*router, string, httprouter.Handle)) {
	serve := func(w http.ResponseWriter, r *http.Request, ps httprouter.Params) {
		r.Pattern = pattern
		for _, p := range ps {
			r.SetPathValue(p.Key, p.Value)
		}
		h(w, r)
	}
	t.rows = append(t.rows, Route{Method: method, Pattern: pattern})
	methods := []string{method}
	if method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	for _, m := range methods {
		if where&nodeHosts != 0 {
			into(t.node, m, serve)
		}
		if where&tenantHosts != 0 {
			into(t.tenant, m, serve)
		}
	}
}

// methods lists what the path can be asked with, in alphabetical order; nothing if there is no such path.
func methods(router *router, path string) []string {
	var found []string
	for _, m := range []string{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"} {
		if h, _, _ := router.Lookup(m, path); h != nil {
			found = append(found, m)
		}
	}
	if found != nil {
		found = append(found, http.MethodOptions)
		slices.Sort(found)
	}
	return found
}

// below cuts the folder that the portal is mounted at from the path. Some addresses are ours at the root of every host.
func below(mount, path string) (string, bool) {
	mount = strings.TrimSuffix(mount, "/")
	if mount == "" || path == "/auth/callback" || path == "/auth/continue" || strings.HasPrefix(path, "/.well-known/deskgate/") {
		return path, true
	}
	rest, ok := strings.CutPrefix(path, mount)
	switch {
	case !ok:
		return "", false
	case rest == "":
		return "/", true
	}
	return rest, rest[0] == '/'
}
