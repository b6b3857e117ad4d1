package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/web/webtest"
)

// digested has a letter sent to Ana about tickets, each of them with what there is to tell.
func digested(t *testing.T, n *webtest.Node, fields map[string]string) mailtest.Letter {
	t.Helper()
	ana, err := n.Staff.ByEmail(t.Context(), n.Acme.Tenant, "ana@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	fields["reader"] = "agent:" + ana.ID
	err = n.Store.Update(t.Context(), n.Acme.Scope(), func(tx *storage.Tx) error {
		return n.Post.Enqueue(tx, mail.Letter{Kind: mail.Digest, To: ana.Email, Name: ana.Name, Fields: fields})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n.Mail.Wait(t, ana.Email)
}

// filed files tickets of Zoe's, waits until nobody has to be told of them any more, and says how they stand in a digest's letter.
func filed(t *testing.T, n *webtest.Node, titles ...string) []string {
	t.Helper()
	var lines []string
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	for i, title := range titles {
		expect(t, zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {title}, "description": {"It **smokes** since noon."}}), 303, "")
		n.Mail.Wait(t, "zoe@example.com") // staff's share is handed out before
		id := caller(t, n, n.Acme).call("GET", fmt.Sprintf("/api/tickets/%d", i+1), "").JSON(t)["id"]
		lines = append(lines, fmt.Sprintf("%s opened  ", id))
	}
	return lines
}

// TestDigests: one letter lists the tickets, each with its number, title, who, what and a link, as text and as HTML, in the reader's language.
func TestDigests(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	lines := filed(t, n, "Printer <burns>", "Second")
	ana := n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAgent)
	n.Mail.Wait(t, "ana@acme.example") // the invitation
	lines[1] = strings.TrimSuffix(lines[1], " ") + " last"
	l := digested(t, n, map[string]string{"tickets": strings.Join(lines, "\n"), "about": "assigned,new"})
	if l.Subject != "News of 2 tickets: #1, #2" {
		t.Errorf("the subject is %q", l.Subject)
	}
	for _, want := range []string{
		"Hello Ana,", "#1 Printer <burns>\nThere is a new ticket from Zoe.", "> Zoe: It smokes since noon.", "New · Zoe <zoe@example.com>",
		n.Acme.URL + "/agent/tickets/1\n", n.Acme.URL + "/agent/tickets/2\n", "There were many emails about this ticket.", n.Acme.URL + "/agent\n",
		"No more emails about tickets that are given to you, about new tickets: " + n.Acme.URL + "/auth/unsubscribe?token=",
	} {
		if !strings.Contains(l.Text, want) {
			t.Errorf("the text has no %q:\n%s", want, l.Text)
		}
	}
	for _, want := range []string{`<a href="` + n.Acme.URL + `/agent/tickets/1">#1 Printer &lt;burns&gt;</a>`, "<b>Zoe</b>: It smokes since noon.", "Open the help desk"} {
		if !strings.Contains(l.HTML, want) {
			t.Errorf("the HTML has no %q:\n%s", want, l.HTML)
		}
	}
	expect(t, n.Client(t).Open(addressIn(t, l, "/auth/unsubscribe")), 200, "about tickets that are given to you, about new tickets?")

	expect(t, ana.Send(n.Acme.URL+"/agent/settings", url.Values{"name": {"Ana"}, "language": {"de"}, "zone": {"Europe/Berlin"}}), 303, "")
	for range 20 {
		lines = append(lines, lines[0])
	}
	l = digested(t, n, map[string]string{"tickets": strings.Join(lines, "\n"), "about": "new"})
	if l.Subject != "Neues zu 22 Tickets: #1, #2, #1, #1, #1 …" || !strings.Contains(l.Text, "Und zu 2 weiteren Tickets gibt es Neues.") {
		t.Errorf("the German digest of many tickets is\n%s\n%s", l.Subject, l.Text)
	}
	l = digested(t, n, map[string]string{"tickets": strings.Join(lines[:21], "\n"), "about": "new", "over": "true"})
	if l.Subject != "Neues zu mehr als 21 Tickets: #1, #2, #1, #1, #1 …" || !strings.Contains(l.HTML, "Und zu mehr als 1 anderen gibt es Neues") {
		t.Errorf("the German digest of too many tickets is\n%s\n%s", l.Subject, l.Text)
	}
}
