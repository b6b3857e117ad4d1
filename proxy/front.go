package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/proxy/assertion"
	"github.com/deskgate/deskgate/proxy/upstream"
	"github.com/deskgate/deskgate/tenant"
)

// Gate decides about visitors of routes that demand a login.
type Gate interface {
	// Admit returns who the visitor is, if the product is as sure of it as need says. Otherwise it has answered the request:
	// with the way to the sign-in, or with an error. The request's context has the tenant.Visit.
	Admit(w http.ResponseWriter, r *http.Request, need tenant.Assurance) (who tenant.Visitor, ok bool)
}

// front is what stands behind the edge where the product is served: the product, and the tenants' upstreams.
type front struct {
	directory *tenant.Directory
	product   http.Handler
	upstreams *upstream.Proxy
	streams   context.Context //nolint:containedctx // ends when long-lived answers have to, at the beginning of a drain
	gate      Gate
	signer    *assertion.Signer
	log       *slog.Logger
}

// Upstreams are the states of a route's upstreams, in its order; nil if there is no such route.
func (s *Server) Upstreams(host tenant.Host, prefix string) []upstream.State {
	site, ok := s.config.Directory.Lookup(string(host))
	if !ok {
		return nil
	}
	for i := range site.Routes {
		if site.Routes[i].Prefix == prefix {
			return s.upstreams.States(&site.Routes[i])
		}
	}
	return nil
}

func (f *front) serve(x *exchange, r *http.Request) {
	v := &x.visit
	if v.Site == nil || !f.sameAsSNI(r, v.Site) {
		notServed.answer(x, r, v.RequestID)
		return
	}
	var route *tenant.Route
	if len(v.Site.Routes) > 0 {
		var sure bool
		if route, sure = f.route(v.Site, r.URL.Path); !sure {
			badRequest.answer(x, r, v.RequestID)
			return
		}
	}
	if longLived(r, route) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(f.streams, cancel)() //nolint:contextcheck // that is the point: another life ends this one
		r = r.WithContext(ctx)
	}
	if route != nil {
		f.forward(x, r, route)
		return
	}
	if r.URL.Path == assertion.Path && v.Tenant != nil {
		f.signer.ServeKeys(x, r, v.Tenant)
		return
	}
	x.by = byPages
	if ofAPI(v.Mount, r.URL.Path) {
		x.by = byAPI
	}
	f.product.ServeHTTP(x, x.inside(r))
}

// inside is the request as the product gets it: its context has the visit, and the span if there is one.
func (x *exchange) inside(r *http.Request) *http.Request {
	ctx := tenant.WithVisit(r.Context(), &x.visit)
	if x.span != nil {
		ctx = x.span.Into(ctx)
	}
	return r.WithContext(ctx)
}

// forward has the route's upstreams answer, once the visitor may come to them.
func (f *front) forward(x *exchange, r *http.Request, route *tenant.Route) {
	x.by = byUpstream
	x.job.Visit, x.job.Route, x.job.IP = &x.visit, route, x.ip
	if route.RequireLogin != "" && !route.Maintenance && !f.admit(x, r, route) {
		return
	}
	if mayRest(r, route) {
		x.body.release()
	}
	r.Host = authority(r, x.visit.Site)
	f.upstreams.Forward(x, r, &x.job)
}

// authority is the host and port that the visitor came to, for applications, which make links of it. Both are written as we know
// them, and the port is one that leads here: visitors can send whatever port they like.
func authority(r *http.Request, s *tenant.Site) string {
	_, known, _ := strings.Cut(s.Origin, "://")
	if r.Host == known {
		return known
	}
	if colon := strings.LastIndexByte(r.Host, ':'); colon >= 0 {
		said := r.Host[colon:]
		if here, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && strings.HasSuffix(here.String(), said) {
			return string(s.Host) + said
		}
	}
	return known
}

// admit finds out who the visitor is. False: the request is answered.
func (f *front) admit(x *exchange, r *http.Request, route *tenant.Route) bool {
	v := &x.visit
	if f.gate == nil || v.Tenant == nil {
		internalError.answer(x, r, v.RequestID)
		return false
	}
	who, ok := f.gate.Admit(x, x.inside(r), route.RequireLogin)
	if !ok {
		return false
	}
	signed, err := f.signer.Sign(v, who)
	if err != nil {
		f.log.ErrorContext(r.Context(), "assertion", "error", err, "request_id", v.RequestID)
		internalError.answer(x, r, v.RequestID)
		return false
	}
	x.job.Visitor, x.job.Assertion = who, signed
	return true
}

// sameAsSNI says whether the name that TLS was asked for belongs to whom the request is for. A connection that was made
// to one tenant must not reach another.
func (f *front) sameAsSNI(r *http.Request, site *tenant.Site) bool {
	if r.TLS == nil || r.TLS.ServerName == string(site.Host) {
		return true
	}
	named, ok := f.directory.Lookup(r.TLS.ServerName)
	if !ok || (named.Tenant == nil) != (site.Tenant == nil) {
		return false
	}
	return site.Tenant == nil || named.Tenant.ID == site.Tenant.ID
}

// longLived says whether the answer may go on for ever: a WebSocket, or an event stream of the product's. Of an application's answer only
// its header says so, as many ask for event streams and get something else, which is worth waiting for; but where nothing else is
// taken, as by a browser's EventSource, the header may come no sooner than the first event.
func longLived(r *http.Request, route *tenant.Route) bool {
	const events = "text/event-stream"
	accept := r.Header.Get("Accept")
	return r.Header.Get("Upgrade") != "" ||
		r.Method == http.MethodGet && (accept == events || route == nil && strings.Contains(accept, events))
}

// route is the one that the path takes to an upstream; nil if the path is the product's. It is not sure where an application
// could read another path out of it, one that takes another route: that may be one that demands a login.
func (f *front) route(s *tenant.Site, path string) (route *tenant.Route, sure bool) {
	plain, whole := asRead(path)
	if !whole {
		return nil, false
	}
	route = f.match(s, path)
	return route, plain == path || f.match(s, plain) == route
}

// match is the route of a path, nil if the path is the product's. Of the product's mount and a route, the longer one wins; that no
// route lies across the product's pages is seen to where routes are added.
func (f *front) match(s *tenant.Site, path string) *tenant.Route {
	if ours(path) {
		return nil
	}
	route, ok := s.Routes.Match(path)
	if !ok || under(s.Mount, path) && len(route.Prefix) <= len(s.Mount) {
		return nil
	}
	return route
}

// failed answers for an upstream that did not.
func (m *metrics) failed(w http.ResponseWriter, r *http.Request, f upstream.Failure) {
	m.upstreams[f].Inc()
	p, id := upstreamGone, ""
	x, ok := w.(*exchange)
	if ok {
		id = x.visit.RequestID
	}
	switch f {
	case upstream.Gone:
		if ok && x.body.late() {
			p = requestTooSlow
			break
		}
		if ok {
			x.status = statusClientGone
		}
		panic(http.ErrAbortHandler) // an answer without a word would be taken for an empty success
	case upstream.TooSlow:
		p = upstreamSlow
	case upstream.BadBody:
		p = badRequest
	case upstream.SlowBody:
		p = requestTooSlow
	case upstream.TooLarge:
		p = requestTooLarge
	case upstream.Maintenance:
		p = underMaintenance
	case upstream.Looped:
		p = looped
	case upstream.Unreachable:
	}
	page := ""
	if ok && x.job.Route != nil {
		page = x.job.Route.ErrorPage
	}
	p.answerWith(w, r, id, page)
}
