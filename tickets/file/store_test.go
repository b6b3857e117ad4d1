package file_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
)

// TestRoomOfLooseFiles: bytes that nobody knows of yet take of the tenant's room until they are added or released, and of no
// other tenant's.
func TestRoomOfLooseFiles(t *testing.T) {
	s := file.New(storagetest.Open(t, file.Tables()...))
	ctx := t.Context()
	settings := tenant.Settings{AttachmentMiB: 2, AttachmentQuotaMiB: 2}
	acme := &tenant.Tenant{ID: "AAAAAAAAAAAAAAAAAAAAAAAAAA", Slug: "acme", Settings: settings}
	globex := &tenant.Tenant{ID: "BBBBBBBBBBBBBBBBBBBBBBBBBB", Slug: "globex", Settings: settings}
	put := func(tn *tenant.Tenant, content string) (file.Loose, error) {
		return s.Put(ctx, tn, "a.txt", strings.NewReader(content))
	}
	full := func(when string, want bool) {
		t.Helper()
		l, err := put(acme, "one more")
		limit, refused := errors.AsType[*file.LimitError](err)
		if refused != want || refused && limit.Limit != "total" || !refused && err != nil {
			t.Errorf("%s, one more file = %v, want refused: %t", when, err, want)
		}
		if err == nil {
			if err := s.Release(acme, []file.Loose{l}); err != nil {
				t.Error(err)
			}
		}
	}
	mib := strings.Repeat("x", 1<<20)
	first, err := put(acme, mib+"1")
	if err != nil {
		t.Fatal(err)
	}
	full("with one under way", false)
	second, err := put(acme, mib+"2")
	if err != nil {
		t.Fatal(err)
	}
	full("with two under way", true)
	if files, bytes, err := s.Usage(ctx, acme); files != 0 || bytes != 0 || err != nil {
		t.Errorf("Usage = %d files of %d bytes, %v, before any is added", files, bytes, err)
	}
	if l, err := put(globex, mib); err != nil {
		t.Errorf("the other tenant's file: %v", err)
	} else if err := s.Release(globex, []file.Loose{l}); err != nil {
		t.Error(err)
	}
	if err := s.Release(acme, []file.Loose{second}); err != nil {
		t.Fatal(err)
	}
	full("when the second is released", false)
	if _, err := s.Add(ctx, acme, "usr_1", []file.Loose{first}); err != nil {
		t.Fatal(err)
	}
	full("when the first is added, and counts once", false)
	third, err := put(acme, mib)
	if err != nil {
		t.Fatal(err)
	}
	full("with a third beside it", true)
	if _, err := s.Add(ctx, acme, "usr_1", []file.Loose{third}); !errors.As(err, new(*file.LimitError)) {
		t.Errorf("added beyond the room: %v", err)
	}
	if err := s.Release(acme, []file.Loose{third}); err != nil {
		t.Error(err)
	}
	full("when the third is released", false)
}
