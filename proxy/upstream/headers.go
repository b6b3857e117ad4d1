package upstream

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ourCookies is how the names of the product's cookies begin. A tenant's application has no business with sessions of its help
// desk, least of all with those of agents: it neither sees nor sets them.
const ourCookies = "__Host-deskgate"

func ourCookie(pair string) bool {
	return strings.HasPrefix(pair, ourCookies) || strings.HasPrefix(pair, plainSticky+"=")
}

// edgeNames are headers, or beginnings of headers (those that end with "-"), that speak for the edge in front of an
// application: ours, and those of the networks that it may have stood behind before and trust still. What CGI makes of Proxy, some
// programs take for the proxy that they should use themselves.
var edgeNames = [...]string{
	"forwarded", "x-forwarded", "x-forwarded-", "x-deskgate-", "x-real-ip", "x-request-id", "x-original-", "x-rewrite-url", "x-client-ip",
	"x-cluster-client-ip", "cf-connecting-", "cf-pseudo-ipv4", "true-client-ip", "fastly-client-ip", "fly-client-ip", "proxy", "client-ip",
	"proxy-client-ip", "wl-proxy-client-ip", "x-proxyuser-ip", "x-azure-clientip", "x-azure-socketip", "x-envoy-", "x-appengine-",
	"x-remote-ip", "x-remote-addr", "x-host", "x-http-host-override", "x-url-scheme", "front-end-https",
}

// shortestName is how long a header is at least that speaks for the edge.
const shortestName = len("proxy")

// dropped says whether a header of the visitor's speaks for the edge, in whatever spelling: many applications take "_" for "-", PHP takes
// "." for both, and there is CGI that takes everything but letters and digits for them.
func dropped(name string) bool {
	if len(name) < shortestName {
		return false
	}
	for _, pattern := range edgeNames {
		if name[0]|0x20 == pattern[0] && like(name, pattern) {
			return true
		}
	}
	return false
}

// like compares with a lower-case pattern, as a whole or, if it ends with "-", as a beginning.
func like(name, pattern string) bool {
	if len(name) < len(pattern) || len(name) > len(pattern) && pattern[len(pattern)-1] != '-' {
		return false
	}
	for i := range len(pattern) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		default:
			c = '-'
		}
		if c != pattern[i] {
			return false
		}
	}
	return true
}

// introduce replaces what the visitor said about itself by what the edge knows.
func introduce(h http.Header, j *Job, host string) {
	for name := range h {
		if dropped(name) {
			delete(h, name)
		}
	}
	if lines, has := h["Cookie"]; has {
		withoutOurs(h, lines)
	}
	v, s := j.Visit, &j.headers
	s[0], s[1], s[2], s[3], s[4] = j.IP, host, v.Scheme, forwarded(v.ClientIP, j.IP, host, v.Scheme), v.RequestID
	h["X-Forwarded-For"] = s[0:1:1]
	h["X-Forwarded-Host"] = s[1:2:2]
	h["X-Forwarded-Proto"] = s[2:3:3]
	h["Forwarded"] = s[3:4:4]
	h["X-Request-Id"] = s[4:5:5]
	if j.Route.StripPrefix && j.Route.Prefix != "/" {
		s[11] = j.Route.Prefix
		h["X-Forwarded-Prefix"] = s[11:12:12]
	}
	if j.Visitor.Assurance != "" {
		vouch(h, j)
	}
}

// vouch says who has signed in. What is not known is not said.
func vouch(h http.Header, j *Job) {
	s := &j.headers
	for i, one := range [...]struct{ name, value string }{
		{"X-Deskgate-User", j.Visitor.ID},
		{"X-Deskgate-Email", j.Visitor.Email},
		{"X-Deskgate-Name", j.Visitor.Name},
		{"X-Deskgate-Tenant", slug(j.Visit)},
		{"X-Deskgate-Assurance", string(j.Visitor.Assurance)},
		{"X-Deskgate-Assertion", j.Assertion},
	} {
		if one.value != "" {
			at := 5 + i
			s[at] = strings.Map(printable, one.value)
			h[one.name] = s[at : at+1 : at+1]
		}
	}
}

// printable leaves out what no header may have.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// forwarded is the value of RFC 7239's header.
func forwarded(a netip.Addr, ip, host, scheme string) string {
	if a.Is6() {
		ip = `"[` + ip + `]"`
	}
	return "for=" + ip + `;host="` + host + `";proto=` + scheme
}

// withoutOurs removes the product's cookies from the lines of a Cookie header.
func withoutOurs(h http.Header, lines []string) {
	ours := false
	for _, l := range lines {
		ours = ours || strings.Contains(l, ourCookies) || strings.Contains(l, plainSticky)
	}
	if !ours {
		return
	}
	var kept []string
	for _, l := range lines {
		for pair := range strings.SplitSeq(l, ";") {
			pair = strings.TrimSpace(pair)
			if pair != "" && !ourCookie(pair) {
				kept = append(kept, pair)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = []string{strings.Join(kept, "; ")}
}

// foreign are the lines of an application's Set-Cookie that are not about the product's own cookies. One without a name is sent back
// as if its value had one.
func foreign(lines []string) []string {
	ours := func(l string) bool { return ourCookie(strings.TrimLeft(l, " \t=")) }
	if !slices.ContainsFunc(lines, ours) {
		return lines
	}
	return slices.DeleteFunc(slices.Clone(lines), ours)
}
