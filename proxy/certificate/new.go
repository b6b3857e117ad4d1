package certificate

import (
	"context"
	"log/slog"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/span"
)

// ACME says which authorities certificates come from, and how they may reach this node.
type ACME struct {
	// Authorities are asked in this order: the next one where one can't or won't. None: Let's Encrypt.
	Authorities []Authority
	// NoHTTPChallenge and NoTLSChallenge rule a kind of challenge out.
	NoHTTPChallenge, NoTLSChallenge bool
	// DNS is where the node can write records for its own names; nil: nowhere. With it, one certificate covers all that is
	// below a node host.
	DNS *DNS
}

// Options are what a Keeper needs. All but ACME and Spans is required.
type Options struct {
	Store     *storage.Store
	Directory *tenant.Directory
	Domains   *domain.Registry
	// ACME is nil where the node's own authority issues.
	ACME *ACME
	// HTTP says that there is a listener that can answer authorities in plain HTTP.
	HTTP bool
	// HandshakeTime bounds how long a handshake waits for its certificate.
	HandshakeTime time.Duration
	// Hello is told of each handshake that begins, whether its name was "served", "unknown" or an authority's "challenge".
	Hello func(name string)
	// Attempt is told how each attempt to get a certificate ended: "obtained", "renewed", "failed" or "postponed".
	Attempt func(result string)
	// Spans has attempts traced; nil: they are not.
	Spans *span.Source
	Log   *slog.Logger
}

// New wires certmagic, which makes keys and requests, and knows what is stored where. It never uses certmagic's defaults, which
// are global to the process, nor its cache, which evicts by chance and renews beside our schedule: that one stays empty.
func New(ctx context.Context, o Options) (*Keeper, error) {
	log := newZap(o.Log.With("room", "certmagic"))
	store := NewAssetStore(o.Store, o.Log)
	k := &Keeper{
		options:   o,
		directory: o.Directory,
		custom:    customHosts{o.Domains},
		store:     store,
		log:       o.Log,
		more:      make(chan struct{}, 1),
		flights:   make(map[tenant.Host]*flight),
		shelf:     newShelf(shelfSize),
		waiting:   make(map[tenant.Host]time.Time),
		cooling:   make(map[tenant.Host]time.Time),
	}
	k.own = ownHosts{store: o.Store, site: k.site}
	k.challenges = &challenges{files: store, active: make(map[string]acme.Challenge)}
	k.settings = certmagic.Config{
		Storage:             store,
		RenewalWindowRatio:  renewalRatio,
		OCSP:                certmagic.OCSPConfig{DisableStapling: true},
		DisableStorageCheck: true, // it would write 10 KiB before every order
		Logger:              log,
	}
	k.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return certmagic.New(k.cache, k.settings), nil },
		Logger:           log,
	})
	if err := k.issuers(ctx); err != nil {
		k.cache.Stop()
		return nil, err
	}
	background := context.WithoutCancel(ctx)
	if k.sources != nil {
		o.Domains.AskAuthorities(k.inDNS)
	}
	o.Domains.OnRemove(func(h tenant.Host) { k.forget(background, h) })
	return k, nil
}

// issuers makes those who issue.
func (k *Keeper) issuers(ctx context.Context) error {
	o := k.options.ACME
	if o == nil {
		k.internal = newInternalIssuer(k.options.Store)
		k.from = []string{k.internal.IssuerKey()}
		return nil
	}
	if k.options.HTTP && !o.NoHTTPChallenge {
		k.solvers = append(k.solvers, k.challenges.solver(acme.ChallengeTypeHTTP01))
	}
	if !o.NoTLSChallenge {
		k.solvers = append(k.solvers, k.challenges.solver(acme.ChallengeTypeTLSALPN01))
	}
	if o.DNS != nil {
		k.byDNS = new(o.DNS.solver(k.settings.Logger))
	}
	authorities := o.Authorities
	if len(authorities) == 0 {
		authorities = []Authority{{Limited: true}}
	}
	for _, a := range authorities {
		s, err := loadSource(ctx, newACMEIssuer(a, k.store, k.log), k.options.Store)
		if err != nil {
			return err
		}
		k.sources, k.from = append(k.sources, s), append(k.from, s.key)
	}
	var err error
	k.budget, err = loadBudget(ctx, k.options.Store)
	return err
}
