package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestNewTicketFiles: a ticket that an agent opens takes files; those of a form that is refused are there still.
func TestNewTicketFiles(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	log := webtest.File{Name: "call log.txt", Content: "It burns."}
	form := url.Values{"title": {""}, "description": {"A call"}, "priority": {"medium"}, "email": {"zoe@example.com"}, "name": {"Zoe"}, "key": {"k1"}}
	again := expect(t, d.ann.Attach(d.home+"/agent/tickets", form, []webtest.File{log, {Name: "empty.txt"}}), 422, "empty.txt: This file is empty.")
	kept := regexp.MustCompile(`name="attachment_ids" value="([^"]+)" checked> <span>call log.txt`).FindStringSubmatch(again.Body)
	if kept == nil {
		t.Fatal("the file of a form that was refused is gone")
	}

	form.Set("title", "Called")
	form.Set("attachment_ids", kept[1])
	at := expect(t, d.ann.Attach(d.home+"/agent/tickets", form, []webtest.File{{Name: "photo.txt", Content: "Another."}}), 303, "").Location()
	page := expect(t, d.ann.Open(d.home+at), 200, "<span>call log.txt</span>")
	expect(t, page, 200, "<span>photo.txt</span>")
	if got := d.ticket(1); len(got.Files) != 2 {
		t.Errorf("the ticket has %d files, want 2", len(got.Files))
	}
	mine := expect(t, d.zoe.Open(d.home+"/tickets/1"), 200, "<span>call log.txt</span>")
	file := regexp.MustCompile(`href="(/api/attachments/[^"]+)"`).FindStringSubmatch(mine.Body)
	if file == nil {
		t.Fatal("the requester has no way to the files")
	}
	expect(t, d.zoe.Open(d.home+file[1]), 200, "It burns.")
	expect(t, d.SignIn(t, d.Acme, "max@example.com", "Max").Open(d.home+file[1]), 404, "")
	expect(t, d.SignIn(t, d.Bolt, "zoe@example.com", "Zoe").Open(d.Bolt.URL+file[1]), 404, "")

	// The form sent twice, files and all, opens one ticket.
	form.Set("key", "k2")
	form.Del("attachment_ids")
	for range 2 {
		if at := expect(t, d.ann.Attach(d.home+"/agent/tickets", form, []webtest.File{log}), 303, "").Location(); !strings.HasPrefix(at, "/agent/tickets/2?") {
			t.Errorf("the form leads to %s, want ticket 2", at)
		}
	}
	many := make([]webtest.File, 21)
	for i := range many {
		many[i] = log
	}
	expect(t, d.ann.Attach(d.home+"/agent/tickets", form, many), 422, "These are too many files. A message may have at most 20.")
}
