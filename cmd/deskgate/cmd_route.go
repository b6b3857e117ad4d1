package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
)

// routeDocument is a route as the commands show it.
type routeDocument struct {
	Host         tenant.Host `json:"host"`
	Path         string      `json:"path"`
	Upstreams    []string    `json:"upstreams"`
	StripPrefix  bool        `json:"strip_prefix"`
	PreserveHost bool        `json:"preserve_host"`
	Timeout      string      `json:"timeout,omitempty"`
}

type oneRoute struct {
	Route routeDocument `json:"route"`
}

type manyRoutes struct {
	Routes []routeDocument `json:"routes"`
}

type newRoute struct {
	Slug         string        `json:"slug"`
	Host         string        `json:"host"`
	Path         string        `json:"path"`
	Upstreams    []string      `json:"upstreams,omitempty"`
	StripPrefix  bool          `json:"strip_prefix,omitempty"`
	PreserveHost bool          `json:"preserve_host,omitempty"`
	Timeout      time.Duration `json:"timeout,omitempty"`
}

var (
	routeAdd    = action[newRoute, oneRoute]{"route/add", (*operator).addRoute}
	routeList   = action[tenantName, manyRoutes]{"route/list", (*operator).listRoutes}
	routeRemove = action[newRoute, deletion]{"route/remove", (*operator).removeRoute}
)

func (o *operator) addRoute(ctx context.Context, q newRoute) (oneRoute, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return oneRoute{}, err
	}
	host, err := tenant.ParseHost(q.Host)
	if err != nil {
		return oneRoute{}, err
	}
	err = o.tenants.AddRoute(ctx, t.ID, host, tenant.Route{
		Prefix: q.Path, Upstreams: q.Upstreams, StripPrefix: q.StripPrefix, PreserveHost: q.PreserveHost, Timeout: q.Timeout,
	})
	if err != nil {
		return oneRoute{}, aboutRoute(q, err)
	}
	list, err := o.listRoutes(ctx, tenantName{Slug: q.Slug})
	if err != nil {
		return oneRoute{}, err
	}
	i := slices.IndexFunc(list.Routes, func(r routeDocument) bool { return r.Host == host && samePath(r.Path, q.Path) })
	if i < 0 {
		return oneRoute{}, fmt.Errorf("the route %s%s was removed meanwhile", host, q.Path)
	}
	return oneRoute{list.Routes[i]}, nil
}

// samePath compares path prefixes without regard to slashes at their ends.
func samePath(a, b string) bool { return strings.Trim(a, "/") == strings.Trim(b, "/") }

func (o *operator) listRoutes(ctx context.Context, q tenantName) (manyRoutes, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return manyRoutes{}, err
	}
	setups, err := o.tenants.Setups(ctx, t.ID)
	out := manyRoutes{Routes: []routeDocument{}}
	for _, s := range setups {
		for _, r := range s.Routes {
			d := routeDocument{
				Host: s.Host, Path: r.Prefix, Upstreams: r.Upstreams, StripPrefix: r.StripPrefix, PreserveHost: r.PreserveHost,
			}
			if r.Timeout > 0 {
				d.Timeout = r.Timeout.String()
			}
			out.Routes = append(out.Routes, d)
		}
	}
	slices.SortFunc(out.Routes, func(a, b routeDocument) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path))
	})
	return out, err
}

func (o *operator) removeRoute(ctx context.Context, q newRoute) (deletion, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return deletion{}, err
	}
	host, err := tenant.ParseHost(q.Host)
	if err != nil {
		return deletion{}, err
	}
	if err := o.tenants.RemoveRoute(ctx, t.ID, host, q.Path); err != nil {
		return deletion{}, aboutRoute(q, err)
	}
	return deletion{Deleted: true}, nil
}

// aboutRoute puts an error about a route in words.
func aboutRoute(q newRoute, err error) error {
	if errors.Is(err, tenant.ErrNotFound) {
		return &failure{
			Code: codeNotFound, Message: "Route not found.",
			Details: fmt.Sprintf("tenant %s has no host %s with a route at %s (deskgate route list %s)", q.Slug, q.Host, q.Path, q.Slug),
		}
	}
	return err
}

func (p *program) routeCommand() *cobra.Command {
	return p.group("route", "send paths of a tenant's host to upstreams", p.routeAdd(), p.routeList(), p.routeRemove())
}

func (p *program) routeAdd() *cobra.Command {
	var q newRoute
	var timeout string
	c := p.leaf(lesson{
		use: "add SLUG HOST PATH UPSTREAM…", short: "send the paths below PATH to one or more upstreams",
		long: `Sends the requests of a host whose path is below PATH to upstreams, in turn if there are several. The longest path
wins. What belongs to the help desk stays with it: see ` + "`deskgate domain mount`" + `. A route with the same path is replaced.`,
		example: "route add acme www.acme.example / http://10.0.0.5:8080 http://10.0.0.6:8080\nroute add acme www.acme.example /shop http://shop:3000 --strip-prefix",
	}, func(ctx context.Context, args []string) error {
		q.Slug, q.Host, q.Path, q.Upstreams = args[0], args[1], args[2], args[3:]
		if timeout != "" {
			var err error
			if q.Timeout, err = duration(timeout); err != nil {
				return &usageError{"deskgate route add", "--timeout: " + err.Error()}
			}
		}
		a, err := ask(ctx, p, routeAdd, q)
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "%s%s goes to %s now.\n", a.Route.Host, a.Route.Path, strings.Join(a.Route.Upstreams, ", "))
		})
	})
	c.Flags().BoolVar(&q.StripPrefix, "strip-prefix", false, "take PATH away before the request is forwarded")
	c.Flags().BoolVar(&q.PreserveHost, "preserve-host", false, "send the visitor's Host header instead of the upstream's own name")
	c.Flags().StringVar(&timeout, "timeout", "", "`TIME` that the upstream may take to begin its answer, e.g. 30s")
	return c
}

func (p *program) routeList() *cobra.Command {
	return p.leaf(lesson{
		use: "list SLUG", short: "the routes of a tenant's hosts", example: "route list acme",
	}, func(ctx context.Context, args []string) error {
		a, err := ask(ctx, p, routeList, tenantName{Slug: args[0]})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			rows := [][]string{}
			for _, r := range a.Routes {
				rows = append(rows, []string{string(r.Host), r.Path, strings.Join(r.Upstreams, " "), r.remarks()})
			}
			table(b, "No routes: the help desk answers at every path.", []string{"HOST", "PATH", "UPSTREAMS", "REMARKS"}, rows)
		})
	})
}

func (r routeDocument) remarks() string {
	var out []string
	if r.StripPrefix {
		out = append(out, "strips the prefix")
	}
	if r.PreserveHost {
		out = append(out, "keeps the host")
	}
	if r.Timeout != "" {
		out = append(out, "waits "+r.Timeout)
	}
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
