package tickets

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Idempotency has a request carried out once, however often it is sent. For 24 hours the answer of the first one is given
// again. A key belongs to the actor and the call.
type Idempotency struct {
	Key  string
	Hash [32]byte // of the request's body
	// Waits has a request wait for one with the same key that still runs, instead of failing with ErrIdempotencyBusy.
	Waits bool
}

const answerKept = 24 * time.Hour

// answer is what a request with an idempotency key was answered. It is written in the transaction that has the effect.
type answer struct {
	ID        []byte    `cbor:"1,keyasint"` // hash of the actor, the call and the key
	Hash      []byte    `cbor:"2,keyasint"` // of the body
	Ticket    Ticket    `cbor:"3,keyasint"`
	Comment   Comment   `cbor:"4,keyasint,omitempty"`
	FollowUp  bool      `cbor:"5,keyasint,omitempty"`
	ExpiresAt time.Time `cbor:"6,keyasint"`
}

// once is one request with an idempotency key, or with none (nil).
type once struct {
	id   [32]byte
	hash [32]byte
}

// running are the requests with an idempotency key that are being carried out, each with a channel that is closed at its
// end.
type running struct{ keys sync.Map }

// begin notes that a request runs; done has to be called at its end. ErrIdempotencyBusy: it runs already.
func (r *running) begin(
	ctx context.Context, tn *tenant.Tenant, a Actor, call string, i *Idempotency,
) (o *once, done func(), err error) {
	if i == nil {
		return nil, func() {}, nil
	}
	if i.Key == "" || len(i.Key) > 255 {
		return nil, nil, &QueryError{Param: "Idempotency-Key", Reason: "It must have 1 to 255 bytes."}
	}
	k := storage.Key(nil).Str(string(tn.ID)).Str(a.role()).Str(a.person.ID).Str(a.person.Lineage).Str(call).Str(i.Key)
	o = &once{id: sha256.Sum256(k), hash: i.Hash}
	end := make(chan struct{})
	for {
		other, busy := r.keys.LoadOrStore(o.id, end)
		if !busy {
			return o, func() { r.keys.Delete(o.id); close(end) }, nil
		}
		first, _ := other.(chan struct{})
		if !i.Waits {
			return nil, nil, ErrIdempotencyBusy
		}
		select {
		case <-first:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// earlier returns the answer that the request got before, if it did. ErrIdempotencyMismatch: another request got one.
func (o *once) earlier(tx *storage.Tx) (x answer, found bool, err error) {
	if o == nil {
		return x, false, nil
	}
	x, err = answerTable.Get(tx, storage.Key(nil).Bytes(o.id[:]))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return answer{}, false, nil
	case err != nil:
		return answer{}, false, err
	case string(x.Hash) != string(o.hash[:]):
		return answer{}, false, ErrIdempotencyMismatch
	}
	return x, true, nil
}

// keep writes what the request is answered.
func (o *once) keep(tx *storage.Tx, x answer, at time.Time) error {
	if o == nil {
		return nil
	}
	x.ID, x.Hash, x.ExpiresAt = o.id[:], o.hash[:], at.Add(answerKept)
	return answerTable.Put(tx, &x)
}
