package domain

import (
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Document is a domain as the contract shows it to people and programs: the same by the API, by the commands and on pages.
type Document struct {
	Host        tenant.Host         `json:"host"`
	Tenant      string              `json:"tenant"`
	Status      Status              `json:"status"`
	Reason      string              `json:"reason"`
	Certificate CertificateDocument `json:"certificate"`
	Records     []Record            `json:"records"`
	CheckedAt   *tenant.Moment      `json:"checked_at"`
	// Since is when the status began, VerifiedAt when the proof was seen first, NextCheckAt when DNS is asked again.
	Since       *tenant.Moment `json:"since"`
	VerifiedAt  *tenant.Moment `json:"verified_at"`
	NextCheckAt *tenant.Moment `json:"next_check_at"`
	// ServesUntil is the end of a drifted domain's grace, QuarantinedUntil of a removed one's quarantine; else null.
	ServesUntil      *tenant.Moment `json:"serves_until"`
	QuarantinedUntil *tenant.Moment `json:"quarantined_until"`
	// Arrives: visitors of the host come to this node, as far as DNS or a probe shows; BehindCDN: over something in front.
	Arrives   bool `json:"arrives"`
	BehindCDN bool `json:"behind_cdn"`
	// Proofless: the proof is in DNS no more, and only that visitors arrive keeps the domain, until somebody else proves it.
	Proofless bool `json:"proofless"`
	// History is in Full alone.
	History []TransitionDocument `json:"history,omitzero"`
}

// CertificateDocument is the certificate's part of a Document.
type CertificateDocument struct {
	Status   CertificateStatus `json:"status"`
	NotAfter *tenant.Moment    `json:"not_after"`
	Reason   string            `json:"reason"`
	Issuer   string            `json:"issuer"`
	Own      bool              `json:"own"` // it was uploaded
	// Fingerprint is the SHA-256 of the one in hand.
	Fingerprint string `json:"fingerprint"`
	// ChangedAt is when status or reason last changed, NextAttemptAt when it is tried again or renewed, Attempts how often it
	// failed since it last succeeded, and FailingSince since when.
	ChangedAt     *tenant.Moment `json:"changed_at"`
	FailingSince  *tenant.Moment `json:"failing_since"`
	NextAttemptAt *tenant.Moment `json:"next_attempt_at"`
	Attempts      int            `json:"attempts"`
}

// TransitionDocument is one step of a domain's or its certificate's life.
type TransitionDocument struct {
	At     tenant.Moment `json:"at"`
	To     string        `json:"to"`
	Reason string        `json:"reason"`
	By     string        `json:"by"`
	// Certificate is the one that was served from then on, brought or taken back; null for other steps.
	Certificate *IssuedDocument `json:"certificate"`
}

// IssuedDocument says which certificate a step is about.
type IssuedDocument struct {
	Issuer      string         `json:"issuer"`
	NotAfter    *tenant.Moment `json:"not_after"`
	Fingerprint string         `json:"fingerprint"`
	Own         bool           `json:"own"`
}

// Document is the domain as lists and events show it.
func (d *Domain) Document() Document {
	doc := Document{
		Host: d.Host, Tenant: d.Slug, Status: d.Status, Reason: d.Reason.String(), Records: d.Records, CheckedAt: orNull(d.CheckedAt),
		Certificate: d.Certificate.document(), Since: orNull(d.Since), VerifiedAt: orNull(d.VerifiedAt), NextCheckAt: orNull(d.NextCheck),
		ServesUntil: orNull(d.ServesUntil), QuarantinedUntil: orNull(d.KeptUntil), Arrives: d.Arrives, BehindCDN: d.BehindCDN,
		Proofless: d.Proofless,
	}
	if doc.Records == nil {
		doc.Records = []Record{}
	}
	return doc
}

// Full is Document with what happened so far, the newest last.
func (d *Domain) Full() Document {
	doc := d.Document()
	doc.History = make([]TransitionDocument, len(d.History))
	for i, t := range d.History {
		doc.History[i] = TransitionDocument{At: tenant.Moment(t.At), To: t.To, Reason: t.Reason.String(), By: t.By, Certificate: t.Issued.document()}
	}
	return doc
}

func (c *Certificate) document() CertificateDocument {
	doc := CertificateDocument{
		Status: c.Status, NotAfter: orNull(c.NotAfter), Reason: c.Reason.String(),
		ChangedAt: orNull(c.ChangedAt), FailingSince: orNull(c.TroubledSince), NextAttemptAt: orNull(c.Due()), Attempts: c.Attempts,
	}
	if !c.NotAfter.IsZero() {
		doc.Issuer, doc.Own, doc.Fingerprint = c.Issuer, c.Own, c.Fingerprint
	}
	return doc
}

func (i Issued) document() *IssuedDocument {
	if i == (Issued{}) {
		return nil
	}
	return &IssuedDocument{i.Issuer, orNull(i.NotAfter), i.Fingerprint, i.Own}
}

func orNull(t time.Time) *tenant.Moment {
	if t.IsZero() {
		return nil
	}
	return new(tenant.Moment(t))
}
