package web

import (
	"net/http"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// The session cookies. The prefix has browsers see to it that they are secure, bound to one host and to all its paths.
const (
	requesterCookie = "__Host-deskgate"
	staffCookie     = "__Host-deskgate-staff"
	// pendingCookie holds the browser in which a member has shown the password, and not yet the second factor.
	pendingCookie = "__Host-deskgate-staff-pending"
	// widgetCookie is that of the widget's frame. Browsers keep one for each site that the widget is on.
	widgetCookie = "__Host-deskgate-widget"
	// chainCookie holds the browser, or the partner's server, that the second hand-off of a chain was made for.
	chainCookie = "__Host-deskgate-chain"
	// deviceCookie holds the browser that is remembered for an address.
	deviceCookie = "__Host-deskgate-device"
	// knockCookie holds the browser that has asked for a code to sign in with.
	knockCookie = "__Host-deskgate-knock"
	// wantedCookie holds the page that somebody wanted who had to sign in first. It opens nothing.
	wantedCookie = "__Host-deskgate-wanted"
	// filedCookie holds the number of the request that was filed just now. It opens nothing.
	filedCookie = "__Host-deskgate-filed"
)

// cookie returns the value of the one cookie with that name. Two of them mean that somebody else has planted one: then
// there is none.
func cookie(r *http.Request, name string) string {
	all := r.CookiesNamed(name)
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

// setCookie sets a cookie that ends with the moment.
func setCookie(w http.ResponseWriter, name, value string, sameSite http.SameSite, until time.Time) {
	writeCookie(w, name, value, sameSite, max(int(time.Until(until).Seconds()), 1))
}

// dropCookie has the browser forget a cookie.
func dropCookie(w http.ResponseWriter, name string, sameSite http.SameSite) {
	writeCookie(w, name, "", sameSite, -1)
}

// forget has the browser forget a cookie of ours that only top-level visits bring, if it has brought one.
func forget(w http.ResponseWriter, r *http.Request, name string) {
	if len(r.CookiesNamed(name)) > 0 {
		dropCookie(w, name, http.SameSiteLaxMode)
	}
}

// writeCookie sends a cookie that only this host sees, over TLS, and no script.
func writeCookie(w http.ResponseWriter, name, value string, sameSite http.SameSite, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // SameSite is set: the tenant decides which
		Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: sameSite, MaxAge: maxAge,
	})
}

// requesterSameSite is the tenant's choice for the requesters' cookie. Partners' pages call the API with it, so that it
// goes along from everywhere unless the tenant says otherwise.
func requesterSameSite(t *tenant.Tenant) http.SameSite {
	if t.Settings.CookieSameSite == tenant.SameSiteLax {
		return http.SameSiteLaxMode
	}
	return http.SameSiteNoneMode
}

// staffCookieCounts reports whether the staff's cookie may be believed on this request: not where another page had the
// browser make it, but for the click on a link.
func staffCookieCounts(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != tenant.VisitFrom(r.Context()).Origin() {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
			r.Header.Get("Sec-Fetch-Dest") == "document"
	}
	return true
}
