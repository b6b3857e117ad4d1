package web

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/tickets/rule"
	"github.com/deskgate/deskgate/tickets/transfer"
	"github.com/deskgate/deskgate/tickets/webhook"
	"github.com/deskgate/deskgate/web/words"
)

// Config is what the product needs from the other rooms. Every field is required but StreamPatience.
type Config struct {
	Directory *tenant.Directory
	Tenants   *tenant.Registry
	Domains   *domain.Registry
	Doors     *auth.Doors
	Staff     *staff.Members
	OIDC      *oidc.Logins
	Passkeys  *passkey.Keys
	Desk      *tickets.Desk
	Rules     *rule.Engine
	Webhooks  *webhook.Hooks
	Eraser    *erasure.Eraser
	Transfers *transfer.Transfers
	Notifier  *notify.Notifier
	Log       *slog.Logger
	// StreamPatience is how long a listener to an event stream may take for what is sent to it; 0: 15 seconds.
	StreamPatience time.Duration
}

// Server is the product: it answers every request that is not forwarded to an upstream. It is safe for concurrent use.
type Server struct {
	directory *tenant.Directory
	tenants   *tenant.Registry
	domains   *domain.Registry
	doors     *auth.Doors
	staff     *staff.Members
	oidc      *oidc.Logins
	passkeys  *passkey.Keys
	desk      *tickets.Desk
	rules     *rule.Engine
	webhooks  *webhook.Hooks
	eraser    *erasure.Eraser
	transfers *transfer.Transfers
	notifier  *notify.Notifier
	log       *slog.Logger
	guard     *guard
	bodies    *bodies
	assets    *assets
	catalogue *words.Catalogue
	pages     pages
	// snippets are the integration guide's programs.
	snippets map[string]string
	table    *table
	streams  *streams
	// description is the OpenAPI document.
	description []byte
	// manual is that document for people, verifiers are programs in it.
	manual    *reference
	verifiers map[string]string
	// rights are those that routes of the API demand.
	rights map[Route]auth.Scopes
	// widget is /widget.js at tenants' hosts, nodeWidget at the node's.
	widget, nodeWidget packed
}

// New returns the product's handler. The requests that it gets carry a tenant.Visit in their context. An error is a
// mistake in our own files.
func New(c Config) (*Server, error) {
	s := &Server{
		directory: c.Directory, tenants: c.Tenants, domains: c.Domains, doors: c.Doors, staff: c.Staff, oidc: c.OIDC, passkeys: c.Passkeys, desk: c.Desk, webhooks: c.Webhooks, rules: c.Rules, eraser: c.Eraser, transfers: c.Transfers, notifier: c.Notifier, log: c.Log,
		guard: newGuard(c.Directory), table: newTable(), streams: newStreams(cmp.Or(c.StreamPatience, streamWrite)), bodies: newBodies(), rights: map[Route]auth.Scopes{},
	}
	var err error
	if s.assets, err = newAssets(files); err != nil {
		return nil, err
	}
	if s.catalogue, err = words.Load(); err != nil {
		return nil, err
	}
	if s.pages, err = newPages(files); err != nil {
		return nil, err
	}
	if s.snippets, err = newSnippets(files); err != nil {
		return nil, err
	}
	if s.description, err = Description(); err != nil {
		return nil, err
	}
	if s.widget, s.nodeWidget, err = newWidgets(files); err != nil {
		return nil, err
	}
	if s.verifiers, err = newVerifiers(files); err != nil {
		return nil, err
	}
	s.routes()
	if s.manual, err = newReference(s.rights); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	visit := tenant.VisitFrom(r.Context())
	harden(w.Header())
	defer s.bodies.account(r, visit)()
	w.Header().Set("X-Request-Id", visit.RequestID)
	router := s.table.tenant
	if visit.Tenant == nil {
		router = s.table.node
	}
	path, ours := below(visit.Mount, r.URL.Path)
	if !ours {
		s.outside(w, r, visit)
		return
	}
	path = insideFolder(visit, r, path)
	if isAPI(path) {
		w.Header().Set("Vary", "Origin")
		s.grant(w, r, visit.Tenant)
	}
	if serve, params, _ := router.Lookup(r.Method, path); serve != nil {
		serve(w, r, params)
		return
	}
	s.unrouted(w, r, path, methods(router, path))
}

// unrouted answers what no route takes. Known are the methods that its path has.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request, path string, known []string) {
	var problem error = errNotFound
	if known != nil {
		problem = methodNotAllowed(known)
	}
	options := r.Method == http.MethodOptions
	if options && known != nil {
		w.Header().Set("Allow", strings.Join(known, ", "))
	}
	switch {
	case options && isAPI(path):
		s.preflight(w, r, path)
	case options && known != nil:
		w.WriteHeader(http.StatusNoContent)
	case isAPI(path):
		s.unknown(w, r, problem)
	case known == nil && s.slashed(r, path):
		unslash(w, r)
	default:
		s.fail(w, r, problem)
	}
}

// slashed says whether the path is that of one of our pages but for a slash at its end.
func (s *Server) slashed(r *http.Request, path string) bool {
	page, slash := strings.CutSuffix(path, "/")
	if !slash || page == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	router := s.table.tenant
	if tenant.VisitFrom(r.Context()).Tenant == nil {
		router = s.table.node
	}
	return router.serves(http.MethodGet, page)
}

// unslash leads to the page without the slash.
func unslash(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Path: strings.TrimSuffix(r.URL.Path, "/"), RawQuery: r.URL.RawQuery}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusPermanentRedirect)
}

// outside answers what is not below the folder that the portal is mounted at, and no route forwards.
func (s *Server) outside(w http.ResponseWriter, r *http.Request, visit *tenant.Visit) {
	if r.URL.Path != "/" || r.Method != http.MethodGet {
		s.fail(w, r, errNotFound)
		return
	}
	s.report(seeOther(w, visit, "/"))
}

// Routes are the product's routes in the order of the manual.
func (s *Server) Routes() []Route { return s.table.rows }
