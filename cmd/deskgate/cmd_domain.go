package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

type oneDomain struct {
	Domain domain.Document `json:"domain"`
}

// shownDomain is a domain beside all others' claims to its host.
type shownDomain struct {
	Domain domain.Document   `json:"domain"`
	Others []domain.Document `json:"others"`
}

type manyDomains struct {
	Domains []domain.Document `json:"domains"`
	// Removed are those that are kept for who had them.
	Removed []domain.Document `json:"removed"`
}

type mounted struct {
	Slug  string `json:"slug,omitempty"`
	Host  string `json:"host"`
	Mount string `json:"mount"`
}

type domainName struct {
	Slug string `json:"slug,omitempty"`
	Host string `json:"host,omitempty"`
	// Removed: it may be one that was taken away.
	Removed bool `json:"removed,omitempty"`
}

var (
	domainAdd    = action[domainName, oneDomain]{"domain/add", (*operator).addDomain}
	domainVerify = action[domainName, oneDomain]{"domain/verify", (*operator).verifyDomain}
	domainShow   = action[domainName, shownDomain]{"domain/show", (*operator).showDomain}
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

func (o *operator) showDomain(ctx context.Context, q domainName) (shownDomain, error) {
	t, err := o.named(ctx, q.Slug)
	if err != nil {
		return shownDomain{}, err
	}
	claims, err := o.domains.Claims(ctx, q.Host)
	if err != nil {
		return shownDomain{}, o.aboutHost(q.Host, err)
	}
	wanted := slices.IndexFunc(claims, func(d *domain.Domain) bool {
		return (t == nil || d.Tenant == t.ID) && (q.Removed || d.Status != domain.Removed)
	})
	if wanted < 0 {
		return shownDomain{}, o.wasRemoved(q.Host, claims)
	}
	a := shownDomain{Domain: claims[wanted].Full(), Others: []domain.Document{}}
	for i, d := range claims {
		if i != wanted {
			a.Others = append(a.Others, d.Document())
		}
	}
	return a, nil
}

// wasRemoved says that there is no such domain, and whether there was one until lately.
func (o *operator) wasRemoved(host string, claims []*domain.Domain) error {
	err := o.aboutHost(host, tenant.ErrNotFound)
	last := claims[len(claims)-1]
	if gone, is := errors.AsType[*failure](err); is && last.Status == domain.Removed {
		gone.Details += fmt.Sprintf("; it was taken away from %s on %s and is kept for it until %s (deskgate domain show %s --removed)",
			last.Slug, day(last.Since), day(last.KeptUntil), last.Host)
	}
	return err
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
			return oneDomain{}, o.aboutHost(host, err)
		}
		return oneDomain{d.Full()}, nil
	}
}

func (o *operator) listDomains(ctx context.Context, q domainName) (manyDomains, error) {
	t, err := o.named(ctx, q.Slug)
	if err != nil {
		return manyDomains{}, err
	}
	list, err := o.domains.List(ctx, t)
	if err != nil {
		return manyDomains{}, err
	}
	removed, err := o.domains.ListRemoved(ctx, t)
	return manyDomains{Domains: documents(list), Removed: documents(removed)}, err
}

func documents(list []*domain.Domain) []domain.Document {
	all := []domain.Document{}
	for _, d := range list {
		all = append(all, d.Document())
	}
	return all
}

func (o *operator) mountDomain(ctx context.Context, q mounted) (mounted, error) {
	t, err := o.named(ctx, q.Slug)
	switch {
	case err != nil:
		return mounted{}, err
	case t != nil:
		var host tenant.Host
		if host, err = tenant.ParseHost(q.Host); err == nil {
			err = o.tenants.Mount(ctx, t.ID, host, q.Mount)
		}
	default:
		err = o.domains.Mount(ctx, q.Host, q.Mount)
	}
	return q, o.aboutHost(q.Host, err)
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
		return deletion{}, o.aboutHost(q.Host, err)
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
		return p.answer(a, func(b *bytes.Buffer) { a.people(b, p.width()) })
	})
}

func (p *program) domainVerify() *cobra.Command {
	var q domainName
	return whose(&q.Slug, p.leaf(lesson{
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
		if err := p.answer(a, func(b *bytes.Buffer) { a.people(b, p.width()) }); err != nil {
			return err
		}
		if s := a.Domain.Status; s != domain.Verified && s != domain.Active {
			return unsaid{}
		}
		return nil
	}))
}

// whose lets a command's host be one tenant's claim to it.
func whose(slug *string, c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(slug, "tenant", "", "`SLUG` of the tenant whose claim is meant, if several have one")
	return c
}

func (p *program) domainMount() *cobra.Command {
	var q mounted
	return whose(&q.Slug, p.leaf(lesson{
		use: "mount HOST PATH", short: "the path below which the help desk lives on a host",
		long: `Sets the path below which the help desk's pages live on a host; / is the default. Other paths go to the routes of that
host (deskgate route).`,
		example: "domain mount www.acme.example /support\ndomain mount www.acme.example /support --tenant acme",
	}, func(ctx context.Context, args []string) error {
		q.Host, q.Mount = args[0], args[1]
		a, err := ask(ctx, p, domainMount, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "The help desk of %s lives at %s now.\n", a.Host, a.Mount)
		})
	}))
}

func (p *program) domainRemove() *cobra.Command {
	var q domainName
	return whose(&q.Slug, p.leaf(lesson{
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
