package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

// desk is a help desk with two agents and some tickets, for the console's tests.
type consoleDesk struct {
	*webtest.Node

	t        *testing.T
	ann, bob *webtest.Client
	zoe      *webtest.Client // a requester
	home     string
}

func newConsoleDesk(t *testing.T, titles ...string) *consoleDesk {
	t.Helper()
	n := webtest.Start(t)
	d := &consoleDesk{Node: n, t: t, home: n.Acme.URL}
	d.ann = n.Agent(t, n.Acme, "ann@acme.example", "Ann Arbor", auth.RoleAgent)
	d.bob = n.Agent(t, n.Acme, "bob@acme.example", "Bob Builder", auth.RoleAdmin)
	d.zoe = n.SignIn(t, n.Acme, "zoe@example.com", "Zoe Park")
	for _, title := range titles {
		expect(t, d.zoe.Send(d.home+"/tickets", url.Values{"title": {title}, "description": {"Please help with: " + title}}), 303, "")
	}
	return d
}

// ticket is a ticket as it is stored.
func (d *consoleDesk) ticket(n uint64) tickets.Ticket {
	d.t.Helper()
	t, err := d.Desk.FindDeleted(d.t.Context(), d.Acme.Tenant, tickets.System("test"), tickets.ByNumber(n))
	if err != nil {
		d.t.Fatal(err)
	}
	return t
}

// send posts a form of a ticket's page and returns where that leads.
func (d *consoleDesk) send(who *webtest.Client, path string, form url.Values) string {
	d.t.Helper()
	return expect(d.t, who.Send(d.home+path, form), 303, "").Location()
}

func (d *consoleDesk) instantly(who *webtest.Client) {
	d.t.Helper()
	d.send(who, "/agent/settings/console", url.Values{"keys": {"yes"}})
}

// properties is the form of the properties as a page shows it.
func properties(page string) url.Values {
	form := url.Values{}
	start := strings.Index(page, `<form class="block stack" id="properties"`)
	end := strings.Index(page[start:], "</form>")
	html := page[start : start+end]
	for _, m := range regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		form.Set(m[1], m[2])
	}
	for _, m := range regexp.MustCompile(`(?s)<select[^>]* name="([^"]+)">(.*?)</select>`).FindAllStringSubmatch(html, -1) {
		if o := regexp.MustCompile(`value="([^"]*)" selected`).FindStringSubmatch(m[2]); o != nil {
			form.Set(m[1], o[1])
		}
	}
	return form
}

// The list: views with counts, rows with what matters, search with its language, and everything in the address.
func TestConsoleList(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer <b>burns</b>", "Screen is dark")
	expect(t, d.Visit(t, d.Acme, "max@example.com", "Max").Send(d.home+"/tickets", url.Values{"title": {"Who am I"}, "description": {"x"}}), 303, "")
	d.send(d.ann, "/agent/tickets/2/properties", url.Values{"version": {"1"}, "was.priority": {"medium"}, "priority": {"urgent"}, "do": {"mine"}})
	list := expect(t, d.ann.Open(d.home+"/agent"), 200, "Printer &lt;b&gt;burns&lt;/b&gt;")
	for _, want := range []string{
		"not verified", "Urgent", ">AA<", "Please help with: Screen is dark", `<span class="name">Inbox</span><span class="count">3</span>`,
		`<span class="name">Mine</span><span class="count">1</span>`, `href="/agent/tickets/2"`, `name="ids" value="3"`,
	} {
		expect(t, list, 200, want)
	}
	mine := expect(t, d.ann.Open(d.home+"/agent?view=mine"), 200, "Screen is dark")
	if strings.Contains(mine.Body, "Printer") {
		t.Error("Mine has a ticket of nobody's")
	}
	expect(t, mine, 200, `href="/agent/tickets/2?view=mine"`)
	found := expect(t, d.ann.Open(d.home+"/agent?q=status%3Anew+printer"), 200, "Printer")
	if strings.Contains(found.Body, "Screen is dark") {
		t.Error("the search finds what it does not say")
	}
	expect(t, found, 200, "Save this search as a view")
	expect(t, d.ann.Open(d.home+"/agent?q=status%3Anonsense"), 200, "There is no such status")
	expect(t, d.ann.Open(d.home+"/agent?q=nothinglikethis"), 200, "No ticket fits this search.")
	oldest := expect(t, d.ann.Open(d.home+"/agent?sort=created_at"), 200, "")
	if strings.Index(oldest.Body, "Printer") > strings.Index(oldest.Body, "Who am I") {
		t.Error("the oldest is not the first")
	}
	expect(t, d.ann.Open(d.home+"/agent?cursor=nonsense"), 400, "")
	beside := expect(t, d.ann.Open(d.home+"/agent/tickets/1?view=mine"), 200, `href="/agent/tickets/2?view=mine"`)
	expect(t, beside, 200, `action="/agent/tickets/1?view=mine"`)
	expect(t, d.zoe.Open(d.home+"/agent"), 303, "")
}

// A long list goes on by cursor, and back to its beginning.
func TestConsolePaging(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	p := caller(t, d.Node, d.Acme)
	for i := range 30 {
		p.file("Ticket no. " + strconv.Itoa(i))
	}
	page := expect(t, d.ann.Open(d.home+"/agent?view=all"), 200, "Ticket no. 29")
	next := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(page.Body)
	if next == nil || strings.Contains(page.Body, "Ticket no. 4<") {
		t.Fatal("the first page has no way on, or all tickets")
	}
	page = expect(t, d.ann.Open(d.home+strings.ReplaceAll(next[1], "&amp;", "&")), 200, "Ticket no. 4<")
	expect(t, page, 200, `<a class="btn" href="/agent?view=all">`)
}

// Searches are saved as views, for oneself or, by admins, for everybody.
func TestConsoleSavedViews(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	at := d.send(d.ann, "/agent/views", url.Values{"name": {"My printers"}, "q": {"printer"}})
	own := expect(t, d.ann.Open(d.home+at), 200, "The view was saved.")
	expect(t, own, 200, `<span class="name">My printers</span><span class="count">1</span>`)
	expect(t, own, 200, "Remove this view")
	if other := d.bob.Open(d.home + "/agent"); strings.Contains(other.Body, "My printers") {
		t.Error("a colleague sees an agent's own view")
	}
	address, _, _ := strings.Cut(at, "&")
	if got := d.bob.Open(d.home + address); got.Status != 200 || strings.Contains(got.Body, "My printers") {
		t.Errorf("a colleague at an agent's own view = %d", got.Status)
	}
	got := expect(t, d.ann.Send(d.home+"/agent/views?q=printer", url.Values{"name": {" "}, "q": {"printer"}}), 422, "is required")
	expect(t, got, 422, "Printer")
	expect(t, d.ann.Send(d.home+"/agent/views", url.Values{"name": {"All of us"}, "q": {"x"}, "shared": {"yes"}}), 403, "")
	shared := d.send(d.bob, "/agent/views", url.Values{"name": {"All of us"}, "q": {"printer"}, "shared": {"yes"}})
	expect(t, d.ann.Open(d.home+"/agent"), 200, "All of us")
	id := regexp.MustCompile(`viw_\w+`)
	expect(t, d.ann.Send(d.home+"/agent/views/"+id.FindString(shared), nil), 403, "")
	d.send(d.ann, "/agent/views/"+id.FindString(at), nil)
	if again := d.ann.Open(d.home + "/agent"); strings.Contains(again.Body, "My printers") {
		t.Error("the removed view is there still")
	}
}

// A reply waits: the requester sees nothing, the agent can undo it and has the text again.
func TestConsoleUndo(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	at := d.send(d.ann, "/agent/tickets/1?view=all", url.Values{"body": {"Dear **Tom**"}, "visibility": {"public"}, "status": {"pending"}, "seen": {"none"}, "key": {"k1"}})
	if !strings.HasPrefix(at, "/agent/tickets/1?view=all") {
		t.Errorf("after sending: %s", at)
	}
	page := expect(t, d.ann.Open(d.home+at), 200, "<strong>Tom</strong>")
	expect(t, page, 200, "not sent yet")
	expect(t, d.ann.Open(d.home+"/agent"), 200, "Your reply to #1 is sent in")
	expect(t, d.bob.Open(d.home+"/agent/tickets/1"), 200, "is just sending this")
	if got := d.bob.Open(d.home + "/agent"); strings.Contains(got.Body, "Your reply to #1") {
		t.Error("a colleague is offered to undo the reply")
	}
	for _, path := range []string{"/tickets/1", "/dashboard", "/api/tickets/1/comments"} {
		if got := d.zoe.Open(d.home + path); got.Status != 200 || strings.Contains(got.Body, "Tom") {
			t.Errorf("the requester at %s = %d %s", path, got.Status, got.Body)
		}
	}
	id := regexp.MustCompile(`hld_\w+`).FindString(page.Body)
	if late := d.send(d.bob, "/agent/tickets/1/undo", url.Values{"id": {id}, "do": {"undo"}}); !strings.Contains(late, "done=late") {
		t.Errorf("a colleague's undo leads to %s", late)
	}
	at = d.send(d.ann, "/agent/tickets/1/undo", url.Values{"id": {id}, "do": {"undo"}})
	page = expect(t, d.ann.Open(d.home+at), 200, "Dear **Tom**</textarea>")
	expect(t, page, 200, `<option value="pending" selected>`)
	if got := d.ticket(1); got.Status != tickets.StatusNew || got.Version != 1 {
		t.Errorf("after the undo: %+v", got)
	}
	// The same text in a new form is another reply; sent at once it is there at once.
	d.send(d.ann, "/agent/tickets/1", url.Values{"body": {"Dear **Zoe**"}, "status": {"pending"}, "key": {"k2"}})
	id = regexp.MustCompile(`hld_\w+`).FindString(d.ann.Open(d.home + "/agent").Body)
	d.send(d.ann, "/agent/tickets/1/undo", url.Values{"id": {id}, "do": {"now"}})
	expect(t, d.zoe.Open(d.home+"/tickets/1"), 200, "<strong>Zoe</strong>")
	if got := d.ticket(1); got.Status != tickets.StatusPending {
		t.Errorf("after it was sent: %s", got.Status)
	}
}

// Without undo a reply is there at once; a note always is, and is the team's alone.
func TestConsoleNotes(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	d.send(d.ann, "/agent/tickets/1", url.Values{"body": {"He is a **VIP**"}, "visibility": {"internal"}})
	page := expect(t, d.bob.Open(d.home+"/agent/tickets/1"), 200, "<strong>VIP</strong>")
	expect(t, page, 200, "Internal note")
	if got := d.zoe.Open(d.home + "/tickets/1"); strings.Contains(got.Body, "VIP") {
		t.Error("the requester reads a note")
	}
	d.instantly(d.ann)
	d.send(d.ann, "/agent/tickets/1", url.Values{"body": {"On our way."}, "status": {"on_hold"}, "seen": {"none"}})
	expect(t, d.zoe.Open(d.home+"/tickets/1"), 200, "On our way.")
	expect(t, d.ann.Send(d.home+"/agent/tickets/1", url.Values{"body": {" "}}), 422, "is required")
	got := expect(t, d.ann.Send(d.home+"/agent/tickets/1", url.Values{"body": {"Keep me"}, "status": {"new"}}), 409, "Keep me")
	expect(t, got, 409, "The status can&#39;t change")
	d.send(d.ann, "/agent/tickets/1", url.Values{"body": {""}, "status": {"resolved"}})
	if got := d.ticket(1); got.Status != tickets.StatusResolved {
		t.Errorf("the status alone: %s", got.Status)
	}
}

// Who was slower sees what was written meanwhile beside the own text, and decides.
func TestConsoleCrossing(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	d.instantly(d.ann)
	d.instantly(d.bob)
	d.send(d.bob, "/agent/tickets/1", url.Values{"body": {"It is **mended**."}, "seen": {"none"}})
	form := url.Values{"body": {"We come tomorrow."}, "status": {"pending"}, "seen": {"none"}, "key": {"k"}}
	page := expect(t, d.ann.Send(d.home+"/agent/tickets/1?view=all", form), 409, "<strong>mended</strong>")
	for _, want := range []string{"We come tomorrow.", "Bob Builder", "Send it anyway", `name="status" value="pending"`} {
		expect(t, page, 409, want)
	}
	expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "We come tomorrow.</textarea>") // it is a draft as well
	seen := regexp.MustCompile(`name="seen" value="([^"]+)"`).FindStringSubmatch(page.Body)[1]
	form.Set("seen", seen)
	form.Set("do", "anyway")
	d.send(d.ann, "/agent/tickets/1", form)
	expect(t, d.zoe.Open(d.home+"/tickets/1"), 200, "We come tomorrow.")
	if got := d.ann.Open(d.home + "/agent/tickets/1"); strings.Contains(got.Body, "We come tomorrow.</textarea>") {
		t.Error("the draft is there after it was sent")
	}
	// A note crosses nobody, and neither does a reply after one has seen everything.
	d.send(d.bob, "/agent/tickets/1", url.Values{"body": {"a note"}, "visibility": {"internal"}, "seen": {"none"}})
	// A reply that a colleague is just sending counts, too.
	d.send(d.bob, "/agent/settings/console", url.Values{"undo": {"yes"}})
	last := regexp.MustCompile(`name="seen" value="([^"]+)"`).FindStringSubmatch(d.ann.Open(d.home + "/agent/tickets/1").Body)[1]
	d.send(d.bob, "/agent/tickets/1", url.Values{"body": {"And one more thing"}, "seen": {"none"}, "do": {"anyway"}})
	expect(t, d.ann.Send(d.home+"/agent/tickets/1", url.Values{"body": {"Me, too"}, "seen": {last}}), 409, "Bob Builder is sending a reply right now.")
}

// Properties: what colleagues change at the same time goes together, but for the same field, where the agent is asked.
func TestConsoleProperties(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	p := caller(t, d.Node, d.Acme)
	p.call("PATCH", "/api/tickets/1", `{"custom_fields":{"serial":"4711","floor":3,"warranty":true},"tags":["paper"]}`)
	page := expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, `name="field.serial" value="4711"`)
	mine, theirs := properties(page.Body), properties(d.bob.Open(d.home+"/agent/tickets/1").Body)
	theirs.Set("priority", "high")
	theirs.Set("tags", "paper, jam")
	theirs.Set("status", "pending")
	d.send(d.bob, "/agent/tickets/1/properties", theirs)

	mine.Set("field.floor", "4")
	mine.Set("tags", "paper, urgent now")
	mine.Set("new_name", "room")
	mine.Set("new_value", "12b")
	d.send(d.ann, "/agent/tickets/1/properties", mine)
	got := d.ticket(1)
	if got.Priority != tickets.PriorityHigh || fmt.Sprint(got.Tags) != "[jam paper urgent now]" || got.Status != tickets.StatusPending ||
		fmt.Sprint(got.CustomFields) != "map[floor:4 room:12b serial:4711 warranty:true]" {
		t.Errorf("after two changes at once: %+v", got)
	}
	if _, number := got.CustomFields["floor"].(string); number {
		t.Error("the number became a text")
	}

	mine = properties(page.Body) // what was shown before all that
	mine.Set("priority", "urgent")
	mine.Set("field.serial", "")
	clash := expect(t, d.ann.Send(d.home+"/agent/tickets/1/properties", mine), 409, "Changed at the same time")
	for _, want := range []string{"It was: Medium", "High", "Urgent", "Ann Arbor changed the ticket", "serial"} {
		expect(t, clash, 409, want)
	}
	if d.ticket(1).Priority != tickets.PriorityHigh {
		t.Error("the conflict changed something")
	}
	answer := url.Values{"version": {strconv.FormatUint(got.Version, 10)}, "priority": {"urgent"}, "was.priority": {"high"}, "choose.priority": {"mine"}, "field.serial": {""}, "was.field.serial": {"4711"}}
	d.send(d.ann, "/agent/tickets/1/properties", answer)
	if got := d.ticket(1); got.Priority != tickets.PriorityUrgent || got.CustomFields["serial"] != nil {
		t.Errorf("after the choice: %+v", got)
	}
	answer.Set("choose.priority", "theirs")
	answer.Set("priority", "low")
	d.send(d.ann, "/agent/tickets/1/properties", answer)
	if got := d.ticket(1); got.Priority != tickets.PriorityUrgent {
		t.Errorf("after the other choice: %s", got.Priority)
	}
	wrong := expect(t, d.ann.Send(d.home+"/agent/tickets/1/properties", url.Values{"was.tags": {""}, "tags": {strings.Repeat("x", 60)}}), 422, "tags")
	expect(t, wrong, 422, strings.Repeat("x", 60))
	expect(t, d.ann.Send(d.home+"/agent/tickets/1/properties", url.Values{"assignee": {"agt_nobody"}}), 422, "There is no agent with this id.")
	d.send(d.ann, "/agent/tickets/1/properties", url.Values{"do": {"resolve"}})
	if got := d.ticket(1); got.Status != tickets.StatusResolved {
		t.Errorf("resolved by its button: %s", got.Status)
	}
}

// The title is changed like a property.
func TestConsoleTitle(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	d.send(d.ann, "/agent/tickets/1/title", url.Values{"was.title": {"Printer"}, "title": {"Printer on floor 3"}})
	expect(t, d.ann.Send(d.home+"/agent/tickets/1/title", url.Values{"was.title": {"Printer on floor 3"}, "title": {" "}}), 422, "is required")
	clash := expect(t, d.bob.Send(d.home+"/agent/tickets/1/title", url.Values{"was.title": {"Printer"}, "title": {"Drucker"}}), 409, "Printer on floor 3")
	expect(t, clash, 409, "Drucker")
	d.send(d.bob, "/agent/tickets/1/title", url.Values{"was.title": {"Printer on floor 3"}, "title": {"Drucker"}, "choose.title": {"theirs"}})
	if got := d.ticket(1); got.Title != "Printer on floor 3" {
		t.Errorf("title = %q", got.Title)
	}
}

// Of those who change a title at the same time one wins, and the others choose on the page of the conflict. What happens to
// the ticket otherwise is in nobody's way.
func TestConsoleTitleAtTheSameTime(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	p := caller(t, d.Node, d.Acme)
	answers := make([]webtest.Answer, 6)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i] = d.ann.Send(d.home+"/agent/tickets/1/title", url.Values{"was.title": {"Printer"}, "title": {fmt.Sprint("Title ", i)}})
		})
		wg.Go(func() { p.call("PATCH", "/api/tickets/1", fmt.Sprintf(`{"custom_fields":{"n%d":%[1]d}}`, i)) })
	}
	wg.Wait()
	won := d.ticket(1).Title
	for i, got := range answers {
		if mine := fmt.Sprint("Title ", i); mine == won {
			expect(t, got, 303, "")
		} else {
			expect(t, got, 409, "They changed it to</span><b>"+won)
			if field(t, got.Body, "title") != mine || field(t, got.Body, "was.title") != won {
				t.Errorf("the conflict of %q offers %s", mine, got.Body)
			}
		}
	}
	if got := d.ticket(1).CustomFields; len(got) != len(answers) {
		t.Errorf("the custom fields are %v", got)
	}
	d.send(d.bob, "/agent/tickets/1/title", url.Values{"was.title": {won}, "title": {"Mine"}, "choose.title": {"mine"}})
	if got := d.ticket(1).Title; got != "Mine" {
		t.Errorf("after the choice the title is %q", got)
	}
}

// Drafts are kept on the server, shown on the next page, and gone when they are sent.
func TestConsoleDrafts(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	if got := d.ann.Send(d.home+"/agent/tickets/1/draft", url.Values{"body": {"Half a sen"}, "visibility": {"internal"}}); got.Status != 204 {
		t.Fatalf("draft = %d %s", got.Status, got.Body)
	}
	page := expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "Half a sen</textarea>")
	expect(t, page, 200, `id="as-note" checked`)
	other := expect(t, d.bob.Open(d.home+"/agent/tickets/1"), 200, "Ann Arbor is replying")
	if strings.Contains(other.Body, "Half a sen") {
		t.Error("a colleague reads the draft")
	}
	d.send(d.ann, "/agent/tickets/1", url.Values{"do": {"draft"}, "body": {"Half a sentence."}})
	expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "Half a sentence.</textarea>")
	d.send(d.ann, "/agent/tickets/1", url.Values{"body": {"Half a sentence."}})
	if got := d.ann.Open(d.home + "/agent/tickets/1"); strings.Contains(got.Body, "Half a sentence.</textarea>") {
		t.Error("the draft is there after it was sent")
	}
	expect(t, d.ann.Send(d.home+"/agent/tickets/99/draft", url.Values{"body": {"x"}}), 404, "")
	expect(t, d.zoe.Send(d.home+"/agent/tickets/1/draft", url.Values{"body": {"x"}}), 401, "")
}

// Canned replies are put behind what was typed, filled in, with their status and tags.
func TestConsoleCanned(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	reply, err := d.Desk.AddReply(t.Context(), d.Acme.Tenant, tickets.Token("t", "t"), tickets.ReplyChange{
		Name: tickets.Set("Ask for the serial"), Body: tickets.Set("Hello {{requester.first_name}}, which serial number? {{agent.name}}"),
		Status: tickets.Set(tickets.StatusPending), Tags: tickets.Set([]string{"serial"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "Ask for the serial")
	d.send(d.ann, "/agent/tickets/1", url.Values{"body": {"Good morning!"}, "canned": {reply.ID}, "do": {"insert"}})
	page := expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "Good morning!\n\nHello Zoe, which serial number? Ann Arbor</textarea>")
	expect(t, page, 200, `<option value="pending" selected>`)
	expect(t, page, 200, `name="tags" value="serial"`)
	d.instantly(d.ann)
	d.send(d.ann, "/agent/tickets/1", url.Values{"body": {"Hello Zoe"}, "status": {"pending"}, "tags": {"serial"}})
	if got := d.ticket(1); got.Status != tickets.StatusPending || fmt.Sprint(got.Tags) != "[serial]" {
		t.Errorf("after the canned reply: %s %v", got.Status, got.Tags)
	}
	expect(t, d.ann.Send(d.home+"/agent/tickets/1", url.Values{"canned": {"rpl_none"}, "do": {"insert"}}), 404, "")
}

// Many tickets at once: each says what became of it.
func TestConsoleBulk(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "One", "Two", "Three", "Four")
	ids := func(numbers ...string) url.Values { return url.Values{"ids": numbers} }
	with := func(form url.Values, pairs ...string) url.Values {
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return form
	}
	at := d.send(d.ann, "/agent/bulk?view=all", with(ids("1", "2"), "do", "change", "priority", "high", "add_tags", "a, b", "body", "Known **bug**"))
	at = expect(t, d.ann.Open(d.home+at), 303, "").Location()
	expect(t, d.ann.Open(d.home+at), 200, "2 tickets were changed.")
	for _, n := range []uint64{1, 2} {
		if got := d.ticket(n); got.Priority != tickets.PriorityHigh || len(got.Tags) != 2 {
			t.Errorf("ticket %d: %+v", n, got)
		}
	}
	if got := d.zoe.Open(d.home + "/tickets/1"); strings.Contains(got.Body, "Known") {
		t.Error("the requester reads a note that was written to many")
	}
	d.send(d.ann, "/agent/bulk", with(ids("1"), "do", "close"))
	at = d.send(d.ann, "/agent/bulk", with(ids("1", "2", "77"), "do", "change", "status", "on_hold"))
	page := expect(t, d.ann.Open(d.home+at), 200, "#1 One")
	for _, want := range []string{
		"1 of 3 tickets was changed: 1 can&#39;t get this status from the one that it has, 1 is not there any more.",
		"It can&#39;t get this status", "#77", "There is no such ticket any more.",
	} {
		expect(t, page, 200, want)
	}
	d.send(d.ann, "/agent/bulk", with(ids("3"), "do", "delete"))
	d.send(d.ann, "/agent/bulk", with(ids("4"), "do", "spam"))
	gone, spam := d.ticket(3), d.ticket(4)
	if !gone.Deleted() || !spam.Spam() {
		t.Error("delete or spam did nothing")
	}
	if at := d.send(d.ann, "/agent/bulk?view=mine", with(url.Values{}, "do", "delete")); at != "/agent?view=mine" {
		t.Errorf("none chosen leads to %s", at)
	}
	expect(t, d.ann.Send(d.home+"/agent/bulk", with(ids("2"), "do", "nonsense")), 400, "")
	for _, odd := range []string{"?r.ok=x", "?r.%3Cb%3E=2", "?r.ok=" + strings.Repeat("1,", 2000)} {
		if got := d.ann.Open(d.home + "/agent/bulk" + odd); got.Status >= 400 || strings.Contains(got.Body, "<b>") {
			t.Errorf("%s = %d %s", odd, got.Status, got.Body)
		}
	}
}

// Merging asks which ticket stays, and twice where they are different people's.
func TestConsoleMerge(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer", "Printer again")
	expect(t, d.SignIn(t, d.Acme, "max@example.com", "Max").Send(d.home+"/tickets", url.Values{"title": {"Max's printer"}, "description": {"secret of Max"}}), 303, "")
	at := d.send(d.ann, "/agent/bulk", url.Values{"ids": {"2", "1"}, "do": {"merge"}})
	page := expect(t, d.ann.Open(d.home+at), 200, "Printer again")
	expect(t, page, 200, `name="into" value="1" checked`)
	at = d.send(d.ann, "/agent/merge", url.Values{"ids": {"1", "2"}, "into": {"1"}})
	expect(t, d.ann.Open(d.home+at), 200, "Please help with: Printer again")
	stub := expect(t, d.ann.Open(d.home+"/agent/tickets/2"), 200, `<a href="/agent/tickets/1">#1</a>`)
	if strings.Contains(stub.Body, `id="answer"`) || strings.Contains(stub.Body, `id="properties"`) {
		t.Error("a merged ticket can be answered")
	}
	expect(t, d.ann.Open(d.home+"/agent/merge?ids=1,3"), 200, "These tickets are of different people.")
	expect(t, d.ann.Send(d.home+"/agent/merge", url.Values{"ids": {"1", "3"}, "into": {"1"}}), 409, "Merge them nevertheless")
	d.send(d.ann, "/agent/merge", url.Values{"ids": {"1", "3"}, "into": {"1"}, "apart": {"yes"}})
	if got := d.zoe.Open(d.home + "/tickets/1"); strings.Contains(got.Body, "secret of Max") {
		t.Error("one requester reads what another wrote")
	}
	expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "secret of Max")
	expect(t, d.ann.Open(d.home+"/agent/merge?ids=1&ids=99"), 200, "There is no ticket #99.")
	expect(t, d.ann.Send(d.home+"/agent/merge", url.Values{"ids": {"1"}, "into": {"1"}}), 400, "")
}

// A deleted ticket has a page that leads back, and spam is put away.
func TestConsolePutAway(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	at := d.send(d.ann, "/agent/tickets/1/state", url.Values{"do": {"deleted"}})
	page := expect(t, d.ann.Open(d.home+at), 200, "This ticket was deleted")
	expect(t, page, 200, "Restore")
	if strings.Contains(page.Body, `id="answer"`) {
		t.Error("a deleted ticket can be answered")
	}
	expect(t, d.zoe.Open(d.home+"/tickets/1"), 404, "")
	d.send(d.ann, "/agent/tickets/1/state", url.Values{"do": {"restored"}})
	d.send(d.ann, "/agent/tickets/1/state", url.Values{"do": {"spam"}})
	expect(t, d.ann.Open(d.home+"/agent?view=spam"), 200, "Printer")
	if got := d.ann.Open(d.home + "/agent"); strings.Contains(got.Body, "Please help with: Printer") {
		t.Error("the inbox has spam")
	}
	d.send(d.ann, "/agent/tickets/1/state", url.Values{"do": {"no-spam"}})
	expect(t, d.ann.Open(d.home+"/agent"), 200, "Please help with: Printer")
	expect(t, d.ann.Send(d.home+"/agent/tickets/1/state", url.Values{"do": {"nonsense"}}), 400, "")
}

// A ticket has one URL. Staff who follow it come to the console, others to the portal's door.
func TestConsoleTakesTicketURLs(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	for who, to := range map[*webtest.Client]string{d.ann: "/agent/tickets/1", d.Client(t): "/auth/sign-in?next=%2Ftickets%2F1"} {
		if got := who.Open(d.home + "/tickets/1"); got.Status != 303 || got.Location() != to {
			t.Errorf("%d %s, want 303 %s", got.Status, got.Location(), to)
		}
	}
	both := d.ann
	expect(t, both.Open(d.Handoff(t, d.Acme, "mia@example.com", "Mia", true)), 303, "")
	expect(t, both.Open(d.home+"/tickets/1"), 404, "")
}

// The requester's panel says how sure we are, and what else they asked for; the history what happened.
func TestConsoleRequester(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer", "Screen")
	expect(t, d.Visit(t, d.Acme, "zoe@example.com", "Zoe").Send(d.home+"/tickets", url.Values{"title": {"Claimed"}, "description": {"x"}}), 303, "")
	page := expect(t, d.ann.Open(d.home+"/agent/tickets/1"), 200, "The address is proven.")
	expect(t, page, 200, "#2 Screen")
	page = expect(t, d.ann.Open(d.home+"/agent/tickets/3"), 200, "Nobody has proven that this is their address.")
	if strings.Contains(page.Body, "#2 Screen</a>") && strings.Contains(page.Body, "Other tickets") {
		t.Error("a claimed ticket shows the tickets of the address's owner as the same person's")
	}
	expect(t, caller(t, d.Node, d.Acme).call("POST", "/api/tickets", `{"title":"Named","description":"x","requester":{"email":"never@example.com","name":"N"}}`), 201, "")
	page = expect(t, d.ann.Open(d.home+"/agent/tickets/4"), 200, "who has never signed in.")
	if strings.Contains(page.Body, "The address is proven.") {
		t.Error("whom a program has named counts as proven")
	}
	d.send(d.ann, "/agent/tickets/1/properties", url.Values{"was.status": {"new"}, "status": {"on_hold"}})
	history := expect(t, d.ann.Open(d.home+"/agent/tickets/1?history=1"), 200, "Status: New → On hold")
	expect(t, history, 200, "Ann Arbor")
}
