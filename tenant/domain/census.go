package domain

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Census is how all domains are together.
type Census struct {
	Domains      map[Status]int
	Certificates map[CertificateStatus]int // of domains that are served
	// Expires is when the first certificate of a served domain ends; zero: there is none.
	Expires time.Time
	// ChecksDue and CertificatesDue wait to be looked at: their time has come.
	ChecksDue, CertificatesDue int
	// CheckDueSince is when the check that waits longest was due.
	CheckDueSince time.Time
	// Troubled are hosts whose certificate could not be obtained, some of them.
	Troubled []Trouble
	// Drifting are domains that are served until their grace is over, as their proof is gone: some of them.
	Drifting []Drift
}

// Drift is a domain whose proof is gone.
type Drift struct {
	Host   tenant.Host
	Since  time.Time
	Reason string
}

// Trouble is a host without the certificate that it should have.
type Trouble struct {
	Host        tenant.Host
	Reason      string
	NotAfter    time.Time // of the one that there is; zero: there is none
	NextAttempt time.Time
}

// mostTroubled is how many hosts a census names.
const mostTroubled = 10

// AppendTrouble appends a host to those that are troubled, if it is one and there is room.
func AppendTrouble(all []Trouble, host tenant.Host, c Certificate) []Trouble {
	if !c.Status.inTrouble() || len(all) >= mostTroubled {
		return all
	}
	return append(all, Trouble{Host: host, Reason: c.Reason.String(), NotAfter: c.NotAfter, NextAttempt: c.NextAttempt})
}

func (s CertificateStatus) inTrouble() bool {
	return s == CertificateFailing || s == CertificateExpired
}

// Census counts all domains. It reads a key of each, some millions a second: nothing for every request.
func (r *Registry) Census(ctx context.Context) (Census, error) {
	c := counting{Census: Census{Domains: map[Status]int{}, Certificates: map[CertificateStatus]int{}}, now: time.Now()}
	err := dueChecks.Survey(ctx, r.store, storage.Node(), storage.Range{}, c.count)
	if err == nil {
		err = c.malformed
	}
	if err == nil && !r.rules.tlsOff {
		c.CertificatesDue, err = r.certificatesDue(ctx, c.now)
	}
	if err == nil {
		err = r.name(ctx, &c)
	}
	return c.Census, err
}

func (r *Registry) certificatesDue(ctx context.Context, now time.Time) (n int, err error) {
	for class := range uint64(attemptClasses) {
		prefix := storage.Key(nil).Uint(class)
		err = errors.Join(err, dueCertificates.Survey(ctx, r.store, storage.Node(), storage.Range{Prefix: prefix, To: prefix.Time(now)}, func(storage.Key) { n++ }))
	}
	return n, err
}

// name says more about those that a census names, unless they are well by now.
func (r *Registry) name(ctx context.Context, c *counting) error {
	return r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		c.Troubled, c.Drifting = nil, nil
		return errors.Join(
			eachFound(tx, c.troubled, func(d *Domain) {
				if d.Served() {
					c.Troubled = AppendTrouble(c.Troubled, d.Host, d.Certificate)
				}
			}),
			eachFound(tx, c.drifting, func(d *Domain) {
				if d.Status == Drifted {
					c.Drifting = append(c.Drifting, Drift{Host: d.Host, Since: d.Since, Reason: d.Reason.String()})
				}
			}),
		)
	})
}

// eachFound calls fn for those of some domains that are there.
func eachFound(tx *storage.Tx, keys []storage.Key, fn func(*Domain)) error {
	for _, k := range keys {
		d, err := domainTable.Get(tx, k)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		fn(&d)
	}
	return nil
}

// counting is a census that is being taken.
type counting struct {
	Census

	now                time.Time
	troubled, drifting []storage.Key // the first of them, in order
	malformed          error
}

// count takes the key of an entry in dueChecks.
func (c *counting) count(k storage.Key) {
	p := k.Parts()
	p.Uint() // the lane
	check := p.Time()
	s := readStanding(p)
	if p.Err() != nil {
		c.malformed = p.Err()
		return
	}
	c.Domains[s.status]++
	if s.status == Drifted {
		c.drifting = amongFirst(c.drifting, p.Rest())
	}
	if s.status.served() {
		c.Certificates[s.certificate]++
		if s.certificate.inTrouble() {
			c.troubled = amongFirst(c.troubled, p.Rest())
		}
		if !s.notAfter.IsZero() && (c.Expires.IsZero() || s.notAfter.Before(c.Expires)) {
			c.Expires = s.notAfter
		}
	}
	if !check.IsZero() && check.Before(c.now) {
		c.ChecksDue++
		if c.CheckDueSince.IsZero() || check.Before(c.CheckDueSince) {
			c.CheckDueSince = check
		}
	}
}

// amongFirst adds a key to those that are first in order, if it is one of them.
func amongFirst(first []storage.Key, k storage.Key) []storage.Key {
	i, _ := slices.BinarySearchFunc(first, k, func(a, b storage.Key) int { return bytes.Compare(a, b) })
	if i == mostTroubled {
		return first
	}
	first = slices.Insert(first, i, slices.Clone(k))
	return first[:min(len(first), mostTroubled)]
}
