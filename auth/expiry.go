package auth

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseExpiry reads a time to live as people write it: "720h", "30d", or the date "2027-01-31" or a whole RFC 3339 time.
// Empty is never. A FieldErrors: it is none of these, or is over already.
func ParseExpiry(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, ok := expiry(s)
	if !ok {
		return at, oneField("expires", fmt.Sprintf("%q is no time to live: write 720h, 30d or a date like 2027-01-31.", s))
	}
	if !at.After(time.Now()) {
		return at, oneField("expires", fmt.Sprintf("%q is over already.", s))
	}
	return at, nil
}

func expiry(s string) (time.Time, bool) {
	if days, found := strings.CutSuffix(s, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		return now().AddDate(0, 0, int(n)), err == nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now().Add(d), true
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
