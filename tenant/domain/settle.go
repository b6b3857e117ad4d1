package domain

import "time"

// settle takes what was found into the claims to a host: into those that are wanted, and into all that are touched by it if the
// host has another holder now. It returns those that changed, a holder that loses the host before who gets it.
func (c *contest) settle(all []*Domain, r rules, now time.Time, wanted func(*Domain) bool) (changed []*Domain) {
	holder, proved := c.award(all)
	var gets *Domain
	for _, d := range all {
		f, known := c.of(d)
		others := holder != "" && holder != d.Tenant
		switch {
		case !known:
			continue // it was added while DNS was asked
		case holder == d.Tenant && proved && !d.Served():
			gets = d // after the others have lost it
			continue
		case others && proved:
			if !d.lose(now) && !wanted(d) {
				continue
			}
			d.CheckedAt, d.NextCheck = now, nextCheck(d, now)
			f.proofless = false
			d.see(f)
		case !wanted(d):
			continue
		case others && f.proved: // who has it could not be asked about
			d.settle(finding{reason: heldReason(), text: f.text, alias: f.alias}, r, now)
		default:
			d.settle(f, r, now)
		}
		changed = append(changed, d)
	}
	if gets != nil {
		f, _ := c.of(gets)
		gets.settle(f, r, now)
		changed = append(changed, gets)
	}
	return changed
}

// lose ends a claim because somebody else has proved theirs, and says whether that is new.
func (d *Domain) lose(now time.Time) bool {
	d.Tries, d.LookingSince, d.Silent = 0, time.Time{}, 0
	switch {
	case d.Served():
		d.suspend(heldReason(), now)
	case d.Status != Suspended:
		d.to(Suspended, heldReason(), now)
	case d.Reason.String() != heldReason().String():
		d.Reason = heldReason()
	default:
		return false
	}
	return true
}

func heldReason() Reason { return Say("Somebody else has proved that this host is theirs.") }
