package tenant

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// Event is an entry of a tenant's audit log. It never holds a secret.
type Event struct {
	ID string    `cbor:"1,keyasint" json:"id"`
	At time.Time `cbor:"2,keyasint" json:"created_at"`
	// Actor is who did it: "operator", "system", "token:…", "agent:…", "requester:…".
	Actor string `cbor:"3,keyasint,omitempty" json:"actor"`
	// Action is what was done: "tenant.created", "key.rotated", …
	Action string `cbor:"4,keyasint" json:"action"`
	// Object is what it was done to.
	Object string `cbor:"5,keyasint,omitempty" json:"object"`
	Detail string `cbor:"6,keyasint,omitempty" json:"detail"`
	IP     string `cbor:"7,keyasint,omitempty" json:"ip,omitempty"`
}

// Record writes an event in a tenant's transaction. ID and time are filled in.
func Record(tx *storage.Tx, e Event) error { panic("not yet") }

// AuditPage is a part of the audit log, newest first. Next is empty on the last page.
type AuditPage struct {
	Events []Event
	Next   string
}

// Audit lists the tenant's audit log from a cursor on, "" being the newest entry. A FieldErrors: the cursor is not one.
func (r *Registry) Audit(ctx context.Context, id ID, cursor string, limit int) (AuditPage, error) {
	panic("not yet")
}

// Log records an event that has no transaction of its own.
func (r *Registry) Log(ctx context.Context, id ID, e Event) error { panic("not yet") }
