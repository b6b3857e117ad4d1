package domain

import (
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Status is the state of a hostname.
type Status string

// The states of a hostname. Verified, active and drifted ones are served.
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
	Reason    string      `cbor:"4,keyasint,omitempty"`
	By        By          `cbor:"5,keyasint"`
	CreatedAt time.Time   `cbor:"6,keyasint"`
	// Since is when the present status began.
	Since       time.Time   `cbor:"7,keyasint"`
	VerifiedAt  time.Time   `cbor:"8,keyasint,omitzero"`
	CheckedAt   time.Time   `cbor:"9,keyasint,omitzero"`
	Certificate Certificate `cbor:"10,keyasint"`

	// Slug is the tenant's present slug; Records is what it has to put into DNS. Neither is stored.
	Slug    string   `cbor:"-"`
	Records []Record `cbor:"-"`
}

// Served says whether requests for the host are answered.
func (d *Domain) Served() bool {
	return d.Status == Verified || d.Status == Active || d.Status == Drifted
}

// Certificate is the state of a domain's certificate.
type Certificate struct {
	Status   CertificateStatus `cbor:"1,keyasint"`
	Reason   string            `cbor:"2,keyasint,omitempty"`
	NotAfter time.Time         `cbor:"3,keyasint,omitzero"`
	// NextAttempt is when the scheduler is to look at it again: for a queued or failing one the next try, for an active one
	// the renewal.
	NextAttempt time.Time `cbor:"4,keyasint,omitzero"`
	// Attempts is how many tries failed since the last success.
	Attempts  int       `cbor:"5,keyasint,omitempty"`
	ChangedAt time.Time `cbor:"6,keyasint,omitzero"`
}

// Record is one DNS record that the tenant has to set.
type Record struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Value   string `json:"value"`
	Purpose string `json:"purpose"`
}

// Report is what proxy tells about a host's certificate.
type Report struct {
	// Status is issuing or renewing when an attempt begins; active, failing or expired when it is over.
	Status CertificateStatus
	// NotAfter is the end of the certificate that is in hand, if there is one.
	NotAfter time.Time
	// Reason says in a sentence why it failed.
	Reason string
	// NextAttempt is when to try again after a failure, or to renew.
	NextAttempt time.Time
}

// Document is a domain as the contract shows it to people and programs.
type Document struct {
	Host        tenant.Host         `json:"host"`
	Tenant      string              `json:"tenant"`
	Status      Status              `json:"status"`
	Reason      string              `json:"reason"`
	Certificate CertificateDocument `json:"certificate"`
	Records     []Record            `json:"records"`
	CheckedAt   *time.Time          `json:"checked_at"`
}

// CertificateDocument is the certificate's part of a Document.
type CertificateDocument struct {
	Status   CertificateStatus `json:"status"`
	NotAfter *time.Time        `json:"not_after"`
	Reason   string            `json:"reason"`
}

// Document is the domain as the contract shows it.
func (d *Domain) Document() Document { panic("not yet") }
