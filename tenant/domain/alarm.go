package domain

import "time"

// When a certificate that can't be had begins to matter.
const (
	// troubleTries and troubleTime are how many attempts fail, and how long they do, until a host without a certificate is in trouble.
	troubleTries = 3
	troubleTime  = time.Hour
	// troubleWait is how long a host waits for its turn, or for authorities that are out of order, until it is in trouble.
	troubleWait = 24 * time.Hour
)

// standing is how it stands with the certificate, whatever is being done about it.
func (c *Certificate) standing() CertificateStatus {
	switch {
	case c.Alarm != "":
		return c.Alarm
	case !c.NotAfter.IsZero():
		return CertificateActive
	}
	return CertificateNone
}

// worry notes that there is no certificate, or no new one, and raises the alarm when that matters: at once if the old one is over;
// if it is not, when half of the time is over that was left at the first failure; and without an old one after some attempts, or a
// day of waiting.
func (c *Certificate) worry(now time.Time) {
	if c.TroubledSince.IsZero() {
		c.TroubledSince = now
	}
	since := now.Sub(c.TroubledSince)
	switch {
	case c.Status == CertificateExpired, !c.NotAfter.IsZero() && !c.valid(now):
		c.Alarm = CertificateExpired
	case c.Alarm != "":
	case c.valid(now):
		if since >= c.NotAfter.Sub(c.TroubledSince)/2 {
			c.Alarm = CertificateFailing
		}
	case c.Attempts >= troubleTries && since >= troubleTime, since >= troubleWait:
		c.Alarm = CertificateFailing
	}
}

// inVain says whether an attempt came to nothing, or was put off.
func (r *Report) inVain() bool {
	switch r.Status {
	case CertificateFailing, CertificateExpired:
		return true
	case CertificateQueued, CertificateRenewing:
		return len(r.Reason) > 0
	default:
		return false
	}
}

// calm notes that all is well.
func (c *Certificate) calm() { c.TroubledSince, c.Alarm = time.Time{}, "" }
