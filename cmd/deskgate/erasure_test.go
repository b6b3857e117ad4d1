package main

import (
	"log/slog"
	"testing"

	"github.com/deskgate/deskgate/tenant/erasure"
)

// TestEveryTableForgets: a new table has to say what it does about somebody who is to be forgotten, by an erasure.Answer in
// its room's Forgets, and each room's has to be asked.
func TestEveryTableForgets(t *testing.T) {
	s := &settings{data: t.TempDir(), nodeURLs: []string{"https://tickets.example"}, tls: tlsInternal, memory: 64 << 20}
	o, err := open(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := o.store.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range erasure.Unanswered(tables(), o.forgets()) {
		t.Errorf("what does this table do about somebody who is to be forgotten? %s", name)
	}
}
