package upstream

import (
	"crypto/rand"
	"math"
	"net/http"
	"time"
)

// The cookie that keeps a browser at one target. Its value is a name without meaning: which target that is comes out of the
// name and the targets' URLs, so that nothing is kept here, all nodes agree, and when a target comes or goes only those
// visitors move who have to (rendezvous hashing).
const (
	secureSticky = ourCookies + "-sticky"
	plainSticky  = "deskgate-sticky" // of a node without TLS: browsers refuse the other there
	stickySize   = 26
)

func stickyName(scheme string) string {
	if scheme == "https" {
		return secureSticky
	}
	return plainSticky
}

// stick finds the visitor's name, or makes one.
func stick(r *http.Request, j *Job) {
	cookies := r.CookiesNamed(stickyName(j.Visit.Scheme))
	if len(cookies) > 0 && len(cookies[0].Value) == stickySize {
		j.sticky = cookies[0].Value
		return
	}
	j.sticky, j.newcomer = rand.Text(), true
}

// remember has the browser keep its name, until it is closed.
func remember(h http.Header, j *Job) {
	c := &http.Cookie{ //nolint:gosec // no secret, and a node without TLS has no secure ones
		Name: stickyName(j.Visit.Scheme), Value: j.sticky, Path: "/", HttpOnly: true,
		Secure: j.Visit.Scheme == "https", SameSite: http.SameSiteLaxMode,
	}
	h["Set-Cookie"] = append(h["Set-Cookie"], c.String())
}

// pickSticky takes the target that likes the visitor most, of those that are fit. One that comes back gets its visitors back
// little by little: each of them moves once.
func (p *pool) pickSticky(tried uint64, visitor string) int {
	now, name := time.Now(), hash(visitor)
	best, spare := -1, -1
	most, hope := math.Inf(-1), math.Inf(-1)
	for k, t := range p.targets {
		if tried>>k&1 != 0 || p.weights[k] == 0 {
			continue
		}
		drawn := mix(name ^ t.seed)
		liking := float64(p.weights[k]) / -math.Log(unit(drawn))
		f := t.condition.fitness(now)
		switch {
		case f > 0 && unit(mix(drawn)) < f:
			if liking > most {
				best, most = k, liking
			}
		case f+liking/math.MaxFloat32 > hope:
			spare, hope = k, f+liking/math.MaxFloat32
		}
	}
	if best < 0 {
		return spare
	}
	return best
}

// hash is FNV-1a, mixed.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix spreads each bit over all others (splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit is a number above 0 and below 1.
func unit(x uint64) float64 { return (float64(x>>11) + 0.5) / (1 << 53) }
