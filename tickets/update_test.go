package tickets_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

func TestUpdateMerges(t *testing.T) {
	w := newWorld(t)
	cats, err := w.Categories(t.Context(), w.acme, agent)
	if err != nil {
		t.Fatal(err)
	}
	p, b := ann.Person(), bob.Person()
	tk := w.open(token, "Printer", func(d *tickets.Draft) {
		d.Priority, d.CategoryID, d.Tags = tickets.PriorityHigh, cats[0].ID, []string{"a", "b"}
		d.CustomFields = map[string]any{"x": "1", "y": 2}
		d.Requester, d.ExternalID = &p, "e-1"
	})
	for name, tc := range map[string]struct {
		json string
		want func(*tickets.Ticket)
	}{
		"nothing":            {`{}`, func(*tickets.Ticket) {}},
		"what it is already": {`{"Title":"Printer","Priority":"high","AddTags":["a"]}`, func(*tickets.Ticket) {}},
		"title":              {`{"Title":"Toner"}`, func(t *tickets.Ticket) { t.Title = "Toner" }},
		"clear priority":     {`{"Priority":null}`, func(t *tickets.Ticket) { t.Priority = tickets.PriorityMedium }},
		"clear category":     {`{"CategoryID":null}`, func(t *tickets.Ticket) { t.CategoryID = "" }},
		"clear tags":         {`{"Tags":null}`, func(t *tickets.Ticket) { t.Tags = nil }},
		"replace tags":       {`{"Tags":["C"],"AddTags":["d"],"RemoveTags":["c"]}`, func(t *tickets.Ticket) { t.Tags = []string{"d"} }},
		"merge fields": {`{"CustomFields":{"x":null,"z":12345678901234567}}`, func(t *tickets.Ticket) {
			t.CustomFields = map[string]any{"y": uint64(2), "z": uint64(12345678901234567)}
		}},
		"clear fields":     {`{"CustomFields":null}`, func(t *tickets.Ticket) { t.CustomFields = nil }},
		"clear external":   {`{"ExternalID":null}`, func(t *tickets.Ticket) { t.ExternalID = "" }},
		"change requester": {`{"Requester":{"ID":"usr_bob","Email":"bob@partner.example","Name":"Bob"}}`, func(t *tickets.Ticket) { t.Requester = &b }},
		"clear requester":  {`{"Requester":null}`, func(t *tickets.Ticket) { t.Requester, t.Assurance = nil, "" }},
		"assign": {`{"Assignee":{"ID":"agt_zoe"}}`, func(t *tickets.Ticket) {
			t.Assignee, t.Status = &tickets.Person{ID: "agt_zoe"}, tickets.StatusOpen
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tk := w.open(token, "Printer", func(d *tickets.Draft) {
				d.Priority, d.CategoryID, d.Tags = tk.Priority, tk.CategoryID, tk.Tags
				d.CustomFields, d.Requester, d.ExternalID = tk.CustomFields, &p, name
			})
			var c tickets.Change
			if err := json.Unmarshal([]byte(tc.json), &c); err != nil {
				t.Fatal(err)
			}
			want := tk
			tc.want(&want)
			got := w.change(agent, tk, c)
			changed := cmp.Diff(tk, want, cmpopts.EquateEmpty()) != ""
			if changed != (got.Version == 2) || changed == got.UpdatedAt.Equal(tk.UpdatedAt) {
				t.Errorf("changed %t, version %d, updated at %s", changed, got.Version, got.UpdatedAt)
			}
			want.Version, want.UpdatedAt = got.Version, got.UpdatedAt
			if want.Status != tk.Status {
				want.StatusSince = got.UpdatedAt
			}
			for from, got := range map[string]tickets.Ticket{"Update": got, "Find": w.find(agent, tk)} {
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", from, diff)
				}
			}
		})
	}
}

func TestUpdateRefuses(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "Printer")
	w.open(token, "Holder", func(d *tickets.Draft) { d.ExternalID = "taken" })
	for field, c := range map[string]tickets.Change{
		"title":         {Title: tickets.Clear[string]()},
		"description":   {Description: tickets.Set("")},
		"priority":      {Priority: tickets.Set(tickets.Priority("asap"))},
		"status":        {Status: tickets.Set(tickets.Status("gone"))},
		"category_id":   {CategoryID: tickets.Set("cat_x")},
		"add_tags":      {AddTags: []string{""}},
		"external_id":   {ExternalID: tickets.Set("taken")},
		"assignee_id":   {Assignee: tickets.Set(tickets.Person{})},
		"comment.body":  {Comment: &tickets.Note{}},
		"custom_fields": {CustomFields: tickets.Set(map[string]any{"a": map[string]any{}})},
	} {
		_, err := w.Update(t.Context(), w.acme, agent, tk.Ref(), c)
		var fields tenant.FieldErrors
		if !errors.As(err, &fields) || len(fields[field]) == 0 {
			t.Errorf("%s: %v, want a field error", field, err)
		}
	}
	for name, c := range map[string]tickets.Change{
		"title": {Title: tickets.Set("x")}, "tags": {AddTags: []string{"x"}}, "assignee": {Assignee: tickets.Set(agent.Person())},
		"requester": {Requester: tickets.Set(bob.Person())}, "priority": {Priority: tickets.Set(tickets.PriorityUrgent)},
		"note": {Comment: &tickets.Note{Body: "x", Visibility: tickets.Internal}},
	} {
		if _, err := w.Update(t.Context(), w.acme, ann, tk.Ref(), c); !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("a requester changes %s: %v, want ErrNotAllowed", name, err)
		}
	}
	if got := w.find(ann, tk); got.Version != 1 {
		t.Errorf("version %d after refused changes, want 1", got.Version)
	}
	if _, err := w.Update(t.Context(), w.acme, agent, tk.Ref(), tickets.Change{IfVersion: 2, Title: tickets.Set("x")}); !errors.Is(err, tickets.ErrVersionConflict) {
		t.Errorf("another version: %v, want ErrVersionConflict", err)
	}
}

func TestUpdatesAtOnce(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "Printer")
	var all sync.WaitGroup
	won := make(chan uint64, 20)
	for range 20 {
		all.Go(func() {
			u, err := w.Update(t.Context(), w.acme, agent, tk.Ref(), tickets.Change{IfVersion: 1, AddTags: []string{"x"}})
			if err == nil {
				won <- u.Ticket.Version
			} else if !errors.Is(err, tickets.ErrVersionConflict) {
				t.Errorf("Update: %v", err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Errorf("%d updates of version 1 succeeded, want 1", len(won))
	}
}

func TestActivity(t *testing.T) {
	w := newWorld(t)
	tk := w.open(ann, "Printer")
	u, err := w.Update(t.Context(), w.acme, agent, tk.Ref(), tickets.Change{
		Assignee: tickets.Set(agent.Person()), AddTags: []string{"hw"}, Description: tickets.Set("It is jammed."),
		Comment: &tickets.Note{Body: "mine", Visibility: tickets.Internal},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.change(token, tk, tickets.Change{Priority: tickets.Set(tickets.PriorityLow)})
	if err := w.Delete(t.Context(), w.acme, agent, tk.Ref(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Restore(t.Context(), w.acme, agent, tk.Ref()); err != nil {
		t.Fatal(err)
	}
	var got []tickets.Activity
	for cursor := ""; ; {
		p, err := w.Activity(t.Context(), w.acme, agent, tk.Ref(), cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Activities...)
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	zoe := tickets.Author{ID: "agt_zoe", Name: "Zoe", Email: "zoe@acme.example", Role: "agent"}
	want := []tickets.Activity{
		{Action: "created", Actor: tickets.Author{ID: "usr_ann", Name: "Ann", Email: "ann@partner.example", Role: "requester"}},
		{Action: "commented", Actor: zoe, CommentID: u.Comment.ID, Visibility: tickets.Internal, Changes: []tickets.FieldChange{
			{Field: "status", From: "new", To: "open"},
			{Field: "assignee", To: "Zoe <zoe@acme.example>"},
			{Field: "tags", To: "hw"},
			{Field: "description"},
		}},
		{Action: "updated", Actor: tickets.Author{ID: "tok_1", Name: "import", Role: "api"}, Changes: []tickets.FieldChange{
			{Field: "priority", From: "medium", To: "low"},
		}},
		{Action: "deleted", Actor: zoe},
		{Action: "restored", Actor: zoe},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(tickets.Activity{}, "ID", "TicketID", "CreatedAt")); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if _, err := w.Activity(t.Context(), w.acme, ann, tk.Ref(), "", 0); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("a requester reads the history: %v, want ErrNotAllowed", err)
	}
}
