// Package hours counts business time: the hours of the week in which somebody is there, in a time zone, without holidays.
//
// It is arithmetic alone. Opening and closing are times on the wall: a day on which the clocks change has the hours between
// them as they really pass, so that an open night may have one more or less.
package hours

import (
	"time"
)

// Day is when a day opens and closes, in minutes after midnight on the wall; 24 × 60 is the end of the day. A day with equal
// times is closed.
type Day struct {
	From int `cbor:"1,keyasint,omitempty"`
	To   int `cbor:"2,keyasint,omitempty"`
}

// Minutes is how many minutes of that wall a day has.
const Minutes = 24 * 60

// Week is the hours of every week, by time.Weekday: Sunday is the first.
type Week [7]Day

// Always is the week that never closes.
func Always() (w Week) {
	for i := range w {
		w[i] = Day{0, Minutes}
	}
	return w
}

// Office is Monday to Friday from 9 to 17.
func Office() (w Week) {
	for i := time.Monday; i <= time.Friday; i++ {
		w[i] = Day{9 * 60, 17 * 60}
	}
	return w
}

// Closed says whether the week never opens.
func (w Week) Closed() bool {
	for _, d := range w {
		if d.From < d.To {
			return false
		}
	}
	return true
}

// maxDays is how far Add looks ahead.
const maxDays = 4000

// Calendar is a week in a time zone, without holidays. It never changes.
type Calendar struct {
	week     Week
	zone     *time.Location
	holidays map[string]bool
}

// NewCalendar returns the calendar of a week. Holidays are days such as 2026-12-25, or 12-25 for that of every year.
func NewCalendar(w Week, zone *time.Location, holidays []string) *Calendar {
	c := &Calendar{week: w, zone: zone, holidays: make(map[string]bool, len(holidays))}
	for _, h := range holidays {
		c.holidays[h] = true
	}
	return c
}

// Holiday says whether a text is a holiday as NewCalendar takes it.
func Holiday(s string) bool {
	_, day := time.Parse(time.DateOnly, s)
	_, yearly := time.Parse(time.DateOnly, "2024-"+s) // a leap year, for 02-29
	return day == nil || yearly == nil
}

// Open says whether somebody is there at t.
func (c *Calendar) Open(t time.Time) bool {
	for from, to := range c.spans(t) {
		if from.After(t) {
			return false
		}
		if to.After(t) {
			return true
		}
	}
	return false
}

// Between is the business time from a to b, 0 if b is not after a.
func (c *Calendar) Between(a, b time.Time) time.Duration {
	var sum time.Duration
	for from, to := range c.spans(a) {
		if !from.Before(b) {
			break
		}
		if to.After(b) {
			to = b
		}
		sum += to.Sub(from)
	}
	return sum
}

// Add is when d of business time have passed after t; none or less is t itself. It is false if that is more than some ten
// years ahead, or never.
func (c *Calendar) Add(t time.Time, d time.Duration) (time.Time, bool) {
	if d <= 0 {
		return t, true
	}
	for from, to := range c.spans(t) {
		if open := to.Sub(from); open < d {
			d -= open
			continue
		}
		return from.Add(d), true
	}
	return time.Time{}, false
}

// spans yields the times from t on in which the calendar is open, in order, and ends after maxDays.
func (c *Calendar) spans(t time.Time) func(func(from, to time.Time) bool) {
	return func(yield func(from, to time.Time) bool) {
		y, m, d := t.In(c.zone).Date()
		for i := -1; i < maxDays; i++ { // a day that a zone left out may reach into the next one
			from, to := c.day(y, m, d+i)
			if from.Before(t) {
				from = t
			}
			if !from.Before(to) {
				continue
			}
			if !yield(from, to) {
				return
			}
			t = to
		}
	}
}

// day is when a day opens and closes; both are the same on a day that does not open.
func (c *Calendar) day(y int, m time.Month, d int) (from, to time.Time) {
	noon := time.Date(y, m, d, 12, 0, 0, 0, time.UTC) // which weekday a date has is the same everywhere
	h := c.week[noon.Weekday()]
	if h.From >= h.To || len(c.holidays) > 0 && (c.holidays[noon.Format(time.DateOnly)] || c.holidays[noon.Format("01-02")]) {
		return noon, noon
	}
	return time.Date(y, m, d, 0, h.From, 0, 0, c.zone), time.Date(y, m, d, 0, h.To, 0, 0, c.zone)
}
