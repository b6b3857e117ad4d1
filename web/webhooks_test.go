package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// message is what a receiver got.
type message struct {
	header http.Header
	body   []byte
}

// receive starts a receiver of webhooks.
func receive(t *testing.T) (to string, messages chan message) {
	t.Helper()
	messages = make(chan message, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		messages <- message{r.Header, body}
		_, _ = io.WriteString(w, "thank you")
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook?key=1", messages
}

func next(t *testing.T, messages chan message) message {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("no message came")
	}
	return message{}
}

// TestWebhookSaysWhatTheAPISays: the message has the ticket as the API shows it, and the specification's library verifies it.
func TestWebhookSaysWhatTheAPISays(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	to, messages := receive(t)
	made := p.call("POST", "/api/webhooks", `{"url":"`+to+`","name":"CRM","types":["ticket.created","ticket.commented"]}`)
	if made.Status != http.StatusCreated {
		t.Fatalf("POST = %d %s", made.Status, made.Body)
	}
	hook := made.JSON(t)
	secret, _ := hook["secret"].(string)
	path, _ := hook["id"].(string)
	path = "/api/webhooks/" + path
	if got := p.call("GET", path, ""); got.Status != http.StatusOK || strings.Contains(got.Body, "secret") {
		t.Errorf("GET = %d %s", got.Status, got.Body)
	}
	id := p.file("Printer")
	m := next(t, messages)
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil || verifier.Verify(m.body, m.header) != nil {
		t.Errorf("not verified: %v, %v %s", err, m.header, m.body)
	}
	var said struct {
		Type string
		Data struct{ Event, Ticket, Comment map[string]any }
	}
	if err := json.Unmarshal(m.body, &said); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.call("GET", "/api/tickets/"+id, "").JSON(t), said.Data.Ticket); diff != "" || said.Type != "ticket.created" || said.Data.Comment != nil {
		t.Errorf("%s (-API +webhook):\n%s", m.body, diff)
	}
	p.call("POST", "/api/tickets/1/comments", `{"body":"Psst","visibility":"internal"}`)
	p.call("POST", "/api/tickets/1/comments", `{"body":"Hello"}`)
	if m := next(t, messages); strings.Contains(string(m.body), "Psst") || !strings.Contains(string(m.body), `"body":"Hello"`) {
		t.Errorf("after an internal and a public comment came %s", m.body)
	}

	if got := p.call("POST", path+"/test", ""); got.Status != http.StatusAccepted {
		t.Errorf("test = %d %s", got.Status, got.Body)
	}
	if m := next(t, messages); !strings.Contains(string(m.body), `"type":"webhook.test"`) {
		t.Errorf("the test says %s", m.body)
	}
	rotated := p.call("POST", path+"/rotate", "").JSON(t)
	fresh, _ := rotated["secret"].(string)
	p.file("Scanner")
	m = next(t, messages)
	for _, s := range []string{secret, fresh} {
		if verifier, err := standardwebhooks.NewWebhook(s); err != nil || verifier.Verify(m.body, m.header) != nil {
			t.Errorf("after the rotation not verified with both: %v", m.header)
		}
	}
	var deliveries struct {
		Data []struct {
			ID, State string
			Attempts  []struct {
				Status   int
				Response string
			}
		}
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if err := json.Unmarshal([]byte(p.call("GET", path+"/deliveries?limit=1", "").Body), &deliveries); err != nil {
			t.Fatal(err)
		}
		if deliveries.Data[0].State == "delivered" {
			break
		}
	}
	if d := deliveries.Data[0]; d.State != "delivered" || d.Attempts[0].Status != 200 || d.Attempts[0].Response != "thank you" {
		t.Errorf("the last delivery is %+v", d)
	}
	if got := p.call("POST", path+"/deliveries/"+deliveries.Data[0].ID+"/retry", ""); got.Status != http.StatusAccepted {
		t.Errorf("retry = %d %s", got.Status, got.Body)
	}
	if again := next(t, messages); again.header.Get("Webhook-Id") != m.header.Get("Webhook-Id") {
		t.Errorf("sent again it is %s", again.body)
	}
	if got := p.call("PUT", path, `{"enabled":false,"url":"ftp://x"}`); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("a bad url = %d %s", got.Status, got.Body)
	}
	if got := p.call("DELETE", path, ""); got.Status != http.StatusNoContent {
		t.Errorf("delete = %d", got.Status)
	}
	if got := p.call("GET", path, ""); got.Status != http.StatusNotFound {
		t.Errorf("GET afterwards = %d", got.Status)
	}
}

// TestWebhooksAreTheAdmins: nobody else sees them or makes one.
func TestWebhooksAreTheAdmins(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	hook := caller(t, n, n.Acme).call("POST", "/api/webhooks", `{"url":"https://hooks.example/x"}`).JSON(t)
	id, _ := hook["id"].(string)
	for who, c := range map[string]*webtest.Client{
		"agent": n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent), "requester": n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"),
		"visitor": n.Visit(t, n.Acme, "zoe@example.com", "Zoe"),
	} {
		for _, path := range []string{"/api/webhooks", "/api/webhooks/" + id, "/api/webhooks/" + id + "/deliveries"} {
			if got := c.Get(n.Acme.URL + path); got.Status != http.StatusForbidden {
				t.Errorf("%s at %s = %d %s", who, path, got.Status, got.Body)
			}
		}
	}
	bolt := caller(t, n, n.Bolt)
	for _, call := range [][2]string{
		{"GET", ""},
		{"PUT", ""},
		{"DELETE", ""},
		{"POST", "/test"},
		{"POST", "/rotate"},
		{"GET", "/deliveries"},
		{"POST", "/deliveries/dlv_01KAG3WQ2M8R6ZC4XV5T7N9PDE/retry"},
	} {
		body := ""
		if call[0] == "PUT" {
			body = "{}"
		}
		if got := bolt.call(call[0], "/api/webhooks/"+id+call[1], body); got.Status != http.StatusNotFound {
			t.Errorf("another tenant's %s %s = %d %s", call[0], call[1], got.Status, got.Body)
		}
	}
	if got := bolt.call("GET", "/api/webhooks", ""); got.Body != `{"data":[],"has_more":false,"next_cursor":null}`+"\n" {
		t.Errorf("another tenant's list = %s", got.Body)
	}
}

// TestWebhookSettings: an admin makes a webhook, tries it, sees what came of it, sends again, renews the secret and removes it.
func TestWebhookSettings(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	admin := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	to, messages := receive(t)
	home := n.Acme.URL + "/agent/settings/webhooks"
	expect(t, admin.Send(home, url.Values{"url": {"ftp://x"}, "name": {"CRM"}}), http.StatusUnprocessableEntity, "CRM")
	made := admin.Send(home, url.Values{"url": {to}, "name": {"CRM"}, "types": {"ticket.created"}})
	expect(t, made, http.StatusOK, "whsec_")
	one := regexp.MustCompile(`/agent/settings/webhooks/whk_[0-9A-Z]+`).FindString(made.Body)
	page := admin.Open(n.Acme.URL + one)
	expect(t, page, http.StatusOK, "Nothing was sent so far")
	if strings.Contains(page.Body, "whsec_") {
		t.Error("the secret is shown a second time")
	}
	expect(t, admin.Send(n.Acme.URL+one+"/test", nil), http.StatusSeeOther, "")
	next(t, messages)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(page.Body, "thank you") && time.Now().Before(deadline); {
		page = admin.Open(n.Acme.URL + one)
	}
	expect(t, page, http.StatusOK, "Delivered")
	delivery := regexp.MustCompile(`dlv_[0-9A-Z]+`).FindString(page.Body)
	expect(t, admin.Send(n.Acme.URL+one+"/again", url.Values{"delivery": {delivery}}), http.StatusSeeOther, "")
	next(t, messages)
	expect(t, admin.Send(n.Acme.URL+one+"/rotate", nil), http.StatusOK, "former secret")
	expect(t, admin.Send(n.Acme.URL+one+"/switch", url.Values{"enabled": {"false"}}), http.StatusSeeOther, "")
	expect(t, admin.Open(n.Acme.URL+one), http.StatusOK, "switched off")
	expect(t, admin.Send(n.Acme.URL+one, url.Values{"url": {to}, "name": {"Ledger"}}), http.StatusSeeOther, "")
	expect(t, admin.Open(home), http.StatusOK, "Ledger")
	expect(t, n.Agent(t, n.Acme, "bob@acme.example", "Bob", auth.RoleAgent).Open(home), http.StatusForbidden, "")
	expect(t, n.Agent(t, n.Bolt, "eve@bolt.example", "Eve", auth.RoleAdmin).Open(n.Bolt.URL+one), http.StatusNotFound, "")
	expect(t, admin.Send(n.Acme.URL+one+"/remove", nil), http.StatusSeeOther, "")
	expect(t, admin.Open(n.Acme.URL+one), http.StatusNotFound, "")
}

// TestWebhookWithoutAnswer: the page of a webhook whose receiver is gone says why, in the reader's language.
func TestWebhookWithoutAnswer(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	admin := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	made := expect(t, admin.Send(n.Acme.URL+"/agent/settings/webhooks", url.Values{"url": {gone.URL}, "name": {"CRM"}}), http.StatusOK, "whsec_")
	one := n.Acme.URL + regexp.MustCompile(`/agent/settings/webhooks/whk_[0-9A-Z]+`).FindString(made.Body)
	expect(t, admin.Send(one+"/test", nil), http.StatusSeeOther, "")
	page := admin.Open(one)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(page.Body, "No answer") && time.Now().Before(deadline); {
		page = expect(t, admin.Open(one), http.StatusOK, "")
	}
	expect(t, page, http.StatusOK, "The server can&#39;t be reached.")
	expect(t, admin.Do("GET", one, "", "Accept-Language: de"), http.StatusOK, "Der Server ist nicht zu erreichen.")
}

// TestWebhookForms: a form that is sent twice does its work once and shows the same secret, and one that has become old changes nothing.
func TestWebhookForms(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	admin := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	home := n.Acme.URL + "/agent/settings/webhooks"
	key := func(page webtest.Answer) string {
		return regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(page.Body)[1]
	}
	secret := regexp.MustCompile(`whsec_[^<]+`)
	twice := func(address string, form url.Values) webtest.Answer {
		first, again := admin.Send(address, form), admin.Send(address, form)
		if a, b := secret.FindString(first.Body), secret.FindString(again.Body); a == "" || a != b {
			t.Errorf("%s shows %q, and then %q", address, a, b)
		}
		return again
	}
	to := "https://hooks.example.com/"
	made := twice(home, url.Values{"url": {to}, "name": {"CRM"}, "key": {key(admin.Open(home))}})
	if got := admin.Open(home); strings.Count(got.Body, ">CRM</a>") != 1 {
		t.Errorf("there are %d webhooks", strings.Count(got.Body, ">CRM</a>"))
	}
	one := n.Acme.URL + regexp.MustCompile(`/agent/settings/webhooks/whk_[0-9A-Z]+`).FindString(made.Body)
	was := secret.FindString(made.Body)
	if got := twice(one+"/rotate", url.Values{"key": {key(admin.Open(one))}}); secret.FindString(got.Body) == was {
		t.Error("the secret is the former one")
	}
	version := func(page webtest.Answer) string {
		return regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page.Body)[1]
	}
	old := version(admin.Open(one))
	expect(t, admin.Send(one, url.Values{"url": {to}, "name": {"Ledger"}, "version": {old}}), http.StatusSeeOther, "")
	late := expect(t, admin.Send(one, url.Values{"url": {to}, "name": {"Mine"}, "version": {old}}), http.StatusPreconditionFailed, "Somebody has changed this meanwhile.")
	expect(t, late, http.StatusPreconditionFailed, `value="Mine"`)
	expect(t, admin.Open(home), http.StatusOK, "Ledger")
	expect(t, admin.Send(one, url.Values{"url": {to}, "name": {"Mine"}, "version": {version(late)}}), http.StatusSeeOther, "")
	for range 2 {
		expect(t, admin.Send(one+"/remove", nil), http.StatusSeeOther, "")
	}
}

// TestAdminsAreToldOfDeadWebhooks: all admins get one letter when a webhook is switched off by the program, in their language, and
// nobody else does.
func TestAdminsAreToldOfDeadWebhooks(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAgent)
	n.Agent(t, n.Bolt, "boss@bolt.example", "Bolt", auth.RoleAdmin)
	for _, somebody := range []string{"boss@acme.example", "ana@acme.example", "boss@bolt.example"} {
		n.Mail.Wait(t, somebody) // the invitation
	}
	expect(t, boss.Send(n.Acme.URL+"/agent/settings/notifications", url.Values{"new": {"none"}, "replies": {"none"}, "notes": {"none"}, "overdue": {"none"}}), 303, "")
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, "We have <moved>.")
	}))
	t.Cleanup(gone.Close)
	p := caller(t, n, n.Acme)
	hook := p.call("POST", "/api/webhooks", `{"url":"`+gone.URL+`/hook?key=SECRET","name":"CRM"}`).JSON(t)["id"]
	p.file("Printer")
	l := n.Mail.Wait(t, "boss@acme.example")
	address := fmt.Sprintf("%s/agent/settings/webhooks/%s", n.Acme.URL, hook)
	if l.Subject != "A webhook at Acme is switched off" {
		t.Errorf("the subject is %q", l.Subject)
	}
	for _, want := range []string{
		"Hello Boss,", "The webhook “CRM " + gone.URL + "” was switched off", "The receiver says that it is gone (410).",
		"The last answer: 410\n> We have <moved>.\n", "Open the webhook: " + address + "\n",
	} {
		if !strings.Contains(l.Text, want) {
			t.Errorf("the text has no %q:\n%s", want, l.Text)
		}
	}
	if !strings.Contains(l.HTML, "We have &lt;moved&gt;.") || !strings.Contains(l.HTML, `href="`+address+`"`) || strings.Contains(l.Text+l.HTML, "SECRET") {
		t.Errorf("the HTML is\n%s", l.HTML)
	}
	if l.Header.Get("Auto-Submitted") == "" || l.Header.Get("List-Unsubscribe") != "" {
		t.Errorf("it is essential, and its header is %v", l.Header)
	}
	expect(t, boss.Open(address), 200, "This webhook is switched off")
	p.file("Nobody hears of it")
	expect(t, boss.Send(n.Acme.URL+"/agent/settings", url.Values{"name": {"Boss"}, "language": {"de"}, "zone": {"Europe/Berlin"}}), 303, "")
	p.call("PUT", "/api/webhooks/"+fmt.Sprint(hook), `{"enabled":true}`)
	p.file("Once more")
	if l := n.Mail.Wait(t, "boss@acme.example"); l.Subject != "Ein Webhook bei Acme ist ausgeschaltet" || !strings.Contains(l.Text, "Der Empfänger sagt, dass es ihn nicht mehr gibt (410).") {
		t.Errorf("the second letter is\n%s\n%s", l.Subject, l.Text)
	}
	n.Mail.None(t, "boss@acme.example")
	n.Mail.None(t, "boss@bolt.example")
	for {
		if l := n.Mail.Wait(t, "ana@acme.example"); strings.Contains(l.Text, "Once more") { // she hears of tickets alone
			break
		} else if strings.Contains(l.Subject, "webhook") {
			t.Errorf("who is no admin gets %s", l.Subject)
		}
	}
}
