package storage_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

func TestFindSeesEverything(t *testing.T) {
	sealed := storage.NewTable(storage.Declaration[note]{
		ID: 906, Name: "sealed notes", Sealed: true, Watched: true, Key: func(n *note) storage.Key { return storage.Key(nil).Str(n.Title) },
	})
	s := storagetest.Open(t, notes, sealed)
	a := storage.Within(tenantA)
	update(t, s, a, func(tx *storage.Tx) error { return notes.Put(tx, &note{Title: "open", Text: "Say Apricot"}) })
	update(t, s, a, func(tx *storage.Tx) error {
		return sealed.Put(tx, &note{Title: "in a Banana key", Text: "a cherry inside"})
	})
	if _, _, err := s.Blobs().Put(t.Context(), strings.NewReader("a blob of damson"), 1000); err != nil {
		t.Fatal(err)
	}
	for word, where := range map[string][]string{
		"apricot": {"notes"}, "banana": {"sealed notes", "change feed"}, "cherry": {"sealed notes"}, "DAMSON": {"blob"}, "elder": nil,
	} {
		places, err := s.Find(t.Context(), word)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range where {
			if !strings.Contains(strings.Join(places, "\n"), want) {
				t.Errorf("Find(%s) = %q, want a place in %s", word, places, want)
			}
		}
		if where == nil && len(places) > 0 {
			t.Errorf("Find(%s) = %q", word, places)
		}
	}
}
