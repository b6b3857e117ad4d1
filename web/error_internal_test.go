package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
)

// TestTooLargeIsSaid: a change that the store refuses as too large for one transaction is a 413 that says what to do, however deep it
// was wrapped, and no 500. The desk's own bounds come before that one in all that it offers, so the store itself refuses here.
func TestTooLargeIsSaid(t *testing.T) {
	t.Parallel()
	table := storage.NewTable(storage.Declaration[tenant.Host]{
		ID: 250, Name: "texts", Key: func(*tenant.Host) storage.Key { return storage.Key(nil).Uint(0) },
	})
	store := storagetest.Open(t, table)
	refused := store.Update(t.Context(), storage.Node(), func(tx *storage.Tx) error {
		text := tenant.Host(make([]byte, storage.MaxValue+1))
		return table.Put(tx, &text)
	})
	if !errors.Is(refused, tenant.ErrTooLarge) {
		t.Fatalf("the store says %v", refused)
	}
	r := httptest.NewRequest(http.MethodPost, "https://acme.example/api/tickets", nil)
	r = r.WithContext(tenant.WithVisit(r.Context(), &tenant.Visit{RequestID: "REQ"}))
	w := httptest.NewRecorder()
	s := &Server{}
	s.fail(w, r, fmt.Errorf("save ticket 7: %w", refused))
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("fail = %d, want 413", w.Code)
	}
	for _, want := range []string{`"code":"PAYLOAD_TOO_LARGE"`, "in several smaller parts", `"request_id":"REQ"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("fail says %s, want %s", w.Body, want)
		}
	}
}
