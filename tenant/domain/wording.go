package domain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// isProof compares a TXT record with the claim's; some providers keep the quotes that people paste.
func (c *claim) isProof(text string) bool { return strings.Trim(text, "\" \t") == c.text }

// missing says what was asked, what came back, and what to add.
func (c *claim) missing(e *evidence, f *finding) string {
	said := []string{
		"TXT " + proofName(c.host) + " " + found(e.texts.found, strQuote),
		"CNAME " + string(c.host) + " " + found(e.aliases.found, strPlain),
		"A and AAAA " + string(c.host) + " " + found(e.addresses.found, netip.Addr.String),
	}
	text := "The proof was not found: " + strings.Join(said, "; ") + "."
	switch {
	case c.textOnly:
		text += " Another tenant had this host until lately, so that only the TXT record counts."
	case f.foreign:
		text += " That name belongs to another tenant of this node."
	case f.arrives && !c.operator:
		text += " Visitors do arrive at this node, but that does not show whose domain it is."
	case f.arrives:
		text += " Visitors do arrive at this node, but another tenant had this host before, so that this does not show whose domain it is."
	}
	text += fmt.Sprintf(" Add TXT %s %q", proofName(c.host), c.text)
	if !c.textOnly && !f.atApex {
		text += fmt.Sprintf(" or CNAME %s %s%s", c.host, c.targets[0], instead(e))
	}
	return strings.Join(append([]string{text + "."}, c.remarks(e, f)...), " ")
}

// instead says what has to go for a CNAME, beside which DNS allows nothing.
func instead(e *evidence) string {
	switch {
	case len(e.aliases.found) > 0:
		return " instead of the present one"
	case len(e.addresses.found) > 0:
		return " instead of the A and AAAA records"
	}
	return ""
}

// advice says what is not right although the proof is there.
func (c *claim) advice(e *evidence, f *finding) string {
	return strings.Join(c.remarks(e, f), " ")
}

// remarks are what keeps visitors, or a certificate, from coming.
func (c *claim) remarks(e *evidence, f *finding) []string {
	var say []string
	_, some := c.ours(e.addresses.found)
	switch {
	case e.addresses.err != nil || e.aliases.err != nil:
	case f.atApex && len(e.aliases.found) > 0:
		say = append(say, fmt.Sprintf("%s is the top of its zone, where DNS allows no CNAME: use A and AAAA records, or what your provider calls ALIAS.", c.host))
	case some && !f.arrives:
		say = append(say, c.stale(e.addresses.found)...)
	case f.arrives && len(e.addresses.found) == 0:
		say = append(say, e.aliases.found[len(e.aliases.found)-1]+" has no address: the node's operator has to add it to DNS.")
	case f.arrives:
	case f.proved && len(e.addresses.found) == 0:
		say = append(say, fmt.Sprintf("The proof is there, but %s has no address yet: %s.", c.host, c.wayHere(f)))
	case f.proved:
		say = append(say, fmt.Sprintf("The proof is there, but %s leads to %s, not to this node as far as DNS shows: %s, or have the CDN that stands in front forward to it.",
			c.host, list(e.addresses.found, netip.Addr.String), c.wayHere(f)))
	}
	if forbids := c.forbids(e.caa.found); forbids != "" {
		say = append(say, forbids)
	}
	return say
}

// stale names the addresses that lead elsewhere.
func (c *claim) stale(addresses []netip.Addr) []string {
	var say []string
	for _, a := range addresses {
		kind := "A"
		if a.Is6() {
			kind = "AAAA"
		}
		if all, _ := c.ours([]netip.Addr{a}); !all {
			say = append(say, fmt.Sprintf("Remove %s %s %s: it leads elsewhere, and so do a part of the visitors.", kind, c.host, a))
		}
	}
	return say
}

func (c *claim) wayHere(f *finding) string {
	if f.atApex {
		if a := c.node.Addresses(); len(a) > 0 {
			return fmt.Sprintf("set A and AAAA %s to %s", c.host, list(a, netip.Addr.String))
		}
		return fmt.Sprintf("set ALIAS %s %s", c.host, c.targets[0])
	}
	return fmt.Sprintf("set CNAME %s %s", c.host, c.targets[0])
}

// forbids says which CAA records keep the node's CA from issuing; nothing if none do.
func (c *claim) forbids(records []CAA) string {
	if c.authority == "" {
		return ""
	}
	var issuers []string
	for _, r := range records {
		if r.Tag != "issue" {
			continue
		}
		name, _, _ := strings.Cut(r.Value, ";")
		if name = strings.TrimSpace(name); strings.EqualFold(name, c.authority) {
			return ""
		}
		issuers = append(issuers, strings.Trim(name+" ", " "))
	}
	if len(issuers) == 0 {
		return ""
	}
	who := "nobody"
	if named := slices.DeleteFunc(issuers, func(s string) bool { return s == "" }); len(named) > 0 {
		who = "only " + strings.Join(named, ", ")
	}
	return fmt.Sprintf(`No certificate can be had: by its CAA records %s lets %s issue. Add CAA %s 0 issue "%s".`,
		records[0].Name, who, records[0].Name, c.authority)
}

const most = 5 // of many records as many are shown

func found[T any](items []T, show func(T) string) string {
	if len(items) == 0 {
		return "has no record"
	}
	return "is " + list(items, show)
}

func list[T any](items []T, show func(T) string) string {
	var b strings.Builder
	for i, item := range items {
		switch {
		case i == most:
			fmt.Fprintf(&b, " and %d more", len(items)-most)
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
