package tickets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/hours"
)

// Policy is what a tenant promises about its tickets, and the hours in which its promises count.
type Policy struct {
	// On: the goals hold. The hours are there in any case.
	On bool `cbor:"1,keyasint,omitempty"`
	// Goals are those of the priorities, in the order of Priorities.
	Goals []Goal     `cbor:"2,keyasint"`
	Week  hours.Week `cbor:"3,keyasint"`
	// Holidays are days such as 2026-12-25, or 12-25 for that of every year. The time zone is the tenant's.
	Holidays []string `cbor:"4,keyasint,omitempty"`
	// Version grows with every change.
	Version uint64 `cbor:"5,keyasint,omitempty"`
}

// Goal is what is promised for one priority, in business time; 0 is nothing.
type Goal struct {
	FirstResponse time.Duration `cbor:"1,keyasint,omitempty"`
	Resolution    time.Duration `cbor:"2,keyasint,omitempty"`
}

// The limits of a policy.
const (
	MaxGoal     = 90 * 24 * time.Hour
	MaxHolidays = 200
)

// defaultPolicy is that of a tenant who has said nothing: office hours, and no promises.
func defaultPolicy() Policy {
	return Policy{Goals: make([]Goal, len(Priorities())), Week: hours.Office(), Version: 1}
}

var policyTable = storage.NewTable(storage.Declaration[Policy]{
	ID: 170, Name: "ticket policies", Key: func(*Policy) storage.Key { return policyKey() },
})

func policyKey() storage.Key { return storage.Key(nil).Uint(0) }

// Policy is the tenant's policy.
func (d *Desk) Policy(ctx context.Context, tn *tenant.Tenant) (Policy, error) {
	var p Policy
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		p, err = policy(tx)
		return err
	})
	return p, err
}

func policy(tx *storage.Tx) (Policy, error) {
	p, err := policyTable.Get(tx, policyKey())
	if errors.Is(err, storage.ErrNotFound) {
		return defaultPolicy(), nil
	}
	return p, err
}

// SetPolicy changes the tenant's policy; ifVersion as in Change. The tickets that are not done follow within minutes: what
// they have used of the time stays, and a target that is new for them begins then. A tenant.FieldErrors says what is wrong.
func (d *Desk) SetPolicy(ctx context.Context, tn *tenant.Tenant, a Actor, p Policy, ifVersion uint64) (Policy, error) {
	put, err := PutPolicy(a, &p, ifVersion)
	if err == nil {
		err = d.store.Update(ctx, tn.Scope(), put)
	}
	return p, err
}

// PutPolicy is SetPolicy for a transaction in the tenant's scope that changes other things as well. p gets its new version.
func PutPolicy(a Actor, p *Policy, ifVersion uint64) (func(*storage.Tx) error, error) {
	if !a.Staff() {
		return nil, fmt.Errorf("%w: the policy is staff's", ErrNotAllowed)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	p.Holidays = slices.Compact(slices.Sorted(slices.Values(p.Holidays)))
	return func(tx *storage.Tx) error {
		old, err := policy(tx)
		if err != nil {
			return err
		}
		if ifVersion != 0 && ifVersion != old.Version {
			return ErrVersionConflict
		}
		p.Version = old.Version + 1
		if err := policyTable.Put(tx, p); err != nil {
			return err
		}
		return Reschedule(tx)
	}, nil
}

func (p *Policy) check() error {
	c := newCheck()
	if len(p.Goals) != len(Priorities()) {
		c.fail("goals", "must have one for each priority.")
	}
	for _, g := range p.Goals {
		if min(g.FirstResponse, g.Resolution) < 0 || max(g.FirstResponse, g.Resolution) > MaxGoal {
			c.fail("goals", "must have times of at most %d hours.", int(MaxGoal.Hours()))
		}
		if g.FirstResponse%time.Minute != 0 || g.Resolution%time.Minute != 0 {
			c.fail("goals", "must have whole minutes.")
		}
	}
	for _, day := range p.Week {
		if day.From < 0 || day.To > hours.Minutes || day.From > day.To {
			c.fail("week", "must have days that close after they open.")
			break
		}
	}
	if p.On && p.Week.Closed() {
		c.fail("week", "must have a day that opens.")
	}
	if len(p.Holidays) > MaxHolidays {
		c.fail("holidays", "must not have more than %d days.", MaxHolidays)
	}
	for _, h := range p.Holidays {
		if !hours.Holiday(h) {
			c.fail("holidays", "must have days such as 2026-12-25, or 12-25 for every year: %.20q is none.", h)
			break
		}
	}
	return c.errs.Or()
}

// goal is what the policy promises for a priority.
func (p *Policy) goal(of Priority) Goal {
	if i := slices.Index(Priorities(), of); p.On && i >= 0 && i < len(p.Goals) {
		return p.Goals[i]
	}
	return Goal{}
}

// plan is a policy that is ready for use.
type plan struct {
	Policy

	calendar *hours.Calendar
}

// plans are the calendars of the tenants' policies, which take a while to make.
type plans struct {
	mu    sync.Mutex
	all   map[tenant.ID]planned
	zones map[string]*time.Location
}

type planned struct {
	version  uint64
	zone     string
	calendar *hours.Calendar
}

// plan is the tenant's policy as the transaction sees it.
func (d *Desk) plan(tx *storage.Tx, tn *tenant.Tenant) (*plan, error) {
	p, err := policy(tx)
	if err != nil {
		return nil, err
	}
	return &plan{Policy: p, calendar: d.plans.calendar(tn, &p)}, nil
}

func (s *plans) calendar(tn *tenant.Tenant, p *Policy) *hours.Calendar {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.all[tn.ID]
	if known.calendar == nil || known.version != p.Version || known.zone != tn.Settings.TimeZone {
		known = planned{p.Version, tn.Settings.TimeZone, hours.NewCalendar(p.Week, tn.Settings.Location(), p.Holidays)}
		if s.all == nil {
			s.all = map[tenant.ID]planned{}
		}
		s.all[tn.ID] = known
	}
	return known.calendar
}

// location is the tenant's time zone, which takes a while to read.
func (s *plans) location(tn *tenant.Tenant) *time.Location {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := tn.Settings.TimeZone
	if s.zones[name] == nil {
		if s.zones == nil {
			s.zones = map[string]*time.Location{}
		}
		s.zones[name] = tn.Settings.Location()
	}
	return s.zones[name]
}

// Calendar is the tenant's business hours, as the transaction sees them.
func Calendar(tx *storage.Tx, tn *tenant.Tenant) (*hours.Calendar, error) {
	p, err := policy(tx)
	if err != nil {
		return nil, err
	}
	return hours.NewCalendar(p.Week, tn.Settings.Location(), p.Holidays), nil
}
