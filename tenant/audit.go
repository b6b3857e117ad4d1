package tenant

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
)

const (
	maxAuditPage = 100
	maxDetail    = 1000 // bytes
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

var auditTable = storage.NewTable(storage.Declaration[Event]{
	ID: 20, Name: "audit log",
	Key: func(e *Event) storage.Key { return storage.Key(nil).TimeDesc(e.At).Str(e.ID) },
})

// Record writes an event in a tenant's transaction. ID and time are filled in; overlong texts are cut.
func Record(tx *storage.Tx, e Event) error {
	e.ID, e.At = rand.Text(), now()
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

// AuditPage is a part of the audit log, newest first. Next is empty on the last page.
type AuditPage struct {
	Events []Event
	Next   string
}

// Audit lists the tenant's audit log from a cursor on, "" being the newest entry. A FieldErrors: the cursor is not one.
func (r *Registry) Audit(ctx context.Context, id ID, cursor string, limit int) (AuditPage, error) {
	if limit < 1 || limit > maxAuditPage {
		limit = maxAuditPage
	}
	after, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return AuditPage{}, FieldErrors{"cursor": {"This is no cursor of the audit log."}}
	}
	page := AuditPage{Events: []Event{}}
	err = r.store.View(ctx, storage.Within(string(id)), func(tx *storage.Tx) error {
		rg := storage.Range{Limit: limit + 1}
		if len(after) > 0 {
			rg.After = after
		}
		for e, err := range auditTable.Scan(tx, rg) {
			if err != nil {
				return err
			}
			page.Events = append(page.Events, e)
		}
		return nil
	})
	if len(page.Events) > limit {
		page.Events = page.Events[:limit]
		last := page.Events[limit-1]
		page.Next = base64.RawURLEncoding.EncodeToString(storage.Key(nil).TimeDesc(last.At).Str(last.ID))
	}
	return page, err
}

// Log records an event that has no transaction of its own.
func (r *Registry) Log(ctx context.Context, id ID, e Event) error {
	return r.store.Update(ctx, storage.Within(string(id)), func(tx *storage.Tx) error { return Record(tx, e) })
}
