package badger

import (
	"bytes"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// gaps remembers stretches of keys in which everything is deleted. Badger keeps what was deleted until a compaction comes by, and who
// scans steps over it: before the first row of a queue, which is where everybody looks, there is all that ever was in it. Who has
// stepped over many notes here where they end, and the next one jumps.
//
// A gap holds in each snapshot that is not older than the one in which it was seen, until somebody writes into it: the committer says
// what it is about to write before anybody can read it. So a gap can be missing, which costs time, but never be wrong. It needs that the
// committer is the only one who writes; and it is in memory, so that a crash leaves nothing of it.
type gaps struct {
	begun atomic.Uint64 // commits; it grows under the lock

	mu    sync.Mutex
	all   []*gap // in order, apart from each other
	walks []*walk
	last  [2][]*write // what the commit that began last writes
	uses  uint64
}

// gap is lo ≤ key < hi.
type gap struct {
	lo, hi []byte
	since  uint64 // the oldest snapshot that it holds for
	used   uint64
}

// walk is a run of deleted rows that somebody steps over, from its first key on.
type walk struct {
	from, to []byte // to, if not nil, is where there may be a row again
	snapshot uint64
	begun    uint64 // commits, before the snapshot was taken
	told     bool   // of what is written since
	steps    int
}

const (
	// A walk asks for a gap after fewSteps, and after as many again. One of manySteps is noted: a jump costs as much as some tens.
	// Of a row that has more than fewSteps versions the rest is jumped over.
	fewSteps, manySteps = 16, 64
	mostGaps            = 1024
)

// write tells what a commit writes, before it is to be read anywhere. Both lists are in order of the keys.
func (g *gaps) write(rows, records []*write) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begun.Add(1)
	g.last = [2][]*write{rows, records}
	for _, w := range g.walks {
		w.narrow(g.last)
	}
	for _, writes := range g.last {
		for _, w := range writes {
			if len(g.all) == 0 {
				return
			}
			if !w.deleted {
				g.cut(w.key)
			}
		}
	}
}

// narrow ends a walk before the first key that is written in it.
func (w *walk) narrow(lists [2][]*write) {
	for _, writes := range lists {
		i := sort.Search(len(writes), func(i int) bool { return bytes.Compare(writes[i].key, w.from) >= 0 })
		for i < len(writes) && writes[i].deleted {
			i++
		}
		if i < len(writes) && (w.to == nil || bytes.Compare(writes[i].key, w.to) < 0) {
			w.to = writes[i].key
		}
	}
}

// find is the gap that a key lies in, or the place of the first one behind it.
func (g *gaps) find(key []byte) (int, bool) {
	i := sort.Search(len(g.all), func(i int) bool { return bytes.Compare(key, g.all[i].hi) < 0 })
	return i, i < len(g.all) && bytes.Compare(g.all[i].lo, key) <= 0
}

// cut takes a key out of the gap that it lies in, and what is behind it: rows are put behind what a queue has done, as a rule, and else
// whoever comes by sees the rest again.
func (g *gaps) cut(key []byte) {
	i, found := g.find(key)
	if !found {
		return
	}
	cut := g.all[i]
	if bytes.Compare(cut.lo, key) < 0 {
		cut.hi = bytes.Clone(key)
		return
	}
	if cut.lo = append(bytes.Clone(key), 0); bytes.Equal(cut.lo, cut.hi) {
		g.all = slices.Delete(g.all, i, i+1)
	}
}

// jump says where the gap ends that a walk has come into; nil: none is known. From the first call until its end the walk is told of
// what is written, unless that began after the snapshot was taken.
func (g *gaps) jump(w *walk, at []byte) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !w.told && w.begun == g.begun.Load() {
		w.told = true
		w.narrow(g.last) // which the snapshot may be older than
		g.walks = append(g.walks, w)
	}
	i, found := g.find(at)
	if !found || g.all[i].since > w.snapshot {
		return nil
	}
	g.uses++
	g.all[i].used = g.uses
	return g.all[i].hi
}

// leave ends a walk that has come to nothing. One that is over already, or never began, is no matter.
func (g *gaps) leave(w *walk) {
	if w == nil || !w.told {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(w)
}

func (g *gaps) forget(w *walk) {
	w.told = false
	g.walks = slices.DeleteFunc(g.walks, func(other *walk) bool { return other == w })
}

// end ends a walk that has seen the whole of its run, up to a key; nil: the end of all. It is noted if it was long.
func (g *gaps) end(w *walk, end []byte) {
	if w == nil || !w.told {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(w)
	if w.to != nil && (end == nil || bytes.Compare(w.to, end) < 0) {
		end = w.to
	}
	if w.steps >= manySteps && bytes.Compare(w.from, end) < 0 {
		g.note(w, bytes.Clone(end))
	}
}

// note adds what a walk has seen, together with the gaps that it has come through.
func (g *gaps) note(w *walk, end []byte) {
	g.uses++
	n := &gap{w.from, end, w.snapshot, g.uses}
	i := sort.Search(len(g.all), func(i int) bool { return bytes.Compare(n.lo, g.all[i].hi) <= 0 })
	j := i
	for ; j < len(g.all) && bytes.Compare(g.all[j].lo, n.hi) <= 0; j++ {
		n.lo, n.hi, n.since = smaller(n.lo, g.all[j].lo), larger(n.hi, g.all[j].hi), max(n.since, g.all[j].since)
	}
	if g.all = slices.Replace(g.all, i, j, n); len(g.all) > mostGaps {
		g.drop()
	}
}

// drop forgets the gap that was not used for longest.
func (g *gaps) drop() {
	i := 0
	for j, other := range g.all {
		if other.used < g.all[i].used {
			i = j
		}
	}
	g.all = slices.Delete(g.all, i, i+1)
}

// clear forgets all. Nobody walks.
func (g *gaps) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all, g.last = nil, [2][]*write{}
}

func smaller(a, b []byte) []byte {
	if bytes.Compare(b, a) < 0 {
		return b
	}
	return a
}

func larger(a, b []byte) []byte {
	if bytes.Compare(b, a) > 0 {
		return b
	}
	return a
}
