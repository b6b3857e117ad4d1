package storage_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/deskgate/deskgate/storage"
)

// TestReleasedBlobsAreGone: a blob that nobody wants any more is not kept for a day, unless somebody else wants it.
func TestReleasedBlobsAreGone(t *testing.T) {
	s := onDisk(t, t.TempDir())
	put := func(text string) storage.Sum {
		sum, _, err := s.Blobs().Put(t.Context(), strings.NewReader(text), 100)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	one, two, again := put("one"), put("two"), put("two")
	for _, sum := range []storage.Sum{one, two} {
		if err := s.Blobs().Release(sum); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Blobs().Open(t.Context(), one); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("after Release: %v, want ErrNotFound", err)
	}
	f, err := s.Blobs().Open(t.Context(), again)
	if err != nil {
		t.Fatalf("what another one has put as well: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// failing yields some bytes, and then an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestFullDiskIsReadOnly: where the disk is full, a blob is refused as all changes are, and nothing of it stays.
func TestFullDiskIsReadOnly(t *testing.T) {
	s := onDisk(t, t.TempDir())
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		_, _, err := s.Blobs().Put(t.Context(), io.MultiReader(strings.NewReader("half"), failing{full}), 100)
		if !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("Put on a full disk: %v, want ErrReadOnly", err)
		}
	}
	if n, err := s.Blobs().Orphans(t.Context()); n != 0 || err != nil {
		t.Errorf("%d blobs are left, %v", n, err)
	}
}
