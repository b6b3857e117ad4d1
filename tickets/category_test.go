package tickets_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

func slugs(cs []tickets.Category) (out []string) {
	for _, c := range cs {
		out = append(out, c.Slug)
	}
	return out
}

// Reading the categories writes nothing once the tenant has been given some, also where there is none to show.
func TestCategoriesWaitForNobody(t *testing.T) {
	w := newWorld(t)
	all, err := w.Categories(t.Context(), w.acme, agent)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if _, err := w.ChangeCategory(t.Context(), w.acme, agent, c.ID, tickets.CategoryChange{Active: tickets.Set(false)}); err != nil {
			t.Fatal(err)
		}
	}
	err = w.store.Update(t.Context(), w.acme.Scope(), func(*storage.Tx) error { // nobody else can write meanwhile
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := w.Categories(ctx, w.acme, ann)
		if len(got) != 0 {
			t.Errorf("a requester sees %q", slugs(got))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCategories(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	read := func(a tickets.Actor) []tickets.Category {
		cs, err := w.Categories(ctx, w.acme, a)
		if err != nil {
			t.Fatal(err)
		}
		return cs
	}
	own, err := w.AddCategory(ctx, w.acme, agent, tickets.CategoryChange{Name: tickets.Set("Größe & Maße")})
	if err != nil || own.Slug != "grosse-masse" || !own.Active {
		t.Fatalf("AddCategory = %+v, %v", own, err)
	}
	seeded := []string{"general-question", "technical-problem", "billing", "account-and-access"}
	if diff := cmp.Diff(append(seeded, "grosse-masse"), slugs(read(ann))); diff != "" {
		t.Errorf("categories (-want +got):\n%s", diff)
	}
	if _, err := w.Category(ctx, w.globex, agent, own.ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("the other tenant finds it: %v", err)
	}
	first, err := w.ChangeCategory(ctx, w.acme, agent, own.ID, tickets.CategoryChange{Position: tickets.Set(0), Active: tickets.Set(false)})
	if err != nil || first.Name != own.Name || first.Active {
		t.Errorf("ChangeCategory = %+v, %v", first, err)
	}
	again, err := w.ChangeCategory(ctx, w.acme, agent, own.ID, tickets.CategoryChange{Active: tickets.Clear[bool]()})
	if err != nil || !again.Active {
		t.Errorf("active null: %+v, %v, want what categories are at first", again, err)
	}
	if _, err := w.ChangeCategory(ctx, w.acme, agent, own.ID, tickets.CategoryChange{Name: tickets.Set("\u200b"), Active: tickets.Set(false)}); err == nil {
		t.Error("a category has a name that can't be seen")
	}
	if _, err := w.ChangeCategory(ctx, w.acme, agent, own.ID, tickets.CategoryChange{Active: tickets.Set(false)}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(append([]string{"grosse-masse"}, seeded...), slugs(read(agent))); diff != "" {
		t.Errorf("for staff (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(seeded, slugs(read(ann))); diff != "" {
		t.Errorf("for requesters (-want +got):\n%s", diff)
	}
	if _, err := w.Open(ctx, w.acme, ann, tickets.Draft{Title: "t", Description: "d", CategoryID: own.ID}); err == nil {
		t.Error("a requester takes an inactive category")
	}
	tk := w.open(agent, "t", func(d *tickets.Draft) { d.CategoryID = own.ID })
	if err := w.RemoveCategory(ctx, w.acme, agent, own.ID); !errors.Is(err, tickets.ErrInUse) {
		t.Errorf("removed while in use: %v, want ErrInUse", err)
	}
	if err := w.Delete(ctx, w.acme, agent, tk.Ref(), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.RemoveCategory(ctx, w.acme, agent, own.ID); err != nil {
		t.Errorf("removed when the ticket was deleted: %v", err)
	}
	if back, err := w.Restore(ctx, w.acme, agent, tk.Ref()); err != nil || back.CategoryID != "" {
		t.Errorf("restored with category %q, %v", back.CategoryID, err)
	}
	for _, c := range read(agent) {
		if err := w.RemoveCategory(ctx, w.acme, agent, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	if left := read(agent); len(left) > 0 {
		t.Errorf("the removed categories came back: %q", slugs(left))
	}
}

// A ticket that comes back from the spam has no category that was removed meanwhile.
func TestCategoryOfSpam(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for _, kept := range []bool{true, false} {
		c, err := w.AddCategory(ctx, w.acme, agent, tickets.CategoryChange{Name: tickets.Set("Toner")})
		if err != nil {
			t.Fatal(err)
		}
		x := w.open(agent, "t", func(d *tickets.Draft) { d.CategoryID = c.ID })
		if _, err := w.Update(ctx, w.acme, agent, x.Ref(), tickets.Change{Spam: tickets.Set(true)}); err != nil {
			t.Fatal(err)
		}
		want := c.ID
		if !kept {
			want = ""
			if err := w.RemoveCategory(ctx, w.acme, agent, c.ID); err != nil {
				t.Fatal(err)
			}
		}
		back, err := w.Update(ctx, w.acme, agent, x.Ref(), tickets.Change{Spam: tickets.Set(false)})
		if err != nil || back.Ticket.CategoryID != want {
			t.Errorf("back with category %q, %v, want %q", back.Ticket.CategoryID, err, want)
		}
		if kept {
			if err := w.RemoveCategory(ctx, w.acme, agent, c.ID); !errors.Is(err, tickets.ErrInUse) {
				t.Errorf("removed while in use: %v, want ErrInUse", err)
			}
			if err := w.Delete(ctx, w.acme, agent, x.Ref(), 0); err != nil {
				t.Fatal(err)
			}
			if err := w.RemoveCategory(ctx, w.acme, agent, c.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestCategoriesRefuse(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	cs, err := w.Categories(ctx, w.acme, agent)
	if err != nil {
		t.Fatal(err)
	}
	for field, c := range map[string]tickets.CategoryChange{
		"name":     {},
		"slug":     {Name: tickets.Set("n"), Slug: tickets.Set("No Slug")},
		"position": {Name: tickets.Set("n"), Position: tickets.Set(-1)},
	} {
		_, err := w.AddCategory(ctx, w.acme, agent, c)
		var fields tenant.FieldErrors
		if !errors.As(err, &fields) || len(fields[field]) == 0 {
			t.Errorf("%s: %v, want a field error", field, err)
		}
	}
	var fields tenant.FieldErrors
	if _, err := w.ChangeCategory(ctx, w.acme, agent, cs[0].ID, tickets.CategoryChange{Slug: tickets.Set(cs[1].Slug)}); !errors.As(err, &fields) || len(fields["slug"]) == 0 {
		t.Errorf("a taken slug: %v", err)
	}
	if _, err := w.ChangeCategory(ctx, w.acme, agent, "cat_01ARZ3NDEKTSV4RRFFQ69G5FAV", tickets.CategoryChange{}); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a category that is not there: %v", err)
	}
	_, add := w.AddCategory(ctx, w.acme, ann, tickets.CategoryChange{Name: tickets.Set("n")})
	_, change := w.ChangeCategory(ctx, w.acme, ann, cs[0].ID, tickets.CategoryChange{Name: tickets.Set("n")})
	for what, err := range map[string]error{"add": add, "change": change, "remove": w.RemoveCategory(ctx, w.acme, ann, cs[0].ID)} {
		if !errors.Is(err, tickets.ErrNotAllowed) {
			t.Errorf("a requester may %s: %v, want ErrNotAllowed", what, err)
		}
	}
}
