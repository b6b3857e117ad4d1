package web_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// png is a picture of one pixel.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
	"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xdcD\xb0\xe1\x00\x00\x00\x00IEND\xaeB`\x82"

// attach uploads files by the API and returns their ids.
func (p *program) attach(files ...webtest.File) []string {
	p.t.Helper()
	got := p.Attach(p.base+"/api/attachments", nil, files, p.auth)
	if got.Status != 201 {
		p.t.Fatalf("upload = %d %s", got.Status, got.Body)
	}
	return attachmentIDs(p.t, got.JSON(p.t)["data"])
}

func attachmentIDs(t *testing.T, list any) []string {
	t.Helper()
	var ids []string
	all, _ := list.([]any)
	for _, one := range all {
		doc, _ := one.(map[string]any)
		id, _ := doc["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

// TestOneAttachment: who uploads one file is told of it without a list, and where it is; who uploads several has the list alone.
func TestOneAttachment(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	one, two := webtest.File{Name: "a.txt", Content: "hello"}, webtest.File{Name: "b.txt", Content: "you"}
	for name, got := range map[string]webtest.Answer{
		"a form": p.Attach(p.base+"/api/v1/attachments", nil, []webtest.File{one}, p.auth),
		"a body": p.Do("POST", p.base+"/api/v1/attachments?name=a.txt", "hello", p.auth, "Content-Type: text/plain"),
	} {
		document := got.JSON(t)
		ids := attachmentIDs(t, document["data"])
		if got.Status != 201 || len(ids) != 1 || document["id"] != ids[0] || document["name"] != "a.txt" || document["size"] != 5.0 {
			t.Fatalf("%s = %d %s", name, got.Status, got.Body)
		}
		if want := "/api/v1/attachments/" + ids[0]; got.Location() != want {
			t.Errorf("%s leads to %q, want %q", name, got.Location(), want)
		}
		expect(t, n.Client(t).Get(p.base+got.Location(), p.auth), 200, "hello")
	}
	got := p.Attach(p.base+"/api/attachments", nil, []webtest.File{one, two}, p.auth)
	if _, has := got.JSON(t)["id"]; has || got.Location() != "" || len(attachmentIDs(t, got.JSON(t)["data"])) != 2 {
		t.Errorf("two files = %d to %q %s", got.Status, got.Location(), got.Body)
	}
}

// Files are uploaded, become part of a ticket and a comment, and are downloaded as they were.
func TestAttachments(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	ids := p.attach(webtest.File{Name: "a.txt", Content: "hello", Type: "image/png"}, webtest.File{Name: "p.png", Content: png})
	if len(ids) != 2 || !strings.HasPrefix(ids[0], "att_") {
		t.Fatalf("ids = %v", ids)
	}
	got := p.call("POST", "/api/tickets", fmt.Sprintf(`{"title":"t","description":"d","attachment_ids":[%q]}`, ids[0]), "Idempotency-Key: k")
	if got.Status != 201 || !strings.Contains(got.Body, `"content_type":"text/plain"`) || !strings.Contains(got.Body, ids[0]) {
		t.Errorf("ticket with a file = %d %s", got.Status, got.Body)
	}
	again := p.call("POST", "/api/tickets", fmt.Sprintf(`{"title":"t","description":"d","attachment_ids":[%q]}`, ids[0]), "Idempotency-Key: k")
	if again.Body != got.Body || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same again = %d %s", again.Status, again.Body)
	}
	if got := p.call("POST", "/api/tickets/1/comments", fmt.Sprintf(`{"body":"b","attachment_ids":[%q]}`, ids[0])); got.Status != 422 {
		t.Errorf("a file twice = %d %s, want 422", got.Status, got.Body)
	}
	got = p.call("POST", "/api/tickets/1/comments", fmt.Sprintf(`{"body":"b","attachment_ids":[%q]}`, ids[1]))
	if got.Status != 201 || !strings.Contains(got.Body, `"content_type":"image/png"`) {
		t.Errorf("comment with a file = %d %s", got.Status, got.Body)
	}
	got = p.call("GET", "/api/attachments/"+ids[0], "")
	if got.Status != 200 || got.Body != "hello" || got.Header.Get("Content-Disposition") != `attachment; filename="a.txt"; filename*=UTF-8''a.txt` {
		t.Errorf("download = %d %q %v", got.Status, got.Body, got.Header)
	}
}

// A form brings files along, keeps them when it can't be taken, and shows them in the thread.
func TestFormsWithFiles(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	files := []webtest.File{{Name: "shot.png", Content: png}, {}}
	got := zoe.Attach(n.Acme.URL+"/tickets", url.Values{"title": {"Printer"}, "key": {"k1"}}, files)
	kept := regexp.MustCompile(`name="attachment_ids" value="(att_\w+)" checked> <span>shot.png`).FindStringSubmatch(got.Body)
	if got.Status != 422 || kept == nil {
		t.Fatalf("a form without a text = %d %s", got.Status, got.Body)
	}
	got = zoe.Attach(n.Acme.URL+"/tickets", url.Values{
		"title": {"Printer"}, "description": {"burns"}, "key": {"k1"}, "attachment_ids": {kept[1]},
	}, []webtest.File{{Name: "log.txt", Content: "x"}})
	if got.Status != 303 {
		t.Fatalf("file = %d %s", got.Status, got.Body)
	}
	page := zoe.Open(n.Acme.URL + "/tickets/1")
	if !strings.Contains(page.Body, `<img src="/api/attachments/`+kept[1]+`"`) || !strings.Contains(page.Body, "log.txt") {
		t.Errorf("thread = %s", page.Body)
	}
	reply := zoe.Attach(n.Acme.URL+"/tickets/1/reply", url.Values{"body": {"and"}, "key": {"k2"}}, []webtest.File{{Name: "empty", Content: ""}})
	if reply.Status != 422 || !strings.Contains(html.UnescapeString(reply.Body), "empty: This file is empty.") || !strings.Contains(reply.Body, ">and</textarea>") {
		t.Errorf("reply with an empty file = %d %s", reply.Status, reply.Body)
	}
	ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	answer := ann.Attach(n.Acme.URL+"/agent/tickets/1", url.Values{"body": {"see"}, "visibility": {"internal"}}, []webtest.File{{Name: "secret.txt", Content: "s"}})
	if answer.Status != 303 {
		t.Fatalf("answer = %d %s", answer.Status, answer.Body)
	}
	if page := ann.Open(n.Acme.URL + "/agent/tickets/1"); !strings.Contains(page.Body, "secret.txt") {
		t.Error("the agent does not see the note's file")
	}
	if page := zoe.Open(n.Acme.URL + "/tickets/1"); strings.Contains(page.Body, "secret.txt") {
		t.Error("the requester sees the note's file")
	}
}

// A form that is sent twice is one request, although it brings its files twice; with another file it is another.
func TestFormsWithFilesSentTwice(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	request := url.Values{"title": {"Printer"}, "description": {"burns"}, "key": {"k1"}}
	for i, content := range []string{"one", "one", "two"} {
		got := zoe.Attach(n.Acme.URL+"/tickets", request, []webtest.File{{Name: "a.txt", Content: content}})
		if want := fmt.Sprintf("/tickets/%d", 1+i/2); got.Location() != want {
			t.Errorf("send %d leads to %s, want %s", i+1, got.Location(), want)
		}
	}
}

// A file whose name is not written as it has to be is an error, and no file that is left out.
func TestBadlyQuotedFileNames(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, zoe := caller(t, n, n.Acme), n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	for _, disposition := range []string{
		`form-data; name="files"; filename=a b.txt`, `form-data; name="files"; filename="a.txt`, `form-data; name=files[]; filename=x`, `form-data`, ``,
	} {
		body := "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nLamp\r\n--b\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\ndark\r\n" +
			"--b\r\nContent-Disposition: " + disposition + "\r\n\r\nhello\r\n--b--\r\n"
		if got := p.Do("POST", p.base+"/api/attachments", body, "Content-Type: multipart/form-data; boundary=b", p.auth); got.Status != 400 {
			t.Errorf("%s by the API = %d %s, want 400", disposition, got.Status, got.Body)
		}
		if got := zoe.Do("POST", n.Acme.URL+"/tickets", body, "Content-Type: multipart/form-data; boundary=b", "Origin: "+n.Acme.URL, "Sec-Fetch-Site: same-origin"); got.Status != 400 {
			t.Errorf("%s by the form = %d, want 400", disposition, got.Status)
		}
	}
	if got := p.call("GET", "/api/tickets", "").JSON(t); fmt.Sprint(got["data"]) != "[]" {
		t.Errorf("filed without its file: %v", got)
	}
}

// Requesters are told neither which program nor which rule it was: those names are staff's own.
func TestNamesOfProgramsAreStaffs(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, zoe := caller(t, n, n.Acme), n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {"Lamp"}, "description": {"dark"}}), 303, "")
	said := p.call("POST", "/api/tickets/1/comments", `{"body":"We look into it."}`)
	itself, _ := said.JSON(t)["author"].(map[string]any)
	name, _ := itself["name"].(string)
	if name == "" || name == "Support" || itself["id"] == nil {
		t.Fatalf("the token is told that %v said it", itself)
	}
	p.call("PATCH", "/api/tickets/1", `{"status":"pending"}`)
	for _, path := range []string{"/api/tickets/1/comments", "/api/events", "/tickets/1", "/api/tickets/1"} {
		got := zoe.Open(n.Acme.URL + path)
		if got.Status != 200 || strings.Contains(got.Body, name) || strings.Contains(got.Body, `"tok_`) {
			t.Errorf("the requester reads at %s = %d the token's name or id: %s", path, got.Status, got.Body)
		}
	}
	if got := zoe.Get(n.Acme.URL + "/api/tickets/1/comments"); !strings.Contains(got.Body, `"author":{"id":null,"name":"Support","email":null,"role":"api"}`) {
		t.Errorf("comments = %s", got.Body)
	}
	if ann := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent); !strings.Contains(ann.Open(n.Acme.URL+"/agent/tickets/1").Body, name) {
		t.Error("staff does not see which program it was")
	}
}
