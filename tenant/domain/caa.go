package domain

import (
	"context"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// Authority is a certificate authority that the node asks, as CAA records (RFC 8659, RFC 8657) speak of it.
type Authority struct {
	// Names are those by which it is let issue ("letsencrypt.org"). None: nobody knows, and it is taken to be let.
	Names []string
	// Account is the URL of the node's account there; empty: not known, or there is none yet.
	Account string
	// Methods are the kinds of challenge that the node can meet. None: whichever is wanted.
	Methods []string
}

// AskAuthorities has fn say which authorities there are, in the order in which they are asked, instead of the options: who talks to
// them knows more. It must not wait for them. For the time before Run.
func (r *Registry) AskAuthorities(fn func(context.Context) []Authority) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.authorities = fn
}

func (r *Registry) asked(ctx context.Context) []Authority {
	r.mu.Lock()
	fn := r.authorities
	r.mu.Unlock()
	if fn == nil {
		return r.options.Authorities
	}
	return fn(ctx)
}

// Forbids says why an authority may not issue for a host by its present CAA records; empty: it may, or DNS could not be asked.
func (r *Registry) Forbids(ctx context.Context, host tenant.Host, a Authority) Reason {
	if r.options.Resolver == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, forbidTime)
	defer cancel()
	records, err := r.options.Resolver.CAA(ctx, string(host))
	if err != nil {
		return nil
	}
	return forbidden(records, a)
}

// forbids says what CAA records mean for the authorities together: which one issues if the first is not let, or why none is.
func (c *claim) forbids(records []CAA) (r Reason) {
	for i, a := range c.authorities {
		no := forbidden(records, a)
		switch {
		case len(no) > 0:
			if i == 0 {
				r = no
			}
			continue
		case i > 0 && len(a.Names) > 0:
			return Say("By its CAA records %s does not let %s issue: certificates come from %s.", records[0].Name, c.authorities[0].Names[0], a.Names[0])
		case i > 0:
			return nil
		}
		return uncertain(records, a)
	}
	return r
}

// forbidden says why an authority may not issue for a host with these records; empty: it may. What is said of wildcards alone
// (issuewild) concerns no host.
func forbidden(records []CAA, a Authority) Reason {
	if len(records) == 0 || len(a.Names) == 0 {
		return nil
	}
	zone := records[0].Name
	for _, r := range records {
		if r.Critical && !slices.Contains([]string{"issue", "issuewild", "iodef"}, r.Tag) {
			return Say("No certificate can be had: %s has a CAA record with the critical property %s, which authorities do not know.", zone, r.Tag).
				Also(Say("Remove CAA %s 128 %s %s.", zone, r.Tag, strQuote(r.Value)))
		}
	}
	issues := issuesOf(records)
	var why Reason
	var named []string
	for _, i := range issues {
		if i.name != "" {
			named = append(named, i.name)
		}
		if !slices.ContainsFunc(a.Names, func(n string) bool { return strings.EqualFold(n, i.name) }) {
			continue
		}
		no := i.forbids(zone, a)
		if len(no) == 0 {
			return nil
		}
		why = no
	}
	switch {
	case len(issues) == 0, len(why) > 0:
		return why
	case len(named) > 0:
		why = Say("No certificate can be had: by its CAA records %s lets only %s issue.", zone, strings.Join(named, ", "))
	default:
		why = Say("No certificate can be had: by its CAA records %s lets nobody issue.", zone)
	}
	return why.Also(Say(`Add CAA %s 0 issue "%s".`, zone, a.Names[0]))
}

// issue is one leave to issue: whose, and what it demands.
type issue struct{ name, account, methods string }

func issuesOf(records []CAA) (all []issue) {
	for _, r := range records {
		if r.Tag != "issue" {
			continue
		}
		name, rest, _ := strings.Cut(r.Value, ";")
		i := issue{name: strings.TrimSpace(name)}
		for p := range strings.SplitSeq(rest, ";") {
			tag, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			switch strings.ToLower(strings.TrimSpace(tag)) {
			case "accounturi":
				i.account = strings.TrimSpace(value)
			case "validationmethods":
				i.methods = strings.ToLower(strings.TrimSpace(value))
			}
		}
		all = append(all, i)
	}
	return all
}

// forbids says why a leave to an authority is of no use to this node. Another record beside it does no harm: each is a leave.
func (i issue) forbids(zone string, a Authority) Reason {
	if methods := strings.Split(i.methods, ","); i.methods != "" && len(a.Methods) > 0 {
		known := func(m string) bool { return slices.Contains(a.Methods, strings.TrimSpace(m)) }
		if !slices.ContainsFunc(methods, known) {
			return Say("No certificate can be had: by its CAA records %s lets %s validate by %s alone, and this node can by %s.",
				zone, i.name, i.methods, strings.Join(a.Methods, ", ")).
				Also(Say(`Add CAA %s 0 issue "%s".`, zone, i.name+"; validationmethods="+strings.Join(a.Methods, ",")))
		}
	}
	if i.account != "" && a.Account != "" && i.account != a.Account {
		return Say("No certificate can be had: by its CAA records %s lets %s issue to the account %s alone, and this node has another.", zone, i.name, strPlain(i.account)).
			Also(Say(`Add CAA %s 0 issue "%s".`, zone, i.name+"; accounturi="+a.Account))
	}
	return nil
}

// uncertain says what leave it depends on whether the authority issues to this node, where that can't be told yet.
func uncertain(records []CAA, a Authority) Reason {
	all := slices.DeleteFunc(issuesOf(records), func(i issue) bool {
		return !slices.ContainsFunc(a.Names, func(n string) bool { return strings.EqualFold(n, i.name) })
	})
	if len(all) == 0 || a.Account != "" || slices.ContainsFunc(all, func(i issue) bool { return i.account == "" }) {
		return nil
	}
	return Say("By its CAA records %s lets %s issue to the account %s alone, and this node has none there yet: add another record without an account.",
		records[0].Name, all[0].name, strPlain(all[0].account))
}
