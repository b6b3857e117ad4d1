package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// duration reads "720h", "90m" or "30d".
func duration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err == nil && n > 0 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a time like 720h or 30d", s)
	}
	return d, nil
}
