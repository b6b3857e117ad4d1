package tickets

import (
	"cmp"
	"errors"
	"math"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// measure is what happened on one day of the tenant: in all, by one agent, or in one category. Reports add days up, so that
// their cost grows with the days that they are about, and not with the tickets.
type measure struct {
	Kind string `cbor:"1,keyasint,omitempty"` // one of the measure… constants
	Date string `cbor:"2,keyasint"`           // in the tenant's time zone as it was then
	ID   string `cbor:"3,keyasint,omitempty"` // the agent's or the category's
	Figures
}

// Figures are what is counted.
type Figures struct {
	Created  int64 `cbor:"4,keyasint,omitempty"`
	Solved   int64 `cbor:"5,keyasint,omitempty"`
	Reopened int64 `cbor:"6,keyasint,omitempty"`
	Replies  int64 `cbor:"7,keyasint,omitempty"` // agents' public ones
	// FirstResponse and Resolution are how long it took, in steps of less than a tenth.
	FirstResponse Times `cbor:"8,keyasint,omitempty"`
	Resolution    Times `cbor:"9,keyasint,omitempty"`
	// Stars are the ratings, those with one star first.
	Stars [MaxStars]int64 `cbor:"10,keyasint,omitempty"`
	// MissedFirst and MissedResolution are the targets that were missed.
	MissedFirst      int64 `cbor:"11,keyasint,omitempty"`
	MissedResolution int64 `cbor:"12,keyasint,omitempty"`
}

const (
	measureAll      = ""
	measureAgent    = "agent"
	measureCategory = "category"
)

// backlog is how many tickets that were opened on one day, UTC, are not done.
type backlog struct {
	Date string `cbor:"1,keyasint"`
	Open int64  `cbor:"2,keyasint"`
}

var (
	measureTable = storage.NewTable(storage.Declaration[measure]{
		ID: 175, Name: "ticket measures", Key: func(m *measure) storage.Key { return measureKey(m.Kind, m.Date).Str(m.ID) },
	})
	backlogTable = storage.NewTable(storage.Declaration[backlog]{
		ID: 176, Name: "ticket backlog", Key: func(b *backlog) storage.Key { return storage.Key(nil).Str(b.Date) },
	})
)

func measureKey(kind, date string) storage.Key { return storage.Key(nil).Str(kind).Str(date) }

// Times counts durations by their length: a key is a step, its value how many were of it.
type Times map[uint8]int64

// perDouble is how many steps there are from a duration to twice of it.
const perDouble = 8

// count counts a duration.
func (h Times) count(d time.Duration) Times {
	if h == nil {
		h = Times{}
	}
	step := math.Floor(math.Log2(max(d.Seconds(), 1)) * perDouble)
	h[uint8(min(step, math.MaxUint8))]++
	return h
}

// Count is how many durations there are.
func (h Times) Count() (n int64) {
	for _, c := range h {
		n += c
	}
	return n
}

// Quantile is the duration that a share of all is not longer than, to within a twentieth; false: there is none at all.
func (h Times) Quantile(share float64) (time.Duration, bool) {
	left := int64(math.Ceil(share * float64(h.Count())))
	if left == 0 {
		return 0, false
	}
	for step := range math.MaxUint8 + 1 {
		if left -= h[uint8(step)]; left <= 0 {
			seconds := math.Exp2((float64(step) + 0.5) / perDouble)
			return time.Duration(seconds * float64(time.Second)).Round(time.Second), true
		}
	}
	return 0, false
}

// Ratings is how many ratings there are.
func (f *Figures) Ratings() (n int64) {
	for _, c := range f.Stars {
		n += c
	}
	return n
}

// Satisfaction is the share of ratings with four or five stars; false: there are none.
func (f *Figures) Satisfaction() (float64, bool) {
	n := f.Ratings()
	if n == 0 {
		return 0, false
	}
	return float64(f.Stars[3]+f.Stars[4]) / float64(n), true
}

// Plus adds other figures.
func (f *Figures) Plus(o *Figures) {
	f.Created += o.Created
	f.Solved += o.Solved
	f.Reopened += o.Reopened
	f.Replies += o.Replies
	f.MissedFirst += o.MissedFirst
	f.MissedResolution += o.MissedResolution
	for i := range f.Stars {
		f.Stars[i] += o.Stars[i]
	}
	f.FirstResponse = f.FirstResponse.plus(o.FirstResponse)
	f.Resolution = f.Resolution.plus(o.Resolution)
}

func (h Times) plus(o Times) Times {
	if h == nil && len(o) > 0 {
		h = make(Times, len(o))
	}
	for step, n := range o {
		h[step] += n
	}
	return h
}

// measurement is what one thing that happened counts, and where.
type measurement struct {
	tx   *storage.Tx
	zone *time.Location
	h    *Happening
	errs error
}

// measured counts what happened.
func (d *Desk) measured(tx *storage.Tx, tn *tenant.Tenant, h *Happening) error {
	if h.After == nil {
		return nil
	}
	m := &measurement{tx: tx, zone: d.plans.location(tn), h: h}
	m.flow()
	m.replies()
	m.rating()
	m.open()
	return m.errs
}

// finished says whether a ticket is done; nil is not.
func finished(t *Ticket) bool { return t != nil && t.Status.done() }

// flow counts what was opened, answered, solved, opened again and missed.
func (m *measurement) flow() {
	old, t := m.h.Before, m.h.After
	if m.h.Event.Type == TicketCreated {
		m.count(t.CreatedAt, "", func(f *Figures) { f.Created++ })
	}
	if old == nil {
		old = &Ticket{CreatedAt: t.CreatedAt}
	}
	if old.FirstResponseAt.IsZero() && !t.FirstResponseAt.IsZero() {
		m.count(t.FirstResponseAt, m.actor(), func(f *Figures) { f.FirstResponse = f.FirstResponse.count(t.FirstResponseAt.Sub(t.CreatedAt)) })
	}
	switch {
	case finished(t) && !finished(old):
		m.count(t.ResolvedAt, cmp.Or(t.assignee(), m.actor()), func(f *Figures) {
			f.Solved++
			f.Resolution = f.Resolution.count(t.ResolvedAt.Sub(t.CreatedAt))
		})
	case finished(old) && !finished(t):
		m.count(t.UpdatedAt, t.assignee(), func(f *Figures) { f.Reopened++ })
	}
	for _, target := range t.Breached[min(len(old.Breached), len(t.Breached)):] {
		m.count(t.UpdatedAt, t.assignee(), func(f *Figures) {
			if target == TargetFirstResponse {
				f.MissedFirst++
			} else {
				f.MissedResolution++
			}
		})
	}
}

func (m *measurement) replies() {
	if c := m.h.Comment; c != nil && c.Visibility == Public && m.actor() != "" {
		m.count(c.CreatedAt, m.actor(), func(f *Figures) { f.Replies++ })
	}
}

// rating counts what the requester said, on the day of their first word about this solution.
func (m *measurement) rating() {
	old, t := m.h.Before, m.h.After
	if m.h.Event.Type != TicketRated || t.Rating == nil {
		return
	}
	m.count(t.Rating.First, t.assignee(), func(f *Figures) {
		if old.Rating != nil && old.Rating.First.Equal(t.Rating.First) && f.Stars[old.Rating.Stars-1] > 0 {
			f.Stars[old.Rating.Stars-1]--
		}
		f.Stars[t.Rating.Stars-1]++
	})
}

// open counts the tickets that are not done by the day on which they were opened.
func (m *measurement) open() {
	pending := func(t *Ticket) bool { return t != nil && t.shelf() == inLists && !t.Status.done() }
	was, is := pending(m.h.Before), pending(m.h.After)
	if was == is || m.errs != nil {
		return
	}
	date := m.h.After.CreatedAt.UTC().Format(time.DateOnly)
	b, err := backlogTable.Get(m.tx, storage.Key(nil).Str(date))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		m.errs = err
		return
	}
	if b.Date = date; is {
		b.Open++
	} else {
		b.Open--
	}
	if b.Open <= 0 {
		m.errs = backlogTable.Delete(m.tx, storage.Key(nil).Str(date))
		return
	}
	m.errs = backlogTable.Put(m.tx, &b)
}

// actor is the agent who did it, if it was one. Who imports a ticket is not who answered it.
func (m *measurement) actor() string {
	if a := m.h.Event.Actor; m.h.Action != importedAction && (a.Role == "agent" || a.Role == "admin") {
		return a.ID
	}
	return ""
}

// count changes the figures of a day: the tenant's, the ticket's category's, and an agent's if there is one.
func (m *measurement) count(at time.Time, agent string, change func(*Figures)) {
	date := at.In(m.zone).Format(time.DateOnly)
	m.put(measure{Kind: measureAll, Date: date}, change)
	if id := m.h.After.CategoryID; id != "" {
		m.put(measure{Kind: measureCategory, Date: date, ID: id}, change)
	}
	if agent != "" {
		m.put(measure{Kind: measureAgent, Date: date, ID: agent}, change)
	}
}

func (m *measurement) put(of measure, change func(*Figures)) {
	if m.errs != nil {
		return
	}
	row, err := measureTable.Get(m.tx, measureKey(of.Kind, of.Date).Str(of.ID))
	if errors.Is(err, storage.ErrNotFound) {
		row, err = of, nil
	}
	if err != nil {
		m.errs = err
		return
	}
	change(&row.Figures)
	m.errs = measureTable.Put(m.tx, &row)
}
