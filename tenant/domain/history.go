package domain

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

const (
	maxHistory = 50
	maxReason  = 300 // bytes of a reason in the history
)

// Transition is one step of a domain's or its certificate's life.
type Transition struct {
	At time.Time `cbor:"1,keyasint"`
	To string    `cbor:"2,keyasint"` // "verified", "certificate failing", …, StepUploaded, StepTakenBack
	// By is who caused it, as the audit log names them: "system" is the node.
	By string `cbor:"4,keyasint,omitempty"`
	// Reason is why, as far as there is room. (3 was it as one text.)
	Reason Reason `cbor:"5,keyasint,omitempty"`
	// Issued is the certificate that was served from then on, brought or taken back; zero for all other steps.
	Issued Issued `cbor:"6,keyasint,omitzero"`
}

// Steps that are what somebody did about the certificate, and no state of it.
const (
	StepUploaded  = certificateStep + "uploaded" // somebody brought one of their own
	StepTakenBack = certificateStep + "removed"  // and took it back
)

// certificateStep begins what Transition.To says about a certificate.
const certificateStep = "certificate "

// Issued is which certificate it is that a step is about. Nothing in it is secret.
type Issued struct {
	Issuer      string    `cbor:"1,keyasint,omitempty"`
	NotAfter    time.Time `cbor:"2,keyasint,omitzero"`
	Fingerprint string    `cbor:"3,keyasint,omitempty"`
	// Own: somebody brought it.
	Own bool `cbor:"4,keyasint,omitempty"`
}

// Certificate says whether it is a step of the certificate's life, and which state that came to, if it is one.
func (t *Transition) Certificate() (CertificateStatus, bool) {
	to, is := strings.CutPrefix(t.To, certificateStep)
	return CertificateStatus(to), is
}

// Fingerprint tells a certificate from all others: the SHA-256 of it, in hex, as browsers and openssl show it.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// issued is the certificate in hand.
func (c *Certificate) issued() Issued { return Issued{c.Issuer, c.NotAfter, c.Fingerprint, c.Own} }

func (c *OwnCertificate) issued() Issued {
	return Issued{c.Issuer, c.NotAfter.Truncate(time.Millisecond), c.Fingerprint, true}
}

// note adds a step to the history. Where that is full, the longer of the two lives in it loses its oldest step: a certificate that
// cannot be had for days hides nothing of what the hostname went through.
func (d *Domain) note(step Transition) {
	step.Reason = step.Reason.short(maxReason)
	d.History = append(d.History[:len(d.History):len(d.History)], step)
	if len(d.History) <= maxHistory {
		return
	}
	ofCertificate := func(t Transition) bool { _, is := t.Certificate(); return is }
	n := 0
	for _, t := range d.History {
		if ofCertificate(t) {
			n++
		}
	}
	oldest := slices.IndexFunc(d.History, func(t Transition) bool { return ofCertificate(t) == (n > maxHistory/2) })
	d.History = slices.Delete(d.History, oldest, oldest+1)
}

// sign says who caused what was noted last.
func (d *Domain) sign(by string) {
	for i := range d.History {
		if d.History[i].By == "" { // which none has that is stored
			d.History[i].By = by
		}
	}
}
