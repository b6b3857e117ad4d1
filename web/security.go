package web

import (
	"net/http"
	"strings"
)

// harden sets what every answer carries unless its handler knows better. Pages have no script unless their view names one;
// scripts and styles are files.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", policyBefore+policyAfter)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// The content security policy of our pages, but for the targets of their forms.
const (
	policyBefore = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'"
	policyFrames = "; base-uri 'none'; frame-ancestors "
	policyAfter  = policyFrames + "'none'"
	// policyScript is what render adds for a page that runs a script of ours. It may ask this host, and nobody else, and makes
	// no HTML out of text: none can.
	policyScript = "script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; "
)

// policy is the policy of a page whose form may end at other origins: browsers check form-action against every redirect
// that follows a form.
func policy(formTargets []string) string {
	var targets strings.Builder
	for _, target := range formTargets {
		targets.WriteString(" " + target)
	}
	return policyBefore + targets.String() + policyAfter
}

// widgetPolicy is the policy of the widget's frame, to which render adds that of its script.
func widgetPolicy(formTargets, ancestors []string) string {
	return policyBefore + " " + strings.Join(formTargets, " ") + policyFrames + strings.Join(ancestors, " ")
}

// framedPolicy is the policy of a page that is for frames: pages of these origins may show it.
func framedPolicy(ancestors []string) string {
	if len(ancestors) == 0 {
		return policyBefore + policyAfter
	}
	return policyBefore + policyFrames + strings.Join(ancestors, " ")
}
