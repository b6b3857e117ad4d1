package domain

import (
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Status is the state of a hostname.
type Status string

// The states of a hostname. Verified, active and drifted ones are served; removed ones are remembered only.
const (
	Pending   Status = "pending"
	Verified  Status = "verified"
	Active    Status = "active"
	Drifted   Status = "drifted"
	Suspended Status = "suspended"
	Removed   Status = "removed"
)

// CertificateStatus is the state of a hostname's certificate.
type CertificateStatus string

// The states of a certificate.
const (
	CertificateNone     CertificateStatus = "none"
	CertificateQueued   CertificateStatus = "queued"
	CertificateIssuing  CertificateStatus = "issuing"
	CertificateActive   CertificateStatus = "active"
	CertificateRenewing CertificateStatus = "renewing"
	CertificateFailing  CertificateStatus = "failing"
	CertificateExpired  CertificateStatus = "expired"
)

// By says who added a domain: what counts as proof depends on it.
type By string

// Who adds domains.
const (
	ByOperator By = "operator"
	ByTenant   By = "tenant"
)

// Domain is a custom domain of a tenant, as it was at one moment.
type Domain struct {
	Host      tenant.Host `cbor:"1,keyasint"`
	Tenant    tenant.ID   `cbor:"2,keyasint"`
	Status    Status      `cbor:"3,keyasint"`
	By        By          `cbor:"5,keyasint"`
	CreatedAt time.Time   `cbor:"6,keyasint"`
	// Since is when the present status began.
	Since time.Time `cbor:"7,keyasint"`
	// VerifiedAt is when the proof was seen first, zero if never.
	VerifiedAt time.Time `cbor:"8,keyasint,omitzero"`
	// CheckedAt is when DNS last gave an answer.
	CheckedAt   time.Time   `cbor:"9,keyasint,omitzero"`
	Certificate Certificate `cbor:"10,keyasint"`

	// NextCheck is when the background looks at it again, after Tries checks without success since LookingSince. Silent counts
	// the checks in a row in which DNS could not be asked.
	NextCheck    time.Time `cbor:"11,keyasint"`
	Tries        int       `cbor:"12,keyasint,omitempty"`
	LookingSince time.Time `cbor:"13,keyasint,omitzero"`
	Silent       int       `cbor:"14,keyasint,omitempty"`
	// Arrives: the host's records lead to this node, as far as DNS or a probe shows.
	Arrives bool `cbor:"15,keyasint,omitempty"`
	// AtApex: the host is the top of a zone, where DNS allows no CNAME.
	AtApex bool `cbor:"16,keyasint,omitempty"`
	// FitSince is when it first had a certificate.
	FitSince time.Time `cbor:"17,keyasint,omitzero"`
	// History is what happened, the newest last, bounded.
	History []Transition `cbor:"18,keyasint,omitempty"`
	// Reason is why the status is what it is. (4 was it as one text.)
	Reason Reason `cbor:"19,keyasint,omitempty"`
	// BehindCDN: visitors arrive, but over something that ends their TLS connections, so that no authority can look into ours.
	BehindCDN bool `cbor:"30,keyasint,omitempty"`
	// Proofless: the proof is in DNS no more. Visitors who arrive keep the domain from drifting, but its tenant does not hold the host.
	Proofless bool `cbor:"31,keyasint,omitempty"`
	// TextFound and AliasFound: the proof was there as TXT, and as CNAME, when DNS last gave an answer.
	TextFound  bool `cbor:"32,keyasint,omitempty"`
	AliasFound bool `cbor:"33,keyasint,omitempty"`

	// Slug is the tenant's present slug; Records is what it has to put into DNS. Neither is stored.
	Slug    string   `cbor:"-"`
	Records []Record `cbor:"-"`
	// ServesUntil is when a drifted domain is suspended if its proof does not come back, KeptUntil until when a removed one is
	// kept for its tenant. Zero in all other states; neither is stored.
	ServesUntil time.Time `cbor:"-"`
	KeptUntil   time.Time `cbor:"-"`
}

// Certificate is the state of a domain's certificate.
type Certificate struct {
	Status   CertificateStatus `cbor:"1,keyasint"`
	NotAfter time.Time         `cbor:"3,keyasint,omitzero"`
	// NextAttempt is when the scheduler is to look at it again: for a queued or failing one the next try, for an active one
	// the renewal, or before that the next time that its authority is asked when that is to be.
	NextAttempt time.Time `cbor:"4,keyasint,omitzero"`
	// Attempts is how many tries failed since the last success.
	Attempts  int       `cbor:"5,keyasint,omitempty"`
	ChangedAt time.Time `cbor:"6,keyasint,omitzero"`
	// Reason is why the status is what it is. (2 was it as one text.)
	Reason Reason `cbor:"7,keyasint,omitempty"`
	// Issuer is who issued it; Own: somebody brought it.
	Issuer string `cbor:"8,keyasint,omitempty"`
	Own    bool   `cbor:"9,keyasint,omitempty"`
	// TroubledSince is when the first attempt came to nothing since there was a certificate; zero: none did.
	TroubledSince time.Time `cbor:"20,keyasint,omitzero"`
	// Alarm is failing or expired when that matters, until there is a certificate again; empty: all is well.
	Alarm CertificateStatus `cbor:"21,keyasint,omitempty"`
	// Fingerprint tells the one in hand from others, as Fingerprint makes it.
	Fingerprint string `cbor:"22,keyasint,omitempty"`
	// RenewAt is when an active one is to be renewed, as far as is known.
	RenewAt time.Time `cbor:"23,keyasint,omitzero"`
}

// Due is when there is to be another certificate, or the next try to get one.
func (c *Certificate) Due() time.Time {
	if c.Status == CertificateActive && c.RenewAt.After(c.NextAttempt) {
		return c.RenewAt
	}
	return c.NextAttempt
}

// Record is one DNS record that the tenant has to set.
type Record struct {
	Type    string `cbor:"1,keyasint" json:"type"`
	Name    string `cbor:"2,keyasint" json:"name"`
	Value   string `cbor:"3,keyasint" json:"value"`
	Purpose string `cbor:"4,keyasint" json:"purpose"`
	// Found: it was there when DNS last gave an answer; for what only brings visitors: these arrive, with nothing in front.
	Found bool `cbor:"5,keyasint,omitempty" json:"found"`
}

// Report is what proxy tells about a host's certificate.
type Report struct {
	// Status is issuing or renewing when an attempt begins; active, failing or expired when it is over.
	Status CertificateStatus
	// NotAfter is the end of the certificate that is in hand, if there is one.
	NotAfter time.Time
	// Reason says why it failed.
	Reason Reason
	// NextAttempt is when to try again after a failure, or to look whether to renew; RenewAt is when that is likely to be due.
	NextAttempt time.Time
	RenewAt     time.Time
	// Issuer is who issued the certificate that is in hand, Fingerprint is its; Own: somebody brought it. They count with the status
	// active.
	Issuer      string
	Fingerprint string
	Own         bool
}

// Served says whether requests for the host are answered.
func (d *Domain) Served() bool { return d.Status.served() }

func (s Status) served() bool { return s == Verified || s == Active || s == Drifted }

// binding is the part of the domain that the directory needs.
func (d *Domain) binding() tenant.Binding {
	drifted := d.Status == Drifted
	b := tenant.Binding{Host: d.Host, Tenant: d.Tenant, Served: d.Served(), Drifted: drifted, Astray: drifted && !d.Arrives}
	if !d.Certificate.NotAfter.IsZero() {
		b.FitSince, b.FitUntil = d.FitSince, d.Certificate.NotAfter
	}
	return b
}

func (d *Domain) lane() int {
	if d.Silent > 0 {
		return laneSilent
	}
	return laneAnswered
}
