package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
)

type shownKeys struct {
	Keys map[string]string `json:"keys"`
}

type keyChange struct {
	Slug   string        `json:"slug"`
	Kind   tenant.Kind   `json:"kind"`
	Grace  time.Duration `json:"grace,omitempty"`
	Secret string        `json:"secret,omitempty"`
}

var (
	keyShow   = action[tenantName, shownKeys]{"key/show", (*operator).showKeys}
	keyRotate = action[keyChange, shownKeys]{"key/rotate", (*operator).rotateKey}
	keySet    = action[keyChange, shownKeys]{"key/set", (*operator).setKey}
)

func (o *operator) showKeys(ctx context.Context, q tenantName) (shownKeys, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return shownKeys{}, err
	}
	keys, err := o.tenants.Keys(ctx, t.ID)
	if err != nil {
		return shownKeys{}, err
	}
	return shownKeys{keys.Secrets()}, nil
}

func (o *operator) rotateKey(ctx context.Context, q keyChange) (shownKeys, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return shownKeys{}, err
	}
	if _, err := o.tenants.Rotate(ctx, t.ID, q.Kind, q.Grace); err != nil {
		return shownKeys{}, err
	}
	return o.showKeys(ctx, tenantName{Slug: q.Slug})
}

func (o *operator) setKey(ctx context.Context, q keyChange) (shownKeys, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return shownKeys{}, err
	}
	if q.Kind == kindOIDC {
		err = o.oidc.SetSecret(ctx, t, q.Secret, byOperator)
	} else {
		_, err = o.tenants.Import(ctx, t.ID, q.Kind, q.Secret)
	}
	if err != nil {
		return shownKeys{}, err
	}
	return o.showKeys(ctx, tenantName{Slug: q.Slug})
}

// kindOIDC is the client secret at the provider at which staff sign in. It can be set, and is never shown.
const kindOIDC tenant.Kind = "oidc"

func (p *program) keyCommand() *cobra.Command {
	return p.group("key", "the secrets that a tenant's partners sign with", p.keyShow(), p.keyRotate(), p.keySet())
}

func (a shownKeys) people(b *bytes.Buffer) {
	kv := []string{}
	for _, k := range tenant.Kinds() {
		if secret, there := a.Keys[k.Field()]; there {
			kv = append(kv, k.Field(), secret)
		}
	}
	pairs(b, kv...)
	if public, there := a.Keys[tenant.PublicKeysField]; there {
		b.WriteString("\n" + tenant.PublicKeysField + ", which tokens for jwt are checked with:\n\n" + public)
	}
}

func (p *program) keyShow() *cobra.Command {
	return p.leaf(lesson{
		use: "show SLUG", short: "a tenant's present keys",
		long: `Prints the keys of a tenant. A signature's HMAC key is the characters as printed, never decoded. A partner who holds no
secret has jwt_public_keys in the place of jwt_secret.`,
		example: "key show acme",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, keyShow, tenantName{Slug: args[0]})
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	})
}

// keyKinds lists the kinds for people.
func keyKinds() string {
	var out []string
	for _, k := range tenant.Kinds() {
		out = append(out, string(k))
	}
	return strings.Join(out, ", ")
}

func keyKind(command, word string) (tenant.Kind, error) {
	if !slices.Contains(tenant.Kinds(), tenant.Kind(word)) {
		return "", &usageError{command, fmt.Sprintf("%q is not a kind of key: %s", word, keyKinds())}
	}
	return tenant.Kind(word), nil
}

// settableKind is a kind whose secret may come from elsewhere.
func settableKind(word string) (tenant.Kind, error) {
	if tenant.Kind(word) == kindOIDC {
		return kindOIDC, nil
	}
	kind, err := keyKind("deskgate key set", word)
	if err != nil {
		err = fmt.Errorf("%w, %s", err, kindOIDC)
	}
	return kind, err
}

func (p *program) keyRotate() *cobra.Command {
	var grace string
	c := p.leaf(lesson{
		use: "rotate SLUG KIND", short: "make a new key; the old one stays good for a while",
		long:    "Makes a new key of a kind: " + keyKinds() + ".\nSignatures with the old key are taken for 24 hours more, or as --grace says.",
		example: "key rotate acme jwt\nkey rotate acme redirect --grace 7d",
	}, func(ctx context.Context, args []string) error {
		kind, err := keyKind("deskgate key rotate", args[1])
		if err != nil {
			return err
		}
		q := keyChange{Slug: args[0], Kind: kind}
		if grace != "" {
			if q.Grace, err = duration(grace); err != nil {
				return &usageError{"deskgate key rotate", "--grace: " + err.Error()}
			}
		}
		a, err := ask(ctx, p, keyRotate, q)
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	})
	c.Flags().StringVar(&grace, "grace", "", "`TIME` that the old key stays good, e.g. 7d (24h if none)")
	return c
}

// largestSecret bounds what is read as a secret.
const largestSecret = 64 << 10

func (p *program) keySet() *cobra.Command {
	var file string
	c := p.leaf(lesson{
		use: "set SLUG KIND", short: "take over a key that partners have already",
		long: `Makes a secret that partners have already the present key of a kind: ` + keyKinds() + `.
At least 16 bytes (openssl rand -base64 32 makes a good one); well-known secrets are refused. White space at the end of the file does not count.

The kind oidc is the client secret that the provider in oidc_issuer knows oidc_client_id by: it is for these two alone, nothing
shows it again, and an empty file removes it.

For jwt it may be the partner's public key instead, so that nobody but the partner can make tokens: PEM with a public key or
a certificate, a JWK or a set of JWKs; Ed25519 (EdDSA), P-256 (ES256) or RSA of at least 2048 bits (RS256). From then on no
shared secret counts for JWTs, the one of before included. A partner who publishes its keys is better served by
deskgate tenant set SLUG jwt_jwks_url=https://…`,
		example: "key set acme jwt --file /run/secrets/acme-jwt\nkey set acme simpleauth --file -\nkey set acme jwt --file partner-public.pem\nkey set acme oidc --file -",
	}, func(ctx context.Context, args []string) error {
		kind, err := settableKind(args[1])
		if err != nil {
			return err
		}
		if file == "" {
			return &usageError{"deskgate key set", "key set needs --file FILE, or --file - for stdin"}
		}
		secret, err := p.readSecret(file)
		if err != nil {
			return err
		}
		a, err := ask(ctx, p, keySet, keyChange{Slug: args[0], Kind: kind, Secret: secret})
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	})
	c.Flags().StringVar(&file, "file", "", "`FILE` with the secret or public key; - is stdin")
	return c
}

// readSecret reads a secret from a file, or from stdin if that is called -.
func (p *program) readSecret(file string) (string, error) {
	in := p.in
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the operator names the file
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, largestSecret))
	return strings.TrimRight(string(b), " \t\r\n"), err
}
