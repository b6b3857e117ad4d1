package upstream

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How many more requests retries may make of those that visitors made. Without a bound, a failure turns into a flood that
// keeps the upstreams that are left from recovering.
const (
	retryShare  = 20  // of a hundred requests, so many may be made again
	retrySaved  = 100 // as many may be saved up
	retryFloor  = 3   // a second, however few requests there are
	retryBurst  = 10  // of the floor
	maxTries    = 4   // of one request
	oneRetry    = 100 // in hundredths
	retryPeriod = time.Second / retryFloor
)

// budget bounds the retries of one route. The zero budget has its floor's burst.
type budget struct {
	saved atomic.Int64 // hundredths of a retry

	mu    sync.Mutex
	floor time.Time // when the floor's bucket was, or will be, empty
}

// earn counts a visitor's request.
func (b *budget) earn() {
	if b.saved.Load() < retrySaved*oneRetry {
		b.saved.Add(retryShare)
	}
}

// spend takes one retry, if there is one.
func (b *budget) spend(now time.Time) bool {
	for {
		saved := b.saved.Load()
		if saved < oneRetry {
			break
		}
		if b.saved.CompareAndSwap(saved, saved-oneRetry) {
			return true
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if full := now.Add(-retryBurst * retryPeriod); b.floor.Before(full) {
		b.floor = full
	}
	next := b.floor.Add(retryPeriod)
	if next.After(now) {
		return false
	}
	b.floor = next
	return true
}

// repeatable says whether a request that failed may be sent to another target: one that reached nobody, or one that does the
// same when it is done twice. A body that somebody may have begun to read is never sent again. Who let the visitor wait until
// the time was over is not followed by others: the visitor has waited enough, and the upstreams may all have too much to do.
func repeatable(req *http.Request, err error) bool {
	if refused(err) {
		return true // no transport touches the body before it is connected
	}
	return req.Body == nil && idempotent(req) && !timedOut(err)
}

// idempotent says whether to do it twice is to do it once, by RFC 9110, or because the client says so.
func idempotent(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return req.Header["Upgrade"] == nil
	}
	return len(req.Header["Idempotency-Key"]) > 0 || len(req.Header["X-Idempotency-Key"]) > 0
}
