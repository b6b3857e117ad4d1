package proxy

import (
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
)

// proxies are the operator's own, whose word about the client is taken.
type proxies []netip.Prefix

// trust is the present list of the operator's own proxies. It may be replaced while requests run.
type trust struct{ list atomic.Pointer[proxies] }

func (t *trust) now() proxies { return *t.list.Load() }

func (t *trust) set(ps proxies) { t.list.Store(&ps) }

func (ps proxies) contain(a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// client is the visitor's address: the right-most one that is not a trusted proxy's. What stands further left was written by
// strangers. trusted says whether the request came from a trusted proxy.
func (ps proxies) client(r *http.Request) (ip netip.Addr, trusted bool) {
	ip = parseAddr(r.RemoteAddr)
	if len(ps) == 0 || !ps.contain(ip) {
		return ip, false
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != ""; {
			last := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, last = rest[:comma], rest[comma+1:]
			} else {
				rest = ""
			}
			a := parseAddr(strings.TrimSpace(last))
			if !a.IsValid() {
				return ip, true
			}
			if ip = a; !ps.contain(a) {
				return ip, true
			}
		}
	}
	return ip, true
}

// scheme is what the visitor's browser speaks.
func scheme(r *http.Request, trusted bool) string {
	if r.TLS != nil || trusted && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https"
	}
	return "http"
}

// parseAddr reads an address with or without a port; the zero Addr if it is none.
func parseAddr(s string) netip.Addr {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone("")
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
