package certificate

import (
	"context"
	"errors"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// task is a host whose certificate has to be looked after.
type task struct {
	host     tenant.Host
	kind     tenant.SiteKind
	attempts int // that failed since the last success
	// patient tasks keep to the ledger's time for the next attempt; others come from the ledger because they are due.
	patient bool
	// lazy tasks are begun by a handshake.
	lazy bool
}

// ledger knows which certificates are due, and is told how it went: the registry of domains for custom ones, our own table
// for the operator's.
type ledger interface {
	due(ctx context.Context, now time.Time, limit int) ([]task, error)
	report(ctx context.Context, host tenant.Host, r domain.Report) error
	find(ctx context.Context, host tenant.Host) (domain.Certificate, error)
}

// customHosts is the ledger of custom domains.
type customHosts struct{ *domain.Registry }

func (l customHosts) due(ctx context.Context, now time.Time, limit int) ([]task, error) {
	ds, err := l.DueCertificates(ctx, now, limit)
	tasks := make([]task, len(ds))
	for i, d := range ds {
		tasks[i] = task{host: d.Host, kind: tenant.CustomHost, attempts: d.Certificate.Attempts}
	}
	return tasks, err
}

func (l customHosts) report(ctx context.Context, host tenant.Host, r domain.Report) error {
	return l.ReportCertificate(ctx, host, r)
}

func (l customHosts) find(ctx context.Context, host tenant.Host) (domain.Certificate, error) {
	d, err := l.Find(ctx, string(host))
	if err != nil {
		return domain.Certificate{}, err
	}
	return d.Certificate, nil
}

// ownCertificate is the state of the certificate of a node host or of {slug}.{node host}.
type ownCertificate struct {
	Host  tenant.Host        `cbor:"1,keyasint"`
	Kind  tenant.SiteKind    `cbor:"2,keyasint"`
	State domain.Certificate `cbor:"3,keyasint"`
}

var (
	ownCertificates = storage.NewTable(storage.Declaration[ownCertificate]{
		ID: 196, Name: "proxy.certificate",
		Key: func(c *ownCertificate) storage.Key { return ownKey(c.Host) },
	})
	ownByAttempt = storage.NewIndex(ownCertificates, 1,
		func(c *ownCertificate) []storage.Key { return []storage.Key{ownDue(c)} },
		func(*ownCertificate) storage.Bare { return storage.Bare{} })
)

func ownKey(h tenant.Host) storage.Key { return storage.Key{}.Str(string(h)) }

// ownDue sorts by time; the node's own hosts, which are few, go before all others.
func ownDue(c *ownCertificate) storage.Key {
	return storage.Key{}.Uint(uint64(c.Kind)).Time(c.State.NextAttempt)
}

// ownHosts is the ledger of the operator's hosts. They are in it from their first use on.
type ownHosts struct {
	store *storage.Store
	site  func(tenant.Host) (*tenant.Site, bool)
}

func (l ownHosts) due(ctx context.Context, now time.Time, limit int) (tasks []task, err error) {
	err = l.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		tasks = nil
		for _, kind := range []tenant.SiteKind{tenant.NodeHost, tenant.DefaultHost} {
			prefix := storage.Key{}.Uint(uint64(kind))
			r := storage.Range{Prefix: prefix, To: storage.Key{}.Uint(uint64(kind)).Time(now), Limit: limit}
			for c, err := range ownByAttempt.Records(tx, r) {
				if err != nil {
					return err
				}
				tasks = append(tasks, task{host: c.Host, kind: c.Kind, attempts: c.State.Attempts})
			}
		}
		return nil
	})
	return tasks, err
}

func (l ownHosts) report(ctx context.Context, host tenant.Host, r domain.Report) error {
	site, ok := l.site(host)
	if !ok {
		return tenant.ErrNotFound
	}
	return l.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		c, err := ownCertificates.Get(tx, ownKey(host))
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		c.Host, c.Kind = host, site.Kind
		c.State.Status, c.State.Reason, c.State.NextAttempt = r.Status, r.Reason, r.NextAttempt.UTC()
		c.State.RenewAt = r.RenewAt.UTC()
		c.State.ChangedAt = time.Now().UTC().Truncate(time.Millisecond)
		if !r.NotAfter.IsZero() {
			c.State.NotAfter = r.NotAfter.UTC()
		}
		switch r.Status {
		case domain.CertificateActive:
			c.State.Attempts, c.State.Issuer, c.State.Fingerprint, c.State.Own = 0, r.Issuer, r.Fingerprint, r.Own
		case domain.CertificateFailing, domain.CertificateExpired:
			c.State.Attempts++
		}
		return ownCertificates.Put(tx, &c)
	})
}

// find is the state of an own host's certificate; that of one that was never asked for is none.
func (l ownHosts) find(ctx context.Context, host tenant.Host) (state domain.Certificate, err error) {
	err = l.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		c, err := ownCertificates.Get(tx, ownKey(host))
		if errors.Is(err, storage.ErrNotFound) {
			c.State.Status, err = domain.CertificateNone, nil
		}
		state = c.State
		return err
	})
	return state, err
}

// hosts are all that have a certificate, or ever wanted one.
func (l ownHosts) hosts(ctx context.Context) (hosts []tenant.Host, err error) {
	err = l.each(ctx, func(c *ownCertificate) { hosts = append(hosts, c.Host) })
	return hosts, err
}

// each calls fn for the states of all own hosts that are known.
func (l ownHosts) each(ctx context.Context, fn func(*ownCertificate)) error {
	return storage.Each(ctx, l.store, storage.Node(), ownCertificates, func(c *ownCertificate) error {
		fn(c)
		return nil
	})
}

// Own calls fn for the certificates of the operator's hosts, as far as they were ever asked for. Those of custom domains are
// the registry's.
func (k *Keeper) Own(ctx context.Context, fn func(tenant.Host, domain.Certificate)) error {
	return k.own.each(ctx, func(c *ownCertificate) { fn(c.Host, c.State) })
}

// forget removes what is known about a host.
func (l ownHosts) forget(ctx context.Context, host tenant.Host) error {
	return l.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		return ownCertificates.Delete(tx, ownKey(host))
	})
}
