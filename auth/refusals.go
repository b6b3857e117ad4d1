package auth

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// How many events of a kind the audit log of a tenant gets in an hour of what anybody can bring about: else a stranger could
// fill the disk, or bury under them what matters. One address alone can't use up what there is.
const (
	refusalsNoted      = 50
	refusalsNotedPerIP = 20
)

// Refusals has the audit log list what was refused at the doors. It is safe for concurrent use.
type Refusals struct {
	store  *storage.Store
	limits *limit.Limits
	log    *slog.Logger
}

// Note lists a refusal, as long as there are not too many with the same action. It says whether it did: the visitor gets the
// same answer in any case. Nil for the tenant: whom it was tried with is not known, and nobody is told.
func (f *Refusals) Note(ctx context.Context, t *tenant.Tenant, action, object, detail string, c Client) (listed bool) {
	if t == nil {
		return false
	}
	kind := string(t.ID) + " " + action
	own := f.limits.Take(ctx, limit.Bucket{Name: "refusals-noted-ip", Limit: refusalsNotedPerIP, Period: time.Hour}, kind+" "+limit.IP(c.IP))
	if own.Reached {
		return false
	}
	all := f.limits.Take(ctx, limit.Bucket{Name: "refusals-noted", Limit: refusalsNoted, Period: time.Hour}, kind)
	if all.Reached {
		return false
	}
	switch {
	case all.Remaining == 0:
		detail += "; more in this hour are not listed"
	case own.Remaining == 0:
		detail += "; more from this address in this hour are not listed"
	}
	e := tenant.Event{Actor: "nobody", Action: action, Object: object, Detail: detail, IP: c.Address()}
	err := f.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error { return tenant.Record(tx, e) })
	if err != nil && ctx.Err() == nil {
		f.log.WarnContext(ctx, "a refusal is missing in the audit log", slog.Any("error", err))
	}
	return err == nil
}

// used lists that a partner's key or token was used at a door, once a day.
func (f *Refusals) used(ctx context.Context, t *tenant.Tenant, p proof, door string, c Client) {
	s := f.limits.Take(ctx, limit.Bucket{Name: "key-used", Limit: 1, Period: 24 * time.Hour}, p.Credential)
	if s.Reached {
		return
	}
	e := tenant.Event{
		Actor: "partner", Action: "key.used", Object: strings.TrimPrefix(p.Credential, "key:"+string(t.ID)+":"),
		Detail: door + ", for the first time in 24 hours", IP: c.Address(),
	}
	if err := f.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error { return tenant.Record(tx, e) }); err != nil && ctx.Err() == nil {
		f.log.WarnContext(ctx, "the use of a key is missing in the audit log", slog.Any("error", err))
	}
}
