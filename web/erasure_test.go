package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/web/webtest"
)

// A person of whom nothing may be left: each of these words is hers alone.
const (
	yolandaFormer = "yolanda@former.example"
	yolandaMail   = "yolanda@erase.example"
	yolandaName   = "Yolanda Quasimodo"
	yolandaID     = "crm-yolanda-4711"
	yolandaWord   = "xylographic"
)

// yolandaLeaves has her do in a tenant all that people do there, and others with her, where there are so many tickets before. It returns her ID and her browser.
func yolandaLeaves(t *testing.T, n *webtest.Node, tn *webtest.Tenant, agent *webtest.Client, before int) (string, *webtest.Client) {
	t.Helper()
	p := caller(t, n, tn)
	at := func(ticket int, path string) string { return fmt.Sprintf(path, before+ticket) }
	id := textOf(p.call("POST", "/api/users", fmt.Sprintf(`{"email":%q,"name":%q,"external_id":%q}`, yolandaFormer, yolandaName, yolandaID), "Idempotency-Key: yolanda").JSON(t), "id")
	// One ticket is from the time of her former address.
	expect(t, p.call("POST", "/api/tickets", fmt.Sprintf(`{"title":"About %[1]s one","description":"%[1]s","requester":%[2]q,"custom_fields":{"of":%[3]q}}`,
		yolandaWord, id, yolandaFormer), "Idempotency-Key: yolanda"), 201, "")
	n.SignIn(t, tn, yolandaFormer, yolandaName)
	expect(t, p.call("PUT", "/api/users/"+id, fmt.Sprintf(`{"email":%q,"organization":"Office of %s"}`, yolandaMail, yolandaName)), 200, "")
	expect(t, p.call("PATCH", at(1, "/api/tickets/%d"), `{"title":"Another `+yolandaWord+` title","external_id":"`+yolandaID+`"}`), 200, "")

	// Whoever only claims her address, and one who says that it is hers where it is not.
	visitor := n.Visit(t, tn, yolandaMail, yolandaName)
	expect(t, visitor.Send(tn.URL+"/tickets", url.Values{"title": {"Claimed " + yolandaWord}, "description": {yolandaWord}}), 303, "")

	c := n.SignIn(t, tn, yolandaMail, yolandaName)
	for i := range 12 {
		got := c.Send(tn.URL+"/tickets", url.Values{"title": {fmt.Sprintf("The %s %d", yolandaWord, i)}, "description": {"Call me: " + yolandaWord + ", " + yolandaMail}})
		expect(t, got, 303, "")
	}
	expect(t, c.Send(tn.URL+at(3, "/tickets/%d/reply"), url.Values{"body": {"It is " + yolandaWord + "."}}), 303, "")
	expect(t, p.call("POST", at(3, "/api/tickets/%d/comments"), `{"body":"Dear `+yolandaName+`, we write to `+yolandaMail+`. An answer of the team."}`), 201, "")
	expect(t, p.call("POST", at(3, "/api/tickets/%d/comments"), `{"body":"An internal note.","visibility":"internal"}`), 201, "")
	expect(t, p.call("PATCH", at(4, "/api/tickets/%d"), `{"status":"resolved","tags":["`+yolandaID+`","vip"]}`), 200, "")
	expect(t, p.call("DELETE", at(5, "/api/tickets/%d"), ""), 204, "")
	expect(t, agent.Do("PATCH", tn.URL+at(6, "/api/tickets/%d"), `{"requester":{"email":"bob@example.com","name":"Bob"}}`, asJSON), 200, "")
	expect(t, p.call("POST", at(6, "/api/tickets/%d/comments"), `{"body":"Bob has it now."}`), 201, "")
	expect(t, c.Do("PUT", tn.URL+at(4, "/api/tickets/%d/rating"), `{"stars":2,"comment":"`+yolandaWord+`"}`, asJSON), 200, "")
	// A letter that waits, and a try at the staff's door.
	err := n.Store.Update(t.Context(), tn.Scope(), func(tx *storage.Tx) error {
		return n.Post.Enqueue(tx, mail.Letter{
			Kind: mail.Notice, To: yolandaMail, Name: yolandaName, Fields: map[string]string{"what": mail.NoticePassword, "when": time.Now().Format(time.RFC3339)},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Client(t).Send(tn.URL+"/agent/login", url.Values{"email": {yolandaMail}, "password": {"wrong"}})
	return id, c
}

// found are the places in the store where something of her is, the other tenant's left out if it was emptied.
func found(t *testing.T, n *webtest.Node) []string {
	t.Helper()
	if err := n.Doors.Limits.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	places, err := n.Store.Find(t.Context(), yolandaMail, yolandaFormer, yolandaName, yolandaID, yolandaWord)
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// TestErasureLeavesNothing: of a person who was erased nothing is in any record, key, blob or change of the store, but for what
// others did.
func TestErasureLeavesNothing(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithBusyMail())
	p := caller(t, n, n.Acme)
	agent := n.Agent(t, n.Acme, "amy@acme.example", "Amy", auth.RoleAdmin)
	id, hers := yolandaLeaves(t, n, n.Acme, agent, 0)
	before := found(t, n)
	if len(before) < 50 {
		t.Fatalf("she left %d traces only: %s", len(before), before)
	}
	export := p.call("GET", "/api/users/"+id+"/export", "")
	for _, word := range []string{yolandaMail, yolandaName, yolandaID, yolandaWord, "An answer of the team", "An internal note", `"sessions":`, `"stars":`, "session.started"} {
		if !strings.Contains(export.Body, word) {
			t.Errorf("the export lacks %s", word)
		}
	}

	got := agent.Do("POST", n.Acme.URL+"/api/users/"+id+"/erase", "", asJSON)
	expect(t, got, 200, `"status":"erased"`)
	for _, place := range found(t, n) {
		t.Errorf("a trace is left: %s", place)
	}
	expect(t, agent.Do("POST", n.Acme.URL+"/api/users/"+id+"/erase", "", asJSON), 200, `"status":"erased"`)
	expect(t, p.call("GET", "/api/users/"+id, ""), 404, "")
	expect(t, p.call("GET", "/api/users/"+id+"/export", ""), 404, "")
	expect(t, hers.Get(n.Acme.URL+"/api/tickets"), 401, "")
	expect(t, caller(t, n, n.Bolt).call("POST", "/api/users/"+id+"/erase", ""), 404, "")

	ticket := p.call("GET", "/api/tickets/3", "")
	expect(t, ticket, 200, `"name":"erased"`)
	if v := ticket.JSON(t); v["number"] != 3.0 || v["status"] != "open" || v["first_response_at"] == nil {
		t.Errorf("the ticket has become %s", ticket.Body)
	}
	comments := p.call("GET", "/api/tickets/3/comments", "")
	if strings.Count(comments.Body, `"body":"erased"`) != 3 || strings.Count(comments.Body, `"role":"api"`) != 2 {
		t.Errorf("of the thread is left %s", comments.Body)
	}
	expect(t, p.call("GET", "/api/tickets?q="+yolandaWord, ""), 200, `"data":[]`)
	expect(t, p.call("GET", "/api/tickets/6", ""), 200, "bob@example.com")
	expect(t, p.call("GET", "/api/audit?action=user.", ""), 200, "user.erased")
	err := n.Store.Check(t.Context(), func(f storage.Finding) { t.Errorf("the store is out of step: %s", f) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	// She may come back, as somebody new.
	back := n.SignIn(t, n.Acme, yolandaMail, yolandaName)
	expect(t, back.Get(n.Acme.URL+"/api/tickets"), 200, `"data":[]`)
}

// TestErasureKeepsOthers: erasing a person in one tenant touches nothing of theirs in another, and nothing of those whose names
// and addresses are like theirs.
func TestErasureKeepsOthers(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, other := caller(t, n, n.Acme), caller(t, n, n.Bolt)
	for _, one := range []*program{p, other} {
		expect(t, one.call("POST", "/api/tickets", `{"title":"Lamp","description":"Hers","requester":{"email":"zoe@example.com","name":"Zoe"}}`), 201, "")
	}
	expect(t, p.call("POST", "/api/tickets", `{"title":"Vase","description":"For zoe@example.com","requester":{"email":"a.zoe@example.com","name":"Zoe"}}`), 201, "")
	requester, _ := p.call("GET", "/api/tickets/1", "").JSON(t)["requester"].(map[string]any)
	id := textOf(requester, "id")
	expect(t, p.call("POST", "/api/users/"+id+"/erase", ""), 200, "erased")
	expect(t, other.call("GET", "/api/tickets/1", ""), 200, "zoe@example.com")
	expect(t, other.call("GET", "/api/tickets?q=lamp", ""), 200, `"number":1`)
	expect(t, p.call("GET", "/api/tickets/2", ""), 200, "a.zoe@example.com")
	expect(t, p.call("GET", "/api/tickets/2", ""), 200, `"description":"For erased"`)
	expect(t, p.call("GET", "/api/users?email=a.zoe@example.com", ""), 200, `"name":"Zoe"`)
	expect(t, p.call("GET", "/api/tickets?q=lamp", ""), 200, `"data":[]`)
}

// TestErasureSparesTheTeam: who is on the staff with the same address leaves it first.
func TestErasureSparesTheTeam(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	id := textOf(p.call("POST", "/api/users", `{"email":"ann@acme.example","name":"Ann"}`).JSON(t), "id")
	expect(t, p.call("POST", "/api/users/"+id+"/erase", ""), 409, "IN_USE")
	expect(t, p.call("GET", "/api/users/"+id, ""), 200, "")
}

// TestErasureSparesWhatIsDisowned: of a ticket of which its owner says that it is not theirs, the address alone goes.
func TestErasureSparesWhatIsDisowned(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	stranger := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, stranger.Send(n.Acme.URL+"/tickets", url.Values{"title": {"A strange ticket"}, "description": {"Of somebody"}}), 303, "")
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, zoe.Send(n.Acme.URL+"/auth/claim", url.Values{"number": {"1"}, "answer": {"not-mine"}}), 303, "")
	user := textOf(zoe.Get(n.Acme.URL+"/api/users/me").JSON(t), "id")
	expect(t, p.call("POST", "/api/users/"+user+"/erase", ""), 200, "")
	got := p.call("GET", "/api/tickets/1", "")
	expect(t, got, 200, "A strange ticket")
	if strings.Contains(got.Body, "zoe@example.com") || strings.Contains(got.Body, `"Zoe"`) {
		t.Errorf("her address is in it still: %s", got.Body)
	}
}
