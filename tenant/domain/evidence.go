package domain

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	"github.com/deskgate/deskgate/tenant"
)

// answer is what DNS said to one question.
type answer[T any] struct {
	found []T
	err   error
}

// evidence is all that DNS said about a host.
type evidence struct {
	texts     answer[string]     // TXT at the proof's name
	aliases   answer[string]     // the chain that begins at the host
	addresses answer[netip.Addr] // at the end of the chain
	caa       answer[CAA]
	apex      answer[string]
}

// gather asks all questions at once. It always returns in bounded time.
func gather(ctx context.Context, r Resolver, host tenant.Host) *evidence {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	e, name := &evidence{}, string(host)
	var wg sync.WaitGroup
	wg.Go(func() { e.texts.found, e.texts.err = r.TXT(ctx, proofName(host)) })
	wg.Go(func() { e.aliases.found, e.aliases.err = r.CNAMEs(ctx, name) })
	wg.Go(func() { e.addresses.found, e.addresses.err = r.Addresses(ctx, name) })
	wg.Go(func() { e.caa.found, e.caa.err = r.CAA(ctx, name) })
	wg.Go(func() {
		apex, err := r.Apex(ctx, name)
		e.apex.found, e.apex.err = []string{apex}, err
	})
	wg.Wait()
	return e
}

// claim is what a domain's tenant has to show.
type claim struct {
	host      tenant.Host
	text      string        // the TXT record that proves it
	targets   []tenant.Host // the tenant's own CNAME targets, the one to set first
	node      *tenant.Node
	authority string // the CA's name in CAA records
	// arrivalProves: that visitors arrive here is enough.
	arrivalProves bool
	// goesOn: the proof was seen before and nothing but its absence is to be found out.
	goesOn bool
	// textOnly: the host was another tenant's until lately.
	textOnly bool
	operator bool
}

// finding is what follows from the evidence.
type finding struct {
	proved  bool
	arrives bool
	atApex  bool
	// foreign: the host is an alias of another tenant's name.
	foreign bool
	// reason says what is missing, or, if it is proved, what else is not right. Empty: nothing.
	reason Reason
	// silent: the question could not be decided because DNS did not answer.
	silent bool
}

// judge decides by the evidence alone.
func (c *claim) judge(e *evidence) finding {
	f := finding{atApex: c.atApex(e)}
	points, foreign := c.points(e.aliases.found)
	all, some := c.ours(e.addresses.found)
	f.arrives, f.foreign = points || all, foreign
	switch {
	case slices.ContainsFunc(e.texts.found, c.isProof):
		f.proved = true
	case c.textOnly || foreign:
	case slices.ContainsFunc(e.aliases.found, c.isTarget):
		f.proved = true
	case f.arrives && c.arrivalProves, (points || some) && c.goesOn:
		f.proved = true
	}
	if f.proved {
		f.reason = c.remarks(e, &f)
		return f
	}
	if err := c.undecided(e); err != nil {
		f.silent = true
		f.reason = undecided(err)
		return f
	}
	f.reason = c.missing(e, &f)
	return f
}

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

// ours says whether all, or some, of the addresses are the node's.
func (c *claim) ours(found []netip.Addr) (all, some bool) {
	all = len(found) > 0
	for _, a := range found {
		if slices.Contains(c.node.Addresses(), a) {
			some = true
		} else {
			all = false
		}
	}
	return all, some
}

var errNoResolver = errors.New("this node has no DNS resolver")
