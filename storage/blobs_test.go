package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

// onBoth runs a test on a store in memory and on one on disk.
func onBoth(t *testing.T, test func(t *testing.T, s *storage.Store)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { test(t, storagetest.Open(t, notes)) })
	t.Run("disk", func(t *testing.T) {
		test(t, onDisk(t, t.TempDir(), notes))
	})
}

func putBlob(t *testing.T, s *storage.Store, text string) storage.Sum {
	t.Helper()
	sum, size, err := s.Blobs().Put(t.Context(), strings.NewReader(text), 1000)
	if err != nil || size != int64(len(text)) || sum != sha256.Sum256([]byte(text)) {
		t.Fatalf("Put(%q) = %s, %d, %v", text, sum, size, err)
	}
	return sum
}

func blobText(t *testing.T, s *storage.Store, sum storage.Sum) string {
	t.Helper()
	f, err := s.Blobs().Open(t.Context(), sum)
	if errors.Is(err, storage.ErrNotFound) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func ref(t *testing.T, s *storage.Store, sc storage.Scope, sum storage.Sum) {
	t.Helper()
	update(t, s, sc, func(tx *storage.Tx) error { return s.Blobs().Ref(tx, sum) })
}

func unref(t *testing.T, s *storage.Store, sc storage.Scope, sum storage.Sum) {
	t.Helper()
	update(t, s, sc, func(tx *storage.Tx) error { return s.Blobs().Unref(tx, sum) })
}

func TestBlobs(t *testing.T) {
	onBoth(t, func(t *testing.T, s *storage.Store) {
		t.Helper()
		one, two := putBlob(t, s, "one"), putBlob(t, s, "")
		if again := putBlob(t, s, "one"); again != one {
			t.Errorf("the same bytes have another name: %s", again)
		}
		if got := blobText(t, s, one) + "|" + blobText(t, s, two) + "|" + blobText(t, s, storage.Sum{}); got != "one||-" {
			t.Errorf("blobs read %s, want one||-", got)
		}
		if got, err := storage.ParseSum(one.String()); err != nil || got != one {
			t.Errorf("ParseSum(%s) = %s, %v", one, got, err)
		}
		if _, err := storage.ParseSum("abc"); err == nil {
			t.Error("ParseSum(abc): nil")
		}
		if _, size, err := s.Blobs().Put(t.Context(), strings.NewReader("1234"), 4); err != nil || size != 4 {
			t.Errorf("as large as may be: %d, %v", size, err)
		}
		if _, _, err := s.Blobs().Put(t.Context(), strings.NewReader("12345"), 4); !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("too large: %v, want ErrTooLarge", err)
		}
		if _, _, err := s.Blobs().Put(t.Context(), strings.NewReader(""), -1); !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("no room at all: %v, want ErrTooLarge", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := s.Blobs().Put(ctx, strings.NewReader("x"), 4); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that ended: %v, want Canceled", err)
		}
	})
}

// A blob stays as long as any tenant refers to it, and a day beyond.
func TestBlobSweeper(t *testing.T) {
	onBoth(t, func(t *testing.T, s *storage.Store) {
		t.Helper()
		a, b := storage.Within(tenantA), storage.Within(tenantB)
		kept, loose := putBlob(t, s, "kept"), putBlob(t, s, "loose")
		ref(t, s, a, kept)
		ref(t, s, a, kept)
		ref(t, s, b, kept)
		now := time.Now()
		look := func(hours int, want string) {
			t.Helper()
			if err := s.Sweep(t.Context(), now.Add(time.Duration(hours)*time.Hour)); err != nil {
				t.Fatal(err)
			}
			if got := blobText(t, s, kept) + " " + blobText(t, s, loose); got != want {
				t.Errorf("after %d hours: %s, want %s", hours, got, want)
			}
		}
		look(1, "kept loose")
		look(23, "kept loose")
		look(26, "kept -")
		unref(t, s, a, kept)
		unref(t, s, b, kept)
		look(60, "kept -")
		clean(t, s)
		unref(t, s, a, kept)
		err := s.Update(t.Context(), b, func(tx *storage.Tx) error { return s.Blobs().Unref(tx, kept) })
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Unref without a reference: %v, want ErrNotFound", err)
		}
		look(61, "kept -")
		look(84, "kept -")
		look(86, "- -")
	})
}

func TestBlobsSweptByRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storagetest.Open(t)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = s.Run(ctx) }()
		sum := putBlob(t, s, "x")
		time.Sleep(20 * time.Hour)
		if got := putBlob(t, s, "x"); blobText(t, s, got) != "x" {
			t.Error("gone before its day was over")
		}
		time.Sleep(20 * time.Hour)
		if blobText(t, s, sum) != "x" { // the second Put counts
			t.Error("gone although it was put again")
		}
		time.Sleep(20 * time.Hour)
		if blobText(t, s, sum) != "-" {
			t.Error("still there")
		}
		cancel()
		synctest.Wait()
	})
}

func TestBlobFiles(t *testing.T) {
	dir := t.TempDir()
	s := onDisk(t, dir)
	sum := putBlob(t, s, "content")
	ref(t, s, storage.Within(tenantA), sum)
	name := sum.String()
	path := filepath.Join(dir, "blobs", name[:2], name[2:4], name)
	if got := read(t, path); string(got) != "content" {
		t.Errorf("the file has %q", got)
	}
	// What an interrupted Put leaves is swept; what is not ours stays.
	half := filepath.Join(dir, "blobs", "incoming-1")
	foreign := filepath.Join(dir, "blobs", "README")
	if err := errors.Join(os.WriteFile(half, nil, 0o600), os.WriteFile(foreign, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(t.Context(), time.Now().Add(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("the half blob is still there")
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
	clean(t, s)
	if err := os.WriteFile(path, bytes.ToUpper([]byte("content")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Blobs().Open(t.Context(), sum); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("a changed file: %v, want ErrCorrupt", err)
	}
	if fs := findings(t, s); len(fs) != 1 || fs[0].Key != name {
		t.Errorf("check of a changed file: %v, want one finding", fs)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if fs := findings(t, s); len(fs) != 1 || !strings.Contains(fs[0].Problem, "not found") {
		t.Errorf("check of a missing file: %v, want one finding", fs)
	}
}

func drop(t *testing.T, s *storage.Store, sc storage.Scope, sum storage.Sum) {
	t.Helper()
	update(t, s, sc, func(tx *storage.Tx) error { return s.Blobs().Drop(tx, sum) })
}

// TestBlobsAreDroppedAtOnce: but for those that somebody else has, or has just put there.
func TestBlobsAreDroppedAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *storage.Store) {
		t.Helper()
		a, b := storage.Within("aaaaaaaaaaaaaaaaaaaaaaaaaa"), storage.Within("bbbbbbbbbbbbbbbbbbbbbbbbbb")
		alone, both, awaited := putBlob(t, s, "alone"), putBlob(t, s, "both"), putBlob(t, s, "awaited")
		for _, sum := range []storage.Sum{alone, both, awaited} {
			ref(t, s, a, sum)
		}
		ref(t, s, b, putBlob(t, s, "both"))
		putBlob(t, s, "awaited") // by somebody who has not come to make a reference
		for _, sum := range []storage.Sum{alone, both, awaited} {
			drop(t, s, a, sum)
		}
		for sum, want := range map[storage.Sum]string{alone: "-", both: "both", awaited: "awaited"} {
			if got := blobText(t, s, sum); got != want {
				t.Errorf("the dropped blob is %q, want %q", got, want)
			}
		}
		ref(t, s, b, awaited)
		drop(t, s, b, awaited)
		drop(t, s, b, both)
		if blobText(t, s, awaited) != "-" || blobText(t, s, both) != "-" {
			t.Error("a blob is there that nobody has any more")
		}
	})
}

// TestBlobOrphans: what nobody refers to is counted, whoever else refers to something.
func TestBlobOrphans(t *testing.T) {
	onBoth(t, func(t *testing.T, s *storage.Store) {
		t.Helper()
		a, b := storage.Within(tenantA), storage.Within(tenantB)
		sum := putBlob(t, s, "half an upload")
		kept := putBlob(t, s, "kept")
		ref(t, s, a, kept)
		want := func(n int64) {
			t.Helper()
			if got, err := s.Blobs().Orphans(t.Context()); err != nil || got != n {
				t.Errorf("Orphans = %d, %v, want %d", got, err, n)
			}
		}
		want(1)
		ref(t, s, b, sum)
		want(0)
		unref(t, s, a, kept)
		want(1)
	})
}
