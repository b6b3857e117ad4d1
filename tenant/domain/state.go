package domain

import "time"

// settings of a node that the states depend on.
type rules struct {
	tlsOff bool
	grace  time.Duration
}

// to moves the hostname into a state, with the reason.
func (d *Domain) to(s Status, reason Reason, now time.Time) {
	d.Reason = reason
	if d.Status == s {
		return
	}
	d.Status, d.Since = s, now
	d.note(Transition{At: now, To: string(s), Reason: reason})
}

// certify moves the certificate into a state, with the reason.
func (d *Domain) certify(s CertificateStatus, reason Reason, now time.Time) {
	if c := &d.Certificate; c.Status != s || c.Reason.String() != reason.String() {
		d.certified(s, reason, now)
	}
}

// certified is certify for what is news in any case.
func (d *Domain) certified(s CertificateStatus, reason Reason, now time.Time) {
	c := &d.Certificate
	c.Status, c.Reason, c.ChangedAt = s, reason, now
	step := Transition{At: now, To: certificateStep + string(s), Reason: reason}
	if s == CertificateActive {
		step.Issued = c.issued()
	}
	d.note(step)
}

// settle takes a finding into the domain.
func (d *Domain) settle(f finding, r rules, now time.Time) {
	switch {
	case f.silent:
		d.unheard(f, now)
		return
	case f.proved:
		d.proved(f, r, now)
	default:
		d.unproved(f, r, now)
	}
	d.CheckedAt, d.Silent = now, 0
	d.see(f)
	d.NextCheck = nextCheck(d, now)
	if d.Status == Drifted {
		d.checkBy(d.Since.Add(r.grace), now)
	}
	d.checkBy(d.Certificate.NextAttempt.Add(-checkAhead), now)
}

// see notes what DNS shows, whatever follows from it.
func (d *Domain) see(f finding) {
	d.Arrives, d.BehindCDN, d.AtApex, d.Proofless = f.arrives, f.behind, f.atApex, f.proofless
	d.TextFound, d.AliasFound = f.text.or(d.TextFound), f.alias.or(d.AliasFound)
}

// checkBy has the next check done at a time at the latest, if that is still to come.
func (d *Domain) checkBy(at, now time.Time) {
	if at.After(now) && at.Before(d.NextCheck) {
		d.NextCheck = at
	}
}

// unheard changes nothing but the time of the next check: that DNS could not be asked is no no.
func (d *Domain) unheard(f finding, now time.Time) {
	d.Silent++
	if d.Status == Pending {
		d.Reason = f.reason
	}
	d.NextCheck = now.Add(pause(d.Silent - 1))
}

func (d *Domain) proved(f finding, r rules, now time.Time) {
	if !f.vain || !d.waits() {
		d.Tries, d.LookingSince = 0, time.Time{}
	}
	if d.VerifiedAt.IsZero() {
		d.VerifiedAt = now
	}
	switch c := &d.Certificate; {
	case r.tlsOff, c.valid(now):
		d.to(Active, f.reason, now)
	case f.vain && !c.underWay():
		d.to(Verified, f.reason, now)
		d.wait(now)
	case d.waits(), !d.Served() || c.Status == CertificateNone || d.Status == Drifted || f.arrives && !d.Arrives:
		// It may have failed for what was just put right.
		d.to(Verified, f.reason, now)
		d.queue(now)
	default:
		d.to(Verified, f.reason, now)
	}
}

func (d *Domain) unproved(f finding, r rules, now time.Time) {
	if d.Tries++; d.Tries == 1 {
		d.LookingSince = now
	}
	switch d.Status {
	case Verified, Active:
		d.to(Drifted, f.reason, now)
	case Drifted:
		if now.Sub(d.Since) >= r.grace {
			d.suspend(f.reason, now)
			return
		}
		d.Reason = f.reason
	case Suspended:
		if d.VerifiedAt.IsZero() { // somebody else had it, and has it no more
			d.to(Pending, f.reason, now)
		}
		d.Reason = f.reason
	default:
		d.Reason = f.reason
	}
}

// suspend ends the service. The certificate goes, and is got anew should the domain come back.
func (d *Domain) suspend(reason Reason, now time.Time) {
	d.to(Suspended, reason, now)
	d.certify(CertificateNone, nil, now)
	d.Certificate = Certificate{Status: CertificateNone, ChangedAt: d.Certificate.ChangedAt}
}

// queue asks for a certificate.
func (d *Domain) queue(now time.Time) {
	d.certify(CertificateQueued, nil, now)
	d.Certificate.NextAttempt, d.Certificate.Attempts, d.Certificate.TroubledSince = now, 0, time.Time{}
}

// wait has no certificate asked for until the host's visitors arrive, which is looked at as often as for a missing proof.
func (d *Domain) wait(now time.Time) {
	d.certify(CertificateQueued, Say("Waiting until visitors of %s arrive here: no certificate authority would issue a certificate before.", string(d.Host)), now)
	d.Certificate.NextAttempt = time.Time{}
	if d.Tries++; d.Tries == 1 {
		d.LookingSince = now
	}
}

// waits says whether nobody is to ask for a certificate yet.
func (d *Domain) waits() bool {
	return d.Certificate.Status == CertificateQueued && d.Certificate.NextAttempt.IsZero()
}

// hasten brings the next attempt after a failure forward. Attempts stay counted, and an hour is between two of them, so that
// no authority's limit of failures is reached.
func (d *Domain) hasten(now time.Time) {
	c := &d.Certificate
	failed := c.Status == CertificateFailing || c.Status == CertificateExpired
	if d.Served() && failed && now.Sub(c.ChangedAt) >= time.Hour && c.NextAttempt.After(now) {
		d.certify(CertificateQueued, c.Reason, now)
		c.NextAttempt = now
	}
}

// underWay says whether the certificate is being asked for right now.
func (c *Certificate) underWay() bool {
	return c.Status == CertificateIssuing || c.Status == CertificateRenewing
}

func (c *Certificate) valid(now time.Time) bool { return now.Before(c.NotAfter) }

// take takes in what proxy tells about the certificate.
func (d *Domain) take(rep Report, r rules, now time.Time) {
	c := &d.Certificate
	was := c.issued()
	if !rep.NotAfter.IsZero() {
		c.NotAfter = rep.NotAfter.UTC().Truncate(time.Millisecond)
	}
	c.NextAttempt = rep.NextAttempt.UTC().Truncate(time.Millisecond)
	c.RenewAt = time.Time{}
	if !rep.RenewAt.IsZero() {
		c.RenewAt = rep.RenewAt.UTC().Truncate(time.Millisecond)
	}
	switch rep.Status {
	case CertificateActive:
		c.Attempts, c.Issuer, c.Fingerprint, c.Own = 0, rep.Issuer, rep.Fingerprint, rep.Own
		c.calm()
		if d.FitSince.IsZero() {
			d.FitSince = now
		}
		d.checkBy(c.NextAttempt.Add(-checkAhead), now)
	case CertificateFailing, CertificateExpired:
		c.Attempts++
	}
	if rep.Status == CertificateActive && c.issued() != was {
		d.certified(rep.Status, rep.Reason, now)
	} else {
		d.certify(rep.Status, rep.Reason, now)
	}
	if rep.inVain() {
		c.worry(now)
	}
	switch {
	case d.Status == Verified && c.valid(now):
		d.to(Active, d.Reason, now)
	case d.Status == Active && !c.valid(now) && !r.tlsOff:
		d.to(Verified, d.Reason, now)
	}
}
