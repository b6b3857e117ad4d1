package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
)

// routeOption is something that can be said about a route, by a flag of that name.
type routeOption struct {
	name, usage string
	alone       string // what the flag means without a value; empty: it needs one
	set         func(r *tenant.Route, value string) error
}

// routeOptions are all of them, in the order of the help.
func routeOptions() []routeOption {
	return []routeOption{
		{"strip-prefix", "take PATH away before the request is forwarded", "true", yes(func(r *tenant.Route) *bool { return &r.StripPrefix })},
		{"preserve-host", "send the visitor's Host header instead of the upstream's own name", "true", yes(func(r *tenant.Route) *bool { return &r.PreserveHost })},
		{"balance", "`WAY` to choose: round-robin (the default) or least-connections", "", func(r *tenant.Route, v string) error {
			r.Balance = tenant.Balance(v)
			return nil
		}},
		{"weight", "`N,N…`: each upstream's share, in their order; 0 drains one", "", setWeights},
		{"sticky", "keep a browser at one upstream, by a cookie", "true", yes(func(r *tenant.Route) *bool { return &r.Sticky })},
		{"health-path", "`PATH` to ask each upstream for, such as /healthz; off: upstreams are judged by visitors' requests alone", "", func(r *tenant.Route, v string) error {
			if v == "off" {
				r.Health = tenant.Health{}
				return nil
			}
			r.Health.Path = v
			return nil
		}},
		{"health-interval", "`TIME` between two checks (10s)", "", times(func(r *tenant.Route) *time.Duration { return &r.Health.Interval })},
		{"health-timeout", "`TIME` that a check may take (5s)", "", times(func(r *tenant.Route) *time.Duration { return &r.Health.Timeout })},
		{"health-status", "`STATUS` that means well, such as 200 or 200-299 (200-399)", "", setStatus},
		{"timeout", "`TIME` that an upstream may take to begin its answer (60s)", "", times(func(r *tenant.Route) *time.Duration { return &r.Timeout })},
		{"connect-timeout", "`TIME` that connecting to one may take (5s)", "", times(func(r *tenant.Route) *time.Duration { return &r.ConnectTimeout })},
		{"idle-timeout", "`TIME` for which an answer, a stream or a WebSocket may carry nothing (10m)", "", times(func(r *tenant.Route) *time.Duration { return &r.IdleTimeout })},
		{"max-body", "`SIZE` of the largest body that is taken, such as 10MiB; off: any", "", setMaxBody},
		{"require-login", "`LEVEL`: only for those who are signed in at the help desk: =vouched (the same as no value), =asserted or =staff; =off: for everybody", "vouched", func(r *tenant.Route, v string) error {
			if r.RequireLogin = tenant.Assurance(v); v == "off" {
				r.RequireLogin = ""
			}
			return nil
		}},
		{"maintenance", "`on|off`: answer with a page that asks to come back later", "", yes(func(r *tenant.Route) *bool { return &r.Maintenance })},
		{"error-page", "`FILE` with HTML for the node's own answers (502, maintenance …), where {{status}}, {{message}}, {{detail}}, {{request_id}}, {{lang}} and {{name}} are filled in; off: the node's page", "", func(r *tenant.Route, v string) error {
			if r.ErrorPage = v; v == "off" {
				r.ErrorPage = ""
			}
			return nil
		}},
	}
}

// apply sets the options in a route.
func (q newRoute) apply(r *tenant.Route) error {
	for _, o := range routeOptions() {
		if v, given := q.Options[o.name]; given {
			if err := o.set(r, v); err != nil {
				return &usageError{"deskgate route", "--" + o.name + ": " + err.Error()}
			}
		}
	}
	return nil
}

// yes sets a switch.
func yes(field func(*tenant.Route) *bool) func(*tenant.Route, string) error {
	return func(r *tenant.Route, v string) error {
		switch v {
		case "true", "on", "yes":
			*field(r) = true
		case "false", "off", "no":
			*field(r) = false
		default:
			return fmt.Errorf("%q is neither on nor off", v)
		}
		return nil
	}
}

func times(field func(*tenant.Route) *time.Duration) func(*tenant.Route, string) error {
	return func(r *tenant.Route, v string) (err error) {
		*field(r), err = duration(v)
		return err
	}
}

func setWeights(r *tenant.Route, v string) error {
	r.Weights = nil
	for one := range strings.SplitSeq(v, ",") {
		w, err := strconv.ParseUint(strings.TrimSpace(one), 10, 8)
		if err != nil {
			return fmt.Errorf("%q is not a list of numbers like 3,1", v)
		}
		r.Weights = append(r.Weights, int(w))
	}
	return nil
}

func setStatus(r *tenant.Route, v string) error {
	from, to, isRange := strings.Cut(v, "-")
	if !isRange {
		to = from
	}
	least, err := strconv.ParseUint(from, 10, 16)
	most, err2 := strconv.ParseUint(to, 10, 16)
	if errors.Join(err, err2) != nil {
		return fmt.Errorf("%q is not a status like 200, or a range like 200-299", v)
	}
	r.Health.Least, r.Health.Most = int(least), int(most)
	return nil
}

func setMaxBody(r *tenant.Route, v string) error {
	if v == "off" {
		r.MaxBody = 0
		return nil
	}
	n, err := humanize.ParseBytes(v)
	if err != nil || n == 0 || n > 1<<50 {
		return fmt.Errorf("%q is not a size like 10MiB", v)
	}
	r.MaxBody = int64(n)
	return nil
}

// word is a flag's value as it was given. One that needs none is shown without.
type word struct{ value, kind string }

func (w *word) String() string { return w.value }

func (w *word) Set(v string) error {
	w.value = v
	return nil
}

func (w *word) Type() string {
	if w.kind == "true" {
		return ""
	}
	return "string"
}

// routeFlags declares a flag for each option, and returns what reads those that were given.
func routeFlags(c *cobra.Command) func() (map[string]string, error) {
	for _, o := range routeOptions() {
		f := c.Flags().VarPF(&word{kind: o.alone}, o.name, "", o.usage)
		f.NoOptDefVal = o.alone
	}
	return func() (map[string]string, error) {
		given := newRoute{Options: map[string]string{}}
		for _, o := range routeOptions() {
			f := c.Flags().Lookup(o.name)
			if !f.Changed {
				continue
			}
			given.Options[o.name] = f.Value.String()
			if o.name == "error-page" && f.Value.String() != "off" {
				page, err := os.ReadFile(f.Value.String())
				if err != nil {
					return nil, &usageError{c.CommandPath(), "--error-page: " + err.Error()}
				}
				given.Options[o.name] = string(page)
			}
		}
		return given.Options, given.apply(new(tenant.Route))
	}
}
