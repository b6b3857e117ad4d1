package domain

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// answer is what DNS said to one question.
type answer[T any] struct {
	found []T
	err   error
}

// evidence is all that one resolver said about a host.
type evidence struct {
	server    string             // who said it; empty: whichever of the resolvers that stand in for each other
	texts     answer[string]     // TXT at the proof's name
	aliased   []string           // the chain of aliases that begins there
	good      time.Duration      // how long the answer about it may be remembered; 0: nobody knows
	aliases   answer[string]     // the chain that begins at the host
	addresses answer[netip.Addr] // at the end of the chain
	apex      answer[string]
	echo      *echo // what became of a probe at its addresses; nil: none was made
}

// gather asks one resolver all questions at once.
func gather(ctx context.Context, r Resolver, host tenant.Host) *evidence {
	e, name := &evidence{}, string(host)
	var wg sync.WaitGroup
	wg.Go(func() {
		own, ok := r.(*resolver)
		if !ok {
			e.texts.found, e.texts.err = r.TXT(ctx, proofName(host))
			return
		}
		e.server = own.name()
		e.texts.found, e.aliased, e.good, e.texts.err = own.texts(ctx, proofName(host))
	})
	wg.Go(func() { e.aliases.found, e.aliases.err = r.CNAMEs(ctx, name) })
	wg.Go(func() { e.addresses.found, e.addresses.err = r.Addresses(ctx, name) })
	wg.Go(func() {
		apex, err := r.Apex(ctx, name)
		e.apex.found, e.apex.err = []string{apex}, err
	})
	wg.Wait()
	return e
}

// sight is all that is known about a host when the claims to it are judged.
type sight struct {
	views []*evidence  // one of each resolver that has a vote
	home  []netip.Addr // where the tenants' targets lead; none: it was not asked
	slips *slips       // nil: nothing was missing
	caa   []CAA        // what holds for the host; none: there is nothing, or nobody asked
}

// claim is what a domain's tenant has to show.
type claim struct {
	host    tenant.Host
	text    string        // the TXT record that proves it
	targets []tenant.Host // the tenant's own CNAME targets, the one to set first
	node    *tenant.Node
	// authorities are those that are asked for its certificate, in order.
	authorities []Authority
	// arrivalProves: that visitors arrive here is enough.
	arrivalProves bool
	// goesOn: the proof was seen before and nothing but its absence is to be found out.
	goesOn bool
	// textOnly: the host was another tenant's until lately.
	textOnly bool
	operator bool
	// foreign is the TXT record of another tenant that had the host before; empty: none had.
	foreign string
	// challenged: an authority issues only what it has reached the node by.
	challenged bool
}

// finding is what follows from the evidence.
type finding struct {
	proved bool
	// shown: a record that names the tenant is there.
	shown bool
	// text and alias are the two kinds of it.
	text, alias seen
	// bare: there certainly is none, and nothing but that visitors arrive speaks for the tenant.
	bare bool
	// proofless: it is bare, and for this tenant that is no proof: it only keeps the domain from drifting.
	proofless bool
	arrives   bool
	// behind: visitors arrive, but something stands in front that ends their connections.
	behind bool
	// vain: they certainly do not arrive, so that no authority would issue a certificate.
	vain   bool
	atApex bool
	// foreign: the host is an alias of another tenant's name.
	foreign bool
	// reason says what is missing, or, if it is proved, what else is not right. Empty: nothing.
	reason Reason
	// weak: most resolvers see the proof no more.
	weak bool
	// silent: the question could not be decided because DNS did not answer.
	silent bool
}

// seen says whether a record is there, if DNS told.
type seen struct{ there, known bool }

// or is whether it is there, or was before if DNS did not tell.
func (s seen) or(before bool) bool {
	if !s.known {
		return before
	}
	return s.there
}

// judge decides by the evidence alone.
func (c *claim) judge(s *sight) finding {
	each := make([]finding, len(s.views))
	for i, e := range s.views {
		each[i] = c.view(s, e)
	}
	return c.agree(s, each)
}

// view is what would follow if what one resolver said were all that there is.
func (c *claim) view(s *sight, e *evidence) finding {
	f := finding{atApex: c.atApex(e)}
	points, foreign := c.points(e.aliases.found)
	all, some := within(e.addresses.found, c.node.Addresses())
	f.arrives, f.foreign = points || all, foreign
	f.text = seen{slices.ContainsFunc(e.texts.found, c.isProof), e.texts.err == nil}
	f.alias = seen{!foreign && slices.ContainsFunc(e.aliases.found, c.isTarget), e.aliases.err == nil}
	switch {
	case f.text.there:
		f.proved, f.shown = true, true
	case c.textOnly || foreign:
	case f.alias.there:
		f.proved, f.shown = true, true
	case f.arrives && c.arrivalProves, (points || some) && c.goesOn:
		f.proved, f.bare = true, e.texts.err == nil && e.aliases.err == nil
		f.proofless = f.bare && !c.arrivalProves
	}
	c.path(s, e, &f)
	if f.proved {
		f.reason = c.remarks(s, e, &f)
		if f.proofless {
			f.reason = c.gone(e, &f).Also(f.reason)
		}
		return f
	}
	if err := c.undecided(e); err != nil {
		f.silent = true
		f.reason = undecided(err)
		return f
	}
	f.reason = c.missing(s, e, &f)
	return f
}

// path says whether visitors arrive although the records do not name this node. It proves nothing: whoever has a host can have it
// forwarded to us.
func (c *claim) path(s *sight, e *evidence, f *finding) {
	if home, _ := within(e.addresses.found, c.known(s)); home {
		f.arrives = true
	}
	if !f.arrives && e.echo != nil && e.echo.arrived {
		f.arrives, f.behind = true, true
	}
	nowhere := e.addresses.err == nil && e.aliases.err == nil && len(e.addresses.found) == 0
	f.vain = c.challenged && (nowhere || !f.arrives && e.echo.elsewhere())
}

// known are the addresses at which visitors arrive.
func (c *claim) known(s *sight) []netip.Addr { return slices.Concat(c.node.Addresses(), s.home) }

// atApex says whether the host is the top of a zone; where DNS does not tell, whether it is what is registered.
func (c *claim) atApex(e *evidence) bool {
	if len(e.apex.found) > 0 && e.apex.found[0] != "" {
		return e.apex.found[0] == string(c.host)
	}
	return c.host.Apex() == c.host
}

// undecided is the error of a question whose answer might have been the proof.
func (c *claim) undecided(e *evidence) error {
	if c.textOnly {
		return e.texts.err
	}
	for _, err := range []error{e.texts.err, e.aliases.err} {
		if err != nil {
			return err
		}
	}
	if (c.arrivalProves || c.goesOn) && e.addresses.err != nil {
		return e.addresses.err
	}
	return nil
}

// points says whether a chain of aliases leads to the node, and whether it does so by a name that is another tenant's.
func (c *claim) points(chain []string) (here, foreign bool) {
	i := slices.IndexFunc(chain, func(a string) bool { return c.node.Owns(tenant.Host(a)) })
	if i < 0 {
		return false, false
	}
	return true, !c.isTarget(chain[i]) && !c.node.IsNodeHost(tenant.Host(chain[i]))
}

func (c *claim) isTarget(alias string) bool { return slices.Contains(c.targets, tenant.Host(alias)) }

// within says whether all, or some, of the addresses are among the known ones.
func within(found, known []netip.Addr) (all, some bool) {
	all = len(found) > 0
	for _, a := range found {
		if slices.Contains(known, a) {
			some = true
		} else {
			all = false
		}
	}
	return all, some
}

var errNoResolver = errors.New("this node has no DNS resolver")
