package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// aboutDomain is a webhook's message about a domain.
type aboutDomain struct {
	Type string
	Data struct {
		Event struct {
			Type, Host string
			Changes    []struct{ Field, From, To string }
		}
		Ticket, Domain map[string]any
		PreviousStatus string    `json:"previous_status"`
		ChangedAt      time.Time `json:"changed_at"`
	}
}

// TestDomainTicket: a domain that drifts has one ticket in its tenant's desk, in its language, and webhooks hear of it, signed, with
// the domain as the API shows it; when the domain is right again the ticket is resolved.
func TestDomainTicket(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"language": "de"})
	p := caller(t, n, n.Acme)
	const host = "help.acme.example"
	n.Bring(t, n.Acme, host)
	to, messages := receive(t)
	hook := p.call("POST", "/api/webhooks", `{"url":"`+to+`","types":["domain.drifted","domain.active","domain.removed"]}`).JSON(t)
	secret, _ := hook["secret"].(string)
	hears := func(kind, was string) aboutDomain {
		t.Helper()
		m := next(t, messages)
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil || verifier.Verify(m.body, m.header) != nil {
			t.Errorf("not verified: %v, %v", err, m.header)
		}
		var said aboutDomain
		if err := json.Unmarshal(m.body, &said); err != nil {
			t.Fatal(err)
		}
		d := &said.Data
		if said.Type != kind || d.Event.Host != host || d.PreviousStatus != was || d.Ticket != nil || time.Since(d.ChangedAt) > time.Minute {
			t.Errorf("want %s, that was %s; came %s", kind, was, m.body)
		}
		return said
	}
	shown := p.call("GET", "/api/tenant/domains/"+host, "").JSON(t)
	for _, r := range records(shown) {
		n.Withdraw(r["name"].(string)) //nolint:errcheck,forcetypeassert // a panic fails the test
	}
	p.call("POST", "/api/tenant/domains/"+host+"/verify", "")
	said := hears("domain.drifted", "active")
	now := p.call("GET", "/api/tenant/domains/"+host, "").JSON(t)
	for _, key := range []string{"host", "tenant", "status", "reason", "records", "serves_until", "since", "verified_at"} {
		if fmt.Sprint(said.Data.Domain[key]) != fmt.Sprint(now[key]) || now[key] == nil {
			t.Errorf("%s: the webhook says %v, the API %v", key, said.Data.Domain[key], now[key])
		}
	}
	one := until(t, p, "/api/tickets/1", func(one map[string]any) bool { return one["title"] != nil })
	id, _ := one["external_id"].(string)
	text, _ := one["description"].(string)
	if one["title"] != host+": Die DNS-Einträge fehlen" || one["requester"] != nil || one["source"] != "system" || one["priority"] != "high" ||
		!strings.HasPrefix(id, "domain:"+host+":drifted:") || !strings.Contains(text, "Besucher werden noch bis") || !strings.Contains(text, "<"+n.Acme.URL+"/agent/settings/domains/"+host+">. Admins haben dort einen Knopf, um sofort nachzusehen") {
		t.Errorf("ticket %v", one)
	}
	noStrangers(t, n)

	for _, r := range records(shown) {
		n.Publish(t, r["type"].(string), r["name"].(string), r["value"].(string)) //nolint:errcheck,forcetypeassert // a panic fails the test
	}
	p.call("POST", "/api/tenant/domains/"+host+"/verify", "")
	hears("domain.active", "drifted")
	until(t, p, "/api/tickets/1", func(one map[string]any) bool { return one["status"] == "resolved" })
	expect(t, p.call("DELETE", "/api/tenant/domains/"+host, ""), 204, "")
	if said := hears("domain.removed", "active"); said.Data.Domain["status"] != "removed" {
		t.Errorf("domain %v", said.Data.Domain)
	}
	expect(t, p.call("GET", "/api/events?type=domain.drifted", ""), 200, `"host":"`+host+`"`)
	expect(t, p.call("GET", "/api/tickets?include_total=true", ""), 200, `"total":1`)
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann Lee", auth.RoleAgent)
	expect(t, ann.Open(n.Acme.URL+"/agent/tickets/1"), 200, "Das DNS zeigt wieder")
	page := expect(t, ann.Open(n.Acme.URL+"/agent/tickets/1"), 200, `<b>Deskgate</b><span class="chip plain">automatisch</span>`)
	if strings.Contains(page.Body, "</time> von <") || !strings.Contains(page.Body, "eröffnet <time") {
		t.Errorf("nobody opened it: %s", page.Body)
	}
	expect(t, ann.Open(n.Acme.URL+"/agent?view=all"), 200, `<span class="who"><bdi>Deskgate</bdi>`)

	// Merged into another ticket it says what it has said, as a note and by its name; so does one that nobody in particular opened.
	expect(t, p.call("POST", "/api/tickets", `{"title":"Our DNS moves","description":"On Monday."}`), 201, "")
	expect(t, p.call("POST", "/api/tickets", `{"title":"And then?","description":"On Tuesday."}`), 201, "")
	for _, from := range []string{"1", "3"} {
		expect(t, p.call("POST", "/api/tickets/"+from+"/merge", `{"into":2}`), 200, "")
	}
	thread := expect(t, ann.Open(n.Acme.URL+"/agent/tickets/2"), 200, "On Tuesday").Body
	for _, m := range regexp.MustCompile(`(?s)<li class="msg.*?</div>`).FindAllString(thread, -1) {
		if strings.Contains(m, "<b></b>") || strings.Contains(m, "Deskgate") && !strings.Contains(m, "Interne Notiz") {
			t.Errorf("message %s", m)
		}
	}
	if n := strings.Count(thread, `<b>Deskgate</b>`); n < 2 {
		t.Errorf("Deskgate wrote %d times: %s", n, thread)
	}
}

// TestDomainTicketsSwitch: admins switch tickets about domains on and off where the domains are.
func TestDomainTicketsSwitch(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, admin := caller(t, n, n.Acme), n.Agent(t, n.Acme, "ann@acme.example", "Ann Lee", auth.RoleAdmin)
	page, change := n.Acme.URL+"/agent/settings/domains", n.Acme.URL+"/agent/settings/domains/tickets"
	expect(t, admin.Open(page), 200, `name="domain_tickets" value="on" checked`)
	expect(t, admin.Send(change, nil), 303, "")
	expect(t, p.call("GET", "/api/tenant", ""), 200, `"domain_tickets":"off"`)
	expect(t, admin.Open(page), 200, `name="domain_tickets" value="on">`)
	expect(t, p.call("PUT", "/api/tenant", `{"settings":{"domain_tickets":"maybe"}}`), 422, "settings.domain_tickets")
	expect(t, admin.Send(change, url.Values{"domain_tickets": {"on"}}), 303, "")
	expect(t, p.call("GET", "/api/tenant", ""), 200, `"domain_tickets":"on"`)
	expect(t, caller(t, n, n.Bolt).call("GET", "/api/tenant", ""), 200, `"domain_tickets":"on"`)
	agent := n.Agent(t, n.Acme, "bob@acme.example", "Bob", auth.RoleAgent)
	expect(t, agent.Send(change, nil), 403, "")
	expect(t, admin.Send(page+"/other", nil), 404, "")
}

// noStrangers: no customer of the tenant's, no visitor and no other tenant sees the ticket or its events.
func noStrangers(t *testing.T, n *webtest.Node) {
	t.Helper()
	zoe, nobody, bolt := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Client(t), caller(t, n, n.Bolt)
	yan := n.Visit(t, n.Acme, "yan@example.com", "Yan")
	const words = "DNS"
	for _, path := range []string{"/tickets", "/tickets/1", "/dashboard", "/api/tickets", "/api/tickets/1", "/api/tickets/1/comments", "/api/events"} {
		for name, c := range map[string]*webtest.Client{"a requester": zoe, "a visitor": yan, "nobody": nobody} {
			if got := c.Open(n.Acme.URL + path); strings.Contains(got.Body, words) || strings.HasSuffix(path, "/1") && got.Status == http.StatusOK {
				t.Errorf("%s sees %s: %d %s", name, path, got.Status, got.Body)
			}
		}
		if strings.HasPrefix(path, "/api") {
			if got := bolt.call("GET", path, ""); strings.Contains(got.Body, words) || strings.Contains(path, "/1") && got.Status != http.StatusNotFound {
				t.Errorf("the other tenant sees %s: %d %s", path, got.Status, got.Body)
			}
		}
	}
}

func records(domain map[string]any) (all []map[string]any) {
	list, _ := domain["records"].([]any)
	for _, one := range list {
		r, _ := one.(map[string]any)
		all = append(all, r)
	}
	return all
}

// until waits until what a path answers is as wanted.
func until(t *testing.T, p *program, path string, wanted func(map[string]any) bool) map[string]any {
	t.Helper()
	late, look := time.After(20*time.Second), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for {
		if got := p.call("GET", path, ""); got.Status == http.StatusOK && wanted(got.JSON(t)) {
			return got.JSON(t)
		}
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("%s does not come to what is wanted: %s", path, p.call("GET", path, "").Body)
		}
	}
}

// TestDomainTicketIsMailedToStaff as any new ticket is, and to nobody else.
func TestDomainTicketIsMailedToStaff(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann Lee", auth.RoleAgent)
	expect(t, ann.Send(n.Acme.URL+"/agent/settings/notifications", url.Values{"new": {"all"}, "replies": {"mine"}, "notes": {"mine"}, "overdue": {"none"}}), 303, "")
	n.Agent(t, n.Bolt, "bob@bolt.example", "Bob", auth.RoleAdmin)
	for _, invited := range []string{"ann@acme.example", "bob@bolt.example"} {
		n.Mail.Wait(t, invited)
	}
	before := len(n.Mail.Letters())
	const host = "help.acme.example"
	n.Bring(t, n.Acme, host)
	p := caller(t, n, n.Acme)
	for _, r := range records(p.call("GET", "/api/tenant/domains/"+host, "").JSON(t)) {
		n.Withdraw(r["name"].(string)) //nolint:errcheck,forcetypeassert // a panic fails the test
	}
	p.call("POST", "/api/tenant/domains/"+host+"/verify", "")
	letter := n.Mail.Wait(t, "ann@acme.example")
	if !strings.Contains(letter.Subject, host+": its DNS records are gone") || !strings.Contains(letter.Text, "_deskgate."+host) {
		t.Errorf("letter %q:\n%s", letter.Subject, letter.Text)
	}
	for _, l := range n.Mail.Letters()[before:] {
		if l.To != "ann@acme.example" {
			t.Errorf("a letter to %s: %s", l.To, l.Subject)
		}
	}
}
