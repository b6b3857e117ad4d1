package domain

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	firstPause   = time.Minute
	longestPause = 4 * time.Hour
	eagerFor     = 7 * 24 * time.Hour // how long the pauses grow; then a check a day
	daily        = 24 * time.Hour
	jitter       = time.Hour // daily checks spread over so much

	checkTime  = 15 * time.Second // all questions of one check
	forbidTime = 5 * time.Second  // the questions before an order
	checkAhead = time.Hour        // before a renewal, DNS is looked at again

	quarantine = 30 * 24 * time.Hour // how long a removed domain is kept for its tenant
	usualGrace = 72 * time.Hour      // how long a drifted domain is still served
)

// pause is the time to wait after n checks without success: 60·1.05ⁿ s ten times, then 60·1.15ⁿ s up to four hours.
func pause(n int) time.Duration {
	growth := 1.15
	if n < 10 {
		growth = 1.05
	}
	d := float64(firstPause) * math.Pow(growth, float64(n))
	return time.Duration(min(d, float64(longestPause))).Round(time.Second)
}

// nextCheck is when a domain is to be looked at again.
func nextCheck(d *Domain, now time.Time) time.Time {
	if d.Tries > 0 && now.Sub(d.LookingSince) < eagerFor {
		return now.Add(pause(d.Tries - 1))
	}
	return now.Add(daily - jitter/2 + rand.N(jitter)) //nolint:gosec // chance only spreads the load
}
