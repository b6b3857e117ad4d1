package web

import (
	"crypto/sha256"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// parameters reads the query of an API request. What nobody asked for is not known: see err.
type parameters struct {
	values  url.Values
	known   []string
	problem *answerError
}

// queryOf are the parameters of a request. A query that can't be read in full is refused as a whole: half of it would ask
// for something else, as a list without its filter does.
func queryOf(r *http.Request) parameters {
	values, err := url.ParseQuery(r.URL.RawQuery)
	p := parameters{values: values}
	if text, decodes := url.QueryUnescape(r.URL.RawQuery); err != nil || decodes != nil || !utf8.ValidString(text) {
		p.problem = malformed("The query can't be read.")
	}
	return p
}

func (p *parameters) text(name string) string {
	p.known = append(p.known, name)
	all := p.values[name]
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0]
	}
	p.reject(name, "is there more than once.")
	return ""
}

// words is a list whose items are separated by commas.
func (p *parameters) words(name string) []string {
	text := p.text(name)
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func (p *parameters) flag(name string) bool {
	text := p.text(name)
	if text == "" {
		return false
	}
	set, err := strconv.ParseBool(text)
	if err != nil {
		p.reject(name, "must be true or false.")
	}
	return set
}

// since is a time, or the beginning of a day in a zone.
func (p *parameters) since(name string, zone *time.Location) time.Time {
	if t, err := time.ParseInLocation(time.DateOnly, p.text(name), zone); err == nil {
		return t
	}
	return p.time(name)
}

func (p *parameters) time(name string) time.Time {
	text := p.text(name)
	if text == "" {
		return time.Time{}
	}
	// A plus that was not escaped, as in +02:00, has become a space.
	t, err := time.Parse(time.RFC3339, strings.ReplaceAll(text, " ", "+"))
	if err != nil {
		p.reject(name, "must be a time like 2026-11-20T10:30:00Z or a day like 2026-11-20.")
	}
	return t
}

// date is a day, as midnight UTC.
func (p *parameters) date(name string) time.Time {
	text := p.text(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		p.reject(name, "must be a day like 2026-11-20.")
	}
	return t
}

// mostListed is how long a page of a list may be.
const mostListed = 100

// limit is the length of a page. More than there may be is as much as there may be.
func (p *parameters) limit() int {
	text := p.text("limit")
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		p.reject("limit", "must be a number from 1 to 100.")
	}
	return min(n, mostListed)
}

func (p *parameters) reject(name, reason string) {
	if p.problem == nil {
		p.problem = malformed("The " + name + " parameter " + reason)
	}
}

// err is what was wrong with the parameters, those included that nobody has asked for.
func (p *parameters) err() error {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !slices.Contains(p.known, name) {
			p.reject(name, "is not known.")
		}
	}
	if p.problem == nil {
		return nil
	}
	return p.problem
}

// linkNext points to the next page of a list.
func linkNext(w http.ResponseWriter, r *http.Request, cursor string) {
	if cursor == "" {
		return
	}
	query := r.URL.Query()
	query.Set("cursor", cursor)
	next := tenant.VisitFrom(r.Context()).Origin() + r.URL.EscapedPath() + "?" + query.Encode()
	w.Header().Set("Link", "<"+next+`>; rel="next"`)
}

// idempotency is what the request says about being sent more than once; nil if it says nothing.
func idempotency(r *http.Request, body []byte) (*tickets.Idempotency, error) {
	key, err := idempotencyKey(r)
	if key == "" || err != nil {
		return nil, err
	}
	return &tickets.Idempotency{Key: key, Hash: sha256.Sum256(body)}, nil
}

// idempotencyKey is the key that the request has, or empty.
func idempotencyKey(r *http.Request) (string, error) {
	const longest = 255
	key := r.Header.Get("Idempotency-Key")
	for _, other := range r.Header.Values("Idempotency-Key") {
		if other != key {
			return "", malformed("There is more than one Idempotency-Key.")
		}
	}
	if len(key) > longest {
		return "", malformed("The Idempotency-Key has more than 255 characters.")
	}
	return key, nil
}

// replayed tells that an answer has been given before.
func replayed(w http.ResponseWriter, again bool) {
	if again {
		w.Header().Set("Idempotency-Replayed", "true")
	}
}

// ifMatch is the version that a change is meant for, 0 for whichever.
func (s *Server) ifMatch(r *http.Request, ref tickets.Ref) (uint64, error) {
	header := r.Header.Get("If-Match")
	if header == "" {
		return 0, nil
	}
	if version, ok := versionOf(header); ok {
		return version, nil
	}
	if strings.TrimSpace(header) == "*" {
		return 0, nil
	}
	// Several tags: then the present version has to be among them.
	c := callerOf(r)
	t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return 0, err
	}
	if !tagged(header, t.Version) {
		return 0, tickets.ErrVersionConflict
	}
	return t.Version, nil
}

// versionOf reads a single entity tag. One that went through a compressing proxy may have become a weak one.
func versionOf(header string) (uint64, bool) {
	text, quoted := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(header), "W/"), `"`)
	text, closed := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseUint(text, 10, 64)
	return version, quoted && closed && err == nil && version > 0
}
