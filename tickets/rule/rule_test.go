package rule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/rule"
)

var (
	ann   = tickets.Requester(tickets.Person{ID: "usr_ann", Email: "ann@Partner.example", Name: "Ann"})
	eve   = tickets.Visitor(tickets.Person{Lineage: "lin_eve", Email: "eve@else.example", Name: "Eve"})
	agent = tickets.Agent(tickets.Person{ID: "agt_zoe", Email: "zoe@acme.example", Name: "Zoe"})
	team  = []tickets.Person{
		{ID: "agt_max", Email: "max@acme.example", Name: "Max"}, {ID: "agt_zoe", Email: "zoe@acme.example", Name: "Zoe"},
	}
)

// world is a desk with rules and two tenants.
type world struct {
	*tickets.Desk
	rules        *rule.Engine
	t            testing.TB
	acme, globex *tenant.Tenant
	told         []string     // what followers were told, as "number type by whom"
	asked        atomic.Int32 // how often somebody asked for the agents
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{
		t: tb, acme: &tenant.Tenant{ID: "AAAAAAAAAAAAAAAAAAAAAAAAAA", Slug: "acme", Name: "Acme"},
		globex: &tenant.Tenant{ID: "BBBBBBBBBBBBBBBBBBBBBBBBBB", Slug: "globex", Name: "Globex"},
	}
	store := storagetest.Open(tb, append(tickets.Tables(), rule.Tables()...)...)
	w.rules = rule.New(rule.Config{Store: store, Agents: func(*storage.Tx) ([]tickets.Person, error) {
		w.asked.Add(1)
		return team, nil
	}})
	w.Desk = tickets.New(tickets.Config{
		Store: store, Rules: w.rules.Rules, Waits: w.rules.Waits,
		Tenants: func(context.Context) ([]*tenant.Tenant, error) { return []*tenant.Tenant{w.acme, w.globex}, nil },
		Followers: []tickets.Follower{func(tx *storage.Tx, _ *tenant.Tenant, h *tickets.Happening) error {
			line := fmt.Sprint(h.Event.Number, " ", h.Event.Type, " by ", h.Event.Actor.Name)
			if h.Notice != nil {
				line += " to " + h.Notice.To + ": " + h.Notice.Text
			}
			tx.OnCommit(func() { w.told = append(w.told, line) })
			return nil
		}},
	})
	return w
}

// add gives acme a rule that is enabled.
func (w *world) add(r rule.Rule) rule.Rule {
	w.t.Helper()
	if r.Name == "" {
		r.Name = "R"
	}
	r.Enabled = true
	placed, err := w.rules.Add(w.t.Context(), w.acme, r, 0)
	if err != nil {
		w.t.Fatalf("Add(%+v): %v", r, err)
	}
	return placed.Rule
}

func (w *world) open(a tickets.Actor, title string, change ...func(*tickets.Draft)) tickets.Ticket {
	w.t.Helper()
	d := tickets.Draft{Title: title, Description: "It does not work."}
	for _, f := range change {
		f(&d)
	}
	o, err := w.Open(w.t.Context(), w.acme, a, d)
	if err != nil {
		w.t.Fatalf("Open(%q): %v", title, err)
	}
	return o.Ticket
}

func (w *world) change(a tickets.Actor, t tickets.Ticket, c tickets.Change) tickets.Ticket {
	w.t.Helper()
	u, err := w.Update(w.t.Context(), w.acme, a, t.Ref(), c)
	if err != nil {
		w.t.Fatalf("Update(%d, %+v): %v", t.Number, c, err)
	}
	return u.Ticket
}

func (w *world) say(a tickets.Actor, t tickets.Ticket, body string) tickets.Ticket {
	w.t.Helper()
	return w.change(a, t, tickets.Change{Comment: &tickets.Note{Body: body}})
}

func (w *world) find(t tickets.Ticket) tickets.Ticket {
	w.t.Helper()
	got, err := w.Find(w.t.Context(), w.acme, agent, t.Ref())
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// history is what happened to a ticket, as "action by whom [changes]".
func (w *world) history(t tickets.Ticket) string {
	w.t.Helper()
	p, err := w.Activity(w.t.Context(), w.acme, agent, t.Ref(), "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, x := range p.Activities {
		words := []string{x.Action, "by", x.Actor.Name}
		for _, c := range x.Changes {
			words = append(words, c.Field+":"+c.From+">"+c.To)
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, "; ")
}

// live runs the timers in the bubble for a time.
func (w *world) live(d time.Duration) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	time.Sleep(d)
	synctest.Wait()
	stop()
	if err := <-done; err != nil {
		w.t.Errorf("Run: %v", err)
	}
}

func then(do rule.Do, value string) []rule.Action { return []rule.Action{{Do: do, Value: value}} }

// A new ticket of a category goes to an agent, with a tag and a note, in the transaction that opens it.
func TestRuleForNewTickets(t *testing.T) {
	w := newWorld(t)
	c, err := w.AddCategory(t.Context(), w.acme, agent, tickets.CategoryChange{Name: tickets.Set("Invoices")})
	if err != nil {
		t.Fatal(err)
	}
	w.add(rule.Rule{
		Name: "Invoices to Max", When: rule.Created, If: []rule.Condition{{Field: rule.Category, Op: rule.Is, Value: c.ID}},
		Then: []rule.Action{
			{Do: rule.Assign, Value: "agt_max"},
			{Do: rule.AddTag, Value: "Money"},
			{Do: rule.SetPriority, Value: "high"},
			{Do: rule.Note, Text: "Ask {{requester.name}} for the number of #{{ticket.number}}."},
			{Do: rule.Reply, Text: "We look into it."},
			{Do: rule.Notify, Value: rule.ToAssignee, Text: "For you"},
			{Do: rule.Emit, Value: "invoice"},
		},
	})
	other := w.open(ann, "other")
	if other.Version != 1 || other.Assignee != nil {
		t.Errorf("a ticket of no category: %+v", other)
	}
	w.told = nil
	got := w.open(ann, "Bill", func(d *tickets.Draft) { d.CategoryID = c.ID })
	if got.Assignee == nil || got.Assignee.Name != "Max" || got.Status != tickets.StatusOpen || got.Priority != tickets.PriorityHigh || fmt.Sprint(got.Tags) != "[money]" {
		t.Errorf("the ticket is %+v", got)
	}
	by := " by rule: Invoices to Max"
	want := "[2 ticket.created by Ann 2 ticket.commented" + by + " 2 rule.emitted" + by + " 2 ticket.commented" + by +
		" 2 ticket.commented" + by + " 2 rule.notify" + by + " to assignee: For you]"
	if got := fmt.Sprint(w.told); got != want {
		t.Errorf("told\n%s, want\n%s", got, want)
	}
	if h := w.history(got); !strings.Contains(h, "commented by rule: Invoices to Max status:new>open assignee:>Max <max@acme.example> priority:medium>high tags:>money") {
		t.Errorf("history: %s", h)
	}
	page, err := w.Comments(t.Context(), w.acme, agent, got.Ref(), "", 10)
	if err != nil || len(page.Comments) != 3 || page.Comments[0].Body != "Ask Ann for the number of #2." || page.Comments[1].Visibility != tickets.Public {
		t.Errorf("comments: %+v, %v", page.Comments, err)
	}
	if seen, err := w.Comments(t.Context(), w.acme, ann, got.Ref(), "", 10); err != nil || len(seen.Comments) != 1 {
		t.Errorf("the requester sees %+v, %v", seen.Comments, err)
	}
	if got.FirstResponseAt != (time.Time{}) {
		t.Error("a rule's reply counts as a response")
	}
	// The other tenant has no rules.
	o, err := w.Open(t.Context(), w.globex, ann, tickets.Draft{Title: "x", Description: "x"})
	if err != nil || o.Ticket.Version != 1 {
		t.Errorf("at the other tenant: %+v, %v", o.Ticket, err)
	}
}

// Each kind of condition, on a ticket that it fits and one that it does not.
func TestConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		yes := w.open(ann, "Printer on FIRE", func(d *tickets.Draft) {
			d.Tags, d.CustomFields, d.Priority = []string{"vip"}, map[string]any{"plan": "Gold", "seats": 12}, tickets.PriorityUrgent
		})
		no := w.open(eve, "Paper")
		for _, tc := range []rule.Condition{
			{Field: rule.Tag, Op: rule.Is, Value: "VIP"},
			{Field: rule.Priority, Op: rule.Is, Value: "urgent"},
			{Field: rule.Priority, Op: rule.IsNot, Value: "medium"},
			{Field: rule.Title, Op: rule.Contains, Value: "on fire"},
			{Field: rule.Title, Op: rule.ContainsNot, Value: "paper"},
			{Field: rule.Domain, Op: rule.Is, Value: "@partner.example"},
			{Field: rule.Assurance, Op: rule.Is, Value: "vouched"},
			{Field: rule.Assurance, Op: rule.IsNot, Value: "asserted"},
			{Field: rule.Custom, Name: "plan", Op: rule.Is, Value: "gold"},
			{Field: rule.Custom, Name: "seats", Op: rule.Is, Value: "12"},
			{Field: rule.Custom, Name: "plan", Op: rule.Contains, Value: "ol"},
			{Field: rule.Custom, Name: "plan", Op: rule.IsNot, Value: "none"},
		} {
			r := rule.Rule{Name: "R", When: rule.Created, If: []rule.Condition{tc}, Then: then(rule.AddTag, "hit")}
			if tc.Field == rule.Tag || tc.Field == rule.Domain {
				r = w.add(r) // brings the value into its form
			}
			for _, x := range []struct {
				t    tickets.Ticket
				want bool
			}{{yes, true}, {no, false}} {
				trial, err := w.rules.Try(t.Context(), w.acme, r, &x.t)
				if err != nil || trial.Fits != x.want || trial.Holds[0] != x.want || (len(trial.Do) > 0) != x.want {
					t.Errorf("%+v on %q: %+v, %v", tc, x.t.Title, trial, err)
				}
			}
		}
		// 2000-01-01, when a bubble begins, is a Saturday.
		for op, want := range map[string]bool{"closed": true, "open": false} {
			r := rule.Rule{If: []rule.Condition{{Field: rule.Hours, Op: rule.Is, Value: op}}, Then: then(rule.AddTag, "x")}
			if trial, err := w.rules.Try(t.Context(), w.acme, r, &yes); err != nil || trial.Fits != want {
				t.Errorf("business hours %s: %+v, %v", op, trial, err)
			}
		}
		two := []rule.Condition{{Field: rule.Status, Op: rule.Is, Value: "new"}, {Field: rule.Source, Op: rule.Is, Value: "api"}}
		for anyOf, want := range map[bool]bool{true: true, false: false} {
			if trial, err := w.rules.Try(t.Context(), w.acme, rule.Rule{Any: anyOf, If: two, Then: then(rule.AddTag, "x")}, &yes); err != nil || trial.Fits != want {
				t.Errorf("any %t: %+v, %v", anyOf, trial, err)
			}
		}
		if got := w.find(yes); got.Version != 1 {
			t.Errorf("trying has changed the ticket: %+v", got)
		}
	})
}

// Replies, changes, ratings: each starts its own rules only.
func TestOccasions(t *testing.T) {
	w := newWorld(t)
	for _, when := range []rule.When{rule.RequesterReplied, rule.AgentReplied, rule.Updated, rule.Rated} {
		w.add(rule.Rule{Name: string(when), When: when, Then: then(rule.AddTag, string(when))})
	}
	w.add(rule.Rule{Name: "urgent word", When: rule.RequesterReplied, If: []rule.Condition{{Field: rule.Message, Op: rule.Contains, Value: "asap"}}, Then: then(rule.SetPriority, "urgent")})
	w.add(rule.Rule{Name: "solved", When: rule.Updated, If: []rule.Condition{
		{Field: rule.Changed, Op: rule.Is, Value: "status"}, {Field: rule.Status, Op: rule.Is, Value: "resolved"},
	}, Then: then(rule.AddTag, "was-solved")})
	tags := func(t tickets.Ticket) string { return fmt.Sprint(w.find(t).Tags) }
	x := w.open(ann, "x")
	w.say(ann, x, "more")
	if got := tags(x); got != "[requester_replied]" {
		t.Errorf("after the requester's reply: %s", got)
	}
	x = w.open(ann, "x")
	w.change(agent, x, tickets.Change{Comment: &tickets.Note{Body: "note", Visibility: tickets.Internal}})
	if got := tags(x); got != "[]" {
		t.Errorf("after a note: %s", got)
	}
	w.say(agent, x, "hello") // opens it as well
	if got := tags(x); got != "[agent_replied updated]" {
		t.Errorf("after an agent's reply: %s", got)
	}
	if got := w.say(ann, x, "It is needed ASAP!"); got.Priority != tickets.PriorityUrgent {
		t.Errorf("after the word: %+v", got)
	}
	w.change(agent, x, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
	if got := tags(x); !strings.Contains(got, "was-solved") {
		t.Errorf("after it was solved: %s", got)
	}
	if _, err := w.Rate(t.Context(), w.acme, ann, x.Ref(), 5, ""); err != nil || !strings.Contains(tags(x), "rated") {
		t.Errorf("after the rating: %s, %v", tags(x), err)
	}
}

// Each rule sees what those before it have made of the ticket, what rules do starts none, and a status that the ticket
// cannot take is left out alone.
func TestRulesInOrder(t *testing.T) {
	w := newWorld(t)
	w.add(rule.Rule{Name: "first", When: rule.Created, Then: then(rule.AddTag, "a")})
	w.add(rule.Rule{Name: "second", When: rule.Created, If: []rule.Condition{{Field: rule.Tag, Op: rule.Is, Value: "a"}}, Then: then(rule.AddTag, "b")})
	w.add(rule.Rule{Name: "never", When: rule.Updated, Then: then(rule.AddTag, "loop")})
	last := w.add(rule.Rule{Name: "impossible", When: rule.AgentReplied, Then: []rule.Action{{Do: rule.SetStatus, Value: "pending"}, {Do: rule.AddTag, Value: "c"}}})
	x := w.open(ann, "x")
	if fmt.Sprint(x.Tags) != "[a b]" {
		t.Errorf("tags %v", x.Tags)
	}
	if err := w.rules.Move(t.Context(), w.acme, last.ID, 1); err != nil {
		t.Fatal(err)
	}
	if moved, err := w.rules.Find(t.Context(), w.acme, last.ID); err != nil || !moved.Since.Equal(last.Since) || moved.Version != 2 {
		t.Errorf("moved it begins anew: %v, %v", moved.Since, err) // and would miss what waits for it
	}
	if all, err := w.rules.List(t.Context(), w.acme); err != nil || all[0].Name != "impossible" || all[1].Name != "first" {
		t.Errorf("the order is %v, %v", all, err)
	}
	w.change(agent, x, tickets.Change{Status: tickets.Set(tickets.StatusResolved)})
	x = w.say(agent, x, "And another thing.") // resolved cannot become pending
	if x.Status != tickets.StatusResolved || fmt.Sprint(x.Tags) != "[a b c loop]" {
		t.Errorf("the ticket is %s with %v", x.Status, x.Tags)
	}
	if h := w.history(x); !strings.Contains(h, "left_out by rule: impossible status:resolved>pending") {
		t.Errorf("history: %s", h)
	}
	if _, err := w.rules.Change(t.Context(), w.acme, last.ID, func(r *rule.Rule) error { r.Enabled = false; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.rules.Remove(t.Context(), w.acme, last.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := w.rules.Remove(t.Context(), w.globex, last.ID, 0); !errors.Is(err, rule.ErrNotFound) {
		t.Errorf("removed at the other tenant: %v", err)
	}
}

// A rule that waits runs once, when its time has come, over restarts; two of them cannot take turns for ever.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		old := w.open(ann, "old")
		time.Sleep(100 * time.Hour)
		w.add(rule.Rule{Name: "hold", When: rule.Waiting, Status: "pending", Hours: 24, Then: []rule.Action{{Do: rule.SetStatus, Value: "on_hold"}, {Do: rule.Note, Text: "No answer."}}})
		w.add(rule.Rule{Name: "back", When: rule.Waiting, Status: "on_hold", Hours: 24, Then: then(rule.SetStatus, "pending")})
		w.add(rule.Rule{Name: "vip", When: rule.Waiting, Status: "new", Hours: 2, If: []rule.Condition{{Field: rule.Tag, Op: rule.Is, Value: "vip"}}, Then: then(rule.SetPriority, "urgent")})
		x := w.open(ann, "x")
		vip := w.open(ann, "vip", func(d *tickets.Draft) { d.Tags = []string{"vip"} })
		w.live(time.Hour)
		w.live(2 * time.Hour)
		if got := w.find(vip); got.Priority != tickets.PriorityUrgent {
			t.Errorf("the one with the tag: %+v", got)
		}
		for _, other := range []tickets.Ticket{x, old} {
			if got := w.find(other); got.Version != 1 {
				t.Errorf("%s was changed: %+v", other.Title, got)
			}
		}
		w.change(agent, x, tickets.Change{Status: tickets.Set(tickets.StatusPending)})
		w.live(23 * time.Hour)
		if got := w.find(x); got.Status != tickets.StatusPending {
			t.Errorf("too early: %s", got.Status)
		}
		w.live(2 * time.Hour)
		w.live(200 * time.Hour)
		h := w.history(x)
		if strings.Count(h, "by rule: hold") != 1 || strings.Count(h, "by rule: back") != 1 {
			t.Errorf("history: %s", h)
		}
		w.say(ann, x, "Here I am.") // a person has changed the status: the rules wait anew
		w.change(agent, x, tickets.Change{Status: tickets.Set(tickets.StatusPending)})
		w.live(25 * time.Hour)
		if h := w.history(x); strings.Count(h, "by rule: hold") != 2 {
			t.Errorf("history: %s", h)
		}
	})
}

func TestAgentsInTurns(t *testing.T) {
	w := newWorld(t)
	r := w.add(rule.Rule{When: rule.Created, Then: then(rule.AssignNext, "")})
	x := w.open(ann, "0")
	got := []string{x.Assignee.Name}
	for range 3 {
		if trial, err := w.rules.Try(t.Context(), w.acme, r, &x); err != nil || len(trial.Do) != 1 {
			t.Errorf("%+v, %v", trial, err)
		}
		got = append(got, w.open(ann, "x").Assignee.Name)
	}
	if strings.Join(got, " ") != "Max Zoe Max Zoe" {
		t.Errorf("in turns: %s", got)
	}
}

// What rules need to know of the agents, the hours and a long text is found out once for a change, however many conditions
// and actions want to know it.
func TestRulesAskOnce(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.add(rule.Rule{When: rule.Created, Then: []rule.Action{{Do: rule.AssignNext}, {Do: rule.Assign, Value: "agt_zoe"}, {Do: rule.AddTag, Value: "x"}}})
	}
	w.asked.Store(0)
	if x := w.open(ann, "1"); x.Assignee == nil || w.asked.Load() != 1 {
		t.Errorf("assigned to %v, having asked for the agents %d times", x.Assignee, w.asked.Load())
	}
	w.acme.Settings.TimeZone = "Europe/Berlin"
	x := w.open(ann, "2", func(d *tickets.Draft) { d.Description = strings.Repeat("LONG ", 1000) })
	for _, c := range []rule.Condition{{Field: rule.Hours, Op: rule.Is, Value: "open"}, {Field: rule.Description, Op: rule.Contains, Value: "short"}} {
		allocations := func(n int) float64 {
			r := rule.Rule{When: rule.Created, If: slices.Repeat([]rule.Condition{c}, n), Then: then(rule.AddTag, "x")}
			return testing.AllocsPerRun(20, func() {
				if _, err := w.rules.Try(t.Context(), w.acme, r, &x); err != nil {
					t.Error(err)
				}
			})
		}
		if one, ten := allocations(1), allocations(rule.MaxConditions); ten > one+5 {
			t.Errorf("%d conditions about %s allocate %v times, one %v times", rule.MaxConditions, c.Field, ten, one)
		}
	}
}

// As many rules as there may be, each with as much as it may do, do not keep a ticket of the largest kind from being filed.
func TestManyRulesLeaveTheTicketAlone(t *testing.T) {
	w := newWorld(t)
	var words strings.Builder
	for i := range 400 {
		fmt.Fprintf(&words, "w%d ", i)
	}
	for i := range rule.MaxRules {
		note := fmt.Sprintf("%d %s", i, words.String()[:1800])
		w.add(rule.Rule{Name: strconv.Itoa(i), When: rule.Created, Then: []rule.Action{{Do: rule.Note, Text: note}, {Do: rule.Reply, Text: note}, {Do: rule.AddTag, Value: fmt.Sprint("t", i%20)}}})
	}
	if _, err := w.rules.Add(t.Context(), w.acme, rule.Rule{Name: "one more", When: rule.Created, Then: then(rule.AddTag, "x")}, 0); !errors.Is(err, rule.ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	x := w.open(ann, "x", func(d *tickets.Draft) {
		d.Description = strings.Repeat("ü", 1000) + strings.ReplaceAll(words.String(), "w", "other")
	})
	if h := w.history(x); !strings.Contains(h, "left_out by rule: ") {
		t.Errorf("history: %s", h)
	}
}

// Rules that are too long together are refused with the reason, and the others stay.
func TestRulesAreNotTooLong(t *testing.T) {
	w := newWorld(t)
	long := rule.Action{Do: rule.Note, Text: strings.Repeat("x", rule.MaxText)}
	var err error
	for range rule.MaxRules {
		_, err = w.rules.Add(t.Context(), w.acme, rule.Rule{Name: "long", When: rule.Created, Then: slices.Repeat([]rule.Action{long}, rule.MaxActions)}, 0)
		if err != nil {
			break
		}
	}
	if !errors.As(err, new(tenant.FieldErrors)) {
		t.Errorf("as many as there may be, as long as each may be: %v", err)
	}
	if all, err := w.rules.List(t.Context(), w.acme); err != nil || len(all) < 20 {
		t.Errorf("then there are %d rules, %v", len(all), err)
	}
}

func TestRulesAreChecked(t *testing.T) {
	w := newWorld(t)
	good := func() rule.Rule {
		return rule.Rule{
			Name: "R", When: rule.Created, If: []rule.Condition{{Field: rule.Tag, Op: rule.Is, Value: "x"}}, Then: then(rule.AddTag, "y"),
		}
	}
	for name, spoil := range map[string]func(*rule.Rule){
		"name":          func(r *rule.Rule) { r.Name = " " },
		"long name":     func(r *rule.Rule) { r.Name = strings.Repeat("x", 101) },
		"when":          func(r *rule.Rule) { r.When = "never" },
		"no status":     func(r *rule.Rule) { r.When, r.Hours = rule.Waiting, 1 },
		"closed waits":  func(r *rule.Rule) { r.When, r.Hours, r.Status = rule.Waiting, 1, "closed" },
		"no hours":      func(r *rule.Rule) { r.When, r.Status = rule.Waiting, "open" },
		"no actions":    func(r *rule.Rule) { r.Then = nil },
		"many actions":  func(r *rule.Rule) { r.Then = make([]rule.Action, 11) },
		"many ifs":      func(r *rule.Rule) { r.If = make([]rule.Condition, 11) },
		"field":         func(r *rule.Rule) { r.If[0].Field = "color" },
		"op":            func(r *rule.Rule) { r.If[0].Op = rule.Contains },
		"no value":      func(r *rule.Rule) { r.If[0].Value = "" },
		"message":       func(r *rule.Rule) { r.If[0] = rule.Condition{Field: rule.Message, Op: rule.Contains, Value: "x"} },
		"changed":       func(r *rule.Rule) { r.If[0] = rule.Condition{Field: rule.Changed, Op: rule.Is, Value: "status"} },
		"no custom":     func(r *rule.Rule) { r.If[0] = rule.Condition{Field: rule.Custom, Op: rule.Is, Value: "x"} },
		"category":      func(r *rule.Rule) { r.If[0] = rule.Condition{Field: rule.Category, Op: rule.Is, Value: "cat_x"} },
		"assignee":      func(r *rule.Rule) { r.If[0] = rule.Condition{Field: rule.Assignee, Op: rule.Is, Value: "agt_x"} },
		"action":        func(r *rule.Rule) { r.Then[0].Do = "explode" },
		"to new":        func(r *rule.Rule) { r.Then = then(rule.SetStatus, "new") },
		"priority":      func(r *rule.Rule) { r.Then = then(rule.SetPriority, "x") },
		"nobody":        func(r *rule.Rule) { r.Then = then(rule.Assign, "agt_x") },
		"tag":           func(r *rule.Rule) { r.Then = then(rule.AddTag, "a,b") },
		"no text":       func(r *rule.Rule) { r.Then = then(rule.Note, "") },
		"long text":     func(r *rule.Rule) { r.Then = []rule.Action{{Do: rule.Note, Text: strings.Repeat("x", 2001)}} },
		"event":         func(r *rule.Rule) { r.Then = then(rule.Emit, "A b") },
		"notify nobody": func(r *rule.Rule) { r.Then = []rule.Action{{Do: rule.Notify, Value: "x", Text: "y"}} },
	} {
		r := good()
		spoil(&r)
		if _, err := w.rules.Add(t.Context(), w.acme, r, 0); !errors.As(err, new(tenant.FieldErrors)) {
			t.Errorf("%s: %v, want field errors", name, err)
		}
	}
	r := w.add(good())
	if all, err := w.rules.List(t.Context(), w.globex); err != nil || len(all) != 0 {
		t.Errorf("the other tenant's rules: %v, %v", all, err)
	}
	if _, err := w.rules.Find(t.Context(), w.globex, r.ID); !errors.Is(err, rule.ErrNotFound) {
		t.Errorf("found at the other tenant: %v", err)
	}
	if _, err := w.rules.Change(t.Context(), w.globex, r.ID, func(*rule.Rule) error { return nil }); !errors.Is(err, rule.ErrNotFound) {
		t.Errorf("changed at the other tenant: %v", err)
	}
}
