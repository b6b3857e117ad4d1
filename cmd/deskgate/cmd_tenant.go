package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// tenantDocument is a tenant as the commands show it.
type tenantDocument struct {
	ID        tenant.ID       `json:"id"`
	Slug      string          `json:"slug"`
	Name      string          `json:"name"`
	URL       string          `json:"url"`
	Hosts     []tenant.Host   `json:"hosts"`
	Settings  tenant.Settings `json:"settings"`
	CreatedAt time.Time       `json:"created_at"`
	// CertificatesWait is until when the default hosts get no new certificate, because the CA's limits are reached.
	CertificatesWait *time.Time `json:"certificates_wait_until,omitempty"`
	// Certificates are those of the tenant's own domains.
	Certificates []hostCertificate `json:"certificates,omitempty"`
}

// hostCertificate is a domain's certificate.
type hostCertificate struct {
	Host tenant.Host `json:"host"`
	domain.CertificateDocument
}

func (o *operator) document(t *tenant.Tenant) tenantDocument {
	return tenantDocument{
		ID: t.ID, Slug: t.Slug, Name: t.Name, URL: o.directory.PrimaryURL(t), Hosts: o.directory.Hosts(t),
		Settings: t.Settings, CreatedAt: t.CreatedAt,
	}
}

// oneTenant and the like are the documents that the commands print; their JSON is the contract.
type oneTenant struct {
	Tenant tenantDocument `json:"tenant"`
	// Warnings are what the tenant's settings can't do on this node, as sentences.
	Warnings []string `json:"warnings,omitempty"`
}

type manyTenants struct {
	Tenants []tenantDocument `json:"tenants"`
}

type createdTenant struct {
	Tenant  tenantDocument    `json:"tenant"`
	Secrets map[string]string `json:"secrets"`
}

type deletion struct {
	Deleted bool `json:"deleted"`
}

type nothing struct{}

type tenantName struct {
	Slug string `json:"slug"`
	Name string `json:"name,omitempty"`
}

type tenantValues struct {
	Slug   string            `json:"slug"`
	Values map[string]string `json:"values"`
}

var (
	tenantCreate = action[tenantName, createdTenant]{"tenant/create", (*operator).createTenant}
	tenantList   = action[nothing, manyTenants]{"tenant/list", (*operator).listTenants}
	tenantShow   = action[tenantName, oneTenant]{"tenant/show", (*operator).showTenant}
	tenantSet    = action[tenantValues, oneTenant]{"tenant/set", (*operator).setTenant}
	tenantDelete = action[tenantName, deletion]{"tenant/delete", (*operator).deleteTenant}
)

// apiTokenName names the token that comes with a new tenant.
const apiTokenName = "first token"

// secretAPIToken is the name of that token among a new tenant's secrets.
const secretAPIToken = "api_token"

func (o *operator) createTenant(ctx context.Context, q tenantName) (createdTenant, error) {
	t, keys, err := o.tenants.Create(ctx, q.Slug, q.Name)
	if err != nil {
		return createdTenant{}, o.about(ctx, q.Slug, err)
	}
	_, secret, err := o.doors.Tokens.Create(ctx, t, auth.TokenRequest{Name: apiTokenName, Scopes: auth.AllScopes, By: byOperator})
	if err != nil {
		return createdTenant{}, errors.Join(err, o.tenants.Delete(ctx, q.Slug))
	}
	secrets := keys.Secrets()
	secrets[secretAPIToken] = secret
	return createdTenant{Tenant: o.document(t), Secrets: secrets}, nil
}

func (o *operator) listTenants(ctx context.Context, _ nothing) (manyTenants, error) {
	list, err := o.tenants.List(ctx)
	out := manyTenants{Tenants: []tenantDocument{}}
	for _, t := range list {
		out.Tenants = append(out.Tenants, o.document(t))
	}
	return out, err
}

func (o *operator) showTenant(ctx context.Context, q tenantName) (oneTenant, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return oneTenant{}, err
	}
	d := o.document(t)
	if o.tls == tlsACME {
		until, err := certificate.BudgetSpent(ctx, o.store, o.names.TenantHost(t.Slug))
		if err != nil {
			return oneTenant{}, err
		}
		d.CertificatesWait = timeOrNull(until)
	}
	list, err := o.domains.List(ctx, t)
	if err != nil {
		return oneTenant{}, err
	}
	for _, own := range list {
		d.Certificates = append(d.Certificates, hostCertificate{own.Host, own.Document().Certificate})
	}
	return oneTenant{Tenant: d, Warnings: o.warnings(t)}, nil
}

// warnings are what the tenant's settings can't do on this node.
func (o *operator) warnings(t *tenant.Tenant) []string {
	if t.Settings.Unsigned != tenant.UnsignedConfirm || o.post.Ready() {
		return nil
	}
	return []string{"unsigned=confirm wants a mailed code, and without --smtp-url nobody gets one: " +
		"as long as that is so, whoever comes by an unsigned redirect can't file a ticket."}
}

func (o *operator) setTenant(ctx context.Context, q tenantValues) (oneTenant, error) {
	t, err := o.tenants.Set(ctx, q.Slug, q.Values)
	if err != nil {
		return oneTenant{}, o.about(ctx, q.Slug, err)
	}
	return oneTenant{Tenant: o.document(t), Warnings: o.warnings(t)}, nil
}

func (o *operator) deleteTenant(ctx context.Context, q tenantName) (deletion, error) {
	if err := o.tenants.Delete(ctx, q.Slug); err != nil {
		return deletion{}, o.about(ctx, q.Slug, err)
	}
	return deletion{Deleted: true}, nil
}

func (p *program) tenantCommand() *cobra.Command {
	var name string
	create := p.leaf(lesson{
		use: "create SLUG", short: "make a tenant, its keys and its first API token",
		long: `Makes a tenant. It is served at once at SLUG.{node host}.

The secrets that its partners sign with are printed; ` + "`deskgate key show SLUG`" + ` prints them again. The API token is
printed this once only.`,
		example: "tenant create acme --name 'Acme Inc.'\ntenant create acme --json",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, tenantCreate, tenantName{Slug: args[0], Name: name})
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	})
	create.Flags().StringVar(&name, "name", "", "`NAME` for people (the slug if none)")
	return p.group("tenant", "make, look at, change and delete tenants",
		create, p.tenantList(), p.tenantShow(), p.tenantSet(), p.tenantDelete(), p.tenantExport(), p.tenantImport())
}

func (a createdTenant) people(b *bytes.Buffer) {
	t := a.Tenant
	fmt.Fprintf(b, "Tenant %s is ready at %s\n\n", t.Slug, t.URL)
	kv := []string{}
	for _, k := range tenant.Kinds() {
		kv = append(kv, k.Field(), a.Secrets[k.Field()])
	}
	pairs(b, append(kv, secretAPIToken, a.Secrets[secretAPIToken])...)
	fmt.Fprintf(b, `
Keep the API token: it is shown only now. The others: deskgate key show %[1]s

Next:
  deskgate domain add %[1]s support.example.com     serves it under its own name
  deskgate agent invite %[1]s you@example.com       lets somebody answer
  deskgate tenant set %[1]s allowed_origins=https://www.example.com
                                                 names the site whose users come over
That site sends them with a form to %[2]s/api/auth/redirect/%[1]s
`, t.Slug, t.URL)
}

func (p *program) tenantList() *cobra.Command {
	return p.leaf(lesson{
		use: "list", short: "all tenants", example: "tenant list\ntenant list --json",
	}, func(ctx context.Context, _ []string) error {
		a, err := ask(ctx, p, tenantList, nothing{})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			rows := [][]string{}
			for _, t := range a.Tenants {
				rows = append(rows, []string{t.Slug, t.Name, t.URL, day(t.CreatedAt)})
			}
			table(b, "No tenants yet. Make one: deskgate tenant create SLUG", []string{"SLUG", "NAME", "URL", "SINCE"}, rows)
		})
	})
}

func (p *program) tenantShow() *cobra.Command {
	return p.leaf(lesson{
		use: "show SLUG", short: "a tenant, its hosts and its settings", example: "tenant show acme",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, tenantShow, tenantName{Slug: args[0]})
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	})
}

func (a oneTenant) people(b *bytes.Buffer) {
	t := a.Tenant
	hosts := []string{}
	for _, h := range t.Hosts {
		hosts = append(hosts, string(h))
	}
	pairs(b, "slug", t.Slug, "name", t.Name, "url", t.URL, "hosts", strings.Join(hosts, ", "), "since", day(t.CreatedAt), "id", string(t.ID))
	for _, c := range t.Certificates {
		pairs(b, "certificate", fmt.Sprintf("%s %s until %s %s", c.Host, c.Status, until(c.CertificateDocument), issuer(c.CertificateDocument)))
	}
	for _, warning := range a.Warnings {
		fmt.Fprintf(b, "\nMind: %s\n", warning)
	}
	if t.CertificatesWait != nil {
		fmt.Fprintf(b, "\nThe CA's limit for the node's own names is reached: those without a certificate get none until %s.\n", end(t.CertificatesWait))
	}
	fmt.Fprintf(b, "\nSettings (deskgate tenant set %s KEY=VALUE):\n", t.Slug)
	w := columns(b)
	snapshot := &tenant.Tenant{Name: t.Name, Settings: t.Settings}
	for _, s := range tenant.AllSettings() {
		if s.Key != "name" {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Key, orDash(s.Value(snapshot)), s.Allowed)
		}
	}
	_ = w.Flush()
}

func (p *program) tenantSet() *cobra.Command {
	var keys strings.Builder
	for _, s := range tenant.AllSettings() {
		fmt.Fprintf(&keys, "\n  %-28s %s", s.Key, s.Allowed)
	}
	return p.leaf(lesson{
		use: "set SLUG KEY=VALUE…", short: "change settings of a tenant",
		long:    "Changes settings of a tenant, all of them or, if one is wrong, none. The keys and what they take:\n" + keys.String(),
		example: "tenant set acme allowed_origins=https://www.acme.example,https://shop.acme.example\ntenant set acme unsigned=signed cookie_samesite=lax",
	}, func(ctx context.Context, args []string) error {
		values := map[string]string{}
		for _, kv := range args[1:] {
			k, v, ok := strings.Cut(kv, "=")
			if !ok {
				return &usageError{"deskgate tenant set", fmt.Sprintf("tenant set takes KEY=VALUE, not %q", kv)}
			}
			values[k] = v
		}
		a, err := ask(ctx, p, tenantSet, tenantValues{Slug: args[0], Values: values})
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	})
}

func (p *program) tenantDelete() *cobra.Command {
	return p.leaf(lesson{
		use: "delete SLUG", short: "delete a tenant and everything of it",
		long: `Deletes a tenant with its tickets, people, domains and keys. It is served no more at once, and nothing brings it back
but a backup.`,
		example: "tenant delete acme",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, tenantDelete, tenantName{Slug: args[0]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "Tenant %s and everything of it is gone.\n", args[0])
		})
	})
}
