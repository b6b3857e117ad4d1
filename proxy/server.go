package proxy

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TLSMode says where certificates come from.
type TLSMode string

// The modes of --tls.
const (
	ACME     TLSMode = "acme"     // from an ACME authority
	Internal TLSMode = "internal" // from the node's own authority
	Off      TLSMode = "off"      // no TLS here: another edge has it
)

// ACMEOptions are about the authority.
type ACMEOptions struct {
	// Directory is the URL of the authority's directory. Empty: Let's Encrypt.
	Directory string
	// Roots are trusted when talking to the authority; nil: the system's.
	Roots *x509.CertPool
	// Email is told to the authority; it may be empty.
	Email string
	// HTTPPort and TLSPort are where the authority's validation arrives at this machine, if not at 80 and 443 and not at a
	// listener of this server.
	HTTPPort, TLSPort int
	// NoHTTPChallenge and NoTLSChallenge rule a kind of challenge out.
	NoHTTPChallenge, NoTLSChallenge bool
}

// Config is what a Server needs. Store, Directory, Domains, Node and Product are required.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	Domains   *domain.Registry
	Node      *tenant.Node
	// Product answers what is not forwarded. It finds a tenant.Visit in the request's context.
	Product http.Handler
	// Owns says whether the product has a page at a path below its mount ("/tickets/7", or "/"), so that no route may
	// take it. Nil: a list that is built in.
	Owns func(path string) bool

	// HTTP and HTTPS are the addresses to listen on. The listeners, if not nil, are used instead (socket activation).
	HTTP, HTTPS                 string
	HTTPListener, HTTPSListener net.Listener
	// Metrics is the address of Prometheus metrics, /healthz and /readyz; empty: none.
	Metrics string

	// TLS is ACME if empty.
	TLS  TLSMode
	ACME ACMEOptions

	// TrustedProxies are peers whose X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []netip.Prefix
	// ProxyProtocol are peers that must send a PROXY header.
	ProxyProtocol []netip.Prefix

	// DrainTime bounds how long running requests may take after Run's context has ended. 0: 25 seconds.
	DrainTime time.Duration
	Log       *slog.Logger
}

// Server is the edge of a node. It is made by New.
type Server struct{}

// New checks the settings and opens the listeners. Whoever made a Server has to Run it, or to Close it.
func New(ctx context.Context, c Config) (*Server, error) { panic("not yet") }

// HTTPAddr is the address of the plain listener.
func (s *Server) HTTPAddr() net.Addr { panic("not yet") }

// HTTPSAddr is the address of the TLS listener, nil with TLS off.
func (s *Server) HTTPSAddr() net.Addr { panic("not yet") }

// MetricsAddr is the address of the metrics listener, nil if there is none.
func (s *Server) MetricsAddr() net.Addr { panic("not yet") }

// Run serves until ctx ends, then stops accepting, lets running requests finish, and returns nil. A second end is the
// caller's: Close stops at once.
func (s *Server) Run(ctx context.Context) error { panic("not yet") }

// Close closes the listeners and all connections at once.
func (s *Server) Close() error { panic("not yet") }

// RootPEM is the root certificate of the node's own authority, which is made if it is not there yet.
func RootPEM(ctx context.Context, s *storage.Store) ([]byte, error) { panic("not yet") }

// Tables are the tables of this package.
func Tables() []storage.Declared {
	return []storage.Declared{assets, leases}
}
