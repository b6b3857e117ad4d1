package certificate_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/storage/storagetest"
)

func TestCertStoreFiles(t *testing.T) {
	ctx := t.Context()
	s := certificate.NewAssetStore(storagetest.Open(t, certificate.Tables()...), slog.New(slog.DiscardHandler))
	files := []string{"c/ca/a.example/a.example.crt", "c/ca/a.example/a.example.key", "c/ca/a.example.org/x.crt", "c/ca2/b", "c-x", "d"}
	for _, f := range files {
		if err := s.Store(ctx, f, []byte("content of "+f)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := s.Load(ctx, "c/ca2/b"); err != nil || string(b) != "content of c/ca2/b" {
		t.Errorf("Load = %q, %v", b, err)
	}
	if info, err := s.Stat(ctx, "c/ca2/b"); err != nil || !info.IsTerminal || info.Size != 18 || info.Modified.IsZero() {
		t.Errorf("Stat of a file = %+v, %v", info, err)
	}
	if info, err := s.Stat(ctx, "c/ca"); err != nil || info.IsTerminal {
		t.Errorf("Stat of a directory = %+v, %v", info, err)
	}
	for path, want := range map[string]bool{"d": true, "c": true, "c/ca": true, "c/c": false, "x": false, "c/ca/a.example": true} {
		if got := s.Exists(ctx, path); got != want {
			t.Errorf("Exists(%q) = %v, want %v", path, got, want)
		}
	}
	for _, tc := range []struct {
		path      string
		recursive bool
		want      []string
	}{
		{"c", false, []string{"c/ca", "c/ca2"}},
		{"c/ca", false, []string{"c/ca/a.example.org", "c/ca/a.example"}},
		{"c/ca/a.example", false, files[:2]},
		{"", false, []string{"c-x", "c", "d"}},
		{"c/ca", true, []string{files[2], files[0], files[1]}},
	} {
		got, err := s.List(ctx, tc.path, tc.recursive)
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("List(%q, %v): %v (-want +got):\n%s", tc.path, tc.recursive, err, diff)
		}
	}
	if err := s.Delete(ctx, "c/ca/a.example"); err != nil {
		t.Fatal(err)
	}
	if s.Exists(ctx, files[0]) || s.Exists(ctx, "c/ca/a.example") || !s.Exists(ctx, files[2]) {
		t.Error("Delete of a directory took too little or too much")
	}
	if err := s.Delete(ctx, "nothing"); err != nil {
		t.Errorf("Delete of what is not there: %v", err)
	}
	_, loaded := s.Load(ctx, files[0])
	_, listed := s.List(ctx, "nothing", true)
	_, stat := s.Stat(ctx, "nothing")
	for _, err := range []error{loaded, listed, stat} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what is not there gives %v, want fs.ErrNotExist", err)
		}
	}
}

func TestCertStoreLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := storagetest.Open(t, certificate.Tables()...)
		ours := certificate.NewAssetStore(store, slog.New(slog.DiscardHandler))
		theirs := certificate.NewAssetStore(store, slog.New(slog.DiscardHandler))
		if err := ours.Lock(ctx, "issue"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) // a lease renews itself
		for _, s := range []interface {
			TryLock(ctx context.Context, name string) (bool, error)
		}{ours, theirs} {
			if ok, err := s.TryLock(ctx, "issue"); ok || err != nil {
				t.Fatalf("TryLock of a lock that is held = %v, %v", ok, err)
			}
		}
		if err := theirs.RenewLockLease(ctx, "issue", time.Minute); err == nil {
			t.Error("a lease was renewed by somebody who doesn't have it")
		}
		got := make(chan error)
		go func() { got <- theirs.Lock(ctx, "issue") }()
		synctest.Wait()
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if err := theirs.Lock(ended, "issue"); !errors.Is(err, context.Canceled) {
			t.Errorf("Lock with a context that has ended: %v", err)
		}
		if err := ours.Unlock(ended, "issue"); err != nil {
			t.Errorf("Unlock with a context that has ended: %v", err)
		}
		if err := <-got; err != nil {
			t.Errorf("Lock of a lock that was given back: %v", err)
		}
		if err := ours.Unlock(ctx, "issue"); err == nil {
			t.Error("Unlock gave back what is somebody else's")
		}
		if err := theirs.Unlock(ctx, "issue"); err != nil {
			t.Error(err)
		}
	})
}
