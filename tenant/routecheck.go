package tenant

import (
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxRoutes    = 100 // of one host
	maxUpstreams = 50  // of one route
	maxPath      = 200 // octets of a mount or a prefix
	maxWeight    = 100
	maxErrorPage = 32 << 10
)

// check says what is wrong with a route, and brings it into canonical form.
func (r *Route) check() error {
	wrong := FieldErrors{}
	prefix, err := cleanPath(r.Prefix)
	if err != nil {
		wrong.Add("path", err.Error())
	}
	r.Prefix = prefix
	if n := len(r.Upstreams); n == 0 || n > maxUpstreams {
		wrong.Add("upstreams", "A route has from 1 to "+strconv.Itoa(maxUpstreams)+" upstreams.")
	}
	r.Upstreams = slices.Clone(r.Upstreams)
	for i, s := range r.Upstreams {
		if r.Upstreams[i], err = cleanUpstream(s); err != nil {
			wrong.Add("upstreams", err.Error())
		} else if slices.Contains(r.Upstreams[:i], r.Upstreams[i]) {
			wrong.Add("upstreams", "The upstream "+r.Upstreams[i]+" is named twice: give it a weight instead.")
		}
	}
	r.checkBalance(wrong)
	r.checkTimes(wrong)
	r.Health.check(wrong)
	switch r.RequireLogin {
	case "", Asserted, Vouched, Staff:
	default:
		wrong.Add("require_login", "Who has to be signed in is vouched, asserted or staff.")
	}
	if r.MaxBody < 0 {
		wrong.Add("max_body", "A body's size is not negative.")
	}
	if len(r.ErrorPage) > maxErrorPage || !utf8.ValidString(r.ErrorPage) {
		wrong.Add("error_page", "An error page is text in UTF-8 of at most 32 KiB.")
	}
	return wrong.Or()
}

func (r *Route) checkBalance(wrong FieldErrors) {
	switch r.Balance {
	case "", RoundRobin, LeastConnections:
	default:
		wrong.Add("balance", "A balance is round-robin or least-connections.")
	}
	if r.Sticky && r.Balance == LeastConnections {
		wrong.Add("sticky", "A sticky route chooses by its cookie, not by connections.")
	}
	if len(r.Weights) == 0 {
		return
	}
	if len(r.Weights) != len(r.Upstreams) {
		wrong.Add("weights", "There is one weight for each upstream, or none at all.")
	}
	if slices.Min(r.Weights) < 0 || slices.Max(r.Weights) > maxWeight {
		wrong.Add("weights", "A weight is from 0 to "+strconv.Itoa(maxWeight)+".")
	}
	if slices.Max(r.Weights) == 0 {
		wrong.Add("weights", "One upstream at least has a weight above 0.")
	}
	r.Weights = slices.Clone(r.Weights)
}

func (r *Route) checkTimes(wrong FieldErrors) {
	for _, one := range []struct {
		field string
		is    time.Duration
		most  time.Duration
		words string
	}{
		{"timeout", r.Timeout, time.Hour, "A time-out is at most an hour."},
		{"connect_timeout", r.ConnectTimeout, time.Minute, "To connect takes at most a minute."},
		{"idle_timeout", r.IdleTimeout, 24 * time.Hour, "A connection rests for at most a day."},
	} {
		if one.is < 0 || one.is > one.most {
			wrong.Add(one.field, one.words)
		}
	}
}

func (h *Health) check(wrong FieldErrors) {
	if h.Path == "" {
		if *h != (Health{}) {
			wrong.Add("health_path", "A health check needs the path that is asked for.")
		}
		return
	}
	u, err := url.ParseRequestURI(h.Path)
	if err != nil || u.IsAbs() || u.Host != "" || len(h.Path) > maxPath || h.Path[0] != '/' || strings.HasPrefix(h.Path, "//") {
		wrong.Add("health_path", "A health check's path begins with a slash, such as /healthz.")
	}
	if h.Interval != 0 && (h.Interval < time.Second || h.Interval > time.Hour) {
		wrong.Add("health_interval", "Health checks are from a second to an hour apart.")
	}
	if h.Timeout < 0 || h.Timeout > time.Minute {
		wrong.Add("health_timeout", "A health check takes at most a minute.")
	}
	if h.Least == 0 && h.Most == 0 {
		return
	}
	if h.Least < 100 || h.Most > 599 || h.Least > h.Most {
		wrong.Add("health_status", "A health check's status is one like 200, or a range like 200-299.")
	}
}

// cleanPath checks a mount or a prefix: plain segments, no slash at the end.
func cleanPath(p string) (string, error) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/"
	if len(p) > 1 {
		p = strings.TrimSuffix(p, "/")
	}
	switch {
	case !strings.HasPrefix(p, "/"):
		return "", sentenceError("A path begins with a slash.")
	case len(p) > maxPath:
		return "", sentenceError("The path is too long.")
	case strings.Trim(p, letters) != "" || path.Clean(p) != p:
		return "", sentenceError("A path has plain segments of letters, digits and -._~ only.")
	case under(p, "/.well-known") || under(p, "/auth"):
		return "", sentenceError(p + " belongs to the product on every host.")
	}
	return p, nil
}

func cleanUpstream(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c" || u.Hostname() == "":
		return "", sentenceError("An upstream is a URL such as http://10.0.0.5:8080, not " + strconv.Quote(s) + ".")
	case !plainName(u.Hostname()) && !address(u.Hostname()):
		return "", sentenceError("An upstream's host is an address, or a name of letters, digits, dots and hyphens: " + strconv.Quote(u.Hostname()) + " is neither.")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", sentenceError("An upstream has no user, query or fragment.")
	case u.Port() != "" && !validPort(u.Port()):
		return "", sentenceError("The upstream's port is not one.")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// plainName says whether a name is one that can be looked up. Networks of their own have names with "_".
func plainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

func address(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
