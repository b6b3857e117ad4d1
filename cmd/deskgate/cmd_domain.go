package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

type oneDomain struct {
	Domain domain.Document `json:"domain"`
}

type manyDomains struct {
	Domains []domain.Document `json:"domains"`
}

type mounted struct {
	Host  string `json:"host"`
	Mount string `json:"mount"`
}

type domainName struct {
	Slug string `json:"slug,omitempty"`
	Host string `json:"host,omitempty"`
}

var (
	domainAdd    = action[domainName, oneDomain]{"domain/add", (*operator).addDomain}
	domainVerify = action[domainName, oneDomain]{"domain/verify", (*operator).verifyDomain}
	domainShow   = action[domainName, oneDomain]{"domain/show", (*operator).showDomain}
	domainList   = action[domainName, manyDomains]{"domain/list", (*operator).listDomains}
	domainMount  = action[mounted, mounted]{"domain/mount", (*operator).mountDomain}
	domainRemove = action[domainName, deletion]{"domain/remove", (*operator).removeDomain}
)

func (o *operator) addDomain(ctx context.Context, q domainName) (oneDomain, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return oneDomain{}, err
	}
	return o.aboutDomain(q.Host)(o.domains.Add(ctx, t, q.Host, domain.ByOperator))
}

func (o *operator) verifyDomain(ctx context.Context, q domainName) (oneDomain, error) {
	t, err := o.named(ctx, q.Slug)
	switch {
	case err != nil:
		return oneDomain{}, err
	case t != nil:
		return o.aboutDomain(q.Host)(o.domains.VerifyOwn(ctx, t, q.Host))
	}
	return o.aboutDomain(q.Host)(o.domains.Verify(ctx, q.Host))
}

func (o *operator) showDomain(ctx context.Context, q domainName) (oneDomain, error) {
	t, err := o.named(ctx, q.Slug)
	switch {
	case err != nil:
		return oneDomain{}, err
	case t != nil:
		return o.aboutDomain(q.Host)(o.domains.FindOwn(ctx, t, q.Host))
	}
	return o.aboutDomain(q.Host)(o.domains.Find(ctx, q.Host))
}

// named is the tenant that is asked for, nil if none is.
func (o *operator) named(ctx context.Context, slug string) (*tenant.Tenant, error) {
	if slug == "" {
		return nil, nil //nolint:nilnil // the operator need not say whose domain is meant
	}
	return o.find(ctx, slug)
}

// aboutDomain makes what a method of the domains returned an answer, in words about that host.
func (o *operator) aboutDomain(host string) func(*domain.Domain, error) (oneDomain, error) {
	return func(d *domain.Domain, err error) (oneDomain, error) {
		if err != nil {
			return oneDomain{}, aboutHost(host, err)
		}
		return oneDomain{d.Document()}, nil
	}
}

func (o *operator) listDomains(ctx context.Context, q domainName) (manyDomains, error) {
	t, err := o.named(ctx, q.Slug)
	if err != nil {
		return manyDomains{}, err
	}
	list, err := o.domains.List(ctx, t)
	out := manyDomains{Domains: []domain.Document{}}
	for _, d := range list {
		out.Domains = append(out.Domains, d.Document())
	}
	return out, err
}

func (o *operator) mountDomain(ctx context.Context, q mounted) (mounted, error) {
	return q, aboutHost(q.Host, o.domains.Mount(ctx, q.Host, q.Mount))
}

func (o *operator) removeDomain(ctx context.Context, q domainName) (deletion, error) {
	t, err := o.named(ctx, q.Slug)
	switch {
	case err != nil:
		return deletion{}, err
	case t != nil:
		err = o.domains.RemoveOwn(ctx, t, q.Host)
	default:
		err = o.domains.Remove(ctx, q.Host)
	}
	if err != nil {
		return deletion{}, aboutHost(q.Host, err)
	}
	return deletion{Deleted: true}, nil
}

func (p *program) domainCommand() *cobra.Command {
	return p.group("domain", "a tenant's own domains: proof, certificate, mount",
		p.domainAdd(), p.domainVerify(), p.domainShow(), p.domainList(), p.domainMount(), p.domainCertificate(), p.domainRemove())
}

func (p *program) domainAdd() *cobra.Command {
	return p.leaf(lesson{
		use: "add SLUG HOST", short: "register a domain and print the DNS records that it needs",
		long: `Registers a domain for a tenant and prints exactly what has to be put into DNS. The node looks for the records by
itself, and gets the certificate once they are right; ` + "`deskgate domain verify HOST`" + ` looks now.`,
		example: "domain add acme support.acme.example",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, domainAdd, domainName{Slug: args[0], Host: args[1]})
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	})
}

func (p *program) domainVerify() *cobra.Command {
	var q domainName
	return whose(&q, p.leaf(lesson{
		use: "verify HOST", short: "look for the DNS records now; exit code 0 if the domain is proven",
		long: `Looks for the domain's DNS records now and says what is missing and what was seen instead. The exit code is 0 if the
domain is verified or active, else 1. Of several tenants that claim the host it is about the one that holds it, else the first.`,
		example: "domain verify support.acme.example\ndomain verify support.acme.example --tenant acme",
	}, func(ctx context.Context, args []string) error {
		q.Host = args[0]
		a, err := ask(ctx, p, domainVerify, q)
		if err != nil {
			return err
		}
		if err := p.answer(a, a.people); err != nil {
			return err
		}
		if s := a.Domain.Status; s != domain.Verified && s != domain.Active {
			return unsaid{}
		}
		return nil
	}))
}

// whose lets a command's host be one tenant's claim to it.
func whose(q *domainName, c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&q.Slug, "tenant", "", "`SLUG` of the tenant whose claim is meant, if several have one")
	return c
}

func (p *program) domainShow() *cobra.Command {
	var q domainName
	return whose(&q, p.leaf(lesson{
		use: "show HOST", short: "a domain's state, its certificate and its DNS records", example: "domain show support.acme.example",
	}, func(ctx context.Context, args []string) error {
		q.Host = args[0]
		a, err := ask(ctx, p, domainShow, q)
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	}))
}

// people tells the state, and the records as long as they are needed.
func (a oneDomain) people(b *bytes.Buffer) {
	d := a.Domain
	checked := "never"
	if d.CheckedAt != nil {
		checked = d.CheckedAt.Time().Format(time.DateTime) + " UTC"
	}
	until := ""
	if d.Certificate.NotAfter != nil {
		until = " until " + d.Certificate.NotAfter.Time().Format(time.DateTime) + " UTC"
	}
	pairs(b, "host", string(d.Host), "tenant", d.Tenant, "status", string(d.Status), "reason", d.Reason,
		"certificate", string(d.Certificate.Status)+until, "", d.Certificate.Reason, "issuer", issuer(d.Certificate), "checked", checked)
	switch d.Status {
	case domain.Verified, domain.Active:
		fmt.Fprintf(b, "\nThe domain is proven. Keep these records:\n\n")
	default:
		fmt.Fprintf(b, "\nPut this into DNS:\n\n")
	}
	rows := [][]string{}
	for _, r := range d.Records {
		rows = append(rows, []string{r.Type, r.Name, r.Value, r.Purpose})
	}
	table(b, "(nothing)", []string{"TYPE", "NAME", "VALUE", "PURPOSE"}, rows)
	if d.Status == domain.Pending {
		fmt.Fprintf(b, "\nThen: deskgate domain verify %s\n", d.Host)
	}
}

func (p *program) domainList() *cobra.Command {
	return p.leaf(lesson{
		use: "list [SLUG]", short: "the domains of a tenant, or all", example: "domain list\ndomain list acme",
	}, func(ctx context.Context, args []string) error {
		var q domainName
		if len(args) > 0 {
			q.Slug = args[0]
		}
		a, err := ask(ctx, p, domainList, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			rows := [][]string{}
			for _, d := range a.Domains {
				rows = append(rows, []string{string(d.Host), d.Tenant, string(d.Status), string(d.Certificate.Status), until(d.Certificate), orDash(d.Certificate.Issuer), orDash(d.Reason)})
			}
			table(b, "No domains. Add one: deskgate domain add SLUG HOST",
				[]string{"HOST", "TENANT", "STATUS", "CERTIFICATE", "UNTIL", "ISSUER", "REASON"}, rows)
		})
	})
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

func (p *program) domainMount() *cobra.Command {
	return p.leaf(lesson{
		use: "mount HOST PATH", short: "the path below which the help desk lives on a host",
		long: `Sets the path below which the help desk's pages live on a host; / is the default. Other paths go to the routes of that
host (deskgate route).`,
		example: "domain mount www.acme.example /support",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, domainMount, mounted{Host: args[0], Mount: args[1]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "The help desk of %s lives at %s now.\n", a.Host, a.Mount)
		})
	})
}

func (p *program) domainRemove() *cobra.Command {
	var q domainName
	return whose(&q, p.leaf(lesson{
		use: "remove HOST", short: "take a domain away from its tenant",
		long: `Takes a domain away: it is served no more at once. For 30 days only the same tenant, or somebody who sets the TXT record
anew, can have it again.`,
		example: "domain remove support.acme.example",
	}, func(ctx context.Context, args []string) error {
		q.Host = args[0]
		a, err := ask(ctx, p, domainRemove, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) { fmt.Fprintf(b, "%s is served no more.\n", args[0]) })
	}))
}
