package tickets_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// begin begins a request with a key.
func (w *world) begin(t *testing.T, tn *tenant.Tenant, a tickets.Actor, call string) *tickets.Attempt {
	t.Helper()
	try, err := w.Attempt(t.Context(), tn, a, call, "k")
	if err != nil {
		t.Fatal(err)
	}
	return try
}

func TestAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		answer := tickets.Answer{Status: 201, Header: map[string]string{"ETag": `"1"`}, Body: []byte(`{"secret":"x"}`)}
		one := w.begin(t, w.acme, token, "POST /a")
		if one.Answered() {
			t.Error("a first request was answered before")
		}
		if _, err := w.Attempt(t.Context(), w.acme, token, "POST /a", "k"); !errors.Is(err, tickets.ErrIdempotencyBusy) {
			t.Errorf("a second one beside it: %v, want ErrIdempotencyBusy", err)
		}
		if err := one.Keep(t.Context(), [32]byte{1}, answer); err != nil {
			t.Fatal(err)
		}
		one.End()

		again := w.begin(t, w.acme, token, "POST /a")
		got, err := again.Former([32]byte{1})
		if diff := cmp.Diff(answer, got); !again.Answered() || err != nil || diff != "" {
			t.Errorf("again: %v (-want +got):\n%s", err, diff)
		}
		if _, err := again.Former([32]byte{2}); !errors.Is(err, tickets.ErrIdempotencyMismatch) {
			t.Errorf("another body: %v, want ErrIdempotencyMismatch", err)
		}
		again.End()

		for name, other := range map[string]*tickets.Attempt{
			"another address": w.begin(t, w.acme, token, "POST /b"),
			"another tenant":  w.begin(t, w.globex, token, "POST /a"),
			"another token":   w.begin(t, w.acme, tickets.Token("tok_2", ""), "POST /a"),
		} {
			if other.Answered() {
				t.Errorf("%s with the same key was answered before", name)
			}
			other.End()
		}
		time.Sleep(24*time.Hour + 5*time.Second)
		if late := w.begin(t, w.acme, token, "POST /a"); late.Answered() {
			t.Error("an answer is kept for longer than a day")
		}
	})
}

// TestAttemptWithoutEnd: a request that was refused may be sent again; one of which nobody knows what became of it may not.
func TestAttemptWithoutEnd(t *testing.T) {
	w := newWorld(t)
	refused := w.begin(t, w.acme, token, "POST /a")
	if err := refused.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused.End()
	if again := w.begin(t, w.acme, token, "POST /a"); again.Answered() {
		t.Error("what was refused has an answer")
	} else {
		again.End() // as a process does that is killed
	}
	if _, err := w.Attempt(t.Context(), w.acme, token, "POST /a", "k"); !errors.Is(err, tickets.ErrIdempotencyUnknown) {
		t.Errorf("after one that was cut short: %v, want ErrIdempotencyUnknown", err)
	}
}
