package web_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestFuzzRoutes sends nonsense to every operation that the document describes, as everybody there is: no answer is a 5xx, each is as
// the document says, and none has anything of the other tenant's in it. It always asks the same; with DESKGATE_FUZZ set to a
// duration it goes on for so long, with something else each time.
func TestFuzzRoutes(t *testing.T) {
	t.Parallel()
	const rounds = 14
	seed, until := uint64(1), time.Time{}
	if wish := os.Getenv("DESKGATE_FUZZ"); wish != "" {
		d, err := time.ParseDuration(wish)
		if err != nil {
			t.Fatal(err)
		}
		seed, until = rand.Uint64(), time.Now().Add(d)
		t.Logf("the seed is %d", seed)
	}
	f := newRouteFuzz(t, seed)
	for round := 0; round < rounds || time.Now().Before(until); round++ {
		for _, o := range f.contract.Operations() {
			if !f.ask(o) {
				t.Fatalf("round %d of the seed %d", round, seed)
			}
		}
	}
	t.Logf("%d requests, answers: %v", f.asked, f.answers)
	if f.answers[200]+f.answers[201]+f.answers[204] == 0 || f.answers[422] == 0 || f.answers[404] == 0 {
		t.Errorf("the requests are too dull: %v", f.answers)
	}
}

// routeFuzz makes requests that nobody would make.
type routeFuzz struct {
	*rand.Rand

	t        *testing.T
	n        *webtest.Node
	c        *webtest.Client
	contract *webtest.Contract
	// people are credentials.
	people []outsider
	// ids are the tenant's own.
	ids map[string][]string
	// pool are texts that something may be called by: ids of both tenants, numbers, cursors.
	pool    []string
	asked   int
	answers map[int]int
}

func newRouteFuzz(t *testing.T, seed uint64) *routeFuzz {
	t.Helper()
	n := webtest.Start(t, webtest.WithMail())
	acme, bolt := furnish(t, n, n.Acme, "zqxacme"), furnish(t, n, n.Bolt, "zqxbolt")
	contract, err := webtest.TheContract()
	if err != nil {
		t.Fatal(err)
	}
	f := &routeFuzz{
		Rand: rand.New(rand.NewPCG(seed, 0)), t: t, n: n, c: n.Forgetful(t), contract: contract, answers: map[int]int{}, ids: acme.ids,
		people: []outsider{
			{"nobody", "X-Nobody: 1"},
			{"a requester", headerOf(acme.owner, n.Acme.URL)},
			{"another requester", headerOf(n.SignIn(t, n.Acme, "bob@example.org", "Bob"), n.Acme.URL)},
			{"a visitor", headerOf(n.Visit(t, n.Acme, "yan@example.org", "Yan"), n.Acme.URL)},
			{"an agent", headerOf(n.Agent(t, n.Acme, "bea@acme.example", "Bea", auth.RoleAgent), n.Acme.URL)},
			{"an admin", headerOf(n.Agent(t, n.Acme, "cid@acme.example", "Cid", auth.RoleAdmin), n.Acme.URL)},
			{"nonsense", "Authorization: Bearer \xffdgt_x"},
			{"bolt's token", "Authorization: Bearer " + n.Bolt.Token},
			{"bolt's admin", headerOf(bolt.admin, n.Bolt.URL)},
		},
	}
	scopes := append(auth.AllScopes.Names(), "", "", "", "", "") // most often all of them
	for _, name := range scopes {
		wanted := auth.AllScopes
		if name != "" {
			if wanted, err = auth.ParseScopes([]string{name}); err != nil {
				t.Fatal(err)
			}
		}
		_, secret, err := n.Doors.Tokens.Create(t.Context(), n.Acme.Tenant, auth.TokenRequest{Name: "fuzz", Scopes: wanted, By: "operator"})
		if err != nil {
			t.Fatal(err)
		}
		f.people = append(f.people, outsider{"a token with " + name, "Authorization: Bearer " + secret})
	}
	for _, kind := range []string{"attachment", "category", "comment", "delivery", "domain", "member", "reply", "rule", "ticket", "user", "view", "webhook"} {
		f.pool = append(append(f.pool, acme.ids[kind]...), bolt.ids[kind]...)
	}
	for _, path := range []string{"/api/tickets?limit=1", "/api/users?limit=1", "/api/audit?limit=1", "/api/events?limit=1", "/api/tickets/1/comments?limit=1"} {
		for _, p := range []*program{acme.api, bolt.api} {
			if cursor, ok := p.call("GET", path, "").JSON(t)["next_cursor"].(string); ok {
				f.pool = append(f.pool, cursor)
			}
		}
	}
	// What is written down once would be in all later answers.
	f.pool = slices.DeleteFunc(f.pool, func(id string) bool { return strings.Contains(id, "zqxbolt") })
	f.pool = append(f.pool, "1", "1", "2", "3", "me", "none", "acme", "bolt", "zqxacme@example.com", "ann@acme.example")
	return f
}

// odd are texts that programs stumble over.
var odd = []string{
	"", " ", "0", "-1", "007", "1e309", "NaN", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1.5", "0x10", "true", "null", "[]", "{}",
	"\x00", "a\x00b", "\xff\xfe", "\xc3\x28", "\xed\xa0\x80", "\u202e\u200b\ufeff", "\u0301\u0301", "😀", "İ", "ß", "../../etc/passwd", "..", ".", "%00", "%2e%2e%2f",
	"'; DROP TABLE tickets; --", "<script>alert(1)</script>", "{{.}}", "${x}", "a\r\nSet-Cookie: x=y", "open,,pending", ",", "\"", "\\", "\"unfinished", "is:", "-", "#",
	"created:>9999-99-99", "status:-open", "2026-13-45T99:99:99Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "tkt_", "tkt_ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
	"W/\"1\"", "*", "\"18446744073709551616\"", "bytes=5-1", "bytes=-99999999999999999999", "bytes=0-0,1-1,2-2", "https://127.0.0.1:9/", "https://[::1", "ftp://x", "javascript:alert(1)",
	"-created_at", "updated_at", "100", "101", strings.Repeat("a", 300), strings.Repeat("é", 5000), strings.Repeat("(", 3000), strings.Repeat("a b ", 800),
}

func (f *routeFuzz) text() string {
	if f.IntN(3) == 0 {
		return odd[f.IntN(len(odd))]
	}
	return f.pool[f.IntN(len(f.pool))]
}

func (f *routeFuzz) chance(percent int) bool { return f.IntN(100) < percent }

// ask makes one request; false: its answer was wrong.
func (f *routeFuzz) ask(o webtest.Operation) bool {
	method, path := o.Method, o.Path
	if f.chance(4) {
		method = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY"}[f.IntN(9)]
	}
	query, headers := url.Values{}, []string{nextVisitor()}
	for _, p := range f.contract.Parameters(o) {
		name, _ := p["name"].(string)
		value, _ := p["example"].(string)
		if value == "" || f.chance(80) {
			value = f.text()
		}
		switch p["in"] {
		case "path":
			if own := f.own(o.Path); own != "" && f.chance(60) {
				value = own
			}
			if value == "" || value == "." || value == ".." {
				value = "1"
			}
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
		case "query":
			if f.chance(35) {
				query.Add(name, value)
			}
		case "header":
			if f.chance(35) {
				headers = append(headers, name+": "+headerText(value))
			}
		}
	}
	if f.chance(5) {
		query.Add(f.text(), f.text())
	}
	who := f.people[f.IntN(len(f.people))]
	if f.chance(45) {
		who = f.people[len(f.people)-1] // who may do everything
	}
	host := f.n.Acme.URL
	if strings.HasPrefix(who.name, "a token") && f.chance(30) {
		host = f.n.URL
	}
	if f.chance(10) {
		path = strings.Replace(path, "/api/", "/api/v1/", 1)
	}
	headers = append(headers, who.header, "Accept: "+[]string{"application/json", "*/*", "text/html", "image/png", "application/json;q=0"}[f.IntN(5)])
	body, kind := f.body(o)
	if kind != "" {
		headers = append(headers, "Content-Type: "+kind)
	}
	address := host + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	got := f.c.Do(method, address, body, headers...)
	f.asked++
	f.answers[got.Status]++
	switch everything := strings.ToLower(got.Body + fmt.Sprint(got.Header)); {
	case got.Status >= http.StatusInternalServerError && (got.Status != http.StatusServiceUnavailable || got.Code() != "UNAVAILABLE"):
		f.t.Errorf("a %d: %s", got.Status, got.Body)
	case strings.Contains(everything, "zqxbolt") && !strings.Contains(strings.ToLower(address+body), "zqxbolt"):
		f.t.Errorf("%d has something of the other tenant's: %s", got.Status, got.Body)
	}
	if f.t.Failed() {
		f.t.Logf("asked by %s: %s %q %q\n%.5000q", who.name, method, address, headers, body)
	}
	return !f.t.Failed()
}

// own is the id of something of the tenant's that may stand in a path.
func (f *routeFuzz) own(path string) string {
	kinds, _ := kindsOf(strings.NewReplacer("{", ":", "}", "").Replace(path))
	if len(kinds) == 0 {
		return ""
	}
	ids := f.ids[kinds[f.IntN(len(kinds))]]
	return ids[f.IntN(len(ids))]
}

// headerText is what may be sent in a header: Go's client refuses the rest.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// body is what an operation takes, as a rule with something wrong in it, and its media type.
func (f *routeFuzz) body(o webtest.Operation) (text, kind string) {
	content, _ := f.contract.Resolve(o.Raw["requestBody"])["content"].(map[string]any)
	if len(content) == 0 {
		if f.chance(80) {
			return "", ""
		}
		return `{"a":1}`, "application/json"
	}
	media, ok := content["application/json"].(map[string]any)
	if !ok {
		return f.upload()
	}
	value := f.value("", media["schema"], 0)
	if object, isObject := value.(map[string]any); isObject && f.chance(15) {
		object[f.text()] = f.wrong()
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		f.t.Fatal(err)
	}
	text = string(encoded)
	switch f.IntN(30) {
	case 0:
		text = text[:f.IntN(len(text)+1)]
	case 1:
		text = strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	case 2:
		text = strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	case 3:
		text = strings.Replace(text, ":", ":\xff", 1)
	case 4:
		text = strings.Replace(text, "{", `{"title":"a","title":"b","email":1,"EMAIL":2,`, 1)
	case 5:
		text += text
	case 6:
		text = "\ufeff" + text
	case 7:
		text = strings.Replace(text, `"`, `"\ud800`, 1)
	}
	if f.IntN(400) == 0 {
		text = `{"title":"` + strings.Repeat("x", 1<<20) + `"}`
	}
	kind = "application/json"
	if f.chance(6) {
		kind = []string{"", "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "a/b/c", "application/JSON ;"}[f.IntN(8)]
	}
	return text, kind
}

// upload is a form with a file, or what looks a little like one.
func (f *routeFuzz) upload() (text, kind string) {
	name := strings.NewReplacer("\r", "", "\n", "", `"`, "%22").Replace(f.text())
	part := "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"" + name + "\"\r\n\r\n" + f.text() + "\r\n"
	switch f.IntN(6) {
	case 0:
		return part, "multipart/form-data; boundary=x"
	case 1:
		return strings.Repeat(part, 21) + "--x--\r\n", "multipart/form-data; boundary=x"
	case 2:
		return f.text(), "application/octet-stream"
	case 3:
		return part, "multipart/form-data"
	}
	return part + "--x--\r\n", "multipart/form-data; boundary=x"
}

// wrong is a value that nobody asked for.
func (f *routeFuzz) wrong() any {
	switch f.IntN(9) {
	case 0:
		return nil
	case 1:
		return f.chance(50)
	case 2:
		return []float64{0, -1, 1.5, 1e300, 9.3e18, -9.3e18, 4294967296}[f.IntN(7)]
	case 3:
		return []any{}
	case 4:
		return []any{nil, 1, "x", []any{}, map[string]any{}}
	case 5:
		return map[string]any{"a": map[string]any{"b": []any{nil}}}
	}
	return f.text()
}

// value is one that a schema asks for, or a wrong one.
func (f *routeFuzz) value(name string, schema any, depth int) any {
	s := f.contract.Resolve(schema)
	if f.chance(7) || depth > 6 {
		return f.wrong()
	}
	if list, ok := s["enum"].([]any); ok {
		return list[f.IntN(len(list))]
	}
	for _, key := range []string{"oneOf", "allOf"} {
		if list, ok := s[key].([]any); ok {
			return f.value(name, list[f.IntN(len(list))*btoi(key == "oneOf")], depth+1)
		}
	}
	kind, _ := s["type"].(string)
	if several, ok := s["type"].([]any); ok {
		kind, _ = several[f.IntN(len(several))].(string)
	}
	switch kind {
	case "object":
		return f.object(s, depth)
	case "array":
		items := make([]any, f.IntN(4))
		for i := range items {
			items[i] = f.value(name, s["items"], depth+1)
		}
		return items
	case "integer", "number":
		return f.IntN(8)
	case "boolean":
		return f.chance(50)
	case "null":
		return nil
	}
	switch {
	case strings.HasSuffix(name, "email") && f.chance(70):
		return fmt.Sprintf("person%d@example.com", f.IntN(5))
	case f.chance(40):
		return "word"
	}
	return f.text()
}

func (f *routeFuzz) object(s map[string]any, depth int) map[string]any {
	o := map[string]any{}
	required, _ := s["required"].([]any)
	properties, _ := s["properties"].(map[string]any)
	for _, name := range sortedKeys(properties) {
		if slices.Contains(required, any(name)) && f.chance(95) || f.chance(35) {
			o[name] = f.value(name, properties[name], depth+1)
		}
	}
	if extra, ok := s["additionalProperties"].(map[string]any); ok {
		for range f.IntN(3) {
			o[f.text()] = f.value("", extra, depth+1)
		}
	}
	return o
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return sorted(keys)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
