package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/deskgate/deskgate/storage/engine"
)

// history is what one transaction read and wrote.
type history struct {
	reads  map[string]string // absent keys are empty
	scans  []scanned
	writes map[string]string // deleted keys are empty
}

type scanned struct {
	g     engine.Range
	limit int
	rows  []string
}

// SerialReplay lets n random transactions at a time read, scan and write a few keys, 16 at once, and then replays what each
// did in commit order, which the log tells, against a plain map. A serialisable engine shows no difference.
func SerialReplay(t *testing.T, e engine.Engine, n int) {
	t.Helper()
	const workers = 16
	var mu sync.Mutex
	done := map[string]history{}
	inParallel(workers, func(w int) {
		for i := range n / workers {
			name := fmt.Sprintf("%d-%d", w, i)
			r := rand.New(rand.NewPCG(uint64(w), uint64(i))) //nolint:gosec // chance is not a secret here
			var h history
			update(t, e, func(tx engine.Txn) (err error) {
				h, err = live(tx, r, name)
				return errors.Join(err, tx.Append([]byte(name)))
			})
			mu.Lock()
			done[name] = h
			mu.Unlock()
		}
	})
	replay(t, e, done)
}

// live is one transaction's life.
func live(tx engine.Txn, r *rand.Rand, name string) (h history, err error) {
	const keys = 60
	key := func(i int) []byte { return fmt.Appendf(nil, "k%02d", i) }
	h = history{reads: map[string]string{}, writes: map[string]string{}}
	for range 1 + r.IntN(2) {
		k := key(r.IntN(keys))
		it, err := tx.Get(k)
		if err != nil && !errors.Is(err, engine.ErrNotFound) {
			return h, err
		}
		h.reads[string(k)] = string(it.Value)
	}
	if r.IntN(2) == 0 {
		from := r.IntN(keys)
		s := scanned{
			g:     engine.Range{Lo: key(from), Hi: key(from + 1 + r.IntN(8)), Reverse: r.IntN(2) == 0},
			limit: 1 + r.IntN(5),
		}
		for it, err := range tx.Scan(s.g) {
			if err != nil {
				return h, err
			}
			if s.rows = append(s.rows, string(it.Key)+"="+string(it.Value)); len(s.rows) == s.limit {
				break
			}
		}
		h.scans = append(h.scans, s)
	}
	for i := range 1 + r.IntN(2) {
		k := key(r.IntN(keys))
		if r.IntN(3) == 0 {
			h.writes[string(k)] = ""
			err = errors.Join(err, tx.Delete(k))
			continue
		}
		v := fmt.Sprint(name, "-", i)
		h.writes[string(k)] = v
		err = errors.Join(err, tx.Set(k, []byte(v), never))
	}
	return h, err
}

func replay(t *testing.T, e engine.Engine, done map[string]history) {
	t.Helper()
	records, err := e.Log(t.Context(), 0, len(done)+1)
	if err != nil || len(records) != len(done) {
		t.Fatalf("%d records of %d transactions: %v", len(records), len(done), err)
	}
	model := map[string]string{}
	differences := 0
	for _, r := range records {
		h := done[string(r.Data)]
		for k, v := range h.reads {
			if model[k] != v {
				differences++
			}
		}
		for _, s := range h.scans {
			if !slices.Equal(s.rows, rowsOf(model, s)) {
				differences++
			}
		}
		for k, v := range h.writes {
			if v == "" {
				delete(model, k)
			} else {
				model[k] = v
			}
		}
	}
	if differences > 0 {
		t.Errorf("%d differences between %d transactions and their serial replay", differences, len(records))
	}
}

// rowsOf is what the scan would have seen in the model.
func rowsOf(model map[string]string, s scanned) (rows []string) {
	for k, v := range model {
		if bytes.Compare([]byte(k), s.g.Lo) >= 0 && bytes.Compare([]byte(k), s.g.Hi) < 0 {
			rows = append(rows, k+"="+v)
		}
	}
	slices.Sort(rows)
	if s.g.Reverse {
		slices.Reverse(rows)
	}
	return rows[:min(len(rows), s.limit)]
}
