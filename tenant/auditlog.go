package tenant

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// AuditQuery selects events. The zero AuditQuery is all of them.
type AuditQuery struct {
	// Actor is who did it, whole or as a kind: "agent:" is every agent. Action likewise: "session." is whatever has to do with
	// sessions.
	Actor, Action string
	// Since and Until bound the time: from Since on, and before Until. Zero: no bound.
	Since, Until time.Time
	// Cursor is where a page before ended; empty: the newest.
	Cursor string
	// Limit is the length of the page; 0: as long as a page can be.
	Limit int
}

// AuditPage is a part of the audit log, newest first. Next is empty on the last page; a page may be short, and even empty, and
// have a next one.
type AuditPage struct {
	Events []Event
	Next   string
}

const (
	maxAuditPage = 100
	maxAuditRows = 5000 // looked at for one page
)

// Audit lists the tenant's audit log from a cursor on, "" being the newest entry. A FieldErrors: the cursor is not one.
func (r *Registry) Audit(ctx context.Context, id ID, cursor string, limit int) (AuditPage, error) {
	return r.SearchAudit(ctx, id, AuditQuery{Cursor: cursor, Limit: limit})
}

// SearchAudit lists the events of a tenant that a query selects. A FieldErrors: the cursor is not one.
func (r *Registry) SearchAudit(ctx context.Context, id ID, q AuditQuery) (AuditPage, error) {
	if q.Limit < 1 || q.Limit > maxAuditPage {
		q.Limit = maxAuditPage
	}
	rg, err := q.rows()
	if err != nil {
		return AuditPage{}, err
	}
	page := AuditPage{}
	err = r.store.View(ctx, storage.Within(string(id)), func(tx *storage.Tx) error {
		page = AuditPage{Events: []Event{}}
		n, last := 0, storage.Key(nil)
		for e, err := range auditTable.Scan(tx, rg) {
			switch {
			case err != nil:
				return err
			case !q.Since.IsZero() && e.At.Before(q.Since):
				return nil // and so are all behind it
			case len(page.Events) == q.Limit || n == maxAuditRows:
				page.Next = base64.RawURLEncoding.EncodeToString(last)
				return nil
			}
			if n++; q.selects(&e) {
				page.Events = append(page.Events, e)
			}
			last = eventKey(&e)
		}
		return nil
	})
	return page, err
}

// rows are those behind the cursor, and not newer than Until.
func (q *AuditQuery) rows() (storage.Range, error) {
	rg := storage.Range{}
	if !q.Until.IsZero() {
		rg.From = storage.Key(nil).TimeDesc(q.Until.Add(-1))
	}
	if q.Cursor == "" {
		return rg, nil
	}
	after, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	parts := storage.Key(after).Parts()
	parts.TimeDesc()
	parts.Str()
	if err != nil || parts.Err() != nil || parts.More() {
		return rg, FieldErrors{"cursor": {"This is no cursor of the audit log."}}
	}
	rg.After = after
	return rg, nil
}

func (q *AuditQuery) selects(e *Event) bool {
	return named(e.Actor, q.Actor, ":") && named(e.Action, q.Action, ".")
}

// named says whether something has a name, or is of the kind that is wanted.
func named(name, want, mark string) bool {
	return want == "" || name == want || strings.HasSuffix(want, mark) && strings.HasPrefix(name, want)
}

// trimAudits removes the oldest events of tenants that have too many, now and then until ctx ends. Those that are too old go by
// themselves.
func (r *Registry) trimAudits(ctx context.Context) {
	const pause = 6 * time.Hour
	for {
		for _, t := range r.directory.Tenants() {
			if err := r.TrimAudit(ctx, t.ID, AuditSize); err != nil && ctx.Err() == nil && !errors.Is(err, storage.ErrErased) {
				r.directory.log.WarnContext(ctx, "an audit log cannot be shortened", slog.String("tenant", t.Slug), slog.Any("error", err))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// TrimAudit removes the oldest events of a tenant beyond so many.
func (r *Registry) TrimAudit(ctx context.Context, id ID, keep int) error {
	const page = 5000
	sc := storage.Within(string(id))
	var after storage.Key
	for kept := 0; kept < keep; {
		last, n, err := r.passEvents(ctx, sc, storage.Range{After: after, Limit: min(page, keep-kept)})
		if err != nil || n == 0 {
			return err
		}
		kept, after = kept+n, last
	}
	for {
		const some = 500
		n := 0
		err := r.store.Update(ctx, sc, func(tx *storage.Tx) (err error) {
			n, err = dropEvents(tx, storage.Range{After: after, Limit: some})
			return err
		})
		if err != nil || n < some {
			return err
		}
	}
}

// dropEvents removes the events of a range and says how many they were.
func dropEvents(tx *storage.Tx, rg storage.Range) (int, error) {
	var old []storage.Key
	for key, err := range auditTable.Keys(tx, rg) {
		if err != nil {
			return 0, err
		}
		old = append(old, key)
	}
	for _, key := range old {
		if err := auditTable.Delete(tx, key); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// passEvents counts the events of a range and says which is the last.
func (r *Registry) passEvents(ctx context.Context, sc storage.Scope, rg storage.Range) (last storage.Key, n int, err error) {
	err = r.store.View(ctx, sc, func(tx *storage.Tx) error {
		last, n = nil, 0
		for key, err := range auditTable.Keys(tx, rg) {
			if err != nil {
				return fmt.Errorf("count events: %w", err)
			}
			last, n = key, n+1
		}
		return nil
	})
	return last, n, err
}
