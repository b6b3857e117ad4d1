package domain

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/deskgate/deskgate/tenant"
)

// slips are what stands in DNS at names where a proof gets to by mistake. Names that could not be asked for are missing.
type slips struct {
	texts   map[string][]string // TXT
	aliases map[string][]string // CNAME
	// nobody is a name below the host, and beside it, that nobody has set: what is found there comes from a wildcard.
	below, beside string
	// of is the host whose proof stands at this one's name; empty: none of the same tenant's.
	of tenant.Host
}

// lookForSlips asks for the names where a proof that is missing may be instead.
func (r *Registry) lookForSlips(ctx context.Context, c *contest, e *evidence) *slips {
	host, apex := string(c.host), c.rivals[0].zone(e)
	s := &slips{texts: map[string][]string{}, aliases: map[string][]string{}}
	texts, aliases := []string{host, proofName(c.host) + "." + apex, proofName(tenant.Host(apex))}, []string{host + "." + apex}
	nobody := "x" + strings.ToLower(rand.Text())
	if len(e.texts.found) > 0 {
		s.below = nobody + "." + host
		texts = append(texts, s.below)
	}
	if _, parent, ok := strings.Cut(host, "."); ok && len(e.aliases.found) > 0 {
		s.beside = nobody + "." + parent
		aliases = append(aliases, s.beside)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	look := func(into map[string][]string, name string, ask func(context.Context, string) ([]string, error)) {
		wg.Go(func() {
			if found, err := ask(ctx, name); err == nil {
				mu.Lock()
				defer mu.Unlock()
				into[name] = found
			}
		})
	}
	for _, name := range texts {
		look(s.texts, name, r.options.Resolver.TXT)
	}
	for _, name := range aliases {
		look(s.aliases, name, r.options.Resolver.CNAMEs)
	}
	wg.Wait()
	s.of = r.provedBy(ctx, c, e.texts.found)
	return s
}

// provedBy is the other host of somebody who claims this one whose proof is among the texts.
func (r *Registry) provedBy(ctx context.Context, c *contest, texts []string) (of tenant.Host) {
	texts = slices.DeleteFunc(slices.Clone(texts), func(text string) bool {
		b, err := hex.DecodeString(unquoted(text))
		return err != nil || len(b) != proofSize
	})
	if len(texts) == 0 {
		return ""
	}
	for _, it := range c.rivals {
		// That it could not be read is no reason to say less about the rest.
		_ = r.eachOf(ctx, it.Tenant, func(d *Domain) {
			if d.Host != c.host && slices.ContainsFunc(texts, func(text string) bool { return unquoted(text) == r.text(d) }) {
				of = d.Host
			}
		})
	}
	return of
}

// zone is the zone that the host is in; where DNS does not tell, what is registered.
func (c *claim) zone(e *evidence) string {
	if len(e.apex.found) > 0 && e.apex.found[0] != "" {
		return e.apex.found[0]
	}
	return string(c.host.Apex())
}

// slipped says by what mistake the proof is not where it is looked for; nothing if none is known.
func (c *claim) slipped(s *sight, e *evidence) (r Reason) {
	if s.slips == nil {
		return nil
	}
	zone, name := c.zone(e), proofName(c.host)
	within := func(name string) string { return strings.TrimSuffix(name, "."+zone) }
	has := func(name string) bool { return slices.ContainsFunc(s.slips.texts[name], c.isProof) }
	if doubled := name + "." + zone; has(doubled) {
		r = r.Also(Say("%s is at %s: your DNS provider appends %s by itself. Enter the name as %s.", "TXT", doubled, zone, within(name)))
	}
	if doubled := string(c.host) + "." + zone; slices.ContainsFunc(s.slips.aliases[doubled], c.isTarget) {
		r = r.Also(Say("%s is at %s: your DNS provider appends %s by itself. Enter the name as %s.", "CNAME", doubled, zone, within(string(c.host))))
	}
	for _, at := range []string{string(c.host), proofName(tenant.Host(zone))} {
		if at != name && has(at) {
			r = r.Also(Say("The proof is at %s: move it to %s.", at, name))
		}
	}
	return r.Also(c.slippedValue(s, e))
}

// slippedValue says what is wrong with what stands where the proof should.
func (c *claim) slippedValue(s *sight, e *evidence) (r Reason) {
	name := proofName(c.host)
	if n := len(e.aliased); n > 0 {
		r = r.Also(Say("%s is an alias of %s: remove that CNAME, and set the TXT record in its place.", name, e.aliased[n-1]))
	}
	switch {
	case c.foreign != "" && slices.ContainsFunc(e.texts.found, func(t string) bool { return unquoted(t) == c.foreign }):
		r = r.Also(Say("TXT %s is the proof of another tenant, who had this host before.", name))
	case s.slips.of != "":
		r = r.Also(Say("TXT %s is the proof of %s: each host has its own.", name, string(s.slips.of)))
	case slices.ContainsFunc(e.texts.found, func(t string) bool { return strings.Contains(t, c.text) }):
		r = r.Also(Say("TXT %s has more in it than the proof: its whole value has to be %s.", name, strconv.Quote(c.text)))
	}
	if all := e.texts.found; len(all) > 0 && len(e.aliased) == 0 && same(all, s.slips.texts[s.slips.below]) {
		r = r.Also(Say("%s %s comes from a wildcard record: one for this very name takes its place.", "TXT", name))
	}
	if all := e.aliases.found; len(all) > 0 && same(all, s.slips.aliases[s.slips.beside]) {
		r = r.Also(Say("%s %s comes from a wildcard record: one for this very name takes its place.", "CNAME", string(c.host)))
	}
	return r
}

// same says whether two answers have the same in them.
func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
