package tickets_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// What is compared with what in the transaction of a change is bounded: everybody else waits for it.
func TestManyTagsAtOnce(t *testing.T) {
	w := newWorld(t)
	tk := w.open(agent, "Printer")
	var many []string
	for i := range 101 {
		many = append(many, strconv.Itoa(i))
	}
	for name, c := range map[string]tickets.Change{
		"tags":        {Tags: tickets.Set(many)},
		"add_tags":    {AddTags: many, RemoveTags: many[:100]},
		"remove_tags": {RemoveTags: many},
	} {
		_, err := w.Update(t.Context(), w.acme, agent, tk.Ref(), c)
		if wrong, ok := errors.AsType[tenant.FieldErrors](err); !ok || len(wrong[name]) == 0 {
			t.Errorf("%d %s = %v, want them refused", len(many), name, err)
		}
	}
	w.change(agent, tk, tickets.Change{AddTags: many[:100], RemoveTags: many[:100]})
}

// A ticket with all that it may have fits into one transaction, together with its answer to an idempotency key.
func TestLargestTicket(t *testing.T) {
	w := newWorld(t)
	draft := tickets.Draft{
		Title: strings.Repeat("字", tickets.MaxTitle), Description: strings.Repeat("漢字 ", tickets.MaxBody/7), CustomFields: map[string]any{},
		Idempotency: &tickets.Idempotency{Key: "k"},
	}
	for i := range tickets.MaxTags {
		draft.Tags = append(draft.Tags, strings.Repeat("字", tickets.MaxTag-3)+strconv.Itoa(i))
	}
	for i := range tickets.MaxCustomFields {
		draft.CustomFields["field_"+strconv.Itoa(i)] = strings.Repeat("字", tickets.MaxFieldValue)
	}
	_, err := w.Open(t.Context(), w.acme, agent, draft)
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); !ok || len(wrong["custom_fields"]) == 0 {
		t.Errorf("Open with fields of %d KiB = %v, want them refused", tickets.MaxCustomFields*tickets.MaxFieldValue*3>>10, err)
	}
	for i := range tickets.MaxCustomFields {
		draft.CustomFields["field_"+strconv.Itoa(i)] = strings.Repeat("x", tickets.MaxFields/tickets.MaxCustomFields-len("field_99"))
	}
	if _, err := w.Open(t.Context(), w.acme, agent, draft); err != nil {
		t.Errorf("Open with %d KiB of fields: %v", tickets.MaxFields>>10, err)
	}
}

// What stands behind a minus is as long as a filter may be, so that a search costs no more than others.
func TestLongExceptions(t *testing.T) {
	long := "-a" + strings.Repeat(".b", 2000)
	q, problems := tickets.ParseSearch(long)
	if len(q.Not.Words) != 0 || len(problems) != 1 || problems[0].Text != long {
		t.Errorf("a word of %d bytes to leave out: %d words, problems %v", len(long), len(q.Not.Words), problems)
	}
	w := newWorld(t)
	begun := time.Now()
	_, err := w.List(t.Context(), w.acme, agent, q)
	if wrong, ok := errors.AsType[*tickets.QueryError](err); !ok || wrong.Param != "q" {
		t.Errorf("List = %v after %s, want it refused", err, time.Since(begun))
	}
}
