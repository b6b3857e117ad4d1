package mail

import (
	"context"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbox"
)

// Undelivered is a letter that was given up.
type Undelivered struct {
	Kind Kind
	To   string
	// Reason is why, in one line and without secrets: what the server said, or what is wrong with the letter.
	Reason string
	At     time.Time
}

// Undelivered are the letters of a tenant's that were given up within the last 30 days, the last one first, at most so many.
func (p *Post) Undelivered(ctx context.Context, t *tenant.Tenant, most int) (all []Undelivered, err error) {
	if p == nil {
		return nil, nil
	}
	err = p.config.Store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		dead, err := letters.Dead(tx, most)
		all = nil
		for i := range dead {
			d := &dead[i]
			all = append(all, Undelivered{Kind: d.Payload.Kind, To: d.Payload.To, Reason: d.Reason, At: d.DeadAt})
		}
		return err
	})
	return all, err
}

// giveUp tells the tenant that a letter was not delivered, and takes out of it what opens doors.
func (p *Post) giveUp(tx *storage.Tx, i *outbox.Item[letter], cause error) error {
	if p.config.Failed != nil {
		if err := p.config.Failed(tx, i.Payload.whole(i.Expires), cause); err != nil {
			return err
		}
	}
	i.Payload.Fields = nil
	return tenant.Record(tx, tenant.Event{
		Actor: "system", Action: "mail.failed", Object: i.Payload.To, Detail: string(i.Payload.Kind) + ": " + cause.Error(),
	})
}
