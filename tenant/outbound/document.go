package outbound

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Document is what came back.
type Document struct {
	Body   []byte
	Header http.Header
}

// Fresh is how long the document may be taken for what it was: as its server says, within bounds, or a standard time.
func (d Document) Fresh(least, standard, most time.Duration) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(d.Header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return least
		case "max-age":
			if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				return min(max(time.Duration(seconds)*time.Second, least), most)
			}
		}
	}
	return standard
}
