package badger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage/badger"
	"github.com/deskgate/deskgate/storage/engine"
)

// asked counts how often it was asked whether it has ended, which scans do every 256 steps.
type asked struct {
	context.Context //nolint:containedctx // it is one

	times int
}

func (a *asked) Err() error {
	a.times++
	return a.Context.Err()
}

// What was taken out of a queue is stepped over once, and never again: not when the queue goes on, not by a transaction that writes, and
// not when rows come before all others, or into the middle of what was taken.
func TestDeletedRowsAreSteppedOverOnce(t *testing.T) {
	const many = 20_000
	e := open(t, badger.Options{InMemory: true})
	write(t, e, 0, many+100, false)
	write(t, e, 0, many, true)
	look := func(from int, want string, most int) {
		t.Helper()
		ctx := &asked{Context: t.Context()}
		for range 100 {
			if got := firstOf(ctx, t, e.View, from); got != want {
				t.Fatalf("the first row from %d on is %s, want %s", from, got, want)
			}
		}
		if steps := 256 * ctx.times; steps > most {
			t.Errorf("to find %s from %d on takes some %d steps in a hundred looks, want at most %d", want, from, steps, most)
		}
	}
	const once, twice = 2*many + 101*256, 100 * 256
	look(0, "q020000", once)
	look(0, "q020000", twice)
	look(many/2, "q020000", twice)
	write(t, e, many, many+50, true)
	look(0, "q020050", twice)
	write(t, e, many-50, many-49, false) // as what is due now, before what will be
	look(0, "q019950", twice)
	look(many-49, "q020050", twice)
	write(t, e, many-50, many-49, true)
	look(0, "q020050", twice)
	write(t, e, 0, 1, false)
	look(0, "q000000", twice)
	write(t, e, 0, 1, true)
	look(0, "q020050", twice)
	write(t, e, 3, 4, false)
	look(4, "q020050", once)
	write(t, e, 3, 4, true)
	look(0, "q020050", twice)
	if n := e.Gaps(); n == 0 || n > 2 {
		t.Errorf("%d gaps are remembered of one queue", n)
	}
	write(t, e, 0, many+50, false)
	if n := e.Gaps(); n > 2 {
		t.Errorf("%d gaps are remembered where all is full", n)
	}
	look(0, "q000000", twice)
	update := func(ctx context.Context, fn func(engine.Reader) error) error {
		return e.Update(ctx, func(tx engine.Txn) error { return fn(tx) })
	}
	write(t, e, 0, many, true)
	look(0, "q020000", 2*once)
	ctx := &asked{Context: t.Context()}
	if got := firstOf(ctx, t, update, 0); got != "q020000" || ctx.times > 5 {
		t.Errorf("a transaction that writes finds %s first, and asks its context %d times", got, ctx.times)
	}
}

// However often a row was written since the last compaction, a scan does not read all of that; nor where it was deleted or has expired.
func TestOlderVersionsAreSteppedOver(t *testing.T) {
	const often = 10_000
	e := open(t, badger.Options{InMemory: true})
	for i := range often {
		if err := e.Update(t.Context(), func(tx engine.Txn) error {
			row := []byte{byte(i)}
			return errors.Join(tx.Set([]byte("b"), row, time.Time{}), tx.Set([]byte("c"), row, time.Time{}), tx.Set([]byte("d"), row, time.Time{}))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Update(t.Context(), func(tx engine.Txn) error {
		return errors.Join(tx.Set([]byte("a"), nil, time.Time{}), tx.Set([]byte("b"), []byte("new"), time.Time{}),
			tx.Delete([]byte("c")), tx.Set([]byte("d"), nil, time.Unix(1, 0)),
			tx.Set([]byte("b\x00"), []byte("next"), time.Time{}), tx.Set([]byte("e"), nil, time.Time{}))
	}); err != nil {
		t.Fatal(err)
	}
	ctx := &asked{Context: t.Context()}
	var got strings.Builder
	if err := e.View(ctx, func(r engine.Reader) error {
		for it, err := range r.Scan(engine.Range{Lo: []byte("a"), Hi: []byte("f")}) {
			if err != nil {
				return err
			}
			got.WriteString(string(it.Key) + "=" + string(it.Value) + " ")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := "a= b=new b\x00=next e= "; got.String() != want {
		t.Errorf("a scan shows %q, want %q", got.String(), want)
	}
	if steps := 256 * ctx.times; steps > 512 {
		t.Errorf("it takes some %d steps", steps)
	}
}

// What has expired is there again when the clock is put back, and no gap.
func TestExpiredRowsAreNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, badger.Options{InMemory: true})
		put := func(at int, expires time.Time) {
			t.Helper()
			if err := e.Update(t.Context(), func(tx engine.Txn) error { return tx.Set(queueKey(at), nil, expires) }); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 1000 {
			put(i, time.Now().Add(time.Second))
		}
		put(1000, time.Time{})
		time.Sleep(time.Minute)
		if got := firstOf(t.Context(), t, e.View, 0); got != "q001000" || e.Gaps() != 0 {
			t.Errorf("first is %s, and %d gaps are remembered", got, e.Gaps())
		}
		write(t, e, 0, 1000, false)
		write(t, e, 0, 1000, true)
		put(500, time.Now().Add(time.Second))
		time.Sleep(time.Minute)
		if got := firstOf(t.Context(), t, e.View, 0); got != "q001000" || e.Gaps() != 2 {
			t.Errorf("first is %s, and %d gaps are remembered on both sides of what has expired", got, e.Gaps())
		}
	})
}

// However many queues there are, what is remembered of them is bounded.
func TestGapsAreBounded(t *testing.T) {
	e := open(t, badger.Options{InMemory: true})
	const queues, width = 1500, 100
	for i := range queues {
		write(t, e, i*width, i*width+width, false)
		write(t, e, i*width, i*width+width/2, true)
	}
	for i := range queues {
		want := string(queueKey(i*width + width/2))
		if got := firstOf(t.Context(), t, e.View, i*width); got != want {
			t.Fatalf("the first row of queue %d is %s, want %s", i, got, want)
		}
	}
	if n := e.Gaps(); n == 0 || n > 1024 {
		t.Errorf("%d gaps are remembered", n)
	}
}

func queueKey(i int) []byte { return fmt.Appendf(nil, "q%06d", i) }

// write puts the rows from one to below another, or deletes them.
func write(tb testing.TB, e *badger.Engine, from, to int, deletes bool) {
	tb.Helper()
	for at := from; at < to; at += 1000 {
		if err := e.Update(tb.Context(), func(tx engine.Txn) (err error) {
			for i := at; i < min(at+1000, to); i++ {
				if deletes {
					err = errors.Join(err, tx.Delete(queueKey(i)))
				} else {
					err = errors.Join(err, tx.Set(queueKey(i), []byte("row"), time.Time{}))
				}
			}
			return err
		}); err != nil {
			tb.Fatal(err)
		}
	}
}

func firstOf(ctx context.Context, tb testing.TB, read func(context.Context, func(engine.Reader) error) error, from int) (key string) {
	tb.Helper()
	err := read(ctx, func(r engine.Reader) error {
		for it, err := range r.Scan(engine.Range{Lo: queueKey(from), Hi: []byte{'r'}}) {
			key = string(it.Key)
			return err
		}
		return engine.ErrNotFound
	})
	if err != nil {
		tb.Fatal(err)
	}
	return key
}
