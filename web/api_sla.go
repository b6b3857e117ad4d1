package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/hours"
)

// policyDocument is the tenant's promises and business hours in the API.
type policyDocument struct {
	Enabled  bool                     `json:"enabled"`
	Targets  map[string]goalDocument  `json:"targets"`
	Hours    map[string]*spanDocument `json:"hours"`
	Holidays []string                 `json:"holidays"`
	TimeZone string                   `json:"time_zone,omitzero"`
	Version  uint64                   `json:"version,omitzero"`
}

// goalDocument is what is promised for a priority, in minutes; null is nothing.
type goalDocument struct {
	FirstResponse *int `json:"first_response_minutes"`
	Resolution    *int `json:"resolution_minutes"`
}

// spanDocument is when a day opens and closes, such as 09:00 and 17:00.
type spanDocument struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// weekdays are the days as the API names them, in the order of a calendar's rows.
var weekdays = []time.Weekday{
	time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday,
}

func dayName(d time.Weekday) string { return strings.ToLower(d.String()) }

// clock is minutes after midnight as people write them.
func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// parseClock reads what clock writes; 24:00 is the end of the day.
func parseClock(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	hour, err1 := strconv.Atoi(h)
	minute, err2 := strconv.Atoi(m)
	all := hour*60 + minute
	return all, ok && err1 == nil && err2 == nil && len(h) <= 2 && len(m) == 2 && hour >= 0 && minute >= 0 && minute < 60 && all <= hours.Minutes
}

func documentOfPolicy(p *tickets.Policy, zone string) policyDocument {
	d := policyDocument{
		Enabled: p.On, Targets: map[string]goalDocument{}, Hours: map[string]*spanDocument{}, Holidays: p.Holidays, TimeZone: zone, Version: p.Version,
	}
	for i, priority := range tickets.Priorities() {
		d.Targets[string(priority)] = goalDocument{minutesOrNull(p.Goals[i].FirstResponse), minutesOrNull(p.Goals[i].Resolution)}
	}
	for _, day := range weekdays {
		d.Hours[dayName(day)] = nil
		if h := p.Week[day]; h.From < h.To {
			d.Hours[dayName(day)] = &spanDocument{clock(h.From), clock(h.To)}
		}
	}
	return d
}

func minutesOrNull(d time.Duration) *int {
	if d == 0 {
		return nil
	}
	n := int(d / time.Minute)
	return &n
}

func (s *Server) showPolicy(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	p, err := s.desk.Policy(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	return encodePolicy(w, c.tenant, &p)
}

func encodePolicy(w http.ResponseWriter, tn *tenant.Tenant, p *tickets.Policy) error {
	w.Header().Set("ETag", etag(p.Version))
	return encode(w, http.StatusOK, documentOfPolicy(p, tn.Settings.TimeZone))
}

func (s *Server) changePolicy(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in policyDocument
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	p, err := in.policy()
	if err != nil {
		return err
	}
	seen, err := onlyVersion(r)
	if err != nil {
		return err
	}
	if seen != 0 && in.Version != 0 && seen != in.Version {
		return tickets.ErrVersionConflict
	}
	if p, err = s.desk.SetPolicy(r.Context(), c.tenant, c.actor(), p, max(seen, in.Version)); err != nil {
		return err
	}
	return encodePolicy(w, c.tenant, &p)
}

// policy is what the document says. A day or a priority that is absent is closed, or has no target.
func (d *policyDocument) policy() (tickets.Policy, error) {
	p := tickets.Policy{On: d.Enabled, Holidays: d.Holidays, Goals: make([]tickets.Goal, len(tickets.Priorities()))}
	wrong := fieldErrors{}
	for i, priority := range tickets.Priorities() {
		g := d.Targets[string(priority)]
		delete(d.Targets, string(priority))
		p.Goals[i] = tickets.Goal{FirstResponse: minutesOf(g.FirstResponse), Resolution: minutesOf(g.Resolution)}
	}
	for _, day := range weekdays {
		span := d.Hours[dayName(day)]
		delete(d.Hours, dayName(day))
		if span == nil {
			continue
		}
		from, ok1 := parseClock(span.From)
		to, ok2 := parseClock(span.To)
		if p.Week[day] = (hours.Day{From: from, To: to}); !ok1 || !ok2 {
			wrong["hours"] = []string{"The hours field must have times such as 09:00 and 17:30."}
		}
	}
	if len(d.Targets) > 0 {
		wrong["targets"] = []string{"The targets field must have priorities only."}
	}
	if len(d.Hours) > 0 {
		wrong["hours"] = []string{"The hours field must have the days of the week only."}
	}
	if len(wrong) > 0 {
		return p, invalid(wrong)
	}
	return p, nil
}

func minutesOf(n *int) time.Duration {
	if n == nil {
		return 0
	}
	const most = 1_000_000 // what is more is too much in any case, and must not overflow
	return time.Duration(min(max(*n, -1), most)) * time.Minute
}
