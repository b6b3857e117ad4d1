package certificate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

const (
	// setupPath is where it is kept how the node came by certificates when it ran last.
	setupPath = "setup"
	// restartPause is the least time between an attempt for a host of the node's own and the next one, if the node was started
	// anew between them.
	restartPause = 5 * time.Minute
)

// setup is what an authority's word about us as a customer is about. Nothing of it can be read from the sum.
func (a *Authority) setup() []byte {
	who := struct{ Directory, Email, KeyID, Key string }{Directory: a.Directory, Email: a.Email}
	if x := a.External; x != nil {
		who.KeyID, who.Key = x.KeyID, x.Key
	}
	return sum(who)
}

// setup is how the node comes by certificates, by what the operator has set.
func (k *Keeper) setup() []byte {
	how := struct {
		Authorities [][]byte
		Kinds       []string
		DNS         any
	}{}
	for _, s := range k.sources {
		how.Authorities = append(how.Authorities, s.authority.setup())
	}
	for _, s := range k.solvers {
		how.Kinds = append(how.Kinds, s.kind)
	}
	if k.options.ACME != nil && k.options.ACME.DNS != nil {
		how.DNS = k.options.ACME.DNS
	}
	return sum(how)
}

func sum(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // a provider that can't be told from another one
	}
	all := sha256.Sum256(b)
	return all[:]
}

// resume looks at what was left open when the node ran last. An operator who has set something otherwise need not wait for the time
// of an attempt that was set before: all that have no certificate are due. Without that, only the node's own hosts are, after a while:
// who mends what is wrong with them starts the node anew.
func (k *Keeper) resume(ctx context.Context) error {
	now, setup := time.Now(), k.setup()
	before, err := k.store.Load(ctx, setupPath)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	same := before == nil || bytes.Equal(before, setup)
	if err := k.resumeOwn(ctx, now, same); err != nil {
		return err
	}
	if same && before != nil {
		return nil
	}
	k.wg.Go(func() {
		if !same {
			err = k.resumeCustom(ctx, now)
		}
		if err = errors.Join(err, k.store.Store(ctx, setupPath, setup)); err != nil && ctx.Err() == nil {
			k.log.ErrorContext(ctx, "certificates that were asked for before", "error", err)
		}
	})
	return nil
}

func (k *Keeper) resumeOwn(ctx context.Context, now time.Time, same bool) error {
	var late []ownCertificate
	err := k.own.each(ctx, func(c *ownCertificate) {
		failed := c.State.Status == domain.CertificateFailing || c.State.Status == domain.CertificateExpired
		switch {
		case !c.State.NextAttempt.After(now):
		case !same && k.open(ctx, c.Host, c.State), failed && c.Kind == tenant.NodeHost && now.Sub(c.State.ChangedAt) >= restartPause:
			late = append(late, *c)
		case c.Kind == tenant.NodeHost && c.State.Status != domain.CertificateActive:
			k.log.WarnContext(ctx, "no certificate yet", "host", c.Host, "next_attempt", c.State.NextAttempt, "reason", c.State.Reason.String())
		}
	})
	for _, c := range late {
		err = errors.Join(err, k.requeue(ctx, k.own, c.Host, c.State, now))
	}
	return err
}

func (k *Keeper) resumeCustom(ctx context.Context, now time.Time) error {
	return k.custom.EachCertificate(ctx, func(host tenant.Host, c domain.Certificate) error {
		if !c.NextAttempt.After(now) || !k.open(ctx, host, c) {
			return nil
		}
		return k.requeue(ctx, k.custom, host, c, now)
	})
}

// open says whether a host waits for a certificate that it does not have from those who are asked now.
func (k *Keeper) open(ctx context.Context, host tenant.Host, c domain.Certificate) bool {
	switch c.Status {
	case domain.CertificateQueued, domain.CertificateFailing, domain.CertificateExpired:
		return true
	case domain.CertificateActive:
		site, served := k.site(host)
		if !served {
			return false
		}
		_, err := k.read(ctx, site)
		return errors.Is(err, fs.ErrNotExist)
	default:
		return false
	}
}

// requeue makes a host's certificate due. What failed stays counted.
func (k *Keeper) requeue(ctx context.Context, l ledger, host tenant.Host, c domain.Certificate, now time.Time) error {
	err := l.report(ctx, host, domain.Report{Status: domain.CertificateQueued, Reason: c.Reason, NextAttempt: now})
	if errors.Is(err, tenant.ErrNotFound) {
		return nil // it went meanwhile
	}
	return err
}

// void says whether a pause was about a customer that the node is no more.
func (p *pause) void(a *Authority) bool { return p.Setup != nil && !bytes.Equal(p.Setup, a.setup()) }
