package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/web/webtest"
)

// A desk where somebody has left marks everywhere, and in the tickets of others as well.
type marks struct {
	*webtest.Node

	t     *testing.T
	p     *program
	admin *webtest.Client
	bob   *webtest.Client // who asks for help as well
	hers  *webtest.Client
	id    string
	home  string
	// last is the number of the newest ticket.
	last int
}

const yolandaShout = "YOLANDA\n Quasimodo"

func leaveMarks(t *testing.T) *marks {
	t.Helper()
	m := &marks{t: t, Node: webtest.Start(t, webtest.WithBusyMail()), last: 2}
	m.home, m.p = m.Acme.URL, caller(t, m.Node, m.Acme)
	m.admin = m.Agent(t, m.Acme, "amy@acme.example", "Amy Admin", auth.RoleAdmin)
	m.hooks()
	m.bob = m.SignIn(t, m.Acme, "bob@example.com", "Bob")
	m.ask(m.bob, "Printer of Bob", "It is the one beside "+yolandaName+", see "+yolandaMail+".")
	m.ask(m.bob, "Bob's own", "Nothing of anybody.")
	m.id, m.hers = yolandaLeaves(t, m.Node, m.Acme, m.admin, m.last)
	m.last += 14
	m.files()
	m.inOthers()
	m.merges()
	m.splits()
	m.settings()
	m.imports()
	m.asStranger()
	return m
}

// ask files a ticket and returns its number.
func (m *marks) ask(c *webtest.Client, title, text string) int {
	m.t.Helper()
	got := expect(m.t, c.Send(m.home+"/tickets", url.Values{"title": {title}, "description": {text}}), 303, "")
	var n int
	if _, err := fmt.Sscanf(strings.TrimPrefix(got.Location(), m.home), "/tickets/%d", &n); err != nil {
		m.t.Fatalf("%s: %v", got.Location(), err)
	}
	m.last = max(m.last, n)
	return n
}

func (m *marks) send(c *webtest.Client, path string, form url.Values) {
	m.t.Helper()
	expect(m.t, c.Send(m.home+path, form), 303, "")
}

// hooks has a receiver that says what it was told, and one that takes nothing: its messages wait.
func (m *marks) hooks() {
	m.t.Helper()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	m.t.Cleanup(echo.Close)
	m.t.Cleanup(down.Close)
	for _, to := range []string{echo.URL, down.URL} {
		expect(m.t, m.p.call("POST", "/api/webhooks", `{"url":"`+to+`/hook","name":"CRM","internal_comments":true}`), 201, "")
	}
}

// files: hers in her ticket, hers that wait, the same bytes in Bob's, and one in Bob's that an agent has called by her address.
func (m *marks) files() {
	m.t.Helper()
	secret := webtest.File{Name: "passport.txt", Content: "The " + yolandaWord + " of " + yolandaMail}
	expect(m.t, m.hers.Attach(m.home+"/tickets", url.Values{"title": {"With a file"}, "description": {yolandaWord}}, []webtest.File{secret}), 303, "")
	m.last++
	expect(m.t, m.hers.Attach(m.home+"/api/attachments", nil, []webtest.File{{Name: "waits.txt", Content: "waits, " + yolandaWord}}), 201, "")
	shared := webtest.File{Name: "shared.txt", Content: "The same for both."}
	for _, c := range []*webtest.Client{m.hers, m.bob} {
		expect(m.t, c.Attach(m.home+"/tickets", url.Values{"title": {"Shared"}, "description": {"See the file."}}, []webtest.File{shared}), 303, "")
		m.last++
	}
	ids := m.p.attach(webtest.File{Name: yolandaName + " " + yolandaMail + ".txt", Content: "Nothing."})
	expect(m.t, m.p.call("POST", "/api/tickets/1/comments", fmt.Sprintf(`{"body":"See the file.","attachment_ids":[%q]}`, ids[0])), 201, "")
}

// inOthers has others write about her in Bob's tickets: sent, held, and begun.
func (m *marks) inOthers() {
	m.t.Helper()
	expect(m.t, m.p.call("POST", "/api/tickets/1/comments", `{"body":"Ask `+strings.ReplaceAll(yolandaShout, "\n", `\n`)+`, she knows.","visibility":"internal"}`), 201, "")
	expect(m.t, m.p.call("PATCH", "/api/tickets/2", `{"title":"Bob's own, not `+yolandaName+`'s","tags":["`+yolandaMail+`"],"custom_fields":{"crm":"`+yolandaID+`"}}`,
		"Idempotency-Key: bob"), 200, "")
	expect(m.t, m.bob.Send(m.home+"/tickets/2/reply", url.Values{"body": {"> " + yolandaMail + " wrote\n\nTrue."}}), 303, "")
	m.send(m.admin, "/agent/tickets/2", url.Values{"body": {"As I told " + yolandaName + "."}})
	expect(m.t, m.admin.Send(m.home+"/agent/tickets/1/draft", url.Values{"body": {"Half a word about " + yolandaMail}}), 204, "")
	expect(m.t, m.admin.Send(m.home+"/agent/tickets/5/draft", url.Values{"body": {"The " + yolandaWord}}), 204, "")
	expect(m.t, m.admin.Send(m.home+"/agent/tickets/6/draft", url.Values{"body": {"Again " + yolandaWord}}), 204, "")
	m.send(m.admin, "/agent/tickets/5", url.Values{"body": {"The " + yolandaWord + " is on its way."}}) // held for some seconds
}

// merges: two of hers; one of hers into Bob's, and one of Bob's into hers, apart.
func (m *marks) merges() {
	m.t.Helper()
	a, b, c := m.ask(m.hers, "One "+yolandaWord, yolandaWord), m.ask(m.hers, "Two "+yolandaWord, yolandaWord), m.ask(m.hers, "Three "+yolandaWord, yolandaWord)
	of, into := m.ask(m.bob, "Bob's into hers", "Bob's words stay."), m.ask(m.bob, "Hers into Bob's", "Bob's second words stay.")
	expect(m.t, m.p.call("POST", fmt.Sprintf("/api/tickets/%d/merge", a), fmt.Sprintf(`{"into":"%d"}`, b)), 200, "")
	expect(m.t, m.p.call("POST", fmt.Sprintf("/api/tickets/%d/merge", c), fmt.Sprintf(`{"into":"%d","apart":true}`, into)), 200, "")
	expect(m.t, m.p.call("POST", fmt.Sprintf("/api/tickets/%d/merge", of), fmt.Sprintf(`{"into":"%d","apart":true}`, b)), 200, "")
}

// splits takes a reply and a note out of a ticket of hers.
func (m *marks) splits() {
	m.t.Helper()
	n := m.ask(m.hers, "To be split "+yolandaWord, yolandaWord)
	m.send(m.hers, fmt.Sprintf("/tickets/%d/reply", n), url.Values{"body": {"And another " + yolandaWord}})
	note := m.p.call("POST", fmt.Sprintf("/api/tickets/%d/comments", n), `{"body":"A note on the `+yolandaWord+`","visibility":"internal"}`).JSON(m.t)
	comments := m.p.call("GET", fmt.Sprintf("/api/tickets/%d/comments", n), "").JSON(m.t)
	all, _ := comments["data"].([]any)
	reply, _ := all[0].(map[string]any)
	for _, id := range []string{textOf(reply, "id"), textOf(note, "id")} {
		expect(m.t, m.p.call("POST", fmt.Sprintf("/api/tickets/%d/split", n), fmt.Sprintf(`{"comment_id":%q,"title":"Of the %s"}`, id, yolandaWord)), 201, "")
		m.last++
	}
}

func (m *marks) settings() {
	m.t.Helper()
	for _, text := range []string{"from:" + yolandaMail, `"` + yolandaName + `"`, yolandaID} {
		expect(m.t, m.p.call("POST", "/api/views", `{"name":"Of `+yolandaName+`","query":"`+strings.ReplaceAll(text, `"`, `\"`)+`","shared":true}`), 201, "")
	}
	expect(m.t, m.p.call("POST", "/api/canned-replies", `{"name":"For `+yolandaMail+`","body":"Dear `+yolandaName+`, no."}`), 201, "")
	expect(m.t, m.p.call("POST", "/api/rules", `{"name":"Rule of `+yolandaName+`","when":"created","match":"any",
		"conditions":[{"field":"description","op":"contains","value":"`+yolandaMail+`"}],"actions":[{"do":"add_tag","value":"`+yolandaID+`"}]}`), 201, "")
	m.ask(m.hers, "For the rule "+yolandaWord, yolandaWord)
}

// imports: one that was carried out and had complaints, and one that waits.
func (m *marks) imports() {
	m.t.Helper()
	csv := "title,description,requester_email,requester_name,status\n" +
		"Imported " + yolandaWord + "," + yolandaWord + "," + yolandaMail + "," + yolandaName + ",open\n" +
		"," + yolandaWord + "," + yolandaMail + "," + yolandaName + ",nonsense of " + yolandaMail + "\n"
	page := importFile(m.t, m.admin, m.home, yolandaMail+".csv", csv)
	expect(m.t, m.admin.Send(page, url.Values{"do": {"start"}}), 303, "")
	await(m.t, m.admin, page)
	m.last++
	importFile(m.t, m.admin, m.home, "waits.csv", csv)
}

// asStranger has her be where she is not proven: with a code that waits, wishes, a browser that is remembered, and the widget.
func (m *marks) asStranger() {
	m.t.Helper()
	visitor := m.Visit(m.t, m.Acme, yolandaMail, "Yolanda the Claimed")
	m.ask(visitor, "Claimed again "+yolandaWord, yolandaWord)
	visitor.Send(m.home+"/auth/confirm/send", nil)
	visitor.Send(m.home+"/auth/confirm", url.Values{"code": {"000000"}})
	expect(m.t, m.hers.Send(m.home+"/auth/notifications", url.Values{"replies": {"off"}}), 303, "")
	form := url.Values{"email": {yolandaMail}, "name": {yolandaName}}
	m.Client(m.t).Do("POST", m.home+"/widget/session", form.Encode(), asForm, "Origin: "+m.home, "Sec-Fetch-Site: same-origin")
	m.hers.Send(m.home+"/auth/me", url.Values{"language": {"de"}})
}

// words are what may stand nowhere.
func (m *marks) words() []string {
	return []string{yolandaMail, yolandaFormer, "yolanda", yolandaID, yolandaWord, "quasimodo", url.QueryEscape(yolandaMail)}
}

// clean finds the words in what somebody is shown. What is asked for is not what is found.
func (m *marks) clean(where, text string) {
	m.t.Helper()
	text = strings.ToLower(text)
	for _, word := range m.words() {
		if i := strings.Index(text, word); i >= 0 {
			m.t.Errorf("%s has %s: …%s…", where, word, text[max(0, i-100):min(len(text), i+100)])
		}
	}
}

// TestErasureEverywhere erases somebody who has left marks everywhere, and looks for them in each record, and in all that the API, the
// console, the exports and the streams say. What is others' stays.
func TestErasureEverywhere(t *testing.T) {
	t.Parallel()
	m := leaveMarks(t)
	live := m.admin.Listen(m.home + "/api/events/stream")
	defer live.Close()
	export := m.p.call("GET", "/api/users/"+m.id+"/export", "")
	for _, word := range []string{"passport.txt", "waits.txt", "Half a word", `"mail_replies"`, `"visibility": "internal"`, `"activity"`} {
		if word == "Half a word" == strings.Contains(export.Body, word) { // a draft is not sent
			t.Errorf("what she is handed out lacks, or has, %s: %s", word, export.Body)
		}
	}
	expect(t, m.admin.Do("POST", m.home+"/api/users/"+m.id+"/erase", "", asJSON), 200, `"status":"erased"`)

	places, err := m.Store.Find(t.Context(), m.words()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range places {
		t.Errorf("a trace is left: %s", place)
	}
	m.idStandsOnlyInTheLog()
	m.nothingIsShown()
	m.othersKeepTheirs()
	if err := m.Store.Check(t.Context(), func(f storage.Finding) { t.Errorf("the store is out of step: %s", f) }, nil); err != nil {
		t.Fatal(err)
	}
}

// idStandsOnlyInTheLog: of the user's ID is left that it was erased, and that programs are told so.
func (m *marks) idStandsOnlyInTheLog() {
	m.t.Helper()
	places, err := m.Store.Find(m.t.Context(), m.id)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, place := range places {
		if !slices.ContainsFunc([]string{"erasures, ", "audit log, ", "events, ", "change feed, ", "webhook messages, ", "webhook deliveries, "}, func(table string) bool { return strings.HasPrefix(place, table) }) {
			m.t.Errorf("her id is left: %s", place)
		}
	}
}

// nothingIsShown asks for all that there is.
func (m *marks) nothingIsShown() {
	m.t.Helper()
	paths := []string{
		"/api/tickets?limit=100", "/api/tickets?limit=100&deleted=true", "/api/tickets?q=merged&limit=100", "/api/users?limit=100", "/api/events?limit=100", "/api/audit?limit=100",
		"/api/views", "/api/canned-replies", "/api/rules", "/api/webhooks", "/api/categories", "/api/tokens", "/api/reports", "/api/sla",
	}
	for _, word := range []string{yolandaWord, "quasimodo", url.QueryEscape(yolandaMail), yolandaID} {
		expect(m.t, m.p.call("GET", "/api/tickets?q="+word, ""), 200, `"data":[]`)
	}
	expect(m.t, m.p.call("GET", "/api/users?email="+url.QueryEscape(yolandaMail), ""), 200, `"data":[]`)
	for n := 1; n <= m.last; n++ {
		for _, part := range []string{"?deleted=true", "/comments?limit=100", "/activity?limit=100"} {
			paths = append(paths, fmt.Sprintf("/api/tickets/%d%s", n, part))
		}
	}
	for _, path := range paths {
		got := m.p.call("GET", path, "")
		m.clean(path, got.Body)
	}
	hooks, _ := m.p.call("GET", "/api/webhooks", "").JSON(m.t)["data"].([]any)
	for _, hook := range hooks {
		doc, _ := hook.(map[string]any)
		m.clean("deliveries", m.p.call("GET", "/api/webhooks/"+textOf(doc, "id")+"/deliveries?limit=100", "").Body)
	}
	pages := []string{"/agent", "/agent?view=all", "/agent/reports", "/agent/settings/audit", "/agent/settings/rules", "/agent/settings/replies", transferPath}
	for n := 1; n <= m.last; n++ {
		pages = append(pages, fmt.Sprintf("/agent/tickets/%d", n))
	}
	for _, path := range pages {
		m.clean(path, m.admin.Open(m.home+path).Body)
	}
	for name, text := range unzip(m.t, m.admin.Send(m.home+transferPath, url.Values{"do": {"export"}}).Body) {
		m.clean("the export's "+name, name+text)
	}
	all := m.p.Listen(m.home+"/api/events/stream", m.p.auth, "Last-Event-ID: 0")
	defer all.Close()
	for e, more := all.Named(); more && e.Name != "user.erased"; e, more = all.Named() {
		m.clean("the stream", e.Data)
	}
}

// othersKeepTheirs: what Bob wrote, and the file that he has as well.
func (m *marks) othersKeepTheirs() {
	m.t.Helper()
	expect(m.t, m.p.call("GET", "/api/tickets/1", ""), 200, `"description":"It is the one beside erased, see erased."`)
	expect(m.t, m.p.call("GET", "/api/tickets/2", ""), 200, `"title":"Bob's own, not erased's"`)
	expect(m.t, m.p.call("GET", "/api/tickets/1/comments", ""), 200, `Ask erased, she knows.`)
	expect(m.t, m.p.call("GET", "/api/tickets?q=words+stay&limit=100", ""), 200, `"data":[{`)
	found := m.p.call("GET", "/api/tickets?q=has:attachment+from:bob@example.com+shared", "")
	data, _ := found.JSON(m.t)["data"].([]any)
	if len(data) != 1 {
		m.t.Fatalf("tickets with Bob's file: %s", found.Body)
	}
	doc, _ := data[0].(map[string]any)
	ids := attachmentIDs(m.t, doc["attachments"])
	if len(ids) != 1 || m.p.call("GET", "/api/attachments/"+ids[0], "").Body != "The same for both." {
		m.t.Errorf("Bob's file is gone: %s", found.Body)
	}
}

// TestErasureOfFormerStaff: who has left the team is nobody any more in what they wrote there.
func TestErasureOfFormerStaff(t *testing.T) {
	t.Parallel()
	m := &marks{t: t, Node: webtest.Start(t)}
	m.home, m.p = m.Acme.URL, caller(t, m.Node, m.Acme)
	m.admin = m.Agent(t, m.Acme, "amy@acme.example", "Amy Admin", auth.RoleAdmin)
	her := m.Agent(t, m.Acme, yolandaMail, yolandaName, auth.RoleAgent)
	m.bob = m.SignIn(t, m.Acme, "bob@example.com", "Bob")
	m.ask(m.bob, "Printer", "It is on fire.")
	expect(t, her.Do("PATCH", m.home+"/api/tickets/1", `{"status":"pending","comment":{"body":"I am on it."}}`, asJSON), 200, "")
	expect(t, her.Do("POST", m.home+"/api/views", `{"name":"Mine","query":"printer"}`, asJSON), 201, "")
	expect(t, her.Send(m.home+"/agent/tickets/1/draft", url.Values{"body": {"Half"}}), 204, "")
	her.Open(m.home + "/agent/tickets/1")
	id := textOf(m.p.call("POST", "/api/users", fmt.Sprintf(`{"email":%q,"name":%q}`, yolandaMail, yolandaName)).JSON(t), "id")
	expect(t, m.p.call("POST", "/api/users/"+id+"/erase", ""), 409, "IN_USE")
	if err := m.Staff.Remove(t.Context(), m.Acme.Tenant, yolandaMail, "operator"); err != nil {
		t.Fatal(err)
	}
	expect(t, m.p.call("POST", "/api/users/"+id+"/erase", ""), 200, `"status":"erased"`)
	places, err := m.Store.Find(t.Context(), yolandaMail, "quasimodo")
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range places {
		t.Errorf("a trace is left: %s", place)
	}
	expect(t, m.p.call("GET", "/api/tickets/1/comments", ""), 200, "I am on it.")
}

// TestErasureSparesNamesakes: who is called the same keeps the name in their own tickets and letters.
func TestErasureSparesNamesakes(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	for _, mail := range []string{"one@example.com", "two@example.com"} {
		expect(t, p.call("POST", "/api/tickets", `{"title":"t","description":"Best, Ann Lee","requester":{"email":"`+mail+`","name":"Ann Lee"}}`), 201, "")
		expect(t, p.call("POST", "/api/tickets", `{"title":"Ann Lee called","description":"See ann lee and Ann Leeward."}`), 201, "")
	}
	one, _ := p.call("GET", "/api/tickets/1", "").JSON(t)["requester"].(map[string]any)
	expect(t, p.call("POST", "/api/users/"+textOf(one, "id")+"/erase", ""), 200, "")
	expect(t, p.call("GET", "/api/tickets/3", ""), 200, `"description":"Best, Ann Lee"`)
	expect(t, p.call("GET", "/api/tickets/3", ""), 200, `"name":"Ann Lee"`)
	expect(t, p.call("GET", "/api/tickets/2", ""), 200, `"title":"erased called","description":"See erased and Ann Leeward."`)
}
