package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// Limits hold to the byte, and what is too much leaves nothing behind.
func TestAttachmentLimits(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"attachment_mib": "1", "attachment_quota_mib": "3", "uploads_per_hour": "3"})
	p := caller(t, n, n.Acme)
	upload := func(c *webtest.Client, files []webtest.File, headers ...string) webtest.Answer {
		return c.Attach(n.Acme.URL+"/api/attachments", nil, files, headers...)
	}
	mib := strings.Repeat("x", 1<<20)
	if got := upload(p.Client, []webtest.File{{Name: "a", Content: mib + "x"}}, p.auth); got.Status != 413 || got.Code() != "PAYLOAD_TOO_LARGE" {
		t.Errorf("a byte too much = %d %s, want 413", got.Status, got.Body)
	}
	if got := upload(p.Client, []webtest.File{{Name: "empty", Content: ""}}, p.auth); got.Status != 422 {
		t.Errorf("an empty file = %d %s, want 422", got.Status, got.Body)
	}
	if got := upload(p.Client, nil, p.auth); got.Status != 400 && got.Status != 422 {
		t.Errorf("no file = %d %s", got.Status, got.Body)
	}
	if got := upload(p.Client, make21(), p.auth); got.Status != 422 || !strings.Contains(got.Body, "at most 20") {
		t.Errorf("21 files = %d %s, want 422", got.Status, got.Body)
	}
	for i, want := range []int{201, 201, 201, 409} {
		if got := upload(p.Client, []webtest.File{{Name: "a", Content: mib}}, p.auth); got.Status != want {
			t.Errorf("upload %d of a MiB = %d %s, want %d", i+1, got.Status, got.Body, want)
		}
	}
	n.Set(t, n.Acme, map[string]string{"attachment_quota_mib": "100"})
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	for i, want := range []int{201, 201, 201, 429} {
		if got := upload(zoe, []webtest.File{{Name: "a", Content: "x"}}, "Sec-Fetch-Site: same-origin"); got.Status != want {
			t.Errorf("upload %d of a requester = %d %s, want %d", i+1, got.Status, got.Body, want)
		}
	}
	raw := p.Do("POST", n.Acme.URL+"/api/attachments?name=../../etc/passwd", "hello", p.auth, "Content-Type: text/html")
	if raw.Status != 201 || !strings.Contains(raw.Body, `"name":"passwd"`) || !strings.Contains(raw.Body, `"content_type":"text/plain"`) {
		t.Errorf("a bare file = %d %s", raw.Status, raw.Body)
	}
}

func make21() []webtest.File {
	var files []webtest.File
	for i := range 21 {
		files = append(files, webtest.File{Name: fmt.Sprintf("f%d", i), Content: "x"})
	}
	return files
}

// A file is sent in parts, or not at all if it is known; and whatever is in it, as something to save that cannot run here.
func TestAttachmentDownloads(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	id := p.attach(webtest.File{Name: "a.txt", Content: "0123456789"})[0]
	path := "/api/attachments/" + id
	whole := p.call("GET", path, "")
	tag := whole.Header.Get("ETag")
	for _, tc := range []struct {
		method, header string
		status         int
		body           string
	}{
		{"HEAD", "", 200, ""},
		{"GET", "Range: bytes=2-4", 206, "234"},
		{"GET", "Range: bytes=-3", 206, "789"},
		{"GET", "Range: bytes=99-", 416, "RANGE_NOT_SATISFIABLE"},
		{"GET", "Range: pages=1-2", 200, "0123456789"},
		{"GET", "If-None-Match: " + tag, 304, ""},
		{"GET", `If-None-Match: "x", W/` + tag, 304, ""},
		{"GET", `If-None-Match: "x"`, 200, "0123456789"},
	} {
		headers := []string{}
		if tc.header != "" {
			headers = append(headers, tc.header)
		}
		got := p.call(tc.method, path, "", headers...)
		if got.Status != tc.status || tc.status != 416 && got.Body != tc.body || tc.status == 416 && got.Code() != tc.body {
			t.Errorf("%s with %q = %d %q, want %d %q", tc.method, tc.header, got.Status, got.Body, tc.status, tc.body)
		}
	}
	for _, tc := range []struct{ name, content, want, kind string }{
		{"x.html", "<!doctype html><script>alert(1)</script>", "x.html", "application/octet-stream"},
		{"x.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "x.svg", "application/octet-stream"},
		{"x.xml", `<?xml version="1.0"?><a/>`, "x.xml", "application/octet-stream"},
		{"page.png", "<html><body>hi</body></html>", "page.png", "application/octet-stream"},
		{`..\..\win.ini`, "x", "win.ini", "text/plain; charset=utf-8"},
		{"a\r\nSet-Cookie: x=1", "x", "a Set-Cookie: x=1", "text/plain; charset=utf-8"},
		{`q"uote.txt`, "x", `q"uote.txt`, "text/plain; charset=utf-8"},
		{"evil\u202egnp.exe", "x", "evilgnp.exe", "text/plain; charset=utf-8"},
		{strings.Repeat("ä", 300) + ".txt", "x", strings.Repeat("ä", 98) + ".txt", "text/plain; charset=utf-8"},
		{"..", "x", "file", "text/plain; charset=utf-8"},
		{"Übersicht 100%.txt", "x", "Übersicht 100%.txt", "text/plain; charset=utf-8"},
	} {
		if tc.name == ".." { // the form's own reader takes it for no name at all
			continue
		}
		got := p.call("GET", "/api/attachments/"+p.attach(webtest.File{Name: tc.name, Content: tc.content, Type: "text/html"})[0], "")
		h := got.Header
		disposition := h.Get("Content-Disposition")
		_, encoded, _ := strings.Cut(disposition, "filename*=UTF-8''")
		name, err := url.PathUnescape(encoded)
		if err != nil || name != tc.want || !strings.HasPrefix(disposition, "attachment; ") || strings.ContainsAny(disposition, "\r\n") {
			t.Errorf("%q is sent as %q", tc.name, disposition)
		}
		if h.Get("Content-Type") != tc.kind || h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox;") ||
			h.Get("Set-Cookie") != "" || got.Body != tc.content {
			t.Errorf("%q is sent as %v", tc.name, h)
		}
	}
}

// Who may not read the message, or has not uploaded the file, is told that there is none.
func TestAttachmentsOfOthers(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	visitor := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	other := n.SignIn(t, n.Acme, "max@example.com", "Max")
	admin := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	foreign := n.Agent(t, n.Bolt, "bob@bolt.example", "Bob", auth.RoleAdmin)
	same := "Sec-Fetch-Site: same-origin"

	got := zoe.Attach(n.Acme.URL+"/api/attachments", nil, []webtest.File{{Name: "loose", Content: "1"}, {Name: "mine", Content: "2"}}, same)
	own := attachmentIDs(t, got.JSON(t)["data"])
	zoe.Do("POST", n.Acme.URL+"/api/tickets", fmt.Sprintf(`{"title":"t","description":"d","attachment_ids":[%q]}`, own[1]), asJSON, same)
	note := p.attach(webtest.File{Name: "note", Content: "3"})[0]
	if got := p.call("POST", "/api/tickets/1/comments", fmt.Sprintf(`{"body":"b","visibility":"internal","attachment_ids":[%q]}`, note)); got.Status != 201 {
		t.Fatalf("note = %d %s", got.Status, got.Body)
	}
	get := func(c *webtest.Client, base, id string, headers ...string) int {
		return c.Get(base+"/api/attachments/"+id, headers...).Status
	}
	loose, mine := own[0], own[1]
	for _, tc := range []struct {
		who               string
		c                 *webtest.Client
		base              string
		headers           []string
		loose, mine, note int
	}{
		{"the requester", zoe, n.Acme.URL, nil, 200, 200, 404},
		{"a visitor with the address", visitor, n.Acme.URL, nil, 404, 404, 404},
		{"another requester", other, n.Acme.URL, nil, 404, 404, 404},
		{"an admin", admin, n.Acme.URL, nil, 404, 200, 200},
		{"the token", p.Client, n.URL, []string{p.auth}, 404, 200, 200},
		{"another tenant's admin", foreign, n.Bolt.URL, nil, 404, 404, 404},
		{"another tenant's token", n.Client(t), n.URL, []string{"Authorization: Bearer " + n.Bolt.Token}, 404, 404, 404},
		{"nobody", n.Client(t), n.Acme.URL, nil, 401, 401, 401},
	} {
		for id, want := range map[string]int{loose: tc.loose, mine: tc.mine, note: tc.note} {
			if got := get(tc.c, tc.base, id, tc.headers...); got != want {
				t.Errorf("%s reads %s = %d, want %d", tc.who, id, got, want)
			}
		}
	}
	file := `{"title":"t","description":"d","attachment_ids":[%q]}`
	for _, id := range []string{loose, mine, "att_1", ""} {
		if got := other.Do("POST", n.Acme.URL+"/api/tickets", fmt.Sprintf(file, id), asJSON, same); got.Status != 422 {
			t.Errorf("another's file in a ticket = %d %s, want 422", got.Status, got.Body)
		}
	}
	remove := func(c *webtest.Client, id string) int {
		return c.Do(http.MethodDelete, n.Acme.URL+"/api/attachments/"+id, "", same).Status
	}
	for _, tc := range []struct {
		who  string
		c    *webtest.Client
		id   string
		want int
	}{
		{"another requester", other, loose, 404},
		{"a visitor", visitor, mine, 404},
		{"the requester, in use", zoe, mine, 403},
		{"the requester, unused", zoe, loose, 204},
		{"staff", admin, mine, 204},
		{"staff, a note's", admin, note, 204},
		{"again", admin, mine, 404},
	} {
		if got := remove(tc.c, tc.id); got != tc.want {
			t.Errorf("%s removes = %d, want %d", tc.who, got, tc.want)
		}
	}
	if got := p.call("GET", "/api/tickets/1/activity", "").Body; !strings.Contains(got, `"field":"attachment","from":"mine"`) {
		t.Errorf("activity = %s", got)
	}
	if got := zoe.Get(n.Acme.URL + "/api/tickets/1"); !strings.Contains(got.Body, `"attachments":[]`) {
		t.Errorf("ticket = %s", got.Body)
	}
	if got := zoe.Get(n.Acme.URL + "/api/events").Body; strings.Contains(got, `"note"`) {
		t.Errorf("the requester learns of a note's file: %s", got)
	}
}
