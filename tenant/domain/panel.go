package domain

import (
	"slices"
	"strconv"
	"time"
)

// panel are resolvers that have one vote each about a domain. As a Resolver they stand in for each other.
type panel struct {
	*resolver

	members []*resolver
}

// agree makes one finding of what the answers of each resolver alone would mean. A host is given to whom more than half of those
// that answered, and two at least, see the proof of: one that was lied to, or is late, gives nothing away. It is taken from whom all
// that answered, at least half, see no proof of any more: one that has heard of it already, or was lied to, takes nothing. So it
// costs a new domain some minutes, until it is seen by most, that no tenant's visitors ever depend on a single resolver.
func (c *claim) agree(s *sight, each []finding) finding {
	if len(each) == 1 {
		return each[0]
	}
	var shown, bare, yes, no, silent []int
	for i := range each {
		switch {
		case each[i].shown:
			shown = append(shown, i)
		case each[i].bare:
			bare = append(bare, i)
		}
		switch {
		case each[i].proved:
			yes = append(yes, i)
		case each[i].silent:
			silent = append(silent, i)
		default:
			no = append(no, i)
		}
	}
	v := c.visitors(s, each)
	answered := len(yes) + len(no)
	most := 2*len(yes) > answered
	var f finding
	switch {
	case answered == 0:
		return each[silent[0]]
	case c.goesOn && len(shown) > 0:
		f = v.say(each, shown)
		f.weak = 2*len(shown) <= len(shown)+len(bare)+len(no)
	case c.goesOn && 2*(len(bare)+len(no)) >= len(each) && len(bare) > 0:
		f = v.say(each, bare)
	case c.goesOn && len(yes) > 0:
		f = v.say(each, yes)
		f.bare, f.proofless = false, false // too few could be asked to say so
	case most && len(yes) >= 2:
		f = v.say(each, yes)
		f.shown = len(shown) >= 2 && 2*len(shown) > answered
	case most || 2*answered < len(each):
		f = each[silent[0]]
		f.reason = Say("Nothing was decided: only %s of %s DNS servers answered.", strconv.Itoa(answered), strconv.Itoa(len(each))).Also(f.reason)
		return f
	default:
		f = v.say(each, no)
	}
	if len(yes) > 0 && len(no) > 0 && !f.bare {
		f.reason = c.differ(s, yes, no).Also(f.reason)
		return f
	}
	return v.differ(s, f)
}

// visitors is where the host's visitors arrive, by what each resolver alone says.
type visitors struct {
	here, away []int
	// arrives: they do by at least half of those that tell. vain: they do by none, and by most there is no doubt.
	arrives, vain bool
}

func (c *claim) visitors(s *sight, each []finding) (v visitors) {
	var vain int
	for i, e := range s.views {
		switch {
		case each[i].arrives:
			v.here = append(v.here, i)
		case e.addresses.err == nil && e.aliases.err == nil:
			v.away = append(v.away, i)
		}
		if each[i].vain {
			vain++
		}
	}
	v.arrives = len(v.here) > 0 && len(v.here) >= len(v.away)
	v.vain = len(v.here) == 0 && 2*vain > len(v.away)
	return v
}

// say is what one of some findings says, of one that agrees about the visitors if there is any.
func (v *visitors) say(each []finding, of []int) finding {
	i := max(0, slices.IndexFunc(of, func(i int) bool { return each[i].arrives == v.arrives }))
	f := each[of[i]]
	f.arrives, f.behind, f.vain = v.arrives, f.behind && v.arrives, v.vain
	return f
}

// differ adds to what was found who sees visitors arrive and who does not.
func (v *visitors) differ(s *sight, f finding) finding {
	if f.proved && len(v.here) > 0 && len(v.away) > 0 {
		f.reason = Say("The DNS servers do not agree: visitors arrive here by what is seen by %s, not by %s.", s.names(v.here), s.names(v.away)).Also(f.reason)
	}
	return f
}

// names are those of resolvers, as people are told of them.
func (s *sight) names(all []int) string {
	return list(all, func(i int) string { return s.views[i].server })
}

// differ says who sees the proof and who does not, and how long that may last: those who see an old answer have it until its time
// is over.
func (c *claim) differ(s *sight, yes, no []int) Reason {
	late := no
	if c.goesOn {
		late = slices.Concat(yes, no) // it may be on its way out
	}
	var longest time.Duration
	for _, i := range late {
		longest = max(longest, s.views[i].good)
	}
	if longest == 0 {
		return Say("The DNS servers do not agree: the proof is seen by %s, not by %s.", s.names(yes), s.names(no))
	}
	return Say("The DNS servers do not agree: the proof is seen by %s, not by %s. It may take %s s until they do.", s.names(yes), s.names(no), strconv.Itoa(int(longest.Seconds())))
}
