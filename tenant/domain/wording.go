package domain

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
)

// isProof compares a TXT record with the claim's; some providers keep the quotes that people paste.
func (c *claim) isProof(text string) bool { return unquoted(text) == c.text }

func unquoted(text string) string { return strings.Trim(text, "\" \t") }

// missing says what was asked, what came back, and what to add.
func (c *claim) missing(s *sight, e *evidence, f *finding) Reason {
	r := Say("The proof was not found.")
	if all := e.texts.found; len(all) > 0 {
		r = r.Also(Say("TXT %s is %s.", proofName(c.host), list(all, strQuote)))
	} else {
		r = r.Also(Say("TXT %s has no record.", proofName(c.host)))
	}
	if all := e.aliases.found; len(all) > 0 {
		r = r.Also(Say("CNAME %s is %s.", string(c.host), list(all, strPlain)))
	} else {
		r = r.Also(Say("CNAME %s has no record.", string(c.host)))
	}
	if all := e.addresses.found; len(all) > 0 {
		r = r.Also(Say("A and AAAA %s are %s.", string(c.host), list(all, netip.Addr.String)))
	} else {
		r = r.Also(Say("A and AAAA %s have no record.", string(c.host)))
	}
	switch {
	case c.textOnly:
		r = r.Also(Say("Another tenant had this host until lately, so that only the TXT record counts."))
	case f.foreign:
		r = r.Also(Say("That name belongs to another tenant of this node."))
	case f.arrives && !c.operator:
		r = r.Also(Say("Visitors do arrive at this node, but that does not show whose domain it is."))
	case f.arrives:
		r = r.Also(Say("Visitors do arrive at this node, but another tenant had this host before, so that this does not show whose domain it is."))
	}
	return r.Also(c.slipped(s, e)).Also(c.wanted(e, f)).Also(c.remarks(s, e, f))
}

// gone says that nothing but arriving visitors keeps a domain whose proof is lost.
func (c *claim) gone(e *evidence, f *finding) Reason {
	return Say("The proof is in DNS no more: visitors still arrive, so that the domain goes on until somebody else proves that it is theirs.").
		Also(c.wanted(e, f))
}

// wanted says which records are to be added, and what has to go for a CNAME, beside which DNS allows nothing.
func (c *claim) wanted(e *evidence, f *finding) Reason {
	both := []string{proofName(c.host), strconv.Quote(c.text), string(c.host), string(c.targets[0])}
	if c.textOnly || f.atApex {
		return Say("Add TXT %s %s.", both[:2]...)
	}
	switch {
	case len(e.aliases.found) > 0:
		return Say("Add TXT %s %s or CNAME %s %s instead of the present one.", both...)
	case len(e.addresses.found) > 0:
		return Say("Add TXT %s %s or CNAME %s %s instead of the A and AAAA records.", both...)
	}
	return Say("Add TXT %s %s or CNAME %s %s.", both...)
}

// remarks are what keeps visitors, or a certificate, from coming.
func (c *claim) remarks(s *sight, e *evidence, f *finding) (r Reason) {
	host, found := string(c.host), e.addresses.found
	_, some := within(found, c.known(s))
	points, _ := c.points(e.aliases.found)
	switch {
	case e.addresses.err != nil || e.aliases.err != nil:
	case f.atApex && len(e.aliases.found) > 0:
		r = Say("%s is the top of its zone, where DNS allows no CNAME: use A and AAAA records, or what your provider calls ALIAS.", host)
	case some && !f.arrives:
		r = c.stale(found, c.known(s))
	case f.behind:
		r = c.through(e.echo, found)
	case f.arrives && len(found) == 0:
		r = Say("%s has no address: the node's operator has to add it to DNS.", e.aliases.found[len(e.aliases.found)-1])
	case f.arrives && !points:
		r = c.half(found, c.known(s))
	case f.arrives:
	case f.proved && len(found) == 0:
		r = Say("The proof is there, but %s has no address yet.", host).Also(c.wayHere(f))
	case f.proved:
		r = Say("The proof is there, but %s leads to %s, not to this node as far as DNS shows.", host, list(found, netip.Addr.String)).
			Also(c.astray(e, f))
	case len(found) > 0:
		r = c.indoors(found)
	}
	return r.Also(c.forbids(s.caa))
}

// half says whether a part of the visitors does not arrive, because their networks have the other kind of addresses.
func (c *claim) half(found, known []netip.Addr) Reason {
	i := slices.IndexFunc(known, netip.Addr.Is4)
	if i < 0 || slices.ContainsFunc(found, netip.Addr.Is4) {
		return nil
	}
	return Say("Visitors without IPv6 do not arrive: add A %s %s.", string(c.host), known[i].String())
}

// indoors names addresses that lead nowhere from the internet.
func (c *claim) indoors(found []netip.Addr) (r Reason) {
	shared := netip.MustParsePrefix("100.64.0.0/10") // by providers' customers
	for _, a := range found {
		if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || shared.Contains(a) {
			r = r.Also(Say("%s is no address of the internet: nobody from outside arrives there.", a.String()))
		}
	}
	return r
}

// through says what visitors come through.
func (c *claim) through(e *echo, found []netip.Addr) Reason {
	if e.front != "" {
		return Say("%s stands in front of %s: visitors arrive through it.", e.front, string(c.host))
	}
	return Say("Visitors of %s arrive, by way of %s.", string(c.host), list(found, netip.Addr.String))
}

// astray says where visitors arrive instead, and what brings them here.
func (c *claim) astray(e *evidence, f *finding) Reason {
	var r Reason
	if e.echo == nil || e.echo.err != nil { // what answers can be reached
		r = c.indoors(e.addresses.found)
	}
	if e.echo.inside() || len(r) == len(e.addresses.found) {
		if len(r) == 0 {
			r = Say("That is no address of the internet: nobody from outside arrives there.")
		}
		return r.Also(c.wayHere(f))
	}
	name := frontOf(func(string) string { return "" }, e.aliases.found)
	if e.echo != nil {
		r = r.Also(e.echo.say(c.host))
		name = cmp.Or(e.echo.front, name)
	}
	if name != "" {
		return r.Also(Say("Have %s forward %s to %s with the Host header kept.", name, string(c.host), string(c.targets[0])))
	}
	return r.Also(c.wayHere(f)).
		Also(Say("Or have the CDN that stands in front forward %s to %s with the Host header kept.", string(c.host), string(c.targets[0])))
}

// say tells what came back of a probe that did not arrive.
func (e *echo) say(host tenant.Host) Reason {
	who, status := cmp.Or(e.front, strQuote(e.server)), strconv.Itoa(e.status)
	switch {
	case e.err != nil:
		return e.unanswered()
	case !e.answered && e.front == "" && e.server == "":
		return Say("Whether visitors arrive could not be found out: %s was turned away with status %s.", string(host)+ProbePath, status)
	case !e.answered:
		return Say("Whether visitors arrive could not be found out: %s turned %s away with status %s.", who, string(host)+ProbePath, status)
	case e.to != "":
		return Say("Visitors do not arrive: they are sent on to %s.", strPlain(e.to))
	case e.front == "" && e.server == "":
		return Say("Visitors do not arrive: the answer was %s from a server without a name.", status)
	}
	return Say("Visitors do not arrive: the answer was %s from server %s.", status, who)
}

// unanswered tells why nothing came back of a probe.
func (e *echo) unanswered() Reason {
	no, ok := errors.AsType[*outbound.ProbeError](e.err)
	if !ok {
		return Say("Whether they forward visitors here could not be found out: %s.", e.err.Error())
	}
	switch no.Fault {
	case outbound.Refused:
		return Say("Whether they forward visitors here could not be found out: nobody listens at port %s there.", no.Port)
	case outbound.Unanswered:
		return Say("Whether they forward visitors here could not be found out: port %s there does not answer. A firewall may keep this node out.", no.Port)
	case outbound.BadTLS:
		return Say("Whether they forward visitors here could not be found out: they send them on to https, and no TLS connection can be made at port %s there.", no.Port)
	case outbound.Mute:
		return Say("Whether they forward visitors here could not be found out: port %s there takes connections, but nothing comes back in time.", no.Port)
	case outbound.CutShort:
		return Say("Whether they forward visitors here could not be found out: port %s there takes connections, and ends them without a whole answer.", no.Port)
	case outbound.Gibberish:
		return Say("Whether they forward visitors here could not be found out: what answers at port %s there does not speak HTTP.", no.Port)
	case outbound.Unreachable:
	}
	return Say("Whether they forward visitors here could not be found out: this node has no way to port %s there.", no.Port)
}

// stale names the addresses that lead elsewhere.
func (c *claim) stale(addresses, known []netip.Addr) (r Reason) {
	for _, a := range addresses {
		kind := "A"
		if a.Is6() {
			kind = "AAAA"
		}
		if !slices.Contains(known, a) {
			r = r.Also(Say("Remove %s %s %s: it leads elsewhere, and so do a part of the visitors.", kind, string(c.host), a.String()))
		}
	}
	return r
}

func (c *claim) wayHere(f *finding) Reason {
	if !f.atApex {
		return Say("Set CNAME %s %s.", string(c.host), string(c.targets[0]))
	}
	if a := c.node.Addresses(); len(a) > 0 {
		return Say("Set A and AAAA %s to %s.", string(c.host), list(a, netip.Addr.String))
	}
	return Say("Set ALIAS %s %s.", string(c.host), string(c.targets[0]))
}

const most = 5 // of many records as many are shown

func list[T any](items []T, show func(T) string) string {
	var b strings.Builder
	for i, item := range items {
		switch {
		case i == most:
			fmt.Fprintf(&b, " … (+%d)", len(items)-most)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(show(item))
	}
	return b.String()
}

// strQuote shows text that a stranger wrote.
func strQuote(s string) string {
	const enough = 80
	if len(s) > enough {
		s = s[:enough] + "…"
	}
	return fmt.Sprintf("%q", strings.ToValidUTF8(s, "?"))
}

func strPlain(s string) string { return strings.Trim(strQuote(s), `"`) }

// records are what the tenant has to put into DNS: the proof, and the way here.
func (c *claim) records(atApex bool) []Record {
	out := []Record{{
		Type: "TXT", Name: proofName(c.host), Value: c.text, Purpose: "proves that the domain is yours",
	}}
	if !atApex {
		return append(out, Record{
			Type: "CNAME", Name: string(c.host), Value: string(c.targets[0]),
			Purpose: "brings visitors here and, by itself, proves that the domain is yours",
		})
	}
	for _, a := range c.node.Addresses() {
		kind := "A"
		if a.Is6() {
			kind = "AAAA"
		}
		out = append(out, Record{Type: kind, Name: string(c.host), Value: a.String(), Purpose: "brings visitors here"})
	}
	if len(c.node.Addresses()) == 0 {
		out = append(out, Record{
			Type: "ALIAS", Name: string(c.host), Value: string(c.targets[0]),
			Purpose: "brings visitors here; the top of a domain allows no CNAME, so use what your provider calls ALIAS, ANAME or flattening",
		})
	}
	return out
}

func proofName(h tenant.Host) string { return "_deskgate." + string(h) }
