package certificate

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"path"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/deskgate/deskgate/proxy/ca"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// internalIssuer issues from the node's own authority.
type internalIssuer struct {
	*ca.Authority

	roots atomic.Pointer[[]ca.Root] // as they were when they were looked at last
	moved chan struct{}             // something about them changed
}

var _ certmagic.Issuer = (*internalIssuer)(nil)

func newInternalIssuer(s *storage.Store) *internalIssuer {
	return &internalIssuer{Authority: ca.New(s), moved: make(chan struct{}, 1)}
}

// IssuerKey implements [certmagic.Issuer].
func (i *internalIssuer) IssuerKey() string { return "internal" }

// Issue implements [certmagic.Issuer].
func (i *internalIssuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	chain, err := i.Authority.Issue(ctx, csr)
	return &certmagic.IssuedCertificate{Certificate: chain}, err
}

// Roots are those of the node's own authority as they were a moment ago; none with ACME.
func (k *Keeper) Roots() []ca.Root {
	if k.internal == nil {
		return nil
	}
	if all := k.internal.roots.Load(); all != nil {
		return *all
	}
	return nil
}

// rotate keeps the node's own authority alive, and brings all hosts over to a root that has begun to sign, until ctx ends.
func (k *Keeper) rotate(ctx context.Context) {
	k.wg.Go(func() { k.watchRoots(ctx) })
	for {
		next, err := k.lookAtRoots(ctx)
		if err != nil && ctx.Err() == nil {
			k.log.ErrorContext(ctx, "the node's own CA", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-k.internal.moved:
		case <-time.After(next):
		}
	}
}

// watchRoots notices what other processes do.
func (k *Keeper) watchRoots(ctx context.Context) {
	for ctx.Err() == nil {
		err := k.internal.Follow(ctx, func() {
			select {
			case k.internal.moved <- struct{}{}:
			default:
			}
		})
		if err == nil || ctx.Err() != nil {
			continue
		}
		k.log.ErrorContext(ctx, "the node's own CA", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(coolTime):
		}
	}
}

// lookAtRoots says when to look again.
func (k *Keeper) lookAtRoots(ctx context.Context) (time.Duration, error) {
	roots, err := k.internal.Roots(ctx)
	if err != nil {
		return coolTime, err
	}
	k.tell(ctx, roots)
	next := sweepTime
	if len(roots) > 1 && roots[1].State == ca.Coming {
		next = max(min(next, time.Until(roots[1].Signs)), time.Second)
	}
	turning, err := k.internal.Turning(ctx)
	if err != nil || !turning {
		return next, err
	}
	if err := k.turn(ctx); err != nil {
		return coolTime, err
	}
	return next, k.internal.Turned(ctx, roots[0].Fingerprint)
}

// tell notes the roots, and says what is new about them.
func (k *Keeper) tell(ctx context.Context, roots []ca.Root) {
	before := map[string]ca.State{}
	for _, r := range k.Roots() {
		before[r.Fingerprint] = r.State
	}
	first := len(before) == 0
	k.internal.roots.Store(&roots)
	for _, r := range roots {
		switch was := before[r.Fingerprint]; {
		case r.State == was:
		case r.State == ca.Coming:
			k.log.WarnContext(ctx, "the node's own CA will have another root: clients need it by then (deskgate ca)",
				"subject", r.Subject, "signs", r.Signs, "fingerprint", r.Fingerprint)
		case r.State == ca.Present && !first:
			k.log.InfoContext(ctx, "the node's own CA signs with another root", "subject", r.Subject, "fingerprint", r.Fingerprint)
		}
	}
}

// turn gets a certificate under the present root for each host that has one under another. One after the other: there is no hurry, as
// clients that don't know the new root trust the old one still.
func (k *Keeper) turn(ctx context.Context) error {
	all, err := k.store.List(ctx, path.Join("certificates", k.internal.IssuerKey()), false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, at := range all {
		site, served := k.site(tenant.Host(path.Base(at)))
		if !served {
			continue
		}
		h, err := k.stored(ctx, k.internal.IssuerKey(), string(site.Host))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is being made
		}
		if err == nil {
			var under bool
			if under, err = k.internal.Signed(ctx, h.pair.Certificate); err == nil && !under {
				err = k.await(ctx, site)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // it is renewed when its time comes
			k.log.WarnContext(ctx, "certificate is still under the former root", "host", site.Host, "error", err)
		}
	}
	return nil
}

// RootPEM are the root certificates of the node's own authority that clients are to have. The first is made if there is none yet.
func RootPEM(ctx context.Context, s *storage.Store) ([]byte, error) {
	roots, err := ca.New(s).Roots(ctx)
	return ca.PEM(roots), err
}
