package domain

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Of a held host it is asked anew whether it still is its holder's when somebody else wants it, but not more often than this.
const doubtful = 10 * time.Minute

// claims are all tenants' domains of one host: first the one that is served, then the oldest.
func claims(tx *storage.Tx, h tenant.Host) ([]*Domain, error) {
	var all []*Domain
	for d, err := range domainTable.Scan(tx, storage.Range{Prefix: hostKey(h)}) {
		if err != nil {
			return nil, err
		}
		all = append(all, &d)
	}
	slices.SortStableFunc(all, func(a, b *Domain) int {
		switch {
		case a.Served():
			return -1
		case b.Served():
			return 1
		}
		return a.CreatedAt.Compare(b.CreatedAt)
	})
	return all, nil
}

// holds says whether nobody else can claim the host: the proof is seen.
func (d *Domain) holds() bool { return (d.Status == Verified || d.Status == Active) && !d.Proofless }

// claim stores a new domain, or finds the one that the tenant has.
func (r *Registry) claim(tx *storage.Tx, t *tenant.Tenant, h tenant.Host, by By) (Domain, error) {
	now := clock()
	all, err := claims(tx, h)
	if err != nil {
		return Domain{}, err
	}
	if i := slices.IndexFunc(all, of(t)); i >= 0 {
		return r.again(tx, all[i], by, now)
	}
	if slices.ContainsFunc(all, (*Domain).holds) {
		return Domain{}, &ConflictError{Host: h}
	}
	if err := crowded(tx, t, by); err != nil {
		return Domain{}, err
	}
	d := Domain{
		Host: h, Tenant: t.ID, By: by, CreatedAt: now, NextCheck: now, Certificate: Certificate{Status: CertificateNone},
		AtApex: h.Apex() == h,
	}
	if before, err := formerTable.Get(tx, hostKey(h)); err == nil && before.Tenant == t.ID {
		d.History = before.History // it goes on
	} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Domain{}, err
	}
	d.to(Pending, Say("DNS was not looked at yet."), now)
	d.sign(r.actor)
	if err := domainTable.Insert(tx, &d); err != nil {
		return Domain{}, err
	}
	if err := tenant.Bind(tx, d.binding()); err != nil {
		return Domain{}, err
	}
	return d, r.record(tx, &d, "domain.added", "by "+string(by))
}

// again is what adding means for a domain that the tenant has: the operator's word counts for more than the tenant's.
func (r *Registry) again(tx *storage.Tx, d *Domain, by By, now time.Time) (Domain, error) {
	if by != ByOperator || d.By == ByOperator {
		return *d, nil
	}
	d.By, d.NextCheck = ByOperator, now
	return *d, domainTable.Put(tx, d)
}

// doubt has DNS asked soon about a host that somebody else wants: it may have changed hands since the last daily check.
func (r *Registry) doubt(ctx context.Context, h tenant.Host) {
	_, err := r.change(ctx, h, func(d *Domain, now time.Time) (bool, error) {
		if !d.holds() || now.Sub(d.CheckedAt) < doubtful || !d.NextCheck.After(now) {
			return false, nil
		}
		d.NextCheck = now
		return true, nil
	})
	if err != nil && !errors.Is(err, tenant.ErrNotFound) {
		r.options.Log.WarnContext(ctx, "domain that another tenant wants", slog.String("host", string(h)), slog.Any("error", err))
	}
	poke(r.hurry)
}

// contest is a host with all who claim it, and what was found about each of them.
type contest struct {
	host   tenant.Host
	before *former
	rivals []rival
	own    map[tenant.ID]bool // who has brought a certificate for it
}

// rival is one of those who claim a host.
type rival struct {
	*Domain
	*claim
	finding finding
}

// contest reads who claims a host and what each of them has to show.
func (r *Registry) contest(ctx context.Context, host tenant.Host) (*contest, error) {
	c := &contest{host: host}
	var all []*Domain
	err := r.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		var err error
		if all, err = claims(tx, host); err != nil {
			return err
		}
		if c.own, err = broughtBy(tx, host, all); err != nil {
			return err
		}
		f, err := formerTable.Get(tx, hostKey(host))
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		c.before = &f
		return err
	})
	if err != nil {
		return nil, err
	}
	authorities := r.asked(ctx)
	for _, d := range all {
		t, err := r.tenants.ByID(ctx, d.Tenant)
		if errors.Is(err, tenant.ErrNotFound) {
			continue // it is being deleted
		}
		if err != nil {
			return nil, err
		}
		c.rivals = append(c.rivals, rival{Domain: d, claim: r.claimOf(d, t)})
	}
	if len(c.rivals) == 0 {
		return nil, notFound(host, storage.ErrNotFound)
	}
	for _, it := range c.rivals {
		c.past(it)
		if !r.rules.tlsOff {
			it.authorities = authorities
		}
		if f := c.before; f != nil && f.Tenant != it.Tenant {
			it.foreign = r.text(f.domain())
		}
	}
	return c, nil
}

// broughtBy are those of a host's claimants who have brought a certificate for it.
func broughtBy(tx *storage.Tx, host tenant.Host, all []*Domain) (map[tenant.ID]bool, error) {
	brought := map[tenant.ID]bool{}
	for _, d := range all {
		_, err := ownCertificates.Get(tx, ownCertificateKey(string(host), d.Tenant))
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
		brought[d.Tenant] = err == nil
	}
	return brought, nil
}

// wanting says whether a proof is missing of somebody who has not proved the host, or no longer.
func (c *contest) wanting() bool {
	return !slices.ContainsFunc(c.rivals, func(it rival) bool { return it.finding.proved })
}

// certifies says whether an authority is to be asked for a certificate: CAA takes a question for each label of the host.
func (c *contest) certifies() bool {
	return slices.ContainsFunc(c.rivals, func(it rival) bool { return it.finding.proved && len(it.authorities) > 0 })
}

// past takes into what a tenant has to show that others had the host: then visitors who arrive prove nothing, and if that
// was lately, nothing but a TXT record does.
func (c *contest) past(it rival) {
	var ever, lately bool
	if c.before != nil {
		ever, lately = c.before.others(it.Tenant, clock())
	}
	for _, other := range c.rivals {
		if other.Tenant != it.Tenant && !other.VerifiedAt.IsZero() {
			ever, lately = true, true
		}
	}
	it.arrivalProves = it.arrivalProves && !ever
	it.textOnly = lately && !it.goesOn
	it.challenged = it.challenged && !c.own[it.Tenant]
}

// judge finds out about each claim.
func (c *contest) judge(s *sight) {
	for i := range c.rivals {
		c.rivals[i].finding = c.rivals[i].judge(s)
	}
}

// silent notes for each claim that DNS could not be asked.
func (c *contest) silent(err error) {
	for i := range c.rivals {
		c.rivals[i].finding = finding{silent: true, reason: undecided(err)}
	}
}

// What a check has found, for those who look at the node from outside.
const (
	proofSeen       = "seen"
	proofMissing    = "missing"
	proofUnanswered = "unanswered"
)

// outcome is what was found, in a word.
func (c *contest) outcome() string {
	switch {
	case !c.wanting():
		return proofSeen
	case slices.ContainsFunc(c.rivals, func(it rival) bool { return it.finding.silent }):
		return proofUnanswered
	}
	return proofMissing
}

// counted notes what a check has found.
func (r *Registry) counted(outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checks[outcome]++
}

// Checks are how often the proof of a host was "seen", "missing", or DNS left "unanswered" whether there is one, since the node was started.
func (r *Registry) Checks() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.checks)
}

// of is what was found about a domain; false: it is another than the one that was asked about.
func (c *contest) of(d *Domain) (finding, bool) {
	for _, it := range c.rivals {
		if it.Tenant == d.Tenant && it.CreatedAt.Equal(d.CreatedAt) {
			return it.finding, true
		}
	}
	return finding{}, false
}

// award says who of those that claim the host has it from now on, and whether by a proof that was just seen: who is served,
// unless the proof is certainly gone, or most resolvers see another's record while the holder has none, or none that most see; else
// the first who shows a record, or has proved it otherwise. Empty: nobody.
func (c *contest) award(all []*Domain) (id tenant.ID, proved bool) {
	first := func(proves func(finding) bool) *Domain {
		i := slices.IndexFunc(all, func(d *Domain) bool {
			f, _ := c.of(d)
			return proves(f) && !f.weak
		})
		if i < 0 {
			return nil
		}
		return all[i]
	}
	shows := first(func(f finding) bool { return f.shown })
	for _, d := range all {
		f, ok := c.of(d)
		yields := shows != nil && (f.weak || f.bare)
		if d.Served() && (!ok || f.proved && !yields || f.silent) {
			return d.Tenant, f.proved && !f.proofless
		}
	}
	if shows == nil {
		shows = first(func(f finding) bool { return f.proved })
	}
	if shows == nil {
		return "", false
	}
	return shows.Tenant, true
}

// claimOf is what the tenant has to show for the domain, if nobody else ever had it.
func (r *Registry) claimOf(d *Domain, t *tenant.Tenant) *claim {
	c := &claim{
		host: d.Host, text: r.text(d), targets: r.node.Targets(t), node: r.node, operator: d.By == ByOperator,
		arrivalProves: d.By == ByOperator, goesOn: d.Served(),
	}
	if !r.rules.tlsOff {
		c.challenged = r.options.Challenged
	}
	return c
}
