package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// routeDocument is a route as the commands show it.
type routeDocument struct {
	Host           tenant.Host        `json:"host"`
	Path           string             `json:"path"`
	Upstreams      []string           `json:"upstreams"`
	StripPrefix    bool               `json:"strip_prefix"`
	PreserveHost   bool               `json:"preserve_host"`
	Balance        tenant.Balance     `json:"balance"`
	Sticky         bool               `json:"sticky"`
	Timeout        string             `json:"timeout,omitempty"`
	ConnectTimeout string             `json:"connect_timeout,omitempty"`
	IdleTimeout    string             `json:"idle_timeout,omitempty"`
	MaxBody        int64              `json:"max_body,omitempty"`
	RequireLogin   tenant.Assurance   `json:"require_login,omitempty"`
	Maintenance    bool               `json:"maintenance"`
	ErrorPage      bool               `json:"error_page"`
	HealthCheck    *checkDocument     `json:"health_check,omitempty"`
	Health         []upstreamDocument `json:"health"`
}

// checkDocument is how a route's upstreams are asked how they are.
type checkDocument struct {
	Path     string `json:"path"`
	Interval string `json:"interval,omitempty"`
	Timeout  string `json:"timeout,omitempty"`
	Status   string `json:"status,omitempty"`
}

// upstreamDocument is an upstream and how it is. Where no node runs nobody knows.
type upstreamDocument struct {
	Upstream string `json:"upstream"`
	Weight   int    `json:"weight"`
	Status   string `json:"status"`
	Reason   string `json:"reason,omitempty"`
	Requests int64  `json:"requests"`
}

type oneRoute struct {
	Route routeDocument `json:"route"`
}

type manyRoutes struct {
	Routes []routeDocument `json:"routes"`
}

// newRoute names a route and says what is to become of it. Options are by the names of their flags.
type newRoute struct {
	Slug      string            `json:"slug"`
	Host      string            `json:"host"`
	Path      string            `json:"path"`
	Upstreams []string          `json:"upstreams,omitempty"`
	Options   map[string]string `json:"options,omitempty"`
}

var (
	routeAdd    = action[newRoute, oneRoute]{"route/add", (*operator).addRoute}
	routeSet    = action[newRoute, oneRoute]{"route/set", (*operator).setRoute}
	routeList   = action[tenantName, manyRoutes]{"route/list", (*operator).listRoutes}
	routeRemove = action[newRoute, deletion]{"route/remove", (*operator).removeRoute}
)

func (o *operator) addRoute(ctx context.Context, q newRoute) (oneRoute, error) {
	return o.changedRoute(ctx, q, func(t *tenant.Tenant, host tenant.Host) error {
		route := tenant.Route{Prefix: q.Path, Upstreams: q.Upstreams}
		if err := q.apply(&route); err != nil {
			return err
		}
		return o.tenants.AddRoute(ctx, t.ID, host, route)
	})
}

func (o *operator) setRoute(ctx context.Context, q newRoute) (oneRoute, error) {
	return o.changedRoute(ctx, q, func(t *tenant.Tenant, host tenant.Host) error {
		return o.tenants.ChangeRoute(ctx, t.ID, host, q.Path, func(route *tenant.Route) error {
			if len(q.Upstreams) > 0 && !slices.Equal(q.Upstreams, route.Upstreams) {
				route.Upstreams, route.Weights = q.Upstreams, nil
			}
			return q.apply(route)
		})
	})
}

// changedRoute is a route after something was done to it.
func (o *operator) changedRoute(ctx context.Context, q newRoute, do func(*tenant.Tenant, tenant.Host) error) (oneRoute, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return oneRoute{}, err
	}
	host, err := tenant.ParseHost(q.Host)
	if err != nil {
		return oneRoute{}, err
	}
	if err := do(t, host); err != nil {
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
			out.Routes = append(out.Routes, o.routeDocument(s.Host, &r))
		}
	}
	slices.SortFunc(out.Routes, func(a, b routeDocument) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path))
	})
	return out, err
}

func (o *operator) routeDocument(host tenant.Host, r *tenant.Route) routeDocument {
	d := routeDocument{
		Host: host, Path: r.Prefix, Upstreams: r.Upstreams, StripPrefix: r.StripPrefix, PreserveHost: r.PreserveHost,
		Balance: cmp.Or(r.Balance, tenant.RoundRobin), Sticky: r.Sticky, Timeout: timeText(r.Timeout),
		ConnectTimeout: timeText(r.ConnectTimeout), IdleTimeout: timeText(r.IdleTimeout), MaxBody: r.MaxBody,
		RequireLogin: r.RequireLogin, Maintenance: r.Maintenance, ErrorPage: r.ErrorPage != "", Health: []upstreamDocument{},
	}
	if h := r.Health; h.Path != "" {
		d.HealthCheck = &checkDocument{Path: h.Path, Interval: timeText(h.Interval), Timeout: timeText(h.Timeout), Status: statusText(h)}
	}
	if o.edge != nil {
		for _, s := range o.edge.Upstreams(host, r.Prefix) {
			d.Health = append(d.Health, upstreamDocument{
				Upstream: s.Upstream, Weight: s.Weight, Status: s.Health, Reason: s.Reason, Requests: s.UnderWay,
			})
		}
	}
	if len(d.Health) == 0 {
		for i, u := range r.Upstreams {
			weight := 1
			if len(r.Weights) > 0 {
				weight = r.Weights[i]
			}
			d.Health = append(d.Health, upstreamDocument{Upstream: u, Weight: weight, Status: "unknown"})
		}
	}
	return d
}

// timeText is a time as the flags take it, empty for none.
func timeText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func statusText(h tenant.Health) string {
	switch {
	case h.Least == 0 && h.Most == 0:
		return ""
	case h.Least == h.Most:
		return strconv.Itoa(h.Least)
	}
	return fmt.Sprintf("%d-%d", h.Least, h.Most)
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
