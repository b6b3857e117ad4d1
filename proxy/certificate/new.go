package certificate

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// ACME says which authority certificates come from, and how it reaches this node.
type ACME struct {
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

// Options are what a Keeper needs. All but ACME and the listeners is required.
type Options struct {
	Store     *storage.Store
	Directory *tenant.Directory
	Domains   *domain.Registry
	// ACME is nil where the node's own authority issues.
	ACME *ACME
	// HTTP and HTTPS are the listeners that answer authorities; nil if there is none.
	HTTP, HTTPS net.Listener
	// HandshakeTime bounds how long a handshake waits for its certificate.
	HandshakeTime time.Duration
	// Hello is told of each handshake that begins, whether its name was "served", "unknown" or an authority's "challenge".
	Hello func(name string)
	// Attempt is told how each attempt to get a certificate ended: "obtained", "renewed", "failed" or "postponed".
	Attempt func(result string)
	Log     *slog.Logger
}

// New wires certmagic. It never uses certmagic's defaults, which are global to the process.
//
// Two configs share cache, storage and issuer. "managed" is what certificates are obtained, renewed and loaded with. The
// cache is told that all its certificates belong to "resting", a config for certificates on demand, whose maintenance
// is left to handshakes and which no handshake uses: so certmagic renews nothing by itself, beside our schedule and budget.
func New(ctx context.Context, o Options) (*Keeper, error) {
	log := newZap(o.Log.With("room", "certmagic"))
	store := NewAssetStore(o.Store, o.Log)
	k := &Keeper{
		options:   o,
		directory: o.Directory,
		custom:    customHosts{o.Domains},
		own:       ownHosts{store: o.Store, directory: o.Directory},
		store:     store,
		log:       o.Log,
		more:      make(chan struct{}, 1),
		flights:   make(map[tenant.Host]*flight),
		waiting:   make(map[tenant.Host]time.Time),
		cooling:   make(map[tenant.Host]time.Time),
	}
	shared := certmagic.Config{
		Storage:             store,
		Issuers:             []certmagic.Issuer{&internalIssuer{store: o.Store}},
		RenewalWindowRatio:  renewalRatio,
		OCSP:                certmagic.OCSPConfig{DisableStapling: true},
		DisableStorageCheck: true, // it would write 10 KiB before every order
		Logger:              log,
	}
	var resting *certmagic.Config
	k.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return resting, nil },
		Logger:           log,
	})
	onDemand := shared
	onDemand.OnDemand = &certmagic.OnDemandConfig{DecisionFunc: func(_ context.Context, name string) error {
		if _, served := k.directory.Lookup(name); !served {
			return tenant.ErrNotFound
		}
		return nil
	}}
	resting = certmagic.New(k.cache, onDemand)
	k.managed = certmagic.New(k.cache, shared)
	if o.ACME != nil {
		k.acme = newACMEIssuer(k.managed, o.ACME, o.HTTP, o.HTTPS)
		k.managed.Issuers = []certmagic.Issuer{k.acme}
		resting.Issuers = k.managed.Issuers
		if limitsKnown(k.acme.CA) {
			var err error
			if k.budget, err = loadBudget(ctx, o.Store); err != nil {
				k.cache.Stop()
				return nil, err
			}
		}
	}
	background := context.WithoutCancel(ctx)
	o.Domains.OnRemove(func(h tenant.Host) { k.forget(background, h) })
	return k, nil
}

// limitsKnown says whether the authority's limits are those of budget. Others tell when it is enough.
func limitsKnown(directory string) bool {
	u, err := url.Parse(directory)
	return err == nil && strings.HasSuffix("."+u.Hostname(), ".api.letsencrypt.org")
}

// newACMEIssuer makes the issuer. Challenges are answered by the server's own listeners: certmagic is told their ports, finds
// them taken, and opens none.
func newACMEIssuer(managed *certmagic.Config, o *ACME, plain, secure net.Listener) *certmagic.ACMEIssuer {
	template := certmagic.ACMEIssuer{
		CA:                      o.Directory,
		Email:                   o.Email,
		Agreed:                  true,
		TrustedRoots:            o.Roots,
		DisableHTTPChallenge:    o.NoHTTPChallenge || plain == nil && o.HTTPPort == 0,
		DisableTLSALPNChallenge: o.NoTLSChallenge,
		AltHTTPPort:             o.HTTPPort,
		AltTLSALPNPort:          o.TLSPort,
		Logger:                  managed.Logger,
	}
	if template.CA == "" {
		template.CA = certmagic.LetsEncryptProductionCA
	}
	if template.Email == "" {
		template.Email = " " // no address: an empty one would make certmagic ask on standard input
	}
	if plain != nil {
		template.ListenHost, template.AltHTTPPort = place(plain)
	}
	if secure != nil {
		_, template.AltTLSALPNPort = place(secure)
	}
	return certmagic.NewACMEIssuer(managed, template)
}

// place is the host and port of a listener; the host is empty if it listens on all addresses.
func place(l net.Listener) (host string, port int) {
	host, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "", 0 // not TCP: whoever made it knows how to get there
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = ""
	}
	port, _ = strconv.Atoi(p) // the address of a TCP listener
	return host, port
}
