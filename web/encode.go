package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/deskgate/deskgate/tenant"
)

// encode answers with v as JSON.
func encode(w http.ResponseWriter, status int, v any) error {
	// It is made in a buffer that is used again and again, and copied once.
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return send(w, status, append(body, '\n'))
}

// send writes a finished answer. A client that has gone away is not our error.
func send(w http.ResponseWriter, status int, body []byte) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // whoever calls has encoded it
	return nil
}

// locate says where what was just made is found: below the folder that the portal is mounted at, like all of the API.
// Who came by /api/v1 stays there.
func locate(w http.ResponseWriter, r *http.Request, path string) {
	visit := tenant.VisitFrom(r.Context())
	if asked, _ := below(visit.Mount, r.URL.Path); strings.HasPrefix(asked, "/api/v1/") {
		path = "/api/v1" + strings.TrimPrefix(path, "/api")
	}
	w.Header().Set("Location", pathBelow(visit, path))
}

// moment shows a time as the API does; the zero time is null.
func moment(t time.Time) *tenant.Moment {
	if t.IsZero() {
		return nil
	}
	return new(tenant.Moment(t))
}

// etag is the entity tag of a version.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// tagged reports whether one of the entity tags in a If-Match or If-None-Match header is this version's.
func tagged(header string, version uint64) bool {
	want := etag(version)
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == want || tag == "*" {
			return true
		}
	}
	return false
}
