package web_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

const transferPath = "/agent/settings/transfer"

// importFile uploads a file as an admin, waits until it was checked, and returns the address of its page.
func importFile(t *testing.T, admin *webtest.Client, base, name, content string) string {
	t.Helper()
	got := admin.Attach(base+transferPath, nil, []webtest.File{{Name: name, Content: content}})
	if got.Status != http.StatusSeeOther {
		t.Fatalf("upload = %d %s", got.Status, got.Body)
	}
	address := base + got.Location()
	await(t, admin, address)
	return address
}

// await waits until nothing goes on any more on the page of an import, and returns it.
func await(t *testing.T, admin *webtest.Client, address string) string {
	t.Helper()
	for range 200 {
		page := admin.Open(address)
		if page.Status != http.StatusOK {
			t.Fatalf("import = %d %s", page.Status, page.Body)
		}
		if !strings.Contains(page.Body, `http-equiv="refresh"`) {
			return page.Body
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the import does not come to an end")
	return ""
}

// What one tenant exports, another imports: tickets, comments, files and times; and a second time nothing.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	ids := p.attach(webtest.File{Name: "a.txt", Content: "hello"}, webtest.File{Name: "note.txt", Content: "secret"})
	p.call("POST", "/api/tickets", fmt.Sprintf(`{"title":"=1+1","description":"d","tags":["x"],"requester":{"email":"zoe@example.com","name":"Zoe"},"attachment_ids":[%q]}`, ids[0]))
	p.call("POST", "/api/tickets/1/comments", `{"body":"public"}`)
	p.call("POST", "/api/tickets/1/comments", fmt.Sprintf(`{"body":"internal","visibility":"internal","attachment_ids":[%q]}`, ids[1]))
	p.call("PATCH", "/api/tickets/1", `{"status":"resolved"}`)
	before := p.call("GET", "/api/tickets/1", "").JSON(t)

	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	got := ann.Send(n.Acme.URL+transferPath, url.Values{"do": {"export"}})
	if got.Status != 200 || got.Header.Get("Content-Type") != "application/zip" {
		t.Fatalf("export = %d %v", got.Status, got.Header)
	}
	files := unzip(t, got.Body)
	if !strings.Contains(files["tickets.csv"], "\n1,'=1+1,") {
		t.Errorf("tickets.csv = %s", files["tickets.csv"])
	}
	for _, name := range []string{"manifest.json", "settings.jsonl", "users.jsonl", "staff.jsonl", "categories.jsonl", "audit.jsonl", "tickets.jsonl", "rules.jsonl", "views.jsonl", "replies.jsonl"} {
		if _, there := files[name]; !there {
			t.Errorf("the export has no %s", name)
		}
	}
	for name, content := range files {
		for kind, secret := range n.Acme.Keys.Secrets() {
			if strings.Contains(content, secret) {
				t.Errorf("%s has the %s", name, kind)
			}
		}
	}

	bob := n.Agent(t, n.Bolt, "bob@bolt.example", "Bob", auth.RoleAdmin)
	page := importFile(t, bob, n.Bolt.URL, "acme.zip", got.Body)
	if got := caller(t, n, n.Bolt).call("GET", "/api/tickets", ""); !strings.HasPrefix(got.Body, `{"data":[]`) {
		t.Errorf("a check has written %s", got.Body)
	}
	if got := bob.Send(page, url.Values{"do": {"start"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("start = %d %s", got.Status, got.Body)
	}
	await(t, bob, page)
	q := caller(t, n, n.Bolt)
	after := q.call("GET", "/api/tickets/1", "").JSON(t)
	for _, key := range []string{"title", "description", "status", "created_at", "resolved_at", "first_response_at", "requester_assurance"} {
		if before[key] != after[key] {
			t.Errorf("%s = %v, was %v", key, after[key], before[key])
		}
	}
	comments := q.call("GET", "/api/tickets/1/comments", "").Body
	if !strings.Contains(comments, `"internal"`) || !strings.Contains(comments, "note.txt") || strings.Count(comments, `"cmt_`) != 2 {
		t.Errorf("comments = %s", comments)
	}
	id := attachmentIDs(t, after["attachments"])
	if len(id) != 1 || q.call("GET", "/api/attachments/"+id[0], "").Body != "hello" {
		t.Errorf("attachments = %v", after["attachments"])
	}
	if events := q.call("GET", "/api/events", "").Body; strings.Contains(events, "ticket.created") {
		t.Errorf("somebody was told: %s", events)
	}

	again := importFile(t, bob, n.Bolt.URL, "acme.zip", got.Body)
	bob.Send(again, url.Values{"do": {"start"}})
	if page := await(t, bob, again); !strings.Contains(page, "This ticket was imported before.") {
		t.Errorf("the same again = %s", page)
	}
	if got := q.call("GET", "/api/tickets", "").Body; strings.Count(got, `"tkt_`) != 1 {
		t.Errorf("tickets after the same import twice: %s", got)
	}
	// None of it is another tenant's, or an agent's.
	if got := ann.Open(n.Acme.URL + strings.TrimPrefix(page, n.Bolt.URL)); got.Status != 404 {
		t.Errorf("another tenant's import = %d", got.Status)
	}
	amy := n.Agent(t, n.Bolt, "amy@bolt.example", "Amy", auth.RoleAgent)
	if got := amy.Open(page); got.Status != 403 {
		t.Errorf("an agent at an import = %d", got.Status)
	}
}

func unzip(t *testing.T, body string) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader([]byte(body)), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(b)
	}
	return files
}

// A CSV of another help desk: what is wrong is said line by line, and the rest comes in.
func TestImportCSV(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	bob := n.Agent(t, n.Bolt, "bob@bolt.example", "Bob", auth.RoleAdmin)
	const content = "Subject;Body;Status;Email;Name;Created;ID;field:plan;Weather\n" +
		"Printer;It burns;closed;zoe@example.com;Zoe;2024-03-01 10:00;x-1;gold;sun\n" +
		"No mail;text;open;not an address;;;x-2;;\n" +
		";without a title;;;;;x-3;;\n" +
		"Twice;text;;;;;x-1;;\n" +
		"Odd;text;broken;;;yesterday;x-4;;\n"
	page := importFile(t, bob, n.Bolt.URL, "old.csv", content)
	shown := bob.Open(page).Body
	for _, want := range []string{"Import 1 ticket", "<td>3</td>", "<td>4</td>", "<td>5</td>", "<td>6</td>", "is passed over", "The external id stands in line 2 already."} {
		if !strings.Contains(shown, want) {
			t.Errorf("the check says nothing of %q", want)
		}
	}
	bob.Send(page, url.Values{"do": {"start"}})
	await(t, bob, page)
	got := caller(t, n, n.Bolt).call("GET", "/api/tickets/1", "").JSON(t)
	if got["title"] != "Printer" || got["status"] != "closed" || got["created_at"] != "2024-03-01T10:00:00.000Z" || got["external_id"] != "x-1" {
		t.Errorf("ticket = %v", got)
	}
	report := bob.Get(page + "/report").Body
	if !strings.HasPrefix(report, "line,field,problem,left_out\n3,requester.email,") {
		t.Errorf("report = %s", report)
	}
	for _, bad := range []string{"no,columns\n1,2\n", "{\"type\":\"ticket\"\n", "PK\x03\x04nonsense", "[1,"} {
		page := importFile(t, bob, n.Bolt.URL, "bad", bad)
		if got := bob.Open(page).Body; !strings.Contains(got, "Could not be read") {
			t.Errorf("import of %q: %s", bad, got)
		}
	}
}
