package web

import (
	"net/http"
	"strings"
)

// harden sets what every answer carries unless its handler knows better. Pages have no script; their styles are files.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", policy())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// policy is the content security policy of our pages. Browsers check form-action against every redirect that follows a
// form, so a page whose form ends at another host has to name that host's origin.
func policy(formTargets ...string) string {
	targets := strings.Join(append([]string{"'self'"}, formTargets...), " ")
	return "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action " + targets +
		"; base-uri 'none'; frame-ancestors 'none'"
}
