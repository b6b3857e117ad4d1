package auth

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/tenant"
)

// maxRedirectURL bounds what goes into a token, and so into an address.
const maxRedirectURL = 2000

// landing is where a visitor will arrive.
type landing struct {
	host tenant.Host
	// target is a path on the host, or the URL of an allowed origin.
	target     string
	returnLink string
	// chosen: target is where the login asked to land, and not the dashboard for want of anything better.
	chosen bool
	// dropped is the host of a redirect_url that was not followed, or what was wrong with it.
	dropped string
}

// judge decides what a redirect_url is worth: the one judge for all doors. Only a path, a URL of a host of the tenant's own
// and one of an allowed origin lead anywhere; the URL that comes out is put together anew from what was understood, so that
// a browser can't read it differently. *DomainError: the host is the tenant's and not verified, or the tenant is strict.
func judge(d *tenant.Directory, t *tenant.Tenant, raw string) (landing, error) {
	return judgeAt(d, t, d.PrimaryHost(t), raw)
}

// judgeAt is judge for a door at the host where the visitor stays if nothing leads them elsewhere.
func judgeAt(d *tenant.Directory, t *tenant.Tenant, here tenant.Host, raw string) (landing, error) {
	home := landing{host: here, target: homeAt(d, here)}
	if raw == "" {
		return home, nil
	}
	u, ok := parseTarget(raw)
	if !ok {
		return refused(t, home, "not a URL that can be used")
	}
	if u.Host == "" {
		return inside(d, home, u), nil
	}
	origin, err := tenant.ParseOrigin(u.Scheme + "://" + u.Host)
	if err != nil {
		return refused(t, home, "not a URL that can be used")
	}
	host, err := tenant.ParseHost(u.Host)
	switch {
	case err == nil && d.OwnOrigin(t, origin):
		if d.Standing(t, host) == tenant.Fit {
			home.host = host
		}
		return inside(d, home, u), nil
	case d.AllowsOrigin(t, origin):
		return outside(t, home, origin+u.tail()), nil
	case err == nil && d.Standing(t, host) == tenant.Registered:
		return landing{}, &DomainError{Host: string(host)}
	}
	return refused(t, home, u.Host[:min(len(u.Host), 100)])
}

// refused drops a redirect_url, or refuses the login where the tenant is strict.
func refused(t *tenant.Tenant, home landing, what string) (landing, error) {
	if t.Settings.ExternalRedirect == tenant.ExternalStrict {
		return landing{}, &DomainError{Host: what}
	}
	home.dropped = what
	return home, nil
}

// inside is a landing on the tenant's host. Nobody lands on one of our doors by way of another.
func inside(d *tenant.Directory, home landing, u target) landing {
	// SimpleAuth's doors lie below the mount and the staff's folder, whose names are the tenant's.
	if below(u.Path, "/auth") || below(u.Path, mountAt(d, home.host)+"/auth") || strings.Contains(u.Path+"/", "/simpleauth/") {
		home.target, home.dropped = homeAt(d, home.host), "a page that signs in"
		return home
	}
	home.target, home.chosen = u.tail(), true
	return home
}

// Page is the address of a page of a tenant's host, from its path on, that somebody is to land on who has no session yet, judged as
// every redirect_url is; empty: it is no page of that host, or one that nobody lands on.
func (r *Redirects) Page(t *tenant.Tenant, host tenant.Host, raw string) string {
	if !strings.HasPrefix(raw, "/") {
		return ""
	}
	to, err := judgeAt(r.directory, t, host, raw)
	if err != nil || !to.chosen {
		return ""
	}
	return to.target
}

func below(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// outside is the URL of an allowed origin: a way back, or where the tenant has its visitors sent.
func outside(t *tenant.Tenant, home landing, whole string) landing {
	if t.Settings.ExternalRedirect == tenant.ExternalFollow {
		home.target, home.chosen = whole, true
		return home
	}
	home.returnLink = whole
	return home
}

// homeAt is the dashboard of a host.
func homeAt(d *tenant.Directory, host tenant.Host) string { return mountAt(d, host) + "/dashboard" }

// mountAt is the path that our pages are below, without a slash at the end.
func mountAt(d *tenant.Directory, host tenant.Host) string {
	if site, ok := d.Lookup(string(host)); ok {
		return strings.TrimSuffix(site.Mount, "/")
	}
	return ""
}

// target is a redirect_url that every browser reads as we do.
type target struct{ *url.URL }

// tail is everything behind the host, in ASCII.
func (u target) tail() string {
	tail := u.EscapedPath()
	if tail == "" {
		tail = "/"
	}
	if u.RawQuery != "" {
		tail += "?" + escapeQuery(u.RawQuery)
	}
	if u.Fragment != "" {
		tail += "#" + u.EscapedFragment()
	}
	return tail
}

// escapeQuery writes what has no place in a query as browsers do; what is escaped already stays.
func escapeQuery(q string) string {
	var b strings.Builder
	for i := range len(q) {
		if c := q[i]; c >= 0x80 || strings.IndexByte("\"<>'`", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// parseTarget takes a path that begins with one slash, or an http or https URL with a host. What browsers and servers are
// known to read in more than one way is refused: control characters, white space, backslashes, user names, "https:host"
// without its slashes, and a path that is another one when it is decoded or cleaned.
func parseTarget(raw string) (target, bool) {
	if len(raw) > maxRedirectURL || !utf8.ValidString(raw) || strings.ContainsFunc(raw, ambiguous) {
		return target{}, false
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || !plainPath(u.Path) {
		return target{}, false
	}
	if raw[0] == '/' {
		return target{u}, u.Host == "" && !strings.HasPrefix(raw, "//")
	}
	web := u.Scheme == "https" || u.Scheme == "http"
	return target{u}, web && u.Hostname() != "" && strings.HasPrefix(raw[len(u.Scheme):], "://")
}

func ambiguous(r rune) bool {
	return r == '\\' || unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
}

// plainPath says whether a decoded path stays as it is when it is cleaned, and begins with one slash even if somebody
// decodes it a second time.
func plainPath(p string) bool {
	if p == "" {
		return true
	}
	if c := path.Clean(p); p[0] != '/' || c != p && c+"/" != p || strings.ContainsFunc(p, ambiguous) {
		return false
	}
	again, err := url.PathUnescape(p)
	return err != nil || len(again) < 2 || again[1] != '/' && again[1] != '\\'
}
