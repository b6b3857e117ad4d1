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
)

// ACME says which authorities certificates come from, and how they may reach this node.
type ACME struct {
	// Authorities are asked in this order: the next one where one can't or won't. None: Let's Encrypt.
	Authorities []Authority
	// NoHTTPChallenge and NoTLSChallenge rule a kind of challenge out.
	NoHTTPChallenge, NoTLSChallenge bool
}

// Options are what a Keeper needs. All but ACME is required.
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
	Log     *slog.Logger
}

// New wires certmagic. It never uses certmagic's defaults, which are global to the process.
//
// Two configs share cache, storage and issuers. "managed" is what certificates are loaded with; each attempt has a copy of it
// with the one issuer that is asked. The
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
	k.challenges = &challenges{files: store, active: make(map[string]acme.Challenge)}
	k.settings = certmagic.Config{
		Storage:             store,
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
	issuers, err := k.issuers(ctx)
	if err != nil {
		k.cache.Stop()
		return nil, err
	}
	managed := k.settings
	managed.Issuers = issuers
	onDemand := managed
	onDemand.OnDemand = &certmagic.OnDemandConfig{DecisionFunc: func(_ context.Context, name string) error {
		if _, served := k.directory.Lookup(name); !served {
			return tenant.ErrNotFound
		}
		return nil
	}}
	resting = certmagic.New(k.cache, onDemand)
	k.managed = certmagic.New(k.cache, managed)
	background := context.WithoutCancel(ctx)
	o.Domains.OnRemove(func(h tenant.Host) { k.forget(background, h) })
	return k, nil
}

// issuers are those from which certificates may be in the store.
func (k *Keeper) issuers(ctx context.Context) ([]certmagic.Issuer, error) {
	o := k.options.ACME
	if o == nil {
		return []certmagic.Issuer{&internalIssuer{store: k.options.Store}}, nil
	}
	if k.options.HTTP && !o.NoHTTPChallenge {
		k.kinds = append(k.kinds, acme.ChallengeTypeHTTP01)
	}
	if !o.NoTLSChallenge {
		k.kinds = append(k.kinds, acme.ChallengeTypeTLSALPN01)
	}
	authorities := o.Authorities
	if len(authorities) == 0 {
		authorities = []Authority{{Limited: true}}
	}
	var all []certmagic.Issuer
	for _, a := range authorities {
		s, err := loadSource(ctx, newACMEIssuer(a, k.store, k.log), k.options.Store)
		if err != nil {
			return nil, err
		}
		k.sources, all = append(k.sources, s), append(all, &attempt{source: s})
	}
	var err error
	k.budget, err = loadBudget(ctx, k.options.Store)
	return all, err
}
