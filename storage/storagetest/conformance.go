package storagetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/deskgate/deskgate/storage/engine"
)

// Conformance checks all that package storage relies on in an engine. Each case gets an engine of its own from open, which
// also has to work inside a synctest bubble and to close the engine when the test ends.
func Conformance(t *testing.T, open func(testing.TB) engine.Engine) {
	t.Helper()
	cases := []struct {
		name string
		run  func(*testing.T, engine.Engine)
	}{
		{"absent, empty, overwritten, deleted", points},
		{"order of binary keys and ranges in both directions", ranges},
		{"range without an end", endless},
		{"own writes are read", ownWrites},
		{"cursors do not see later writes", cursors},
		{"slices belong to their owner", slicesOwned},
		{"an error rolls back", rollback},
		{"limits", limits},

		{"a view keeps its snapshot", snapshot},
		{"a view holds what was acknowledged", acknowledged},
		{"no lost updates", lostUpdates},
		{"no write skew", writeSkew},
		{"no phantom inserts", phantomInserts},
		{"no phantom deletes", phantomDeletes},
		{"the sum stays", bank},
		{"one consumer wins", oneWinner},
		{"others' failures do no harm", failures},
		{"a panic reaches its caller", panics},
		{"cancelled before it ran", cancelled},
		{"cancelled while it ran", cancelledLate},
		{"numbers have no gaps", numbers},

		{"log in commit order", logOrder},
		{"log never splits a revision", logWhole},
		{"log trimmed", logTrimmed},
		{"log grows", logGrows},
		{"closed", closedEngine},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
	t.Run("expiry", func(t *testing.T) { expiry(t, open) })
}

func points(t *testing.T, e engine.Engine) {
	t.Helper()
	wantAbsent(t, e, "k")
	set(t, e, "k", "")
	wantValue(t, e, "k", "")
	set(t, e, "k", "x")
	wantValue(t, e, "k", "x")
	drop(t, e, "k")
	wantAbsent(t, e, "k")
	drop(t, e, "k")
	set(t, e, "k", "again")
	wantValue(t, e, "k", "again")
}

// tails are keys in their order, from the first to the last.
var tails = []string{
	"\x01", "\x01\x00", "\x01\x00\x00", "\x01\x00\xff", "\x01\x01", "\x01a", "\x01a\x00", "\x01aa", "\x01b", "\x01\x7f", "\x01\x80",
	"\x01\xc3\xa9", "\x01\xfe\xff", "\x01\xff", "\x01\xff\x00", "\x01\xff\xff", "\x02", "\xff", "\xff\xff",
}

func ranges(t *testing.T, e engine.Engine) {
	t.Helper()
	update(t, e, func(tx engine.Txn) error {
		for i := range tails { // in some other order
			k := []byte(tails[(i*7+3)%len(tails)])
			if err := tx.Set(k, append([]byte("v"), k...), never); err != nil {
				return err
			}
		}
		return nil
	})
	bounds := append([]string{"\x00\xff", "\x01a\x01", "\x01zz", "\xff\xff\xff"}, tails...)
	for _, lo := range bounds {
		for _, hi := range bounds {
			for _, reverse := range []bool{false, true} {
				checkRange(t, e, engine.Range{Lo: []byte(lo), Hi: []byte(hi), Reverse: reverse}, tails)
			}
		}
	}
}

func endless(t *testing.T, e engine.Engine) {
	t.Helper()
	for _, k := range tails {
		set(t, e, k, "v"+k)
	}
	for _, lo := range []string{"\x01", "\x01b", "\xff\xff", "\xff\xff\xff"} {
		for _, reverse := range []bool{false, true} {
			checkRange(t, e, engine.Range{Lo: []byte(lo), Reverse: reverse}, tails)
		}
	}
}

// checkRange compares a scan with what a sorted list of keys gives, in a view and in a transaction, whose values are "v" and
// the key.
func checkRange(t *testing.T, e engine.Engine, g engine.Range, sorted []string) {
	t.Helper()
	var want []string
	for _, k := range sorted {
		if k >= string(g.Lo) && (g.Hi == nil || k < string(g.Hi)) {
			want = append(want, k)
		}
	}
	if g.Reverse {
		slices.Reverse(want)
	}
	look := func(r engine.Reader) {
		got := scan(t, r, g)
		if !slices.Equal(keysOf(got), want) {
			t.Errorf("scan %q–%q reverse=%t: %q, want %q", g.Lo, g.Hi, g.Reverse, keysOf(got), want)
		}
		for _, it := range got {
			if string(it.Value) != "v"+string(it.Key) {
				t.Errorf("scan %q–%q: value %q under %q", g.Lo, g.Hi, it.Value, it.Key)
			}
		}
		g := g
		g.KeysOnly = true
		if keys := scan(t, r, g); !slices.Equal(keysOf(keys), want) || len(keys) > 0 && keys[0].Value != nil {
			t.Errorf("scan of keys %q–%q reverse=%t: %q, want %q without values", g.Lo, g.Hi, g.Reverse, keysOf(keys), want)
		}
	}
	view(t, e, func(r engine.Reader) error { look(r); return nil })
	update(t, e, func(tx engine.Txn) error { look(tx); return nil })
}

func ownWrites(t *testing.T, e engine.Engine) {
	t.Helper()
	stored := []string{"a", "b", "c", "d", "e", "f"}
	for _, k := range stored {
		set(t, e, k, "v"+k)
	}
	update(t, e, func(tx engine.Txn) error {
		err := errors.Join(
			tx.Delete([]byte("a")), tx.Delete([]byte("d")), tx.Delete([]byte("f")), tx.Delete([]byte("nothing")),
			tx.Set([]byte("b"), []byte("old"), never), tx.Set([]byte("b"), []byte("vb"), never),
			tx.Set([]byte("bb"), []byte("vbb"), never), tx.Set([]byte("z"), []byte("vz"), never),
			tx.Set([]byte("y"), []byte("vy"), never), tx.Delete([]byte("y")),
			tx.Delete([]byte("e")), tx.Set([]byte("e"), []byte("ve"), never))
		if _, err := tx.Get([]byte("d")); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("deleted in this transaction: %v, want ErrNotFound", err)
		}
		if it, err := tx.Get([]byte("bb")); err != nil || string(it.Value) != "vbb" {
			t.Errorf("written in this transaction: %q, %v", it.Value, err)
		}
		for _, reverse := range []bool{false, true} {
			want := []string{"b", "bb", "c", "e", "z"}
			if reverse {
				slices.Reverse(want)
			}
			for n := range len(want) + 1 {
				if got := keysOf(firstItems(t, tx, engine.Range{Lo: []byte("a"), Reverse: reverse}, n)); !slices.Equal(got, want[:n]) {
					t.Errorf("first %d, reverse=%t: %q, want %q", n, reverse, got, want[:n])
				}
			}
		}
		return err
	})
	checkRange(t, e, engine.Range{Lo: []byte("a")}, []string{"b", "bb", "c", "e", "z"})
}

func cursors(t *testing.T, e engine.Engine) {
	t.Helper()
	for i := range 10 {
		set(t, e, string(number(i)), "v")
	}
	update(t, e, func(tx engine.Txn) error {
		n := 0
		for it, err := range tx.Scan(engine.Range{Lo: number(0)}) {
			if err != nil {
				return err
			}
			// What was read goes, the next one changes, and new ones appear before and behind the cursor.
			k := bytes.Clone(it.Key)
			i := int(binary.BigEndian.Uint32(k))
			if i != n || string(it.Value) != "v" {
				t.Errorf("row %d: key %d, value %q", n, i, it.Value)
			}
			if err := errors.Join(tx.Delete(k), tx.Set(number(i+1), []byte("changed"), never),
				tx.Set(append(k, 1), nil, never), tx.Set(number(100+i), nil, never)); err != nil {
				return err
			}
			if n++; n > 10 {
				break
			}
		}
		if n != 10 {
			t.Errorf("a cursor saw %d rows, want the 10 of its beginning", n)
		}
		return nil
	})
	view(t, e, func(r engine.Reader) error {
		if got := len(scan(t, r, engine.Range{Lo: number(0)})); got != 21 {
			t.Errorf("%d rows afterwards, want 21", got)
		}
		return nil
	})
}

func slicesOwned(t *testing.T, e engine.Engine) {
	t.Helper()
	update(t, e, func(tx engine.Txn) error {
		k, v := []byte("k1"), []byte("v1")
		err := tx.Set(k, v, never)
		copy(k, "k2")
		copy(v, "v2")
		err = errors.Join(err, tx.Set(k, v, never))
		it, err2 := tx.Get([]byte("k1"))
		copy(it.Value, "??")
		copy(k, "??")
		return errors.Join(err, err2)
	})
	wantValue(t, e, "k1", "v1")
	wantValue(t, e, "k2", "v2")
	var kept [][]byte
	view(t, e, func(r engine.Reader) error {
		for _, k := range []string{"k1", "k2", "k1"} {
			it, err := r.Get([]byte(k))
			if err != nil {
				return err
			}
			kept = append(kept, it.Value)
		}
		return nil
	})
	if string(kept[0]) != "v1" || string(kept[1]) != "v2" || string(kept[2]) != "v1" {
		t.Errorf("values kept behind the view: %q", kept)
	}
}

func rollback(t *testing.T, e engine.Engine) {
	t.Helper()
	set(t, e, "kept", "old")
	boom := errors.New("boom")
	err := e.Update(t.Context(), func(tx engine.Txn) error {
		err := errors.Join(tx.Set([]byte("a"), nil, never), tx.Set([]byte("kept"), []byte("new"), never),
			tx.Delete([]byte("kept")), tx.Append([]byte("r")))
		if _, nextErr := tx.Next([]byte("n")); err != nil || nextErr != nil {
			return errors.Join(err, nextErr)
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("Update = %v, want the function's error", err)
	}
	wantAbsent(t, e, "a")
	wantAbsent(t, e, "n")
	wantValue(t, e, "kept", "old")
	if r, err := e.Revision(t.Context()); r != 0 || err != nil {
		t.Errorf("revision %d, %v after a transaction that failed", r, err)
	}
}

func limits(t *testing.T, e engine.Engine) {
	t.Helper()
	value := bytes.Repeat([]byte("0123456789abcdef"), 512<<10/16)
	long := string(bytes.Repeat([]byte{0xfe}, 1<<10))
	set(t, e, long, string(value))
	wantValue(t, e, long, string(value))
	update(t, e, func(tx engine.Txn) error {
		for i := range 1000 {
			if err := tx.Set(number(i), value[:1000], never); err != nil {
				return err
			}
		}
		return tx.Append(value)
	})
	err := e.Update(t.Context(), func(tx engine.Txn) error {
		for i := range 100 {
			if err := tx.Set(number(i), value, never); err != nil {
				return err
			}
		}
		return nil
	})
	if !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("transaction of 50 MiB: %v, want ErrTooLarge", err)
	}
	view(t, e, func(r engine.Reader) error {
		rows := scan(t, r, engine.Range{Lo: number(0), Hi: number(1000)})
		if len(rows) != 1000 || len(rows[0].Value) != 1000 {
			t.Errorf("%d rows of %d bytes, want 1000 of 1000", len(rows), len(rows[0].Value))
		}
		return nil
	})
}

func closedEngine(t *testing.T, e engine.Engine) {
	t.Helper()
	set(t, e, "k", "v")
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	_, logErr := e.Log(t.Context(), 0, 1)
	_, revErr := e.Revision(t.Context())
	for what, err := range map[string]error{
		"View":     e.View(t.Context(), func(engine.Reader) error { return nil }),
		"Update":   e.Update(t.Context(), func(engine.Txn) error { return nil }),
		"Trim":     e.Trim(t.Context(), 1),
		"Verify":   e.Verify(t.Context()),
		"Log":      logErr,
		"Revision": revErr,
	} {
		if !errors.Is(err, engine.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", what, err)
		}
	}
}

var never time.Time

// number is a key that sorts by n.
func number(n int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(n))
}

func view(tb testing.TB, e engine.Engine, fn func(engine.Reader) error) {
	tb.Helper()
	if err := e.View(context.WithoutCancel(tb.Context()), fn); err != nil {
		tb.Error(err)
	}
}

func update(tb testing.TB, e engine.Engine, fn func(engine.Txn) error) {
	tb.Helper()
	if err := e.Update(context.WithoutCancel(tb.Context()), fn); err != nil {
		tb.Error(err)
	}
}

func set(tb testing.TB, e engine.Engine, key, value string) {
	tb.Helper()
	update(tb, e, func(tx engine.Txn) error { return tx.Set([]byte(key), []byte(value), never) })
}

func drop(tb testing.TB, e engine.Engine, key string) {
	tb.Helper()
	update(tb, e, func(tx engine.Txn) error { return tx.Delete([]byte(key)) })
}

func get(tb testing.TB, e engine.Engine, key string) (string, error) {
	tb.Helper()
	var it engine.Item
	err := e.View(context.WithoutCancel(tb.Context()), func(r engine.Reader) (err error) {
		it, err = r.Get([]byte(key))
		return err
	})
	return string(it.Value), err
}

func wantValue(tb testing.TB, e engine.Engine, key, want string) {
	tb.Helper()
	if v, err := get(tb, e, key); v != want || err != nil {
		tb.Errorf("get %.20q = %.20q, %v, want %.20q", key, v, err, want)
	}
}

func wantAbsent(tb testing.TB, e engine.Engine, key string) {
	tb.Helper()
	if v, err := get(tb, e, key); !errors.Is(err, engine.ErrNotFound) {
		tb.Errorf("get %.20q = %.20q, %v, want ErrNotFound", key, v, err)
	}
}

func scan(tb testing.TB, r engine.Reader, g engine.Range) []engine.Item {
	tb.Helper()
	return firstItems(tb, r, g, -1)
}

// firstItems are copies of the first n items of a range, of all if n is negative.
func firstItems(tb testing.TB, r engine.Reader, g engine.Range, n int) (items []engine.Item) {
	tb.Helper()
	if n == 0 {
		return nil
	}
	for it, err := range r.Scan(g) {
		if err != nil {
			tb.Error(err)
			break
		}
		items = append(items, engine.Item{Key: bytes.Clone(it.Key), Value: bytes.Clone(it.Value), Expires: it.Expires})
		if len(items) == n {
			break
		}
	}
	return items
}

func keysOf(items []engine.Item) []string {
	var keys []string
	for _, it := range items {
		keys = append(keys, string(it.Key))
	}
	return keys
}

func parse(tb testing.TB, v []byte) int {
	tb.Helper()
	n, err := strconv.Atoi(string(v))
	if err != nil {
		tb.Error(err)
	}
	return n
}
