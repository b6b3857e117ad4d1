package storagetest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/deskgate/deskgate/storage/engine"
)

const (
	crashDir     = "DESKGATE_CRASH_DIR"
	crashWorkers = 8
	// crashWindow is how many of its newest payloads a worker keeps. It deletes what is older.
	crashWindow = 20
)

// Crash runs the test's own binary as a child that writes to an engine, kills it with SIGKILL after a random number of
// acknowledged commits, opens the engine again, and finds every acknowledged write and nothing that is torn, lost or
// was deleted; and so on, for that many rounds over the same data. A top-level test calls it first thing, or after
// t.Parallel.
func Crash(t *testing.T, rounds int, open func(dir string) (engine.Engine, error)) {
	t.Helper()
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(t, dir, open)
		return
	}
	dir := t.TempDir()
	var acked [crashWorkers]uint64
	total := 0
	for round := range rounds {
		n := crashRound(t, dir, &acked, 1+rand.IntN(120)) //nolint:gosec // chance is not a secret here
		e, err := open(dir)
		if err != nil {
			t.Fatalf("round %d: open after the kill: %v", round, err)
		}
		checkCrashed(t, e, &acked)
		if err := errors.Join(e.Verify(t.Context()), e.Close()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if t.Failed() {
			t.Fatalf("round %d of %d went wrong", round, rounds)
		}
		total += n
	}
	t.Logf("%d rounds, %d acknowledged commits", rounds, total)
}

// crashRound has a child write until it has acknowledged about n commits, and kills it. acked takes the last number that each
// worker told; what is still in the pipe was acknowledged as well.
func crashRound(t *testing.T, dir string, acked *[crashWorkers]uint64, n int) (total int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=60s") //nolint:gosec // itself
	child.Env = append(os.Environ(), crashDir+"="+dir)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	pipe, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var other bytes.Buffer
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		var w int
		var seq uint64
		if _, err := fmt.Sscanf(lines.Text(), "ack %d %d", &w, &seq); err != nil {
			fmt.Fprintln(&other, lines.Text())
			continue
		}
		acked[w] = max(acked[w], seq)
		if total++; total == n {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || total < n {
		t.Fatalf("the child ended by itself after %d commits: %v\n%s%s", total, err, other.String(), stderr.String())
	}
	return total
}

// crashChild writes until it is killed. Each commit moves the worker's head on, writes two payloads, deletes two old ones,
// counts, and logs.
func crashChild(t *testing.T, dir string, open func(dir string) (engine.Engine, error)) {
	t.Helper()
	e, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	inParallel(crashWorkers, func(w int) {
		var head uint64
		view(t, e, func(r engine.Reader) error {
			head = headOf(t, r, w)
			return nil
		})
		for n := head + 1; ; n++ {
			if err := e.Update(t.Context(), func(tx engine.Txn) error { return crashStep(tx, w, n) }); err != nil {
				t.Error(err)
				return
			}
			if _, err := fmt.Fprintf(os.Stdout, "ack %d %d\n", w, n); err != nil {
				return
			}
		}
	})
}

func crashStep(tx engine.Txn, w int, n uint64) error {
	_, err := tx.Next([]byte("count"))
	err = errors.Join(err, tx.Append(crashKey(w, 'l', n)), tx.Set(crashKey(w, 'h', n), nil, never))
	if n > 1 {
		err = errors.Join(err, tx.Delete(crashKey(w, 'h', n-1)))
	}
	for _, part := range []byte("ab") {
		err = errors.Join(err, tx.Set(crashKey(w, part, n), payload(w, part, n), never))
		if n > crashWindow {
			err = errors.Join(err, tx.Delete(crashKey(w, part, n-crashWindow)))
		}
	}
	return err
}

func checkCrashed(t *testing.T, e engine.Engine, acked *[crashWorkers]uint64) {
	t.Helper()
	var sum uint64
	view(t, e, func(r engine.Reader) error {
		for w := range crashWorkers {
			head := headOf(t, r, w)
			sum += head
			// One commit more than was told may have made it.
			if head != acked[w] && head != acked[w]+1 {
				t.Errorf("worker %d: %d is the last commit, %d was the last acknowledged", w, head, acked[w])
			}
			checkPayloads(t, r, w, head)
			acked[w] = head
		}
		it, err := r.Get([]byte("count"))
		if err != nil {
			return err
		}
		if n, err := engine.DecodeCounter([]byte("count"), it.Value); n != sum || err != nil {
			t.Errorf("the counter stands at %d, %v after %d commits", n, err, sum)
		}
		return nil
	})
	records, err := e.Log(t.Context(), 0, int(sum)+1)
	if err != nil || uint64(len(records)) != sum {
		t.Errorf("%d log records, %v after %d commits", len(records), err, sum)
	}
	var next [crashWorkers]uint64
	for _, r := range records {
		w := int(r.Data[1])
		if next[w]++; !bytes.Equal(r.Data, crashKey(w, 'l', next[w])) {
			t.Errorf("log record %x where commit %d of worker %d should stand", r.Data, next[w], w)
		}
	}
}

// checkPayloads looks for exactly the newest payloads of a worker.
func checkPayloads(t *testing.T, r engine.Reader, w int, head uint64) {
	t.Helper()
	for _, part := range []byte("ab") {
		var want []string
		for n := head - min(head, crashWindow) + 1; n <= head; n++ {
			want = append(want, string(crashKey(w, part, n)))
		}
		rows := scan(t, r, engine.Range{Lo: crashKey(w, part, 0), Hi: crashKey(w, part+1, 0)})
		if !slices.Equal(keysOf(rows), want) {
			t.Errorf("worker %d: payloads %x, want %x", w, keysOf(rows), want)
		}
		for _, row := range rows {
			n := binary.BigEndian.Uint64(row.Key[3:])
			if !bytes.Equal(row.Value, payload(w, part, n)) {
				t.Errorf("worker %d: payload %c of commit %d is torn", w, part, n)
			}
		}
	}
}

// headOf is the number of the worker's last commit. There has to be exactly one, unless there was none yet.
func headOf(t *testing.T, r engine.Reader, w int) uint64 {
	t.Helper()
	heads := scan(t, r, engine.Range{Lo: crashKey(w, 'h', 0), Hi: crashKey(w, 'i', 0)})
	if len(heads) > 1 {
		t.Errorf("worker %d has %d heads", w, len(heads))
	}
	if len(heads) == 0 {
		return 0
	}
	return binary.BigEndian.Uint64(heads[len(heads)-1].Key[3:])
}

func crashKey(w int, part byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{'w', byte(w), part}, n)
}

func payload(w int, part byte, n uint64) []byte {
	sum := sha256.Sum256(crashKey(w, part, n))
	return bytes.Repeat(sum[:], 100)
}
