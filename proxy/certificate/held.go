package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// held is a certificate that is in hand, with its key.
type held struct {
	pair *tls.Certificate // without Leaf, which servers don't need
	leaf *x509.Certificate
	from string // the authority, as it is stored; empty: somebody brought it
	name string // that it is kept under: the host, or a wildcard that covers it
}

func (h *held) own() bool { return h.from == "" }

func (h *held) valid(now time.Time) bool { return h != nil && now.Before(h.leaf.NotAfter) }

// left is how long before its end a certificate is to be renewed.
func (h *held) left() time.Duration {
	return time.Duration(renewalRatio * float64(h.leaf.NotAfter.Sub(h.leaf.NotBefore)))
}

// ownHandOver is how long before the end of a certificate that somebody brought the node gets one by itself, at most.
const ownHandOver = 14 * 24 * time.Hour

// handOver is when another certificate is to be there.
func (h *held) handOver() time.Time {
	if h.own() {
		return h.leaf.NotAfter.Add(-min(h.left(), ownHandOver))
	}
	return h.leaf.NotAfter.Add(-h.left())
}

// due is when a host that this certificate covers needs another one: where it is kept under another name, there is time until
// that one has been renewed.
func (h *held) due(host tenant.Host) time.Time {
	if h.name != string(host) {
		return h.leaf.NotAfter.Add(-h.left() / 2)
	}
	return h.handOver()
}

// read finds the certificate that is to be served at a site: what somebody brought, until it is soon over and there is another;
// else what was obtained. fs.ErrNotExist: there is none. What is over is better than none: the visitor's browser says so better than
// we can.
func (k *Keeper) read(ctx context.Context, site *tenant.Site) (*held, error) {
	now := time.Now()
	var best *held
	for _, name := range k.names(site) {
		for _, find := range []func(context.Context, *tenant.Site, string) (*held, error){k.brought, k.obtained} {
			h, err := find(ctx, site, name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return nil, fmt.Errorf("certificate of %s: %w", name, err)
			case h.valid(now) && now.Before(h.due(site.Host)):
				return h, nil
			case best == nil || best.leaf.NotAfter.Before(h.leaf.NotAfter), best.own() && h.valid(now):
				best = h
			}
		}
	}
	if best == nil {
		return nil, fmt.Errorf("certificate of %s: %w", site.Host, fs.ErrNotExist)
	}
	return best, nil
}

// names are what a site's certificate may be kept under, the best first.
func (k *Keeper) names(site *tenant.Site) []string {
	if site.Kind == tenant.DefaultHost {
		if parent, ok := k.parent(site.Host); ok {
			return []string{wild + string(parent), string(site.Host)}
		}
	}
	return []string{string(site.Host)}
}

// parent is the node host that a default host lies directly below.
func (k *Keeper) parent(host tenant.Host) (tenant.Host, bool) {
	for _, n := range k.directory.Node().Hosts() {
		if len(host) > len(n)+1 && host.Below(n) {
			return n, true
		}
	}
	return "", false
}

// brought is the certificate that somebody brought for a name, and whose the site is.
func (k *Keeper) brought(ctx context.Context, site *tenant.Site, name string) (*held, error) {
	var id tenant.ID
	if site.Kind == tenant.CustomHost {
		id = site.Tenant.ID
	}
	own, err := k.custom.OwnCertificate(ctx, name, id)
	if errors.Is(err, tenant.ErrNotFound) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	return ownHeld(own)
}

func ownHeld(own *domain.OwnCertificate) (*held, error) {
	key, err := x509.ParsePKCS8PrivateKey(own.Key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(own.Chain[0])
	if err != nil {
		return nil, err
	}
	return &held{pair: &tls.Certificate{Certificate: own.Chain, PrivateKey: key}, leaf: leaf, name: own.Host}, nil
}

// obtained is the newest certificate of a name that authorities gave.
func (k *Keeper) obtained(ctx context.Context, _ *tenant.Site, name string) (newest *held, err error) {
	for _, from := range k.from {
		h, err := k.stored(ctx, from, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if newest == nil || newest.leaf.NotAfter.Before(h.leaf.NotAfter) {
			newest = h
		}
	}
	if newest == nil {
		return nil, fs.ErrNotExist
	}
	return newest, nil
}

// stored is the certificate of a name that one authority gave, as certmagic stores it.
func (k *Keeper) stored(ctx context.Context, from, name string) (*held, error) {
	chain, err := k.store.Load(ctx, certmagic.StorageKeys.SiteCert(from, name))
	if err != nil {
		return nil, err
	}
	key, err := k.store.Load(ctx, certmagic.StorageKeys.SitePrivateKey(from, name))
	if err != nil {
		return nil, err
	}
	private, err := certmagic.PEMDecodePrivateKey(key)
	if err != nil {
		return nil, err
	}
	h := &held{pair: &tls.Certificate{PrivateKey: private}, from: from, name: name}
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		h.pair.Certificate = append(h.pair.Certificate, block.Bytes)
	}
	if len(h.pair.Certificate) == 0 {
		return nil, fmt.Errorf("certificate of %s from %s: nothing is in it", name, from)
	}
	h.leaf, err = x509.ParseCertificate(h.pair.Certificate[0])
	return h, err
}
