package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// whose says for each address with a parameter which of the furniture may stand there: a route that is not listed fails the
// tests. What is nobody's has no kinds.
var whose = map[string][]string{
	"/static/:file": {}, "/api/docs/:group": {}, "/agent/settings/keys/:kind/reveal": {"kind"}, "/agent/settings/keys/:kind/rotate": {"kind"},
	"/api/auth/redirect/:slug": {"slug"}, "/api/test/auth/redirect/:slug": {"slug"}, "/agent/reports/:file": {"report"},
	"/agent/settings/categories/:id":    {"category"},
	"/agent/settings/domains/:host*":    {"domain"},
	"/agent/settings/replies/:id*":      {"reply"},
	"/agent/settings/rules/:id*":        {"rule"},
	"/agent/settings/team/:id*":         {"member"},
	"/agent/settings/tokens/:id/*":      {"token"},
	"/agent/settings/transfer/:id*":     {"import"},
	"/agent/settings/webhooks/:id*":     {"webhook"},
	"/agent/tickets/:number*":           {"number", "ticket"},
	"/agent/views/:id":                  {"view"},
	"/api/attachments/:id":              {"attachment"},
	"/api/canned-replies/:id":           {"reply"},
	"/api/categories/:id":               {"category"},
	"/api/rules/:id*":                   {"rule"},
	"/api/tenant/domains/:host*":        {"domain"},
	"/api/tickets/:id*":                 {"number", "ticket"},
	"/api/tokens/:id":                   {"token"},
	"/api/users/:id*":                   {"user"},
	"/api/views/:id":                    {"view"},
	"/api/webhooks/:id":                 {"webhook"},
	"/api/webhooks/:id/test":            {"webhook"},
	"/api/webhooks/:id/rotate":          {"webhook"},
	"/api/webhooks/:id/deliveries":      {"webhook"},
	"/api/webhooks/:id/deliveries/:d/*": {"webhook"},
	"/tickets/:number*":                 {"number", "ticket"},
}

// kindsOf finds the row for a pattern: a star at the end stands for whatever follows.
func kindsOf(pattern string) (kinds []string, listed bool) {
	pattern = strings.Replace(strings.Replace(pattern, "/api/v1/", "/api/", 1), ":delivery", ":d", 1)
	if kinds, listed = whose[pattern]; listed {
		return kinds, true
	}
	for row, kinds := range whose {
		if start, star := strings.CutSuffix(row, "*"); star && strings.HasPrefix(pattern, start) {
			return kinds, true
		}
	}
	return nil, !strings.Contains(pattern, ":")
}

// addresses are those of a pattern, for the furniture that its row names.
func (f *furniture) addresses(t *testing.T, pattern string) (all []string) {
	t.Helper()
	kinds, listed := kindsOf(pattern)
	if !listed {
		t.Errorf("%s is in no row of whose: say there whose things its parameter names", pattern)
		return nil
	}
	if !strings.Contains(pattern, ":") {
		return []string{pattern}
	}
	ids := map[string][]string{"kind": {"jwt"}, "report": {"tickets.csv", "days.csv"}}
	maps.Copy(ids, f.ids)
	parameter := regexp.MustCompile(`:[a-z]+`)
	for _, kind := range kinds {
		for _, id := range ids[kind][:min(2, len(ids[kind]))] {
			first := true
			all = append(all, parameter.ReplaceAllStringFunc(pattern, func(string) string {
				if !first {
					return f.ids["delivery"][0]
				}
				first = false
				return id
			}))
		}
	}
	return all
}

// outsider is somebody with credentials that open nothing of the furniture.
type outsider struct {
	name, header string
}

// TestNobodyElseSeesAnything walks through every route there is, with every id of a furnished tenant, as everybody of another tenant:
// nothing with its mark is in an answer, and nothing of it has changed.
func TestNobodyElseSeesAnything(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	acme, bolt := furnish(t, n, n.Acme, "zqxacme"), furnish(t, n, n.Bolt, "zqxbolt")
	acme.seesItself(t, n)
	before := acme.state()
	visitor := n.Visit(t, n.Bolt, "yan@example.com", "Yan")
	strangers := []outsider{
		{"nobody", "X-Nobody: 1"},
		{"bolt's token", "Authorization: Bearer " + n.Bolt.Token},
		{"bolt's requester", headerOf(bolt.owner, n.Bolt.URL)},
		{"bolt's visitor", headerOf(visitor, n.Bolt.URL)},
		{"bolt's admin", headerOf(bolt.admin, n.Bolt.URL)},
	}
	c := n.Forgetful(t)
	for _, route := range safeFirst(t) {
		for _, address := range acme.addresses(t, route.Pattern) {
			for _, who := range strangers {
				for _, host := range []string{n.Acme.URL, n.Bolt.URL, n.URL} {
					if strings.HasSuffix(route.Pattern, "sign-out") || host == n.Bolt.URL && acts(route.Method) && !owned(route.Pattern) {
						continue // what they do to their own
					}
					showsNothing(t, c, route.Method, host+address, who, "zqxacme")
				}
			}
		}
	}
	if diff := cmp.Diff(before, acme.state()); diff != "" {
		t.Errorf("after the walk acme is another one:\n%s", diff)
	}
}

// unmarked are answers that have ids and numbers alone.
var unmarked = regexp.MustCompile(`/webhooks/:id/deliveries$|^/agent/reports/:file$|^/agent/settings/transfer/:id/report$`)

// seesItself reports what the walks rest on: whoever may see something that a route names finds the mark in its answer.
func (f *furniture) seesItself(t *testing.T, n *webtest.Node) {
	t.Helper()
	c := n.Forgetful(t)
	for _, route := range safeFirst(t) {
		if kinds, _ := kindsOf(route.Pattern); acts(route.Method) || len(kinds) == 0 {
			continue
		}
		seen := false
		for _, address := range f.addresses(t, route.Pattern) {
			for _, header := range []string{f.api.auth, headerOf(f.owner, f.tenant.URL), headerOf(f.admin, f.tenant.URL)} {
				got := c.Get(f.tenant.URL+address, header, "Accept: text/html, application/json", "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
				seen = seen || got.Status == 200 && strings.Contains(strings.ToLower(got.Body), f.mark)
			}
		}
		if !seen && !unmarked.MatchString(route.Pattern) {
			t.Errorf("nobody sees the mark at %s", route.Pattern)
		}
	}
}

// acts reports whether a method changes something.
func acts(method string) bool { return method != http.MethodGet && method != http.MethodOptions }

// owned reports whether a pattern names something of a tenant by an id that another tenant has not.
func owned(pattern string) bool {
	kinds, _ := kindsOf(pattern)
	return len(kinds) > 0 && !slices.Contains(kinds, "number") && !slices.Contains(kinds, "kind") && !slices.Contains(kinds, "slug")
}

// showsNothing asks as a program and as a browser.
func showsNothing(t *testing.T, c *webtest.Client, method, address string, who outsider, mark string) {
	t.Helper()
	for _, kind := range [][]string{{"Accept: application/json", asJSON}, webtest.Submit} {
		got := c.Do(method, address, "", append(slices.Clone(kind), who.header, nextVisitor())...)
		asked := address[strings.LastIndex(address, "/")+1:]
		body := strings.ReplaceAll(got.Body+got.Location(), asked, "")
		body = strings.NewReplacer(mark+".example", "").Replace(body) // a host, which was asked for
		if strings.Contains(strings.ToLower(body), mark) {
			at := strings.Index(strings.ToLower(body), mark)
			t.Errorf("%s: %s %s = %d shows %q", who.name, method, address, got.Status, body[max(0, at-80):min(len(body), at+80)])
		}
		if got.Status >= 500 {
			t.Errorf("%s: %s %s = %d %s", who.name, method, address, got.Status, got.Body)
		}
	}
}

// TestRequestersSeeNothingOfOthers walks through every route with every id of a furnished tenant, as that tenant's other requesters and as
// somebody who only claims the owner's address: nothing with the mark is in an answer but what is for all requesters, and
// nothing has changed.
func TestRequestersSeeNothingOfOthers(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	acme := furnish(t, n, n.Acme, "zqxacme")
	// Categories and replies in the tenant's name are for all.
	acme.api.call("PUT", "/api/categories/"+acme.ids["category"][0], `{"name":"Lamps","slug":"lamps"}`)
	strangers := []outsider{
		{"who claims the address", headerOf(n.Visit(t, n.Acme, ownersAddress, "Zoe"), n.Acme.URL)},
		{"another requester", headerOf(n.SignIn(t, n.Acme, "bob@example.com", "Bob"), n.Acme.URL)},
		{"another organization's", headerOf(member(t, n, n.Acme, "cid@example.com", "Cid", "Rival"), n.Acme.URL)},
		{"nobody", "X-Nobody: 1"},
	}
	before := acme.state()
	c := n.Forgetful(t)
	for _, route := range safeFirst(t) {
		// What they do about themselves changes themselves.
		if strings.HasSuffix(route.Pattern, "sign-out") || strings.HasPrefix(route.Pattern, "/widget/session") || acts(route.Method) && doors.MatchString(route.Pattern) {
			continue
		}
		for _, address := range acme.addresses(t, route.Pattern) {
			for _, who := range strangers {
				showsNothing(t, c, route.Method, n.Acme.URL+address, who, "zqxacme")
			}
		}
	}
	for _, query := range []string{"q=zqxacme", "tag=zqxacme", "requester_id=" + acme.ids["user"][1], "include_total=true", "assignee_id=none"} {
		for _, who := range strangers {
			showsNothing(t, c, "GET", n.Acme.URL+"/api/tickets?"+query, who, "title of zqxacme")
			showsNothing(t, c, "GET", n.Acme.URL+"/api/events?"+query, who, "zqxacme@")
		}
	}
	if diff := cmp.Diff(before, acme.state()); diff != "" {
		t.Errorf("after the walk acme is another one:\n%s", diff)
	}
}

// TestStreamsTellNothingOfOthers: of what happens to a ticket, neither another requester nor who only claims its owner's address hears
// a word, and of their own they do.
func TestStreamsTellNothingOfOthers(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	acme := furnish(t, n, n.Acme, "zqxacme")
	for name, c := range map[string]*webtest.Client{
		"who claims the address": n.Visit(t, n.Acme, ownersAddress, "Zoe"), "another requester": n.SignIn(t, n.Acme, "bob@example.com", "Bob"),
		"another tenant's": n.SignIn(t, n.Bolt, ownersAddress, "Zoe"),
	} {
		home := n.Acme.URL
		if name == "another tenant's" {
			home = n.Bolt.URL
		}
		stream := c.Listen(home+"/api/events/stream", "Last-Event-ID: 0", "Sec-Fetch-Site: same-origin")
		if stream.Status != http.StatusOK {
			t.Fatalf("%s hears %d", name, stream.Status)
		}
		acme.api.call("POST", "/api/tickets/1/comments", `{"body":"More of zqxacme"}`)
		acme.api.call("PATCH", "/api/tickets/1", `{"priority":"urgent"}`)
		expect(t, c.Send(home+"/tickets", url.Values{"title": {"Mine"}, "description": {"My own."}}), 303, "")
		mine, _ := c.Get(home + "/api/tickets?sort=-created_at").JSON(t)["data"].([]any)[0].(map[string]any)["id"].(string)
		for {
			event, more := stream.Named()
			if !more {
				t.Errorf("%s hears nothing of their own", name)
			}
			if !more || strings.Contains(event.Data, mine) {
				break
			}
			t.Errorf("%s hears %s %s", name, event.Name, event.Data)
		}
		stream.Close()
	}
}

// TestAgentsAreNoAdmins walks through every route as an agent: what only admins may see has a mark, which is in no answer.
func TestAgentsAreNoAdmins(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	acme := furnish(t, n, n.Acme, "zqxacme")
	agent := n.Agent(t, n.Acme, "bea@acme.example", "Bea", auth.RoleAgent)
	before := acme.state()
	secret := regexp.MustCompile(`(?i)(webhook|token|draft|import) of zqxacme|whsec_[A-Za-z0-9+/]{16}`)
	c, header := n.Forgetful(t), headerOf(agent, n.Acme.URL)
	for _, route := range safeFirst(t) {
		kinds, _ := kindsOf(route.Pattern)
		if strings.Contains(route.Pattern, "sign-out") || acts(route.Method) && len(kinds) == 0 || acts(route.Method) && !adminsOnly(kinds) {
			continue
		}
		for _, address := range acme.addresses(t, route.Pattern) {
			got := c.Do(route.Method, n.Acme.URL+address, "", append(slices.Clone(webtest.Submit), header)...)
			if found := secret.FindString(got.Body); found != "" {
				t.Errorf("an agent: %s %s = %d shows %q", route.Method, address, got.Status, found)
			}
		}
	}
	if diff := cmp.Diff(before, acme.state()); diff != "" {
		t.Errorf("after the walk acme is another one:\n%s", diff)
	}
}

// adminsOnly reports whether all of these are things that agents do not change.
func adminsOnly(kinds []string) bool {
	return !slices.ContainsFunc(kinds, func(kind string) bool {
		return !slices.Contains([]string{"category", "domain", "kind", "member", "rule", "token", "import", "webhook", "user"}, kind)
	})
}
