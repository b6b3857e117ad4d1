package tickets_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

var (
	admin  = tickets.Admin(tickets.Person{ID: "agt_ada", Email: "ada@acme.example", Name: "Ada"})
	second = tickets.Agent(tickets.Person{ID: "agt_yan", Email: "yan@acme.example", Name: "Yan"})
)

func (w *world) saveView(a tickets.Actor, name, text string, shared bool) tickets.View {
	w.t.Helper()
	v, err := w.AddView(w.t.Context(), w.acme, a, tickets.ViewChange{Name: tickets.Set(name), Text: tickets.Set(text), Shared: tickets.Set(shared)})
	if err != nil {
		w.t.Fatalf("AddView(%q): %v", name, err)
	}
	return v
}

// views are the names of the views that are not built in, with their counts.
func (w *world) views(tn *tenant.Tenant, a tickets.Actor) []string {
	w.t.Helper()
	all, err := w.Views(w.t.Context(), tn, a)
	if err != nil {
		w.t.Fatal(err)
	}
	names := []string{}
	for _, v := range all {
		if !v.BuiltIn {
			names = append(names, v.Name+" "+strconv.Itoa(v.Count))
		}
	}
	return names
}

func TestViews(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.open(ann, "red")
	}
	spam := w.open(bob, "green")
	w.change(agent, spam, tickets.Change{Spam: tickets.Set(true)})
	done := w.open(bob, "blue")
	w.change(agent, done, tickets.Change{Status: tickets.Set(tickets.StatusClosed)})
	mine := w.saveView(agent, "My reds", "red", false)
	w.saveView(admin, "All of Bob", "from:bob", true)
	w.saveView(second, "Yan's", "is:done", false)
	for name, tc := range map[string]struct {
		a    tickets.Actor
		want []string
	}{
		"agent": {agent, []string{"My reds 3", "All of Bob 1"}}, "second": {second, []string{"Yan's 1", "All of Bob 1"}},
		"token": {token, []string{"All of Bob 1"}},
	} {
		if diff := cmp.Diff(tc.want, w.views(w.acme, tc.a)); diff != "" {
			t.Errorf("views of %s (-want +got):\n%s", name, diff)
		}
	}
	if got := w.views(w.globex, agent); len(got) > 0 {
		t.Errorf("another tenant has %q", got)
	}
	counts := map[string]int{}
	all, err := w.Views(t.Context(), w.acme, agent)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if counts[v.ID] = v.Count; !v.Counted || v.More {
			t.Errorf("%s was not counted", v.Name)
		}
	}
	delete(counts, mine.ID)
	for id, n := range map[string]int{"inbox": 3, "mine": 0, "unassigned": 3, "waiting": 0, "overdue": 0, "done": 1, "all": 4, "spam": 1} {
		if counts[id] != n {
			t.Errorf("%s has %d, want %d", id, counts[id], n)
		}
		v, err := w.View(t.Context(), w.acme, agent, id)
		if err != nil {
			t.Fatal(err)
		}
		q, problems := v.Query()
		if got := len(w.all(w.acme, agent, q)); got != n || len(problems) > 0 {
			t.Errorf("%s lists %d, want %d: %v", id, got, n, problems)
		}
	}
}

func TestViewChanges(t *testing.T) {
	w := newWorld(t)
	v := w.saveView(agent, "Mine", "red", false)
	shared := w.saveView(admin, "Shared", "blue", true)
	change := func(a tickets.Actor, id string, c tickets.ViewChange) error {
		_, err := w.ChangeView(t.Context(), w.acme, a, id, c)
		return err
	}
	rename := tickets.ViewChange{Name: tickets.Set("New"), Position: tickets.Set(7)}
	for name, tc := range map[string]struct {
		a    tickets.Actor
		id   string
		c    tickets.ViewChange
		want error
	}{
		"another agent's":     {second, v.ID, rename, tickets.ErrNotFound},
		"an admin on another": {admin, v.ID, rename, tickets.ErrNotFound},
		"an agent on shared":  {agent, shared.ID, rename, tickets.ErrNotAllowed},
		"sharing as an agent": {agent, v.ID, tickets.ViewChange{Shared: tickets.Set(true)}, tickets.ErrNotAllowed},
		"built in":            {admin, "inbox", rename, tickets.ErrNotAllowed},
		"a requester":         {ann, v.ID, rename, tickets.ErrNotAllowed},
		"another version":     {agent, v.ID, tickets.ViewChange{IfVersion: 9, Name: tickets.Set("x")}, tickets.ErrVersionConflict},
		"own":                 {agent, v.ID, rename, nil},
		"shared by an admin":  {admin, shared.ID, rename, nil},
	} {
		if err := change(tc.a, tc.id, tc.c); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if err := change(admin, shared.ID, tickets.ViewChange{Shared: tickets.Set(false)}); err != nil || len(w.views(w.acme, agent)) != 1 {
		t.Errorf("unshared: %v, the agent has %q", err, w.views(w.acme, agent))
	}
	for name, c := range map[string]tickets.ViewChange{
		"no name": {Name: tickets.Set(" ")}, "long name": {Name: tickets.Set(strings.Repeat("x", 101))}, "long search": {Text: tickets.Set(strings.Repeat("x", 1001))},
		"odd order": {Sort: tickets.Set(tickets.Sort("title"))}, "odd place": {Position: tickets.Set(-1)},
	} {
		err := change(agent, v.ID, c)
		if _, ok := errors.AsType[tenant.FieldErrors](err); !ok {
			t.Errorf("%s: %v, want FieldErrors", name, err)
		}
	}
	if err := w.RemoveView(t.Context(), w.acme, second, v.ID, 0); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another agent removes it: %v", err)
	}
	if err := w.RemoveView(t.Context(), w.acme, agent, v.ID, 0); err != nil || len(w.views(w.acme, agent)) != 0 {
		t.Errorf("remove: %v", err)
	}
	for range 100 {
		w.saveView(agent, "v", "", false)
	}
	_, err := w.AddView(t.Context(), w.acme, agent, tickets.ViewChange{Name: tickets.Set("one more")})
	if _, ok := errors.AsType[tenant.FieldErrors](err); !ok {
		t.Errorf("the 101st view: %v", err)
	}
	if _, err := w.Views(t.Context(), w.acme, ann); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("a requester's views: %v", err)
	}
}

// TestViewCountIsBounded: a count ends at 999, and says so.
func TestViewCountIsBounded(t *testing.T) {
	w := newWorld(t)
	for range 1001 {
		w.open(ann, "red")
	}
	w.saveView(agent, "Reds", "red", false)
	w.saveView(agent, "Not yellow", "-yellow", false)
	all, err := w.Views(t.Context(), w.acme, agent)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all[len(all)-2:] {
		if v.Count != 999 || !v.More {
			t.Errorf("%s: %d, more %t, want 999 and more", v.Name, v.Count, v.More)
		}
	}
}

func TestReplies(t *testing.T) {
	w := newWorld(t)
	add := func(a tickets.Actor, name, shortcut string, shared bool) (tickets.Reply, error) {
		return w.AddReply(t.Context(), w.acme, a, tickets.ReplyChange{
			Name: tickets.Set(name), Shortcut: tickets.Set(shortcut), Body: tickets.Set("Hello {{requester.name}}"), Shared: tickets.Set(shared),
			Tags: tickets.Set([]string{"B", "a"}), Status: tickets.Set(tickets.StatusPending),
		})
	}
	own, err := add(agent, "Own", "Hi", false)
	if err != nil || own.Shortcut != "hi" || own.Version != 1 || !slices.Equal(own.Tags, []string{"a", "b"}) {
		t.Fatalf("own: %+v, %v", own, err)
	}
	shared, err := add(admin, "Shared", "hi", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := add(agent, "Again", "hi", false); err == nil {
		t.Error("one shortcut twice")
	}
	if _, err := add(agent, "Shared", "x", true); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("an agent shares: %v", err)
	}
	names := func(tn *tenant.Tenant, a tickets.Actor) (names []string) {
		all, err := w.Replies(t.Context(), tn, a)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			names = append(names, r.Name)
		}
		return names
	}
	for name, tc := range map[string]struct {
		tn   *tenant.Tenant
		a    tickets.Actor
		want []string
	}{
		"agent": {w.acme, agent, []string{"Own", "Shared"}}, "second": {w.acme, second, []string{"Shared"}}, "token": {w.acme, token, []string{"Shared"}},
		"another tenant": {w.globex, agent, nil},
	} {
		if got := names(tc.tn, tc.a); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	if _, err := w.Reply(t.Context(), w.acme, second, own.ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another agent reads it: %v", err)
	}
	if _, err := w.ChangeReply(t.Context(), w.acme, agent, shared.ID, tickets.ReplyChange{Name: tickets.Set("x")}); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("an agent changes a shared one: %v", err)
	}
	for _, err := range []error{w.RemoveReply(t.Context(), w.acme, agent, own.ID, 5), w.RemoveReply(t.Context(), w.acme, agent, shared.ID, 0)} {
		if !errors.Is(err, tickets.ErrVersionConflict) && !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("remove: %v", err)
		}
	}
	if err := w.RemoveReply(t.Context(), w.acme, agent, own.ID, 1); err != nil || len(names(w.acme, agent)) != 1 {
		t.Errorf("remove: %v", err)
	}
	for name, who := range map[string]tickets.Actor{"requester": ann, "visitor": eve, "nobody": {}} {
		if _, err := w.Replies(t.Context(), w.acme, who); !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("a %s reads replies: %v", name, err)
		}
	}
}

func TestReplyRefuses(t *testing.T) {
	w := newWorld(t)
	for field, c := range map[string]tickets.ReplyChange{
		"name":     {Body: tickets.Set("x")},
		"body":     {Name: tickets.Set("x"), Body: tickets.Set("Hello {{requester.nme}}")},
		"shortcut": {Name: tickets.Set("x"), Body: tickets.Set("x"), Shortcut: tickets.Set("a b")},
		"status":   {Name: tickets.Set("x"), Body: tickets.Set("x"), Status: tickets.Set(tickets.Status("odd"))},
		"tags":     {Name: tickets.Set("x"), Body: tickets.Set("x"), Tags: tickets.Set([]string{"a,b"})},
	} {
		_, err := w.AddReply(t.Context(), w.acme, agent, c)
		wrong, _ := errors.AsType[tenant.FieldErrors](err)
		if len(wrong[field]) == 0 {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestFill(t *testing.T) {
	ticket := tickets.Ticket{Number: 12, Title: "It *burns*", Requester: &tickets.Person{Name: "Ann van der Berg", Email: "a_b@partner.example"}}
	fill := func(body string) string {
		return tickets.Fill(&tickets.Reply{Body: body}, tickets.Filling{
			Ticket: &ticket, Agent: agent, Tenant: &tenant.Tenant{Name: "Acme"}, URL: "https://acme.desk.example/tickets/12",
		})
	}
	for body, want := range map[string]string{
		"Hello {{requester.first_name}}, {{ requester.name }}!": "Hello Ann, Ann van der Berg!",
		"{{requester.email}}":                                 `a\_b@partner.example`,
		"#{{ticket.number}} {{ticket.title}}":                 `#12 It \*burns\*`,
		"{{ticket.url}}":                                      "https://acme.desk.example/tickets/12",
		"{{agent.name}} {{agent.first_name}} {{tenant.name}}": "Zoe Zoe Acme",
		"no placeholder, {{ not closed, }} and {{\n}}":        "no placeholder, {{ not closed, }} and {{\n}}",
		"{{unknown}}":                                         "{{unknown}}",
	} {
		if got := fill(body); got != want {
			t.Errorf("Fill(%q) = %q, want %q", body, got, want)
		}
	}
	for name, want := range map[string]string{
		"[x](http://evil.example)": `\[x\](http\://evil.example)`,
		"<b>x</b>":                 `\<b\>x\</b\>`, "# big": `\# big`, "1. first": `1\. first`, "- item": `\- item`, "www.evil.example": `www\.evil.example`,
		"a`b`_c_~d~|e|&amp;\\": "a\\`b\\`\\_c\\_\\~d\\~\\|e\\|\\&amp;\\\\", "O'Brien, J. (x)": "O'Brien, J. (x)", "a\n# b": "a # b", "{{ticket.number}}": "{{ticket.number}}",
	} {
		ticket.Requester.Name = name
		if got := fill("{{requester.name}}"); got != want {
			t.Errorf("a requester called %q becomes %q, want %q", name, got, want)
		}
	}
	ticket.Requester = nil
	if got := fill("Hello {{requester.name}}{{requester.email}}."); got != "Hello ." {
		t.Errorf("without a requester: %q", got)
	}
}
