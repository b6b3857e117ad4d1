package badger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage/badger"
	"github.com/deskgate/deskgate/storage/engine"
)

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	restart := func(use func(e *badger.Engine)) {
		t.Helper()
		e, err := badger.Open(badger.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		use(e)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	restart(func(e *badger.Engine) {
		for i := range 5 {
			put(t, e, strconv.Itoa(i))
		}
	})
	restart(func(e *badger.Engine) {
		put(t, e, "6th")
		wantRevision(t, e, 6)
		if err := e.Trim(t.Context(), 6); err != nil {
			t.Fatal(err)
		}
	})
	restart(func(e *badger.Engine) {
		wantRevision(t, e, 6)
		put(t, e, "7th")
		wantRevision(t, e, 7)
		records, err := e.Log(t.Context(), 6, 10)
		if err != nil || len(records) != 1 || string(records[0].Data) != "7th" {
			t.Errorf("log = %v, %v, want the 7th record", records, err)
		}
		if _, err := e.Log(t.Context(), 5, 10); !errors.Is(err, engine.ErrTruncated) {
			t.Errorf("log from before the cut: %v, want ErrTruncated", err)
		}
	})
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	open(t, badger.Options{Dir: dir})
	_, err := badger.Open(badger.Options{Dir: dir})
	if !errors.Is(err, engine.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("second Open = %v, want ErrInUse and our process", err)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	e, err := badger.Open(badger.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "kept")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, "badger", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantRevision(t, open(t, badger.Options{Dir: dir}), 1)
}

// TestBatches has transactions wait together that are too large for one batch, among small ones.
func TestBatches(t *testing.T) {
	e := open(t, badger.Options{Dir: t.TempDir()})
	value := make([]byte, 500<<10)
	var wg sync.WaitGroup
	if err := e.Update(t.Context(), func(engine.Txn) error {
		for w := range 24 {
			wg.Go(func() {
				if err := e.Update(t.Context(), func(tx engine.Txn) error {
					_, err := tx.Next([]byte("count"))
					for i := range 4 * (w % 2) {
						err = errors.Join(err, tx.Set(fmt.Appendf(nil, "%d-%d", w, i), value[:len(value)-w], time.Time{}))
					}
					return errors.Join(err, tx.Append([]byte("r")))
				}); err != nil {
					t.Error(err)
				}
			})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	wantRevision(t, e, 24)
	if err := e.View(t.Context(), func(r engine.Reader) error {
		for w := 1; w < 24; w += 2 {
			for i := range 4 {
				it, err := r.Get(fmt.Appendf(nil, "%d-%d", w, i))
				if err != nil || len(it.Value) != len(value)-w {
					t.Errorf("%d-%d: %d bytes, %v", w, i, len(it.Value), err)
				}
			}
		}
		it, err := r.Get([]byte("count"))
		if err != nil {
			return err
		}
		if n, err := engine.DecodeCounter([]byte("count"), it.Value); n != 24 || err != nil {
			t.Errorf("count = %d, %v, want 24", n, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestCloseUnderLoad closes while many write, read and follow: each call finishes or gets ErrClosed, what was
// acknowledged is there, and no goroutine stays behind, for then the bubble would not end.
func TestCloseUnderLoad(t *testing.T) {
	for _, o := range []badger.Options{{InMemory: true}, {Dir: t.TempDir()}} {
		synctest.Test(t, func(t *testing.T) {
			e, err := badger.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var acked atomic.Uint64
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for {
						err := e.Update(ctx, func(tx engine.Txn) error { return tx.Append([]byte("r")) })
						if errors.Is(err, engine.ErrClosed) {
							return
						}
						if err != nil {
							t.Error(err)
							return
						}
						if acked.Add(1) == 500 {
							go func() {
								if err := e.Close(); err != nil {
									t.Error(err)
								}
							}()
						}
						if _, err := e.Log(ctx, acked.Load(), 1); err != nil && !errors.Is(err, engine.ErrClosed) {
							t.Error(err)
						}
					}
				})
			}
			wg.Go(func() {
				if err := e.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			<-e.Grown()
			time.Sleep(time.Second)
			cancel()
			wg.Wait()
			if o.InMemory {
				return
			}
			e, err = badger.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			wantRevision(t, e, acked.Load())
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func put(t *testing.T, e engine.Engine, record string) {
	t.Helper()
	if err := e.Update(t.Context(), func(tx engine.Txn) error {
		return errors.Join(tx.Set([]byte(record), nil, time.Time{}), tx.Append([]byte(record)))
	}); err != nil {
		t.Fatal(err)
	}
}

func wantRevision(t *testing.T, e engine.Engine, want uint64) {
	t.Helper()
	if got, err := e.Revision(t.Context()); got != want || err != nil {
		t.Errorf("Revision = %d, %v, want %d", got, err, want)
	}
}
