package certificate

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// Follow serves what is brought for a host, and what is there when it is taken back, as soon as the store has it: on all nodes. It
// returns nil when ctx ends.
func (k *Keeper) Follow(ctx context.Context) error {
	for ctx.Err() == nil {
		err := k.custom.FollowCertificates(ctx, func(name string) {
			if err := k.reconsider(ctx, name); err != nil && ctx.Err() == nil {
				k.log.ErrorContext(ctx, "own certificate", "host", name, "error", err)
			}
		})
		if err == nil || ctx.Err() != nil {
			continue
		}
		k.log.ErrorContext(ctx, "own certificates", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(coolTime):
		}
	}
	return nil
}

// reconsider looks at what there is for a name after something was brought or taken back.
func (k *Keeper) reconsider(ctx context.Context, name string) error {
	if isWildcard(tenant.Host(name)) {
		k.shelf.clear()
		return nil
	}
	host := tenant.Host(name)
	k.shelf.remove(host)
	site, served := k.directory.Lookup(name)
	if !served {
		return nil // it is looked for when the host is
	}
	t := task{host: host, kind: site.Kind}
	state, err := k.ledger(t.kind).find(ctx, host)
	if err != nil {
		return err
	}
	h, err := k.load(ctx, site)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !h.valid(time.Now()):
		if !state.Own {
			return nil
		}
		defer k.again()
		return k.report(ctx, t, domain.Report{Status: domain.CertificateQueued, NextAttempt: time.Now()})
	case err != nil:
		return err
	case state.Own == h.own() && state.Fingerprint == domain.Fingerprint(h.leaf):
		return nil // as at every start
	}
	k.log.InfoContext(ctx, "certificate", "host", host, "not_after", h.leaf.NotAfter, "issuer", h.leaf.Issuer.String(), "own", h.own())
	return k.reportFresh(ctx, t, h)
}
