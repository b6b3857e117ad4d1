package domain

import (
	"context"
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
	if c.Status != CertificateFailing && c.Status != CertificateExpired || len(all) >= mostTroubled {
		return all
	}
	return append(all, Trouble{Host: host, Reason: c.Reason.String(), NotAfter: c.NotAfter, NextAttempt: c.NextAttempt})
}

// Census reads all domains. It is nothing for every request, nor for every second.
func (r *Registry) Census(ctx context.Context) (Census, error) {
	c := Census{Domains: map[Status]int{}, Certificates: map[CertificateStatus]int{}}
	now := time.Now()
	err := storage.Each(ctx, r.store, storage.Node(), domainTable, func(d *Domain) error {
		c.count(d, now)
		return nil
	})
	return c, err
}

func (c *Census) count(d *Domain, now time.Time) {
	c.Domains[d.Status]++
	if d.Status == Drifted && len(c.Drifting) < mostTroubled {
		c.Drifting = append(c.Drifting, Drift{Host: d.Host, Since: d.Since, Reason: d.Reason.String()})
	}
	if d.Served() {
		c.Certificates[d.Certificate.Status]++
		c.Troubled = AppendTrouble(c.Troubled, d.Host, d.Certificate)
		if end := d.Certificate.NotAfter; !end.IsZero() && (c.Expires.IsZero() || end.Before(c.Expires)) {
			c.Expires = end
		}
	}
	if at := d.NextCheck; !at.IsZero() && at.Before(now) {
		c.ChecksDue++
		if c.CheckDueSince.IsZero() || at.Before(c.CheckDueSince) {
			c.CheckDueSince = at
		}
	}
	if at := d.Certificate.NextAttempt; !at.IsZero() && at.Before(now) && d.Served() {
		c.CertificatesDue++
	}
}
