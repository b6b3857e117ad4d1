package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
)

// agentDocument is a member of a tenant's staff as the commands show it.
type agentDocument struct {
	ID         string     `json:"id"`
	Email      string     `json:"email"`
	Name       string     `json:"name"`
	Role       auth.Role  `json:"role"`
	InvitedAt  *time.Time `json:"invited_at"`
	JoinedAt   *time.Time `json:"joined_at"`
	SignedInAt *time.Time `json:"signed_in_at"`
}

func documentAgent(m staff.Member) agentDocument {
	return agentDocument{
		ID: m.ID, Email: m.Email, Name: m.Name, Role: m.Role, InvitedAt: timeOrNull(m.InvitedAt),
		JoinedAt: timeOrNull(m.JoinedAt), SignedInAt: timeOrNull(m.SignedInAt),
	}
}

type invitedAgent struct {
	Agent     agentDocument `json:"agent"`
	InviteURL string        `json:"invite_url"`
	ExpiresAt time.Time     `json:"expires_at"`
	// Mailed: the invitation is on its way to the agent.
	Mailed bool `json:"mailed"`
}

// resetAgent is a link to a new password.
type resetAgent struct {
	Agent     agentDocument `json:"agent"`
	ResetURL  string        `json:"reset_url"`
	ExpiresAt time.Time     `json:"expires_at"`
}

type manyAgents struct {
	Agents []agentDocument `json:"agents"`
}

type agentName struct {
	Slug  string `json:"slug"`
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
	Role  string `json:"role,omitempty"`
	// CodesOff: codes of an authenticator are no longer asked for.
	CodesOff bool `json:"codes_off,omitempty"`
}

var (
	agentInvite = action[agentName, invitedAgent]{"agent/invite", (*operator).inviteAgent}
	agentList   = action[tenantName, manyAgents]{"agent/list", (*operator).listAgents}
	agentReset  = action[agentName, resetAgent]{"agent/reset", (*operator).resetAgent}
	agentRemove = action[agentName, deletion]{"agent/remove", (*operator).removeAgent}
)

func (o *operator) inviteAgent(ctx context.Context, q agentName) (invitedAgent, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return invitedAgent{}, err
	}
	role, err := auth.ParseRole(q.Role)
	if err != nil {
		return invitedAgent{}, err
	}
	i, err := o.staff.Invite(ctx, t, q.Email, q.Name, role, byOperator)
	if errors.Is(err, auth.ErrExists) {
		return invitedAgent{}, &failure{
			Code: codeExists, Message: "The agent has joined already.",
			Details: fmt.Sprintf("%s has joined %s already (deskgate agent list %s)", q.Email, q.Slug, q.Slug),
		}
	}
	return invitedAgent{documentAgent(i.Member), i.URL, i.ExpiresAt, i.Mailed}, err
}

func (o *operator) listAgents(ctx context.Context, q tenantName) (manyAgents, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return manyAgents{}, err
	}
	list, err := o.staff.List(ctx, t)
	out := manyAgents{Agents: []agentDocument{}}
	for _, m := range list {
		out.Agents = append(out.Agents, documentAgent(m))
	}
	return out, err
}

func (o *operator) resetAgent(ctx context.Context, q agentName) (resetAgent, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return resetAgent{}, err
	}
	link, ends, err := o.staff.ResetLink(ctx, t, q.Email, byOperator)
	if errors.Is(err, auth.ErrNotFound) {
		return resetAgent{}, &failure{
			Code: codeNotFound, Message: "Agent not found.",
			Details: fmt.Sprintf("nobody with the address %q has joined %s yet (deskgate agent list %s)", q.Email, q.Slug, q.Slug),
		}
	}
	if err != nil {
		return resetAgent{}, err
	}
	m, err := o.staff.ByEmail(ctx, t, q.Email)
	if err == nil && q.CodesOff {
		err = o.staff.ForgetTOTP(ctx, t, m.ID, byOperator)
	}
	return resetAgent{documentAgent(m), link, ends}, err
}

func (o *operator) removeAgent(ctx context.Context, q agentName) (deletion, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return deletion{}, err
	}
	err = o.staff.Remove(ctx, t, q.Email, byOperator)
	if errors.Is(err, auth.ErrNotFound) {
		return deletion{}, &failure{
			Code: codeNotFound, Message: "Agent not found.",
			Details: fmt.Sprintf("tenant %s has no agent %q (deskgate agent list %s)", q.Slug, q.Email, q.Slug),
		}
	}
	return deletion{Deleted: err == nil}, err
}

func (p *program) agentCommand() *cobra.Command {
	return p.group("agent", "the people who answer a tenant's tickets", p.agentInvite(), p.agentList(), p.agentReset(), p.agentRemove())
}

func (p *program) agentInvite() *cobra.Command {
	var q agentName
	c := p.leaf(lesson{
		use: "invite SLUG EMAIL", short: "invite somebody who answers tickets",
		long: `Invites somebody to a tenant's staff and prints a link. Opening it once sets the password.
A node with --smtp-url mails the link, too. Inviting again replaces a link
that was not used.`,
		example: "agent invite acme ana@acme.example --name 'Ana Lima'\nagent invite acme boss@acme.example --role admin",
	}, func(ctx context.Context, args []string) error {
		q.Slug, q.Email = args[0], args[1]
		if _, err := auth.ParseRole(q.Role); err != nil {
			return &usageError{"deskgate agent invite", "--role is agent or admin"}
		}
		a, err := ask(ctx, p, agentInvite, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			if a.Mailed {
				fmt.Fprintf(b, "An invitation is on its way to %s. The same link, should it not arrive (once, until %s):\n\n  %s\n",
					a.Agent.Email, end(&a.ExpiresAt), a.InviteURL)
				return
			}
			fmt.Fprintf(b, "Give this link to %s. It works once, until %s:\n\n  %s\n", a.Agent.Email, end(&a.ExpiresAt), a.InviteURL)
		})
	})
	c.Flags().StringVar(&q.Name, "name", "", "`NAME` that requesters read")
	c.Flags().StringVar(&q.Role, "role", string(auth.RoleAgent), "`ROLE`: agent, or admin, who may change the tenant's settings")
	return c
}

func (p *program) agentList() *cobra.Command {
	return p.leaf(lesson{
		use: "list SLUG", short: "a tenant's staff", example: "agent list acme",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, agentList, tenantName{Slug: args[0]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			rows := [][]string{}
			for _, m := range a.Agents {
				joined := "invited"
				if m.JoinedAt != nil {
					joined = day(*m.JoinedAt)
				}
				rows = append(rows, []string{m.Email, orDash(m.Name), string(m.Role), joined})
			}
			table(b, "Nobody yet. Invite somebody: deskgate agent invite SLUG EMAIL", []string{"EMAIL", "NAME", "ROLE", "JOINED"}, rows)
		})
	})
}

func (p *program) agentReset() *cobra.Command {
	var q agentName
	c := p.leaf(lesson{
		use: "reset SLUG EMAIL", short: "let somebody choose a new password",
		long: `Prints a link with which an agent chooses a new password, once, within half an hour. Agents get one by themselves where the
node sends mail (--smtp-url). The second factor stays as it is, but with --codes-off.`,
		example: "agent reset acme ana@acme.example\nagent reset acme ana@acme.example --codes-off",
	}, func(ctx context.Context, args []string) error {
		q.Slug, q.Email = args[0], args[1]
		a, err := ask(ctx, p, agentReset, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "Give this link to %s. It works once, until %s:\n\n  %s\n", a.Agent.Email, end(&a.ExpiresAt), a.ResetURL)
		})
	})
	c.Flags().BoolVar(&q.CodesOff, "codes-off", false, "ask for no codes of an authenticator any more, for who has lost it and the recovery codes")
	return c
}

func (p *program) agentRemove() *cobra.Command {
	return p.leaf(lesson{
		use: "remove SLUG EMAIL", short: "end somebody's membership and sessions", example: "agent remove acme ana@acme.example",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, agentRemove, agentName{Slug: args[0], Email: args[1]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) { fmt.Fprintf(b, "%s is no longer one of %s's agents.\n", args[1], args[0]) })
	})
}
