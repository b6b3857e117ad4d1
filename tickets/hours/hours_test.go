package hours_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tickets/hours"
)

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

func TestOfficeHours(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	c := hours.NewCalendar(hours.Office(), berlin, []string{"2026-11-25", "12-25"})
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tc := range []struct {
		from string
		add  time.Duration
		want string
	}{
		{"2026-11-20 10:00", 2 * time.Hour, "2026-11-20 12:00"},
		{"2026-11-20 16:00", 2 * time.Hour, "2026-11-23 10:00"},  // Friday to Monday
		{"2026-11-21 12:00", time.Hour, "2026-11-23 10:00"},      // a Saturday
		{"2026-11-24 16:30", time.Hour, "2026-11-26 09:30"},      // over a holiday
		{"2026-12-24 16:00", 9 * time.Hour, "2026-12-28 17:00"},  // over a yearly one and a weekend
		{"2026-11-20 08:00", 8 * time.Hour, "2026-11-20 17:00"},  // to the very end
		{"2026-11-20 17:00", time.Minute, "2026-11-23 09:01"},    // from the very end
		{"2026-11-20 10:00", 40 * time.Hour, "2026-11-30 10:00"}, // a week of four days
		{"2026-11-21 03:00", 0, "2026-11-21 03:00"},
		{"2026-11-21 03:00", -time.Hour, "2026-11-21 03:00"},
	} {
		got, ok := c.Add(at(tc.from), tc.add)
		if !ok || !got.Equal(at(tc.want)) {
			t.Errorf("Add(%s, %s) = %s, want %s", tc.from, tc.add, got.In(berlin).Format("2006-01-02 15:04"), tc.want)
		}
	}
	for when, want := range map[string]bool{
		"2026-11-20 09:00": true, "2026-11-20 08:59": false, "2026-11-20 16:59": true, "2026-11-20 17:00": false,
		"2026-11-21 12:00": false, "2026-11-25 12:00": false, "2027-12-25 12:00": false,
	} {
		if got := c.Open(at(when)); got != want {
			t.Errorf("Open(%s) = %t, want %t", when, got, want)
		}
	}
	if got := c.Between(at("2026-11-20 16:00"), at("2026-11-23 10:00")); got != 2*time.Hour {
		t.Errorf("Between over the weekend = %s, want 2h", got)
	}
	if got := c.Between(at("2026-11-23 10:00"), at("2026-11-20 16:00")); got != 0 {
		t.Errorf("Between backwards = %s, want 0", got)
	}
}

// A night on which the clocks change has the hours that really pass.
func TestClockChange(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	c := hours.NewCalendar(hours.Always(), berlin, nil)
	for _, tc := range []struct {
		day  time.Time
		want time.Duration
	}{
		{time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), 23 * time.Hour},
		{time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), 25 * time.Hour},
		{time.Date(2026, 11, 20, 0, 0, 0, 0, berlin), 24 * time.Hour},
	} {
		if got := c.Between(tc.day, tc.day.AddDate(0, 0, 1)); got != tc.want {
			t.Errorf("%s has %s, want %s", tc.day.Format(time.DateOnly), got, tc.want)
		}
	}
	// Opening at 2:30, which that morning never was, is opening when the clocks have jumped.
	night := hours.Week{time.Sunday: {From: 150, To: 300}}
	got := hours.NewCalendar(night, berlin, nil).Between(time.Date(2026, 3, 28, 12, 0, 0, 0, berlin), time.Date(2026, 3, 29, 12, 0, 0, 0, berlin))
	if got < time.Hour || got > 150*time.Minute {
		t.Errorf("that night was open for %s", got)
	}
}

func TestNeverOpen(t *testing.T) {
	c := hours.NewCalendar(hours.Week{}, time.UTC, nil)
	if at, ok := c.Add(time.Unix(0, 0), time.Minute); ok {
		t.Errorf("a week that never opens: %s", at)
	}
	if !(hours.Week{}).Closed() || hours.Office().Closed() {
		t.Error("Closed is wrong")
	}
}

func TestHoliday(t *testing.T) {
	for s, want := range map[string]bool{
		"2026-12-25": true, "12-25": true, "02-29": true, "2026-02-29": false, "13-01": false, "": false, "25.12.": false, "2026-1-1": false,
	} {
		if got := hours.Holiday(s); got != want {
			t.Errorf("Holiday(%q) = %t, want %t", s, got, want)
		}
	}
}

// What Add adds, Between finds, and Between is the sum of its parts, whatever the week, the zone and the clocks do.
func TestAddAndBetweenAgree(t *testing.T) {
	zones := []*time.Location{
		time.UTC, zone(t, "Europe/Berlin"), zone(t, "America/New_York"), zone(t, "Australia/Lord_Howe"), // half an hour
		zone(t, "Pacific/Apia"),   // left out 2011-12-30
		zone(t, "Asia/Kathmandu"), // 5:45
		zone(t, "America/Sao_Paulo"), zone(t, "Africa/Casablanca"),
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		var w hours.Week
		for d := range w {
			if r.IntN(3) > 0 {
				from := r.IntN(hours.Minutes)
				w[d] = hours.Day{From: from, To: from + r.IntN(hours.Minutes-from) + 1}
			}
		}
		z := zones[r.IntN(len(zones))]
		var holidays []string
		start := time.Date(2011+r.IntN(20), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 0, z)
		if r.IntN(2) == 0 {
			holidays = append(holidays, start.AddDate(0, 0, r.IntN(5)).Format(time.DateOnly), "12-25")
		}
		c := hours.NewCalendar(w, z, holidays)
		d := time.Duration(r.Int64N(int64(100 * time.Hour)))
		end, ok := c.Add(start, d)
		if !ok {
			var week time.Duration
			for _, day := range w {
				week += time.Duration(day.To-day.From) * time.Minute
			}
			if d < 500*week {
				t.Fatalf("Add(%s, %s) of %v finds no end", start, d, w)
			}
			continue
		}
		if got := c.Between(start, end); got != d {
			t.Fatalf("%v in %s without %v: Between(%s, Add(…, %s) = %s) = %s", w, z, holidays, start, d, end, got)
		}
		middle := start.Add(time.Duration(r.Int64N(int64(end.Sub(start)) + 1)))
		if got := c.Between(start, middle) + c.Between(middle, end); got != d {
			t.Fatalf("%v in %s: the parts of %s at %s are %s", w, z, d, middle, got)
		}
		if d > 0 && !c.Open(end.Add(-1)) {
			t.Fatalf("%v in %s: closed just before %s", w, z, end)
		}
	}
}

// The farthest answer costs no more than a look at each day.
func BenchmarkAddFar(b *testing.B) {
	w := hours.Week{time.Monday: {From: 0, To: 1}}
	c := hours.NewCalendar(w, zone(b, "Europe/Berlin"), []string{"12-25"})
	for b.Loop() {
		c.Add(time.Unix(1_700_000_000, 0), 1000*time.Hour)
	}
}
