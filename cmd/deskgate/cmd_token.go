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
)

// tokenDocument is an API token as the commands show it: all but its secret.
type tokenDocument struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	ExpiresAt *time.Time `json:"expires_at"`
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    *time.Time `json:"used_at"`
}

func documentToken(t auth.Token) tokenDocument {
	return tokenDocument{
		ID: t.ID, Name: t.Name, Scopes: t.Scopes.Names(), CreatedAt: t.CreatedAt,
		ExpiresAt: timeOrNull(t.ExpiresAt), UsedAt: timeOrNull(t.UsedAt),
	}
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type createdToken struct {
	Token  tokenDocument `json:"token"`
	Secret string        `json:"secret"`
}

type manyTokens struct {
	Tokens []tokenDocument `json:"tokens"`
}

type newToken struct {
	Slug      string    `json:"slug"`
	Name      string    `json:"name"`
	Scopes    []string  `json:"scopes"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

type tokenID struct {
	Slug string `json:"slug"`
	ID   string `json:"id"`
}

var (
	tokenCreate = action[newToken, createdToken]{"token/create", (*operator).createToken}
	tokenList   = action[tenantName, manyTokens]{"token/list", (*operator).listTokens}
	tokenRevoke = action[tokenID, deletion]{"token/revoke", (*operator).revokeToken}
)

func (o *operator) createToken(ctx context.Context, q newToken) (createdToken, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return createdToken{}, err
	}
	scopes := auth.AllScopes
	if len(q.Scopes) > 0 {
		if scopes, err = auth.ParseScopes(q.Scopes); err != nil {
			return createdToken{}, err
		}
	}
	k, secret, err := o.doors.Tokens.Create(ctx, t, auth.TokenRequest{Name: q.Name, Scopes: scopes, ExpiresAt: q.ExpiresAt, By: byOperator})
	return createdToken{documentToken(k), secret}, err
}

func (o *operator) listTokens(ctx context.Context, q tenantName) (manyTokens, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return manyTokens{}, err
	}
	list, err := o.doors.Tokens.List(ctx, t)
	out := manyTokens{Tokens: []tokenDocument{}}
	for _, k := range list {
		out.Tokens = append(out.Tokens, documentToken(k))
	}
	return out, err
}

func (o *operator) revokeToken(ctx context.Context, q tokenID) (deletion, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return deletion{}, err
	}
	err = o.doors.Tokens.Revoke(ctx, t, q.ID, byOperator)
	if errors.Is(err, auth.ErrNotFound) {
		return deletion{}, &failure{
			Code: codeNotFound, Message: "Token not found.",
			Details: fmt.Sprintf("tenant %s has no token %q (deskgate token list %s)", q.Slug, q.ID, q.Slug),
		}
	}
	return deletion{Deleted: err == nil}, err
}

func (p *program) tokenCommand() *cobra.Command {
	return p.group("token", "the API tokens of a tenant", p.tokenCreate(), p.tokenList(), p.tokenRevoke())
}

func (p *program) tokenCreate() *cobra.Command {
	var q newToken
	var expires string
	c := p.leaf(lesson{
		use: "create SLUG", short: "make an API token; its secret is shown once",
		long: `Makes an API token for a tenant's programs. Its secret is printed this once only. Without --scope it may do everything:
` + "\n  " + strings.Join(auth.AllScopes.Names(), "\n  "),
		example: "token create acme --name shop --scope tickets:read --scope tickets:write --expires 30d\ntoken create acme --name 'night report' --scope tickets:read --expires 2027-06-30",
	}, func(ctx context.Context, args []string) error {
		if q.Name == "" {
			return &usageError{"deskgate token create", "token create needs --name, so that you know it again"}
		}
		q.Slug = args[0]
		var err error
		if q.ExpiresAt, err = auth.ParseExpiry(expires); err != nil {
			return &usageError{"deskgate token create", "--expires: " + err.Error()}
		}
		a, err := ask(ctx, p, tokenCreate, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			pairs(b, "id", a.Token.ID, "name", a.Token.Name, "scopes", strings.Join(a.Token.Scopes, " "),
				"expires", end(a.Token.ExpiresAt), "secret", a.Secret)
			fmt.Fprintf(b, "\nKeep the secret: it is shown only now. Programs send it as Authorization: Bearer SECRET.\n")
		})
	})
	c.Flags().StringVar(&q.Name, "name", "", "`NAME` to know it by")
	c.Flags().StringSliceVar(&q.Scopes, "scope", nil, "`SCOPE` that it has; may be repeated (all if none)")
	c.Flags().StringVar(&expires, "expires", "", "`WHEN` it ends: 720h, 30d or a date (never if none)")
	return c
}

// end is when something is over, for people.
func end(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format(time.DateTime + " MST")
}

func (p *program) tokenList() *cobra.Command {
	return p.leaf(lesson{
		use: "list SLUG", short: "the API tokens of a tenant", example: "token list acme",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, tokenList, tenantName{Slug: args[0]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			rows := [][]string{}
			for _, t := range a.Tokens {
				rows = append(rows, []string{t.ID, t.Name, end(t.ExpiresAt), end(t.UsedAt), strings.Join(t.Scopes, " ")})
			}
			table(b, "No tokens.", []string{"ID", "NAME", "EXPIRES", "LAST USED", "SCOPES"}, rows)
		})
	})
}

func (p *program) tokenRevoke() *cobra.Command {
	return p.leaf(lesson{
		use: "revoke SLUG ID", short: "end an API token at once", example: "token revoke acme tok_01JD…",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, tokenRevoke, tokenID{Slug: args[0], ID: args[1]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) { fmt.Fprintf(b, "Token %s opens nothing any more.\n", args[1]) })
	})
}
