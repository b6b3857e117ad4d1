package tenant

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
)

const maxDetail = 1000 // bytes

// The audit log goes back so far, and holds so many events of a tenant, whichever ends first.
const (
	AuditLife = 400 * 24 * time.Hour
	AuditSize = 100_000
)

// Event is an entry of a tenant's audit log. It never holds a secret.
type Event struct {
	ID string    `cbor:"1,keyasint" json:"id"`
	At time.Time `cbor:"2,keyasint" json:"created_at"`
	// Actor is who did it: "operator", "system", "nobody" (whoever failed to show who they are), "partner" (whoever
	// holds a key), "token:…", "agent:…", "requester:…".
	Actor string `cbor:"3,keyasint,omitempty" json:"actor"`
	// Action is what was done: "tenant.created", "key.rotated", …
	Action string `cbor:"4,keyasint" json:"action"`
	// Object is what it was done to.
	Object string `cbor:"5,keyasint,omitempty" json:"object"`
	Detail string `cbor:"6,keyasint,omitempty" json:"detail"`
	IP     string `cbor:"7,keyasint,omitempty" json:"ip,omitempty"`
}

var auditTable = storage.NewTable(storage.Declaration[Event]{
	ID: 20, Name: "audit log",
	Key:     eventKey,
	Expires: func(e *Event) time.Time { return e.At.Add(AuditLife) },
})

func eventKey(e *Event) storage.Key { return storage.Key(nil).TimeDesc(e.At).Str(e.ID) }

// Record writes an event in a tenant's transaction. ID and time are filled in; overlong texts are cut.
func Record(tx *storage.Tx, e Event) error {
	e.ID, e.At = rand.Text(), time.Now().UTC() // to the nanosecond: events stand in the order in which they happened
	for _, s := range []*string{&e.Actor, &e.Action, &e.Object, &e.Detail, &e.IP} {
		*s = shorten(*s)
	}
	return auditTable.Put(tx, &e)
}

func shorten(s string) string {
	if len(s) > maxDetail {
		s = s[:maxDetail] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// Log records an event that has no transaction of its own.
func (r *Registry) Log(ctx context.Context, id ID, e Event) error {
	return r.store.Update(ctx, storage.Within(string(id)), func(tx *storage.Tx) error { return Record(tx, e) })
}
