package domain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// OwnCertificate is one that a tenant or the operator brought for a host. As long as it is valid, it is served there.
type OwnCertificate struct {
	Host string `cbor:"1,keyasint" json:"host"` // or "*." and a node host
	// Tenant whose claim to the host it belongs to; empty for the operator's own names.
	Tenant     tenant.ID `cbor:"2,keyasint,omitempty" json:"-"`
	Chain      [][]byte  `cbor:"3,keyasint" json:"-"` // DER, the host's own first
	Key        []byte    `cbor:"4,keyasint" json:"-"` // PKCS #8
	Names      []string  `cbor:"5,keyasint" json:"names"`
	Issuer     string    `cbor:"6,keyasint" json:"issuer"`
	NotBefore  time.Time `cbor:"7,keyasint" json:"not_before"`
	NotAfter   time.Time `cbor:"8,keyasint" json:"not_after"`
	UploadedAt time.Time `cbor:"9,keyasint" json:"uploaded_at"`
	// Warning is a sentence about what may keep some visitors out, empty if there is nothing.
	Warning string `cbor:"10,keyasint,omitempty" json:"warning"`
	// Fingerprint tells it from others, as the function of that name does.
	Fingerprint string `cbor:"11,keyasint" json:"fingerprint"`
}

var ownCertificates = storage.NewTable(storage.Declaration[OwnCertificate]{
	ID: 36, Name: "own certificates", Sealed: true, Watched: true,
	Key: func(c *OwnCertificate) storage.Key { return ownCertificateKey(c.Host, c.Tenant) },
})

func ownCertificateKey(host string, id tenant.ID) storage.Key {
	return storage.Key(nil).Str(host).Str(string(id))
}

func wildcard(host string) bool { return strings.HasPrefix(host, "*.") }

// SetCertificate puts a certificate that somebody brought in place of the one that the node gets: a chain and its key in PEM.
// With a tenant, for one of its domains; without, for whoever has the host, or for a name of the node's own, also "*.NODEHOST".
// tenant.FieldErrors: what is wrong with it, by "certificate" and "key".
func (r *Registry) SetCertificate(ctx context.Context, t *tenant.Tenant, host string, chain, key []byte) (*OwnCertificate, error) {
	name, id, err := r.certificateFor(ctx, t, host)
	if err != nil {
		return nil, err
	}
	now := clock()
	own, err := readPair(name, chain, key, now)
	if err != nil {
		return nil, err
	}
	own.Tenant, own.UploadedAt = id, now
	err = r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		before, err := ownCertificates.Get(tx, ownCertificateKey(name, id))
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if again := err == nil && before.Fingerprint == own.Fingerprint; !again {
			if err := r.noteOwn(tx, own, StepUploaded); err != nil {
				return err
			}
		}
		if err := ownCertificates.Put(tx, own); err != nil {
			return err
		}
		return r.recordOwn(tx, own, "certificate.uploaded", own.Issuer+", until "+own.NotAfter.Format(time.DateOnly))
	})
	return own, err
}

// RemoveCertificate takes back what SetCertificate did: the node gets a certificate by itself again. tenant.ErrNotFound: there
// is none.
func (r *Registry) RemoveCertificate(ctx context.Context, t *tenant.Tenant, host string) error {
	name, id, err := r.certificateFor(ctx, t, host)
	if err != nil {
		return err
	}
	return r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		own, err := ownCertificates.Get(tx, ownCertificateKey(name, id))
		if err != nil {
			return notFound(tenant.Host(name), err)
		}
		if err := ownCertificates.Delete(tx, ownCertificateKey(name, id)); err != nil {
			return err
		}
		if err := r.noteOwn(tx, &own, StepTakenBack); err != nil {
			return err
		}
		return r.recordOwn(tx, &own, "certificate.removed", "")
	})
}

// FindCertificate is the certificate that somebody brought for a host; tenant.ErrNotFound: nobody did.
func (r *Registry) FindCertificate(ctx context.Context, t *tenant.Tenant, host string) (*OwnCertificate, error) {
	name, id, err := r.certificateFor(ctx, t, host)
	if err != nil {
		return nil, err
	}
	return r.OwnCertificate(ctx, name, id)
}

// OwnCertificate is the certificate that was brought for exactly that name by who has it.
func (r *Registry) OwnCertificate(ctx context.Context, name string, id tenant.ID) (own *OwnCertificate, err error) {
	err = r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		c, err := ownCertificates.Get(tx, ownCertificateKey(name, id))
		own = &c
		return notFound(tenant.Host(name), err)
	})
	if err != nil {
		return nil, err
	}
	return own, nil
}

// certificateFor is the name and the tenant that a certificate for a host is kept under.
func (r *Registry) certificateFor(ctx context.Context, t *tenant.Tenant, host string) (string, tenant.ID, error) {
	if t != nil {
		d, err := r.FindOwn(ctx, t, host)
		if err != nil {
			return "", "", err
		}
		return string(d.Host), d.Tenant, nil
	}
	plain, isWildcard := strings.CutPrefix(strings.TrimSpace(host), "*.")
	h, err := tenant.ParseHost(plain)
	switch {
	case err != nil:
		return "", "", err
	case isWildcard && r.node.IsNodeHost(h):
		return "*." + string(h), "", nil
	case isWildcard:
		return "", "", fmt.Errorf("%w: only a node host can have a certificate for everything below it", tenant.ErrBadHost)
	case r.node.Owns(h):
		return string(h), "", nil
	}
	d, err := r.Find(ctx, string(h))
	if err != nil {
		return "", "", err
	}
	return string(h), d.Tenant, nil
}

// noteOwn writes into the history of the domain that a certificate belongs to what was done with it. tenant.ErrNotFound: the domain
// is no more.
func (r *Registry) noteOwn(tx *storage.Tx, own *OwnCertificate, to string) error {
	if own.Tenant == "" {
		return nil
	}
	d, err := domainTable.Get(tx, domainKey(tenant.Host(own.Host), own.Tenant))
	if err != nil {
		return notFound(tenant.Host(own.Host), err)
	}
	before := d
	d.note(Transition{At: clock(), To: to, Issued: own.issued()})
	d.sign(r.actorFor(&d))
	return r.write(tx, &before, &d)
}

func (r *Registry) recordOwn(tx *storage.Tx, own *OwnCertificate, action, detail string) error {
	if own.Tenant == "" {
		return nil // nobody's log is about the node's own names
	}
	return tenant.Record(tx.Tenant(string(own.Tenant)), tenant.Event{Actor: r.actor, Action: action, Object: own.Host, Detail: detail})
}

// FollowCertificates calls fn with the names whose own certificates changed, at first with all that there are, until ctx ends. A
// name may come more than once.
func (r *Registry) FollowCertificates(ctx context.Context, fn func(name string)) error {
	for ctx.Err() == nil {
		after, err := r.store.Revision(ctx)
		if err == nil {
			err = storage.Each(ctx, r.store, storage.Node(), ownCertificates, func(c *OwnCertificate) error {
				fn(c.Host)
				return nil
			})
		}
		if err == nil {
			err = r.store.Follow(ctx, after, func(changes []storage.Change) error {
				for _, c := range changes {
					if c.Table == ownCertificates.ID() {
						fn(c.Key.Parts().Str())
					}
				}
				return nil
			})
		}
		if ctx.Err() == nil && !errors.Is(err, storage.ErrTruncated) {
			return err
		}
	}
	return nil
}
