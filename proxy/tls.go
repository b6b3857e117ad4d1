package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"

	"github.com/deskgate/deskgate/proxy/listener"
	"github.com/deskgate/deskgate/tenant"
)

// newCertificates wires certmagic. It never uses certmagic's defaults, which are global to the process.
//
// Two configs share cache, storage and issuer. "managed" is what certificates are obtained, renewed and loaded with. The
// cache is told that all its certificates belong to "resting", a config for certificates on demand, whose maintenance
// is left to handshakes and which no handshake uses: so certmagic renews nothing by itself, beside our schedule and budget.
func newCertificates(ctx context.Context, c *Config, m *metrics, plain, secure net.Listener) (*certificates, error) {
	log := newZap(c.Log.With("room", "certmagic"))
	store := newCertStore(c.Store, c.Log)
	cs := &certificates{
		directory: c.Directory,
		custom:    customHosts{c.Domains},
		own:       ownHosts{store: c.Store, directory: c.Directory},
		store:     store,
		metrics:   m,
		log:       c.Log,
		more:      make(chan struct{}, 1),
		flights:   make(map[tenant.Host]*flight),
		waiting:   make(map[tenant.Host]time.Time),
		cooling:   make(map[tenant.Host]time.Time),
	}
	shared := certmagic.Config{
		Storage:             store,
		Issuers:             []certmagic.Issuer{&internalIssuer{store: c.Store}},
		RenewalWindowRatio:  renewalRatio,
		OCSP:                certmagic.OCSPConfig{DisableStapling: true},
		DisableStorageCheck: true, // it would write 10 KiB before every order
		Logger:              log,
	}
	var resting *certmagic.Config
	cs.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return resting, nil },
		Logger:           log,
	})
	onDemand := shared
	onDemand.OnDemand = &certmagic.OnDemandConfig{DecisionFunc: func(_ context.Context, name string) error {
		if _, served := cs.directory.Lookup(name); !served {
			return tenant.ErrNotFound
		}
		return nil
	}}
	resting = certmagic.New(cs.cache, onDemand)
	cs.managed = certmagic.New(cs.cache, shared)
	if c.TLS == ACME {
		cs.acme = newACMEIssuer(cs.managed, &c.ACME, plain, secure)
		cs.managed.Issuers = []certmagic.Issuer{cs.acme}
		resting.Issuers = cs.managed.Issuers
		if limitsKnown(cs.acme.CA) {
			var err error
			if cs.budget, err = loadBudget(ctx, c.Store); err != nil {
				cs.cache.Stop()
				return nil, err
			}
		}
	}
	m.gauge("certificate_attempts_running", "Attempts to obtain or renew a certificate that are under way.", cs.running)
	background := context.WithoutCancel(ctx)
	c.Domains.OnRemove(func(h tenant.Host) { cs.forget(background, h) })
	return cs, nil
}

// limitsKnown says whether the authority's limits are those of budget. Others tell when it is enough.
func limitsKnown(directory string) bool {
	u, err := url.Parse(directory)
	return err == nil && strings.HasSuffix("."+u.Hostname(), ".api.letsencrypt.org")
}

// newACMEIssuer makes the issuer. Challenges are answered by the server's own listeners: certmagic is told their ports, finds
// them taken, and opens none.
func newACMEIssuer(managed *certmagic.Config, o *ACMEOptions, plain, secure net.Listener) *certmagic.ACMEIssuer {
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

// tlsConfig is the listener's. The gate stands before everything, also before resumed sessions: a hello for a name that nobody
// has here is answered with the alert unrecognized_name, and costs neither I/O nor a key exchange.
func (c *certificates) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		CipherSuites:   suites(),
		NextProtos:     []string{"h2", "http/1.1", acmez.ACMETLS1Protocol},
		GetCertificate: c.certificate,
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if c.known(h) {
				return nil, nil //nolint:nilnil // crypto/tls wants it so: go on with this config
			}
			turnAway(h.Conn)
			return nil, listener.ErrStranger
		},
	}
}

// suites are those of TLS 1.2 that keep secrets if a key is lost later, and that seal and sign in one: what HTTP/2 demands as
// well. Every browser since 2015 has one of them.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// known says whether a hello is for somebody here.
func (c *certificates) known(h *tls.ClientHelloInfo) bool {
	_, served := c.directory.Lookup(h.ServerName)
	switch {
	case c.challenged(h):
		c.metrics.hellos["challenge"].Inc()
	case served:
		c.metrics.hellos["served"].Inc()
	default:
		c.metrics.hellos["unknown"].Inc()
		return false
	}
	return true
}

// turnAway sends the alert unrecognized_name, for which crypto/tls would first make the half of a key exchange. What crypto/tls
// says itself about the error that follows is kept back.
func turnAway(conn net.Conn) {
	const alert, fatal, unrecognizedName = 21, 2, 112
	_, _ = conn.Write([]byte{alert, 3, 3, 0, 2, fatal, unrecognizedName}) // the client may be gone
	_ = conn.SetWriteDeadline(time.Unix(1, 0))
}

// challenged says whether the hello is an authority's, and about a challenge that is under way here.
func (c *certificates) challenged(h *tls.ClientHelloInfo) bool {
	if !isChallenge(h) || c.acme == nil {
		return false
	}
	_, active := certmagic.GetACMEChallenge(h.ServerName)
	return active
}

func isChallenge(h *tls.ClientHelloInfo) bool {
	return len(h.SupportedProtos) == 1 && h.SupportedProtos[0] == acmez.ACMETLS1Protocol
}

// certificate is the certificate for a hello: from memory, else from the store, else a new one, which a client that came
// first has to wait for.
func (c *certificates) certificate(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if isChallenge(h) && c.acme != nil {
		return c.managed.GetCertificate(h)
	}
	site, served := c.directory.Lookup(h.ServerName)
	if !served {
		return nil, nil //nolint:nilnil // crypto/tls wants it so: unrecognized_name
	}
	cert, found := c.cached(h, site.Host)
	if found && !cert.Expired() {
		return &cert.Certificate, nil
	}
	// The handshake's own deadline wakes nobody who waits here.
	ctx, cancel := context.WithTimeout(h.Context(), headerTime)
	defer cancel()
	err := c.fetch(ctx, site)
	fresh, ok := c.cached(h, site.Host)
	if !ok {
		return nil, errors.Join(errNotNow, err)
	}
	return &fresh.Certificate, nil // perhaps expired: the visitor's browser says so better than we can
}

func (c *certificates) cached(h *tls.ClientHelloInfo, host tenant.Host) (certmagic.Certificate, bool) {
	choices := c.cache.AllMatchingCertificates(string(host))
	if len(choices) == 0 {
		return certmagic.Certificate{}, false
	}
	cert, err := certmagic.DefaultCertificateSelector(h, choices)
	return cert, err == nil
}

// fetch brings a site's certificate into memory. Of all who ask at once for the same, one does it.
func (c *certificates) fetch(ctx context.Context, site *tenant.Site) error {
	loading := c.loads.DoChan(string(site.Host), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
		defer cancel()
		cert, err := c.load(ctx, site.Host)
		return cert.Expired(), err
	})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case r := <-loading:
		if expired, _ := r.Val.(bool); r.Err == nil && !expired {
			return nil
		}
		if r.Err != nil && !errors.Is(r.Err, fs.ErrNotExist) {
			c.log.ErrorContext(ctx, "certificate not loaded", slog.String("host", string(site.Host)), slog.Any("error", r.Err))
			return r.Err
		}
	}
	return c.ensure(ctx, site)
}

// answer answers an authority that asks over HTTP for the token of a challenge, if there is one under way.
func (c *certificates) answer(w http.ResponseWriter, r *http.Request, known bool) bool {
	if c.acme == nil || !certmagic.LooksLikeHTTPChallenge(r) {
		return false
	}
	if !known { // then there is nothing to look for in the store
		if _, active := certmagic.GetACMEChallenge(r.Host); !active {
			return false
		}
	}
	return c.acme.HandleHTTPChallenge(w, r)
}
