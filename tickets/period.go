package tickets

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Period bounds a time from both sides. What is zero bounds nothing.
type Period struct {
	After, Before time.Time     // later than After, earlier than Before
	Since, Until  []Day         // not before any of Since begins, and before each of Until does
	Under, Over   time.Duration // less and more than so long ago, whenever the list is asked for
}

// Day is a day of the tenant's calendar, wherever that is kept: a date like 2026-01-31, or Yesterday or Today, which
// are those of the moment when the list is asked for.
type Day string

// The days that have names.
const (
	Yesterday Day = "yesterday"
	Today     Day = "today"
)

// start is when the day begins.
func (d Day) start(now time.Time, zone *time.Location) time.Time {
	date, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		date = now.In(zone).AddDate(0, 0, map[Day]int{Yesterday: -1}[d])
	}
	return time.Date(date.Year(), date.Month(), date.Day(), 0, 0, 0, 0, zone)
}

// some says whether the period, as at a moment, leaves anything out.
func (w Period) some() bool { return !w.After.IsZero() || !w.Before.IsZero() }

// And is what both allow.
func (w Period) And(o Period) Period {
	if o.After.After(w.After) {
		w.After = o.After
	}
	if w.Before.IsZero() || !o.Before.IsZero() && o.Before.Before(w.Before) {
		w.Before = o.Before
	}
	w.Since, w.Until = distinct(slices.Concat(w.Since, o.Since)), distinct(slices.Concat(w.Until, o.Until))
	if w.Under == 0 || o.Under != 0 && o.Under < w.Under {
		w.Under = o.Under
	}
	w.Over = max(w.Over, o.Over)
	return w
}

// at is the period as it is at a certain moment, in times only.
func (w Period) at(now time.Time, zone *time.Location) Period {
	is := Period{After: w.After, Before: w.Before}
	for _, day := range w.Since {
		is = is.And(Period{After: day.start(now, zone).Add(-tick)})
	}
	for _, day := range w.Until {
		is = is.And(Period{Before: day.start(now, zone)})
	}
	if w.Under != 0 {
		is = is.And(Period{After: now.Add(-w.Under)})
	}
	if w.Over != 0 {
		is = is.And(Period{Before: now.Add(-w.Over)})
	}
	return is
}

// has says whether a time is within a period that has times only.
func (w Period) has(t time.Time) bool {
	return (w.After.IsZero() || t.After(w.After)) && (w.Before.IsZero() || t.Before(w.Before))
}

// tick is the smallest step of the times that tickets have.
const tick = time.Millisecond

// edge is where a period begins or ends: at a day, or at a moment. The zero edge is the end of today: nothing is behind it.
type edge struct {
	day Day
	at  time.Time
}

// onward is all from there on, before all until there.
func (e edge) onward() Period {
	if e.day != "" {
		return Period{Since: []Day{e.day}}
	}
	return Period{After: e.at.Add(-tick)}
}

func (e edge) before() Period {
	if e.day != "" {
		return Period{Until: []Day{e.day}}
	}
	return Period{Before: e.at}
}

func parsePeriod(s string) (Period, bool) {
	if from, to, ok := strings.Cut(s, ".."); ok {
		start, _, okA := parseSpan(from)
		_, end, okB := parseSpan(to)
		return start.onward().And(end.before()), okA && okB
	}
	op := s[:len(s)-len(strings.TrimLeft(s, "<>="))]
	rest := s[len(op):]
	if age, ok := parseAge(rest); ok {
		switch op {
		case "", "<", "<=":
			return Period{Under: age}, true
		case ">", ">=":
			return Period{Over: age}, true
		}
		return Period{}, false
	}
	start, end, ok := parseSpan(rest)
	if !ok {
		return Period{}, false
	}
	switch op {
	case "", "=":
		return start.onward().And(end.before()), true
	case ">":
		return end.onward(), end != edge{}
	case ">=":
		return start.onward(), true
	case "<":
		return start.before(), true
	case "<=":
		return end.before(), true
	}
	return Period{}, false
}

// parseSpan reads a year, a month, a day or a moment: when it begins, and when it is over.
func parseSpan(s string) (start, end edge, ok bool) {
	switch day := Day(strings.ToLower(s)); day {
	case Yesterday:
		return edge{day: day}, edge{day: Today}, true
	case Today:
		return edge{day: day}, edge{}, true
	}
	for _, form := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {time.DateOnly, 0, 0, 1}} {
		if t, err := time.Parse(form.layout, s); err == nil {
			next := t.AddDate(form.years, form.months, form.days)
			return edge{day: dateOf(t)}, edge{day: dateOf(next)}, 0 < t.Year() && next.Year() < maxYear
		}
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(s))
	t = t.UTC().Truncate(tick)
	return edge{at: t}, edge{at: t.Add(tick)}, err == nil && 0 < t.Year() && t.Year() < maxYear-1
}

// maxYear is the first year that has more than four digits.
const maxYear = 10_000

func dateOf(t time.Time) Day { return Day(t.Format(time.DateOnly)) }

// units are what an age is counted in, the longest first.
var units = []struct {
	name string
	long time.Duration
}{
	{"y", 365 * 24 * time.Hour}, {"m", 30 * 24 * time.Hour}, {"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour},
}

// parseAge reads an age of at most a hundred years.
func parseAge(s string) (time.Duration, bool) {
	const longest = 100 * 365 * 24 * time.Hour
	for _, u := range units {
		digits, ok := strings.CutSuffix(strings.ToLower(s), u.name)
		if !ok || digits == "" || digits[0] == '+' {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n <= 0 || n > int64(longest/u.long) {
			return 0, false
		}
		return time.Duration(n) * u.long, true
	}
	return 0, false
}
