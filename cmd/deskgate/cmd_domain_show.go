package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

func (p *program) domainShow() *cobra.Command {
	var q domainName
	c := whose(&q.Slug, p.leaf(lesson{
		use: "show HOST", short: "a domain's state, its certificate, its DNS records and its history",
		long: `Shows what the node knows of a domain: its state and why, how long a drifted one is still served, when DNS and the
certificate are looked at again, the records that belong into DNS, and what happened so far. Of several tenants that claim the host
it is about the one that holds it, else the first; the others are listed. A domain that was removed is kept for its tenant for 30 days:
--removed shows it.`,
		example: "domain show support.acme.example\ndomain show support.acme.example --removed",
	}, func(ctx context.Context, args []string) error {
		q.Host = args[0]
		a, err := ask(ctx, p, domainShow, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) { a.people(b, p.width()) })
	}))
	c.Flags().BoolVar(&q.Removed, "removed", false, "show it even if it was removed, as long as it is kept")
	return c
}

// people tells all of it, and who else claims the host.
func (a shownDomain) people(b *bytes.Buffer, width int) {
	oneDomain{a.Domain}.people(b, width)
	fmt.Fprintf(b, "\nWhat happened, the latest first (UTC):\n\n")
	rows := [][]string{}
	for _, t := range slices.Backward(a.Domain.History) {
		rows = append(rows, []string{t.At.Time().Format(time.DateTime), t.To, t.By, orDash(why(&t))})
	}
	tableWithin(b, width, "(nothing)", []string{"WHEN", "TO", "BY", "REASON"}, rows)
	if len(a.Others) == 0 {
		return
	}
	fmt.Fprintf(b, "\nOther tenants' claims to this host:\n\n")
	rows = rows[:0]
	for _, d := range a.Others {
		rows = append(rows, []string{d.Tenant, string(d.Status), moment(d.Since), orDash(d.Reason)})
	}
	tableWithin(b, width, "", []string{"TENANT", "STATUS", "SINCE (UTC)", "REASON"}, rows)
}

// people tells the state, and the records as long as they are needed.
func (a oneDomain) people(b *bytes.Buffer, width int) {
	d := a.Domain
	pairsWithin(b, width, "host", string(d.Host), "tenant", d.Tenant, "status", string(d.Status)+" since "+moment(d.Since), "reason", d.Reason,
		"served until", whenever(d.ServesUntil), "kept until", whenever(d.QuarantinedUntil), "verified", whenever(d.VerifiedAt),
		"visitors", arrival(&d), "checked", lastChecked(&d), "next check", whenever(d.NextCheckAt),
		"certificate", inHand(&d.Certificate), "", d.Certificate.Reason, "issuer", issuer(d.Certificate), "sha-256", d.Certificate.Fingerprint,
		attempt(&d.Certificate), whenever(d.Certificate.NextAttemptAt), "failed", failures(&d.Certificate), "in vain since", whenever(d.Certificate.FailingSince))
	switch {
	case d.Status == domain.Removed:
		fmt.Fprintf(b, "\nIts tenant can have it again: deskgate domain add %s %s\n", d.Tenant, d.Host)
		return
	case d.Proofless:
		fmt.Fprintf(b, "\nThe proof is gone from DNS: whoever proves the host gets it. These records belong there:\n\n")
	case d.Status == domain.Verified, d.Status == domain.Active:
		fmt.Fprintf(b, "\nThe domain is proven. Keep these records:\n\n")
	default:
		fmt.Fprintf(b, "\nPut this into DNS:\n\n")
	}
	rows := [][]string{}
	for _, r := range d.Records {
		rows = append(rows, []string{r.Type, r.Name, r.Value, map[bool]string{true: "yes", false: "no"}[r.Found], r.Purpose})
	}
	tableWithin(b, width, "(nothing)", []string{"TYPE", "NAME", "VALUE", "FOUND", "PURPOSE"}, rows)
	if d.Status == domain.Pending {
		fmt.Fprintf(b, "\nThen: deskgate domain verify %s\n", d.Host)
	}
}

func (p *program) domainList() *cobra.Command {
	return p.leaf(lesson{
		use: "list [SLUG]", short: "the domains of a tenant, or all", example: "domain list\ndomain list acme",
		long: `Lists domains with their certificates: until when they are valid, how many days that is, and when the node renews them or tries
again. Domains that were removed lately, and are kept for their tenants, stand below.`,
	}, func(ctx context.Context, args []string) error {
		var q domainName
		if len(args) > 0 {
			q.Slug = args[0]
		}
		a, err := ask(ctx, p, domainList, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) { a.people(b, p.width()) })
	})
}

func (a manyDomains) people(b *bytes.Buffer, width int) {
	rows := [][]string{}
	for i := range a.Domains {
		d := &a.Domains[i]
		rows = append(rows, []string{
			string(d.Host), d.Tenant, string(d.Status), string(d.Certificate.Status), until(d.Certificate), orDash(daysLeft(&d.Certificate)),
			moment(d.Certificate.NextAttemptAt), orDash(issuer(d.Certificate)), orDash(d.Reason),
		})
	}
	tableWithin(b, width, "No domains. Add one: deskgate domain add SLUG HOST",
		[]string{"HOST", "TENANT", "STATUS", "CERTIFICATE", "UNTIL", "DAYS", "NEXT ATTEMPT", "ISSUER", "REASON"}, rows)
	if len(a.Removed) == 0 {
		return
	}
	fmt.Fprintf(b, "\nRemoved, and kept for who had them:\n\n")
	rows = rows[:0]
	for _, d := range a.Removed {
		rows = append(rows, []string{string(d.Host), d.Tenant, moment(d.Since), moment(d.QuarantinedUntil)})
	}
	tableWithin(b, width, "", []string{"HOST", "TENANT", "REMOVED", "KEPT UNTIL"}, rows)
}

// moment is a time for people, a dash for none.
func moment(m *tenant.Moment) string {
	if m == nil {
		return "-"
	}
	return m.Time().Format(time.DateTime)
}

// why is the reason of a step, and which certificate it is about.
func why(t *domain.TransitionDocument) string {
	c := t.Certificate
	if c == nil {
		return t.Reason
	}
	about := "issued by " + c.Issuer + ", until " + whenever(c.NotAfter)
	if c.Fingerprint != "" {
		about += ", SHA-256 " + c.Fingerprint
	}
	return strings.TrimSpace(t.Reason + " " + about)
}

// whenever is a time for people, nothing for none.
func whenever(m *tenant.Moment) string {
	if m == nil {
		return ""
	}
	return moment(m) + " UTC"
}

func lastChecked(d *domain.Document) string {
	if d.Status != domain.Removed && d.CheckedAt == nil {
		return "never"
	}
	return whenever(d.CheckedAt)
}

// arrival says whether visitors come here, once somebody has looked.
func arrival(d *domain.Document) string {
	switch {
	case d.CheckedAt == nil:
		return ""
	case d.BehindCDN:
		return "arrive at this node, over a CDN in front"
	case d.Arrives:
		return "arrive at this node"
	}
	return "do not arrive at this node, as far as can be seen"
}

// inHand is the state of a certificate, and how long it lasts.
func inHand(c *domain.CertificateDocument) string {
	text := string(c.Status)
	if c.NotAfter != nil {
		text += " until " + whenever(c.NotAfter) + " (" + daysLeft(c) + " days left)"
	}
	return text
}

// daysLeft is how many days a certificate is still valid, empty if there is none.
func daysLeft(c *domain.CertificateDocument) string {
	if c.NotAfter == nil {
		return ""
	}
	return strconv.Itoa(max(0, int(time.Until(c.NotAfter.Time()).Hours()/24)))
}

// attempt is what the node does at a certificate's next time.
func attempt(c *domain.CertificateDocument) string {
	if c.Status == domain.CertificateActive {
		return "renewal"
	}
	return "next attempt"
}

func failures(c *domain.CertificateDocument) string {
	if c.Attempts == 0 {
		return ""
	}
	return fmt.Sprintf("%d in a row", c.Attempts)
}

// until is the day on which a certificate ends.
func until(c domain.CertificateDocument) string {
	if c.NotAfter == nil {
		return "-"
	}
	return c.NotAfter.Time().Format(time.DateOnly)
}

// issuer is who issued a certificate, and whether somebody brought it.
func issuer(c domain.CertificateDocument) string {
	if c.Own {
		return c.Issuer + " (uploaded)"
	}
	return c.Issuer
}
