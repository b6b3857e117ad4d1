package file

import (
	"sync"

	"github.com/deskgate/deskgate/tenant"
)

// looseBytes counts, of each tenant, the bytes of files that are on disk and that nobody knows of yet: without it, uploads that are begun
// and never ended could fill the disk. It is safe for concurrent use.
type looseBytes struct {
	mu  sync.Mutex
	all map[tenant.ID]int64
}

func (l *looseBytes) add(id tenant.ID, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[tenant.ID]int64{}
	}
	if l.all[id] += n; l.all[id] <= 0 {
		delete(l.all, id)
	}
}

func (l *looseBytes) of(id tenant.ID) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[id]
}
