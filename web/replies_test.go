package web_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestCannedReplies: an agent keeps one, an admin shares one, and nobody changes what is not theirs.
func TestCannedReplies(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const path = "/agent/settings/replies"
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	other := n.Agent(t, n.Bolt, "carl@bolt.example", "Carl", auth.RoleAdmin)
	form := url.Values{
		"name": {"Thanks"}, "shortcut": {"thanks"}, "body": {"Hello {{requester.first_name}}, *thank* you! {{agent.name}}"}, "status": {"resolved"},
		"tags": {"thanked, happy"},
	}
	expect(t, ann.Open(n.Acme.URL+path), 200, "There are no canned replies yet.")
	expect(t, ann.Open(n.Acme.URL+path+"/new"), 200, "{{requester.first_name}}")
	preview := url.Values{"preview": {"1"}}
	maps.Copy(preview, form)
	expect(t, ann.Send(n.Acme.URL+path+"/new", preview), 200, "Hello Kim, <em>thank</em> you! Ann")
	expect(t, ann.Open(n.Acme.URL+path), 200, "There are no canned replies yet.")
	got := expect(t, ann.Send(n.Acme.URL+path+"/new", form), 303, "")
	page := expect(t, ann.Open(n.Acme.URL+got.Location()), 200, "Thanks")
	own := between(t, page.Body, `href="`+path+`/rpl_`, `"`)
	own = path + "/rpl_" + own
	expect(t, ann.Open(n.Acme.URL+own), 200, `name="version" value="1"`)
	form.Set("body", "Hello {{requester.nme}}")
	expect(t, ann.Send(n.Acme.URL+own, form), 422, "unknown placeholder {{requester.nme}}")
	form.Set("body", "New text")
	form.Set("version", "9")
	clash := expect(t, ann.Send(n.Acme.URL+own, form), 412, "Somebody has changed this meanwhile.")
	form.Set("version", field(t, clash.Body, "version"))
	expect(t, ann.Send(n.Acme.URL+own, form), 303, "")

	form = url.Values{"name": {"For all"}, "body": {"shared text"}, "shared": {"true"}}
	expect(t, ann.Send(n.Acme.URL+path+"/new", form), 403, "")
	expect(t, boss.Send(n.Acme.URL+path+"/new", form), 303, "")
	page = expect(t, boss.Open(n.Acme.URL+path), 200, "For all")
	if strings.Contains(page.Body, "Thanks") {
		t.Error("an admin sees an agent's own reply")
	}
	shared := path + "/rpl_" + between(t, page.Body, `href="`+path+`/rpl_`, `"`)
	expect(t, ann.Open(n.Acme.URL+shared), 200, "Admins change it.")
	expect(t, ann.Send(n.Acme.URL+shared, form), 403, "")
	expect(t, ann.Send(n.Acme.URL+shared+"/remove", nil), 403, "")
	for name, who := range map[string]*webtest.Client{"the boss": boss, "another tenant's": other} {
		host := n.Acme.URL
		if name != "the boss" {
			host = n.Bolt.URL
		}
		expect(t, who.Open(host+own), 404, "")
		expect(t, who.Send(host+own+"/remove", nil), 404, "")
	}
	expect(t, other.Open(n.Bolt.URL+shared), 404, "")
	expect(t, ann.Send(n.Acme.URL+own+"/remove", nil), 303, "")
	expect(t, ann.Open(n.Acme.URL+own), 404, "")
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, zoe.Open(n.Acme.URL+path), 303, "")
}

// between is what stands between two texts.
func between(t *testing.T, body, before, after string) string {
	t.Helper()
	_, rest, found := strings.Cut(body, before)
	text, _, closed := strings.Cut(rest, after)
	if !found || !closed {
		t.Fatalf("nothing between %q and %q", before, after)
	}
	return text
}
