package storagetest

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/deskgate/deskgate/storage/engine"
)

// QueueReplay lets n transactions put rows into a queue, anywhere in it, and take them from its front or out of its middle, while
// others look at it, some in snapshots that grow old meanwhile. Then it replays what each did in the order of their numbers, against a
// plain map: whoever looked has seen what was there.
func QueueReplay(t *testing.T, e engine.Engine, n int) {
	t.Helper()
	const writers, watchers = 4, 3
	q := &queue{Engine: e, done: make(map[uint64]map[int]string), seen: make(map[uint64][]queueLook)}
	var left sync.WaitGroup
	left.Add(writers)
	go func() { left.Wait(); q.over.Store(true) }()
	inParallel(writers+watchers, func(w int) {
		r := rand.New(rand.NewPCG(uint64(w), uint64(n))) //nolint:gosec // chance is not a secret here
		if w < writers {
			defer left.Done()
			for range n / writers {
				q.change(t, r)
			}
			return
		}
		for looks := 0; looks < n && (!q.over.Load() || looks < n/10); looks++ {
			q.look(t, r)
		}
	})
	q.replay(t)
}

type queue struct {
	engine.Engine

	latest atomic.Uint64
	over   atomic.Bool

	mu   sync.Mutex
	done map[uint64]map[int]string // what each transaction wrote; what it deleted is empty
	seen map[uint64][]queueLook    // after that many transactions
}

// queueLook is a scan of the keys from one number to below another, and what it has shown.
type queueLook struct {
	from, to, limit int
	reverse         bool
	rows            []queueRow
}

type queueRow struct {
	key   int
	value string
}

const queueKeys = 2000

var queueCounter = []byte("number")

func queueKey(i int) []byte { return binary.BigEndian.AppendUint16([]byte{'q'}, uint16(i)) }

func queueNumber(key []byte) int { return int(binary.BigEndian.Uint16(key[1:])) }

func (q *queue) change(t *testing.T, r *rand.Rand) {
	t.Helper()
	var number uint64
	var writes map[int]string
	var looked queueLook
	update(t, q, func(tx engine.Txn) (err error) {
		writes = make(map[int]string)
		if number, err = tx.Next(queueCounter); err != nil {
			return err
		}
		looked = queueLook{to: queueKeys, limit: 1 + r.IntN(60)}
		if r.IntN(4) == 0 {
			looked.from = r.IntN(queueKeys)
		}
		if err := looked.at(tx); err != nil {
			return err
		}
		if r.IntN(3) > 0 { // taken
			for _, row := range looked.rows {
				writes[row.key] = ""
				err = errors.Join(err, tx.Delete(queueKey(row.key)))
			}
		}
		for range r.IntN(40) {
			k, v := r.IntN(queueKeys), strconv.FormatUint(number, 10)
			writes[k] = v
			err = errors.Join(err, tx.Set(queueKey(k), []byte(v), never))
		}
		return err
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done[number] = writes
	q.seen[number-1] = append(q.seen[number-1], looked)
	q.latest.Store(max(q.latest.Load(), number))
}

// look scans once or twice in one snapshot.
func (q *queue) look(t *testing.T, r *rand.Rand) {
	t.Helper()
	var number uint64
	var looked []queueLook
	view(t, q, func(tx engine.Reader) error {
		it, err := tx.Get(queueCounter)
		if errors.Is(err, engine.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if number, err = engine.DecodeCounter(queueCounter, it.Value); err != nil {
			return err
		}
		for range 1 + r.IntN(3) {
			q.wait(number + uint64(r.IntN(16)))
			l := anyLook(r)
			if err := l.at(tx); err != nil {
				return err
			}
			looked = append(looked, l)
		}
		return nil
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seen[number] = append(q.seen[number], looked...)
}

// wait gives others time for transactions up to a number, but not much.
func (q *queue) wait(number uint64) {
	for n := 0; q.latest.Load() < number && n < 100; n++ {
		runtime.Gosched()
	}
}

func anyLook(r *rand.Rand) queueLook {
	l := queueLook{to: queueKeys, limit: 1 + r.IntN(5), reverse: r.IntN(8) == 0}
	if r.IntN(2) == 0 {
		l.from = r.IntN(queueKeys)
	}
	if r.IntN(2) == 0 {
		l.to = r.IntN(queueKeys)
	}
	return l
}

// at scans.
func (l *queueLook) at(r engine.Reader) error {
	for it, err := range r.Scan(engine.Range{Lo: queueKey(l.from), Hi: queueKey(l.to), Reverse: l.reverse}) {
		if err != nil {
			return err
		}
		if l.rows = append(l.rows, queueRow{queueNumber(it.Key), string(it.Value)}); len(l.rows) == l.limit {
			break
		}
	}
	return nil
}

// in is what the scan shows of a model.
func (l *queueLook) in(model []string) (rows []queueRow) {
	for i := range max(l.to-l.from, 0) {
		at := l.from + i
		if l.reverse {
			at = l.to - 1 - i
		}
		if v := model[at]; v != "" {
			if rows = append(rows, queueRow{at, v}); len(rows) == l.limit {
				break
			}
		}
	}
	return rows
}

func (q *queue) replay(t *testing.T) {
	t.Helper()
	model := make([]string, queueKeys)
	looks, differences := 0, 0
	for n := range uint64(len(q.done)) + 1 {
		for k, v := range q.done[n] {
			model[k] = v
		}
		for _, l := range q.seen[n] {
			looks++
			if want := l.in(model); !slices.Equal(want, l.rows) {
				if differences++; differences < 4 {
					t.Errorf("after %d transactions the first %d from %d to %d (in reverse: %t) are %v, want %v", n, l.limit, l.from, l.to, l.reverse, l.rows, want)
				}
			}
		}
	}
	if differences > 0 || looks < len(q.done) {
		t.Errorf("%d of %d looks at the queue have not seen what was there", differences, looks)
	}
}
