package main

import (
	"fmt"
	"slices"
	"strings"
)

// vain says of which settings nothing comes, in a sentence each: who set them thinks otherwise.
func (s *settings) vain() []string {
	set := func(name string) bool { return len(s.given[name]) > 0 }
	var all []string
	for _, d := range certificateSettings() {
		if s.tls != tlsACME && set(d.name) {
			all = append(all, fmt.Sprintf("--%s does nothing with --tls %s", d.name, s.tls))
		}
	}
	for _, name := range []string{"https", "ech"} {
		if s.tls == tlsOff && set(name) {
			all = append(all, fmt.Sprintf("--%s does nothing with --tls off", name))
		}
	}
	for _, pair := range [][2]string{
		{"acme-dns-key", "acme-dns"}, {"mail-from", "smtp-url"}, {"metrics-tenants", "metrics"},
	} {
		if set(pair[0]) && !set(pair[1]) {
			all = append(all, fmt.Sprintf("--%s does nothing without --%s", pair[0], pair[1]))
		}
	}
	return all
}

// strays are the variables that look like settings and are none, each with the one that may have been meant. Those that Kubernetes
// sets for a service of our name are left out.
func (p *program) strays() []string {
	known := []string{"DESKGATE_CONFIG", "DESKGATE_MASTER_KEY", "DESKGATE_ACME_EAB_KEY"}
	for _, d := range knownSettings() {
		known = append(known, d.variable())
	}
	var all []string
	for _, kv := range p.environ {
		name, value, _ := strings.Cut(kv, "=")
		rest, ours := strings.CutPrefix(name, "DESKGATE_")
		if !ours || value == "" || slices.Contains(known, name) || strings.HasPrefix(rest, "PORT") || strings.HasPrefix(rest, "SERVICE_") {
			continue
		}
		text := name + " is no setting, and is not read"
		if like := alike(name, known); like != "" {
			text += "; was " + like + " meant?"
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// alike is the name that begins most like another one, if that says anything.
func alike(name string, among []string) string {
	best, most := "", len("DESKGATE_")+3
	for _, one := range among {
		n := 0
		for n < min(len(one), len(name)) && one[n] == name[n] {
			n++
		}
		if n > most {
			best, most = one, n
		}
	}
	return best
}
