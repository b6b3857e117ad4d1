package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/deskgate/deskgate/proxy/ca"
	"github.com/deskgate/deskgate/tenant/domain"
)

const (
	// soonEnds is how long before its end a certificate should long have been renewed, also one for six days.
	soonEnds = 36 * time.Hour
	// checksPatience is how long domains' checks and webhooks may wait.
	checksPatience = 30 * time.Minute
	// backupAge is how old a backup may be.
	backupAge = 7 * 24 * time.Hour
)

// examineCertificates asks the running node what it could not obtain.
func examineCertificates(ctx context.Context, s *settings) []diagnosis {
	state, runs, err := runningState(ctx, s)
	switch {
	case !runs:
		return nil
	case err != nil:
		return one(err.Error(), "look at the node's log")
	}
	c := state.Certificates
	found := append(rootFindings(c.Roots), restFindings(c.Authorities)...)
	for _, f := range c.Failing {
		problem := f.Host + " has no certificate"
		if f.Expires != nil {
			problem = fmt.Sprintf("the certificate of %s could not be renewed and ends %s", f.Host, f.Expires.UTC().Format(time.DateTime))
		}
		found = append(found, one(problem+": "+f.Reason, "deskgate domain verify "+f.Host+" says what DNS lacks; the node tries again by itself")...)
	}
	if more := c.States["failing"] + c.States["expired"] - len(c.Failing); more > 0 {
		found = append(found, one(fmt.Sprintf("%d more have none, or an old one", more), "deskgate domain list")...)
	}
	if c.Expires != nil && time.Until(*c.Expires) < soonEnds && len(found) == 0 {
		found = append(found, one("a certificate ends "+c.Expires.UTC().Format(time.DateTime)+" and is not renewed yet", "look for its host in the node's log")...)
	}
	return found
}

// examineDomains asks the running node which domains' proof is gone.
func examineDomains(ctx context.Context, s *settings) []diagnosis {
	state, runs, err := runningState(ctx, s)
	if !runs || err != nil {
		return nil // the certificates' look says it
	}
	return driftFindings(state.Drifting, state.Domains[string(domain.Drifted)])
}

// driftFindings says which domains drift, by name some of so many.
func driftFindings(some []drifting, all int) (found []diagnosis) {
	for _, d := range some {
		found = append(found, one(fmt.Sprintf("the proof of %s is gone since %s: %s", d.Host, d.Since.UTC().Format(time.DateTime), d.Reason),
			"deskgate domain show "+d.Host+" says which records are missing, and until when it is served")...)
	}
	if more := all - len(some); more > 0 {
		found = append(found, one(fmt.Sprintf("the proof of %d more is gone", more), "deskgate domain list")...)
	}
	return found
}

// rootFindings says that clients need another root of the node's own CA. Of one that somebody asked for nothing has to be said.
func rootFindings(roots []rootDocument) []diagnosis {
	for _, r := range roots {
		if r.State == ca.Coming && r.Automatic {
			return one(fmt.Sprintf("the root of the node's own CA ends %s, and the next one signs from %s on",
				roots[0].NotAfter.Format(time.DateOnly), r.SignsFrom.Format(time.DateOnly)),
				"deskgate ca prints both: install them on all clients by then; deskgate ca rotate --after TIME sets another time, and says that you know")
		}
	}
	return nil
}

// restFindings says which CAs are left alone, for how long and why.
func restFindings(all []authorityState) (found []diagnosis) {
	asked := len(all)
	for _, a := range all {
		if a.RestsTill != nil {
			asked--
		}
	}
	for _, a := range all {
		if a.RestsTill == nil {
			continue
		}
		fix := "nothing has to be done if this passes: another CA is asked meanwhile"
		if asked == 0 {
			fix = "the node goes on by itself then; a second --acme-ca would be asked meanwhile"
		}
		found = append(found, one(fmt.Sprintf("%s is asked for no certificates until %s UTC: %s", a.Authority, a.RestsTill.UTC().Format(time.DateTime), a.Reason), fix)...)
	}
	return found
}

// examineQueues asks the running node what does not move. Of mail there is more to say: see examineMail.
func examineQueues(ctx context.Context, s *settings) []diagnosis {
	state, runs, err := runningState(ctx, s)
	if !runs || err != nil {
		return nil // said already
	}
	var found []diagnosis
	if state.ReadOnly != "" {
		found = append(found, one("the node takes no changes: "+state.ReadOnly, "make room on the disk; it goes on by itself")...)
	}
	for _, q := range state.Queues {
		if q.Name == "mail" || q.Oldest == nil || time.Since(*q.Oldest) < checksPatience {
			continue
		}
		d := diagnosis{Problem: fmt.Sprintf("%s: %s waiting, the oldest since %s", q.Name, english.Plural(q.Waiting, "is", "are"), q.Oldest.UTC().Format(time.DateTime))}
		switch q.Name {
		case "webhooks":
			d.Fix = "look at the webhook's page for what its receiver answers"
			if q.Reason != "" {
				d.Problem += "; the last try failed: " + q.Reason
			}
		case "domain events":
			d.Fix = "the log says why they are not taken: \"domains' tickets stopped short\""
		default:
			d.Fix = "see to it that --dns-resolver answers, and soon"
		}
		found = append(found, d)
	}
	return found
}

// examineUpstreams asks the running node whom it does not send requests to.
func examineUpstreams(ctx context.Context, s *settings) []diagnosis {
	state, runs, err := runningState(ctx, s)
	if !runs || err != nil {
		return nil // said already
	}
	var found []diagnosis
	for _, u := range state.unfit() {
		found = append(found, one(fmt.Sprintf("the upstream %s is %s: %s", u.Upstream, u.Health, orDash(u.Reason)),
			"start the application, or take it out: deskgate route list SLUG names the routes")...)
	}
	return found
}

// examineBackup looks when there was one.
func examineBackup(_ context.Context, s *settings) []diagnosis {
	at, since := lastBackup(s.data)
	const fix = "deskgate backup FILE, daily, by a timer; who copies disks instead touches the file " + backupNote + " in the data folder"
	switch {
	case since.IsZero() || time.Since(since) < backupAge:
		return nil
	case at.IsZero():
		return one("there was never a backup", fix)
	case time.Since(at) > backupAge:
		return one("the last backup was made on "+at.UTC().Format(time.DateOnly), fix)
	}
	return nil
}
