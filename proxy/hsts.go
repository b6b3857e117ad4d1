package proxy

import (
	"strconv"

	"github.com/deskgate/deskgate/tenant"
)

// hsts are the values of Strict-Transport-Security, by days.
type hsts [tenant.MaxHSTSDays + 1][]string

// ownHSTSDays is for the operator's own names and those below them: they have certificates as long as there is a node.
const ownHSTSDays = 180

func newHSTS() *hsts {
	var h hsts
	for days := range h {
		h[days] = []string{"max-age=" + strconv.Itoa(days*24*60*60)}
	}
	return &h
}

// of is what browsers are told at a site.
func (h *hsts) of(s *tenant.Site) []string {
	switch {
	case h == nil || s == nil:
		return nil
	case s.Kind == tenant.CustomHost && s.Tenant != nil:
		return h[s.Tenant.Settings.HSTS.Days()]
	}
	return h[ownHSTSDays]
}
