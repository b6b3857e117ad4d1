package tickets_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/deskgate/deskgate/tickets"
)

// The tags of a tenant's tickets are known, each once and in order, and nobody else's are.
func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for _, tags := range [][]string{{"vip", "a"}, {"a", "ab", "größe"}, {"vip"}, {"gone"}} {
		x := w.open(ann, "Printer")
		if _, err := w.Update(ctx, w.acme, agent, x.Ref(), tickets.Change{AddTags: tags}); err != nil {
			t.Fatal(err)
		}
		if tags[0] == "gone" {
			if err := w.Delete(ctx, w.acme, agent, x.Ref(), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for most, want := range map[int][]string{10: {"a", "ab", "größe", "vip"}, 2: {"a", "ab"}} {
		if got, err := w.Tags(ctx, w.acme, agent, most); err != nil || !slices.Equal(got, want) {
			t.Errorf("Tags(%d) = %q, %v, want %q", most, got, err, want)
		}
	}
	if got, err := w.Tags(ctx, w.globex, agent, 10); err != nil || len(got) != 0 {
		t.Errorf("the other tenant's tags = %q, %v", got, err)
	}
	if got, err := w.Tags(ctx, w.acme, ann, 10); !errors.Is(err, tickets.ErrNotAllowed) {
		t.Errorf("a requester's tags = %q, %v", got, err)
	}
}
