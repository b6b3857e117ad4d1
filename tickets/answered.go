package tickets

import (
	"context"
	"errors"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// Answer is what a request was answered.
type Answer struct {
	Status int               `cbor:"1,keyasint"`
	Header map[string]string `cbor:"2,keyasint,omitempty"`
	Body   []byte            `cbor:"3,keyasint,omitempty"`
}

// answered is a request with an idempotency key that has its effect in transactions of its own. It is written before the request is
// carried out, without an answer: one that is found so, and does not run, may or may not have had its effect. Answers have secrets
// in them, so all is sealed.
type answered struct {
	ID        []byte    `cbor:"1,keyasint"` // hash of the actor, the call and the key
	Hash      []byte    `cbor:"2,keyasint,omitempty"`
	Answer    Answer    `cbor:"3,keyasint,omitempty"`
	ExpiresAt time.Time `cbor:"4,keyasint"`
}

var answeredTable = storage.NewTable(storage.Declaration[answered]{
	ID: 181, Name: "answers", Key: func(x *answered) storage.Key { return storage.Key(nil).Bytes(x.ID) },
	Sealed: true, Expires: func(x *answered) time.Time { return x.ExpiresAt },
})

// Attempt is a request with an idempotency key that is carried out outside of this package, once however often it is sent. It is
// used by one goroutine.
type Attempt struct {
	desk   *Desk
	scope  storage.Scope
	once   *once
	former answered
	done   func()
}

// Attempt begins a request, or finds what it was answered in the last 24 hours. End has to be called. A key belongs to the actor and
// the call. ErrIdempotencyBusy: the first request with this key is still running. ErrIdempotencyUnknown: it did not come to its end.
func (d *Desk) Attempt(ctx context.Context, tn *tenant.Tenant, a Actor, call, key string) (*Attempt, error) {
	o, done, err := d.running.begin(ctx, tn, a, call, &Idempotency{Key: key})
	if err != nil {
		return nil, err
	}
	t := &Attempt{desk: d, scope: tn.Scope(), once: o, done: done}
	if err := t.begin(ctx); err != nil {
		done()
		return nil, err
	}
	return t, nil
}

// begin reads the former answer, or writes that the request runs.
func (t *Attempt) begin(ctx context.Context) error {
	return t.desk.store.Update(ctx, t.scope, func(tx *storage.Tx) (err error) {
		t.former, err = answeredTable.Get(tx, storage.Key(nil).Bytes(t.once.id[:]))
		switch {
		case errors.Is(err, storage.ErrNotFound):
			t.former = answered{}
			return t.put(tx, answered{})
		case err == nil && t.former.Answer.Status == 0:
			return ErrIdempotencyUnknown
		}
		return err
	})
}

// Answered says whether the request was answered before. Then it is not carried out again, but compared by Former.
func (t *Attempt) Answered() bool { return t.former.Answer.Status != 0 }

// Former is what the request was answered before. ErrIdempotencyMismatch: that was one with another hash.
func (t *Attempt) Former(hash [32]byte) (Answer, error) {
	if string(t.former.Hash) != string(hash[:]) {
		return Answer{}, ErrIdempotencyMismatch
	}
	return t.former.Answer, nil
}

// Keep writes down what the request, of which this is the hash, is answered.
func (t *Attempt) Keep(ctx context.Context, hash [32]byte, x Answer) error {
	return t.desk.store.Update(ctx, t.scope, func(tx *storage.Tx) error {
		return t.put(tx, answered{Hash: hash[:], Answer: x})
	})
}

// Forget gives the key free: the request was refused, and had no effect.
func (t *Attempt) Forget(ctx context.Context) error {
	return t.desk.store.Update(ctx, t.scope, func(tx *storage.Tx) error {
		return answeredTable.Delete(tx, storage.Key(nil).Bytes(t.once.id[:]))
	})
}

// End says that the request does not run any more.
func (t *Attempt) End() { t.done() }

func (t *Attempt) put(tx *storage.Tx, x answered) error {
	x.ID, x.ExpiresAt = t.once.id[:], time.Now().Add(answerKept)
	return answeredTable.Put(tx, &x)
}

// forgetAnswered drops what somebody was answered who asked for something about the person.
func forgetAnswered() erasure.Answer {
	return erasure.Dropped(answeredTable, func(p *erasure.Person, x *answered) bool { return p.Told(&x.Answer) })
}
