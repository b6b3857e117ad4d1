package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
)

func (p *program) routeCommand() *cobra.Command {
	return p.group("route", "send paths of a tenant's host to upstreams", p.routeAdd(), p.routeSet(), p.routeList(), p.routeRemove())
}

func (p *program) routeAdd() *cobra.Command {
	var options func() (map[string]string, error)
	c := p.leaf(lesson{
		use: "add SLUG HOST PATH UPSTREAM…", short: "send the paths below PATH to one or more upstreams",
		long: `Sends the requests of a host whose path is below PATH to upstreams: http, https, or h2c (HTTP/2 without TLS, for gRPC). The
longest path wins. What belongs to the help desk stays with it: see ` + "`deskgate domain mount`" + `. A route with the same path is
replaced; to change one, use ` + "`deskgate route set`" + `. Nothing of this interrupts a request that is under way.

An upstream that fails three visitors in a row is left alone for 10 s; with --health-path each one is asked how it is, and is
out after two bad answers and back after two good ones. Who comes back gets its share within 20 s. Requests that can be made
twice (GET, HEAD, PUT and DELETE without a body), and all that reached nobody, are sent to another upstream: a fifth of all
requests at most, and 3 a second in any case.

With --require-login the upstream is told who the visitor is: X-Deskgate-User, -Email, -Name, -Tenant, -Assurance, and
X-Deskgate-Assertion, a JWT of a minute (ES256; aud is HOST) that the keys at https://HOST/.well-known/deskgate/jwks.json verify.
Visitors cannot send these headers.`,
		example: `route add acme www.acme.example / http://10.0.0.5:8080 http://10.0.0.6:8080 --health-path /healthz
route add acme www.acme.example /shop http://shop:3000 --strip-prefix --max-body 10MiB
route add acme www.acme.example /app http://a:80 http://b:80 --weight 3,1 --sticky
route add acme www.acme.example /admin http://10.0.0.7:8080 --require-login=staff
route add acme api.acme.example / h2c://10.0.0.8:50051 --balance least-connections --idle-timeout 1h`,
	}, func(ctx context.Context, args []string) error {
		q, err := question(args, options)
		if err != nil {
			return err
		}
		a, err := ask(ctx, p, routeAdd, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "%s%s goes to %s now.\n", a.Route.Host, a.Route.Path, strings.Join(a.Route.Upstreams, ", "))
		})
	})
	options = routeFlags(c)
	return c
}

func (p *program) routeSet() *cobra.Command {
	var options func() (map[string]string, error)
	c := p.leaf(lesson{
		use: "set SLUG HOST PATH [UPSTREAM…]", short: "change a route: what is not named stays as it is",
		long: `Changes a route. Upstreams, if any are named, are instead of those that it has; an option is changed by its flag, and goes back
to what holds by itself with the value off, where there is one. ` + "`deskgate route add --help`" + ` explains the options.

Upstreams that are taken out get nothing new; requests that they have come to their end, WebSockets and event streams are
closed after 30 s.`,
		example: `route set acme www.acme.example / http://10.0.0.6:8080
route set acme www.acme.example / --weight 1,0
route set acme www.acme.example /shop --maintenance on --error-page back-soon.html
route set acme www.acme.example /shop --maintenance off --health-path off`,
	}, func(ctx context.Context, args []string) error {
		q, err := question(args, options)
		if err != nil {
			return err
		}
		if len(q.Upstreams) == 0 && len(q.Options) == 0 {
			return &usageError{"deskgate route set", "route set needs something to change: an upstream or a flag"}
		}
		a, err := ask(ctx, p, routeSet, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "%s%s goes to %s: %s.\n", a.Route.Host, a.Route.Path, strings.Join(a.Route.Upstreams, ", "), a.Route.remarks())
		})
	})
	options = routeFlags(c)
	return c
}

// question is what add and set ask for.
func question(args []string, options func() (map[string]string, error)) (q newRoute, err error) {
	q.Slug, q.Host, q.Path, q.Upstreams = args[0], args[1], args[2], args[3:]
	q.Options, err = options()
	return q, err
}

func (p *program) routeList() *cobra.Command {
	return p.leaf(lesson{
		use: "list SLUG", short: "the routes of a tenant's hosts, and how their upstreams are", example: "route list acme",
		long: `Lists the routes of a tenant's hosts with their upstreams. HEALTH is up or down as the health check found, resting after
an upstream failed visitors, returning while it gets its share back, unchecked where nothing speaks against it and nobody asks,
and unknown before the first check and where no node runs.`,
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, routeList, tenantName{Slug: args[0]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			rows := [][]string{}
			for _, r := range a.Routes {
				host, path, remarks := string(r.Host), r.Path, r.remarks()
				for _, u := range r.Health {
					rows = append(rows, []string{host, path, u.Upstream, strconv.Itoa(u.Weight), u.words(), remarks})
					host, path, remarks = "", "", ""
				}
			}
			table(b, "No routes: the help desk answers at every path.", []string{"HOST", "PATH", "UPSTREAM", "WEIGHT", "HEALTH", "REMARKS"}, rows)
		})
	})
}

// words are how an upstream is, for people.
func (u upstreamDocument) words() string {
	if u.Reason == "" {
		return u.Status
	}
	return u.Status + " (" + u.Reason + ")"
}

// remarks are what is special about a route.
func (r routeDocument) remarks() string {
	var out []string
	add := func(holds bool, words string) {
		if holds {
			out = append(out, words)
		}
	}
	add(r.Maintenance, "under maintenance")
	add(r.RequireLogin != "", "needs a login ("+string(r.RequireLogin)+")")
	add(r.StripPrefix, "strips the prefix")
	add(r.PreserveHost, "keeps the host")
	add(r.Balance != tenant.RoundRobin, string(r.Balance))
	add(r.Sticky, "sticky")
	add(r.Timeout != "", "waits "+r.Timeout)
	add(r.ConnectTimeout != "", "connects within "+r.ConnectTimeout)
	add(r.IdleTimeout != "", "rests for "+r.IdleTimeout)
	add(r.MaxBody > 0, "bodies up to "+humanize.IBytes(uint64(r.MaxBody)))
	if r.HealthCheck != nil {
		add(true, "asks "+r.HealthCheck.Path)
	}
	add(r.ErrorPage, "own error page")
	return orDash(strings.Join(out, ", "))
}

func (p *program) routeRemove() *cobra.Command {
	return p.leaf(lesson{
		use: "remove SLUG HOST PATH", short: "take a route away", example: "route remove acme www.acme.example /shop",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, routeRemove, newRoute{Slug: args[0], Host: args[1], Path: args[2]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) { fmt.Fprintf(b, "%s%s is forwarded no more.\n", args[1], args[2]) })
	})
}
