package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

func snapshot(t *testing.T, e engine.Engine) {
	t.Helper()
	set(t, e, "a", "1")
	view(t, e, func(r engine.Reader) error {
		before, err := r.Get([]byte("a"))
		set(t, e, "a", "2")
		set(t, e, "b", "2")
		after, err2 := r.Get([]byte("a"))
		if string(before.Value) != "1" || string(after.Value) != "1" {
			t.Errorf("before %q, after %q: want 1 both times", before.Value, after.Value)
		}
		if n := len(scan(t, r, engine.Range{Lo: []byte("a")})); n != 1 {
			t.Errorf("%d rows in the snapshot, want 1", n)
		}
		return errors.Join(err, err2)
	})
	wantValue(t, e, "a", "2")
}

func acknowledged(t *testing.T, e engine.Engine) {
	t.Helper()
	inParallel(8, func(w int) {
		key := "k" + strconv.Itoa(w)
		for i := range 100 {
			set(t, e, key, strconv.Itoa(i))
			wantValue(t, e, key, strconv.Itoa(i))
		}
	})
}

func lostUpdates(t *testing.T, e engine.Engine) {
	t.Helper()
	const writers, each = 16, 50
	inParallel(writers, func(int) {
		for range each {
			update(t, e, func(tx engine.Txn) error { return add(t, tx, "n", 1) })
		}
	})
	wantValue(t, e, "n", strconv.Itoa(writers*each))
}

// add changes a number that is kept as text.
func add(tb testing.TB, tx engine.Txn, key string, by int) error {
	tb.Helper()
	n := 0
	it, err := tx.Get([]byte(key))
	switch {
	case err == nil:
		n = parse(tb, it.Value)
	case !errors.Is(err, engine.ErrNotFound):
		return err
	}
	return tx.Set([]byte(key), []byte(strconv.Itoa(n+by)), never)
}

// writeSkew: two are on call, and each may leave only while the other stays.
func writeSkew(t *testing.T, e engine.Engine) {
	t.Helper()
	for round := range 40 {
		names := []string{fmt.Sprint(round, "a"), fmt.Sprint(round, "b")}
		for _, name := range names {
			set(t, e, name, "on")
		}
		inParallel(2, func(w int) {
			update(t, e, func(tx engine.Txn) error {
				a, errA := tx.Get([]byte(names[0]))
				b, errB := tx.Get([]byte(names[1]))
				if string(a.Value) != "on" || string(b.Value) != "on" {
					return errors.Join(errA, errB)
				}
				return tx.Set([]byte(names[w]), []byte("off"), never)
			})
		})
		a, _ := get(t, e, names[0])
		b, _ := get(t, e, names[1])
		if a == b {
			t.Fatalf("round %d: both %s", round, a)
		}
	}
}

func phantomInserts(t *testing.T, e engine.Engine) {
	t.Helper()
	phantoms(t, e, nil, func(tx engine.Txn, rows int, key []byte) error {
		if rows > 0 {
			return nil
		}
		return tx.Set(key, nil, never)
	})
}

func phantomDeletes(t *testing.T, e engine.Engine) {
	t.Helper()
	phantoms(t, e, []int{0, 1, 2, 3}, func(tx engine.Txn, rows int, key []byte) error {
		if rows <= 1 {
			return nil
		}
		return tx.Delete(key)
	})
}

// phantoms lets four workers at a time count the rows of a range and then do something to one of them. One row has to be
// there in the end.
func phantoms(t *testing.T, e engine.Engine, begin []int, do func(tx engine.Txn, rows int, key []byte) error) {
	t.Helper()
	for round := range 30 {
		g := engine.Range{Lo: number(round), Hi: number(round + 1), KeysOnly: true}
		for _, i := range begin {
			set(t, e, string(append(number(round), byte(i))), "")
		}
		inParallel(4, func(w int) {
			update(t, e, func(tx engine.Txn) error {
				return do(tx, len(scan(t, tx, g)), append(number(round), byte(w)))
			})
		})
		view(t, e, func(r engine.Reader) error {
			if n := len(scan(t, r, g)); n != 1 {
				t.Fatalf("round %d: %d rows, want 1", round, n)
			}
			return nil
		})
	}
}

func bank(t *testing.T, e engine.Engine) {
	t.Helper()
	const accounts, each = 10, 100
	for i := range accounts {
		set(t, e, string(number(i)), strconv.Itoa(each))
	}
	var done atomic.Bool
	var tellers sync.WaitGroup
	for range 4 {
		tellers.Go(func() {
			for !done.Load() {
				from, to := rand.IntN(accounts), rand.IntN(accounts) //nolint:gosec // chance is not a secret here
				update(t, e, func(tx engine.Txn) error {
					return errors.Join(add(t, tx, string(number(from)), -1), add(t, tx, string(number(to)), 1))
				})
			}
		})
	}
	for range 50 {
		view(t, e, func(r engine.Reader) error {
			scanned, got := 0, 0
			for i, it := range scan(t, r, engine.Range{Lo: number(0)}) {
				scanned += parse(t, it.Value)
				one, err := r.Get(number(i))
				if err != nil {
					return err
				}
				got += parse(t, one.Value)
			}
			if scanned != accounts*each || got != accounts*each {
				t.Errorf("sum %d by scan, %d by get, want %d", scanned, got, accounts*each)
			}
			return nil
		})
	}
	done.Store(true)
	tellers.Wait()
}

func oneWinner(t *testing.T, e engine.Engine) {
	t.Helper()
	var consumed, created atomic.Int32
	taken := errors.New("taken")
	set(t, e, "token", "")
	inParallel(32, func(int) {
		err := e.Update(t.Context(), func(tx engine.Txn) error {
			if _, err := tx.Get([]byte("token")); err != nil {
				return err
			}
			return tx.Delete([]byte("token"))
		})
		if err == nil {
			consumed.Add(1)
		} else if !errors.Is(err, engine.ErrNotFound) {
			t.Error(err)
		}
		err = e.Update(t.Context(), func(tx engine.Txn) error {
			if _, err := tx.Get([]byte("name")); err == nil {
				return taken
			}
			return tx.Set([]byte("name"), nil, never)
		})
		if err == nil {
			created.Add(1)
		} else if !errors.Is(err, taken) {
			t.Error(err)
		}
	})
	if consumed.Load() != 1 || created.Load() != 1 {
		t.Errorf("%d consumed the token, %d created the name: want 1 and 1", consumed.Load(), created.Load())
	}
}

// failures: functions that fail after they wrote take nothing with them and leave nothing behind.
func failures(t *testing.T, e engine.Engine) {
	t.Helper()
	boom := errors.New("boom")
	const workers, each = 8, 50
	inParallel(workers, func(w int) {
		for i := range each {
			key := fmt.Sprintf("k %d %d", w, i)
			fail := i%3 == 1
			err := e.Update(t.Context(), func(tx engine.Txn) error {
				err := errors.Join(tx.Set([]byte(key), []byte("v"), never), add(t, tx, "n", 1))
				if fail {
					return boom
				}
				return err
			})
			if fail != errors.Is(err, boom) || !fail && err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	})
	want := 0
	for w := range workers {
		for i := range each {
			key := fmt.Sprintf("k %d %d", w, i)
			if i%3 == 1 {
				wantAbsent(t, e, key)
				continue
			}
			want++
			wantValue(t, e, key, "v")
		}
	}
	wantValue(t, e, "n", strconv.Itoa(want))
}

func panics(t *testing.T, e engine.Engine) {
	t.Helper()
	write := func(key []byte, boom bool) {
		update(t, e, func(tx engine.Txn) error {
			err := errors.Join(tx.Set(key, nil, never), add(t, tx, "n", 1))
			for _, it := range firstItems(t, tx, engine.Range{Lo: key}, 1) {
				if boom {
					panic("boom at " + string(it.Key))
				}
			}
			return err
		})
	}
	inParallel(8, func(int) {
		for range 10 {
			if p := panicOf(func() { write(number(0), true) }); p != "boom at "+string(number(0)) {
				t.Errorf("recovered %v, want the function's panic", p)
			}
			write(number(1), false)
		}
	})
	wantAbsent(t, e, string(number(0)))
	wantValue(t, e, "n", strconv.Itoa(8*10))
	p := panicOf(func() {
		view(t, e, func(r engine.Reader) error {
			for it, err := range r.Scan(engine.Range{Lo: number(0)}) {
				if err != nil {
					return err
				}
				panic("view at " + string(it.Key))
			}
			return nil
		})
	})
	if p != "view at "+string(number(1)) {
		t.Errorf("recovered %v, want the view's panic", p)
	}
}

// panicOf is what fn panics with.
func panicOf(fn func()) (p any) {
	defer func() { p = recover() }()
	fn()
	return nil
}

func cancelled(t *testing.T, e engine.Engine) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := errors.New("ran")
	if err := e.Update(ctx, func(engine.Txn) error { return ran }); !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want context.Canceled", err)
	}
	if err := e.View(ctx, func(engine.Reader) error { return ran }); !errors.Is(err, context.Canceled) {
		t.Errorf("View = %v, want context.Canceled", err)
	}
	// Another one waits behind a function that does not end before it gave up.
	ctx, cancel = context.WithCancel(t.Context())
	var gaveUp bool
	update(t, e, func(engine.Txn) error {
		left := make(chan error)
		go func() {
			left <- e.Update(ctx, func(tx engine.Txn) error { return tx.Set([]byte("queued"), nil, never) })
		}()
		cancel()
		gaveUp = errors.Is(<-left, context.Canceled)
		return nil
	})
	if !gaveUp {
		t.Error("a queued Update did not end with its context")
	}
	wantAbsent(t, e, "queued")
}

// cancelledLate: whoever is cancelled after the function began hears what became of it.
func cancelledLate(t *testing.T, e engine.Engine) {
	t.Helper()
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		err := e.Update(ctx, func(tx engine.Txn) error {
			cancel()
			return errors.Join(tx.Set(number(i), nil, never), tx.Set(number(100+i), nil, never))
		})
		_, one := get(t, e, string(number(i)))
		_, two := get(t, e, string(number(100+i)))
		if (err == nil) != (one == nil) || (err == nil) != (two == nil) {
			t.Errorf("Update = %v, but the writes: %v, %v", err, one, two)
		}
	}
}

func numbers(t *testing.T, e engine.Engine) {
	t.Helper()
	boom := errors.New("boom")
	var mu sync.Mutex
	got := map[uint64]bool{}
	inParallel(8, func(w int) {
		for i := range 40 {
			var n uint64
			err := e.Update(t.Context(), func(tx engine.Txn) (err error) {
				if n, err = tx.Next([]byte("counter")); err == nil && (w+i)%3 == 0 {
					return boom
				}
				return err
			})
			mu.Lock()
			if err == nil && got[n] {
				t.Errorf("number %d twice", n)
			}
			if err == nil {
				got[n] = true
			}
			mu.Unlock()
		}
	})
	given := withoutGaps(t, got)
	update(t, e, func(tx engine.Txn) error {
		first, err := tx.Next([]byte("counter"))
		second, err2 := tx.Next([]byte("counter"))
		other, err3 := tx.Next([]byte("other"))
		if int(first) != given+1 || int(second) != given+2 || other != 1 {
			t.Errorf("next %d, %d, of another counter %d: want %d, %d, 1", first, second, other, given+1, given+2)
		}
		return errors.Join(err, err2, err3)
	})
}

// withoutGaps returns how many numbers were given out, which have to be 1, 2, 3 …
func withoutGaps(t *testing.T, got map[uint64]bool) int {
	t.Helper()
	for n := range len(got) {
		if !got[uint64(n+1)] {
			t.Errorf("number %d is missing among %d", n+1, len(got))
		}
	}
	return len(got)
}

func expiry(t *testing.T, open func(testing.TB) engine.Engine) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		for _, ahead := range []time.Duration{time.Second, 1500 * time.Millisecond, 999 * time.Millisecond, 3 * time.Second} {
			<-time.After(333 * time.Millisecond)
			at := time.Now().Add(ahead)
			update(t, e, func(tx engine.Txn) error {
				err := errors.Join(tx.Set([]byte("goes"), []byte("v"), at), tx.Set([]byte("stays"), []byte("v"), at))
				if it, err := tx.Get([]byte("goes")); err != nil || it.Expires.Before(at) || it.Expires.After(at.Add(2*time.Second)) {
					t.Errorf("own write expires %v, %v, want %v or up to 2 s later", it.Expires, err, at)
				}
				return err
			})
			set(t, e, "stays", "longer")
			<-time.After(time.Until(at) - time.Millisecond)
			wantValue(t, e, "goes", "v")
			<-time.After(2*time.Second + time.Millisecond)
			wantAbsent(t, e, "goes")
			wantValue(t, e, "stays", "longer")
			view(t, e, func(r engine.Reader) error {
				if items := scan(t, r, engine.Range{Lo: []byte("a")}); len(items) != 1 || !items[0].Expires.IsZero() {
					t.Errorf("%d rows after expiry, want the one that never goes", len(items))
				}
				return nil
			})
			update(t, e, func(tx engine.Txn) error {
				if err := tx.Set([]byte("stale"), nil, time.Now().Add(-time.Minute)); err != nil {
					return err
				}
				if _, err := tx.Get([]byte("stale")); !errors.Is(err, engine.ErrNotFound) {
					t.Errorf("own write that has expired: %v, want ErrNotFound", err)
				}
				return nil
			})
		}
	})
}

// inParallel runs fn(0) … fn(n-1) at the same time.
func inParallel(n int, fn func(worker int)) {
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() { fn(w) })
	}
	wg.Wait()
}
