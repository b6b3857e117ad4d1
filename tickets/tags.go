package tickets

import (
	"context"
	"fmt"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Tags lists the tags that tickets in the lists have, from A to Z, at most that many. Each costs as much whether one ticket has it or a
// million. Staff only.
func (d *Desk) Tags(ctx context.Context, tn *tenant.Tenant, a Actor, most int) ([]string, error) {
	if !a.Staff() {
		return nil, fmt.Errorf("%w: tags are staff's", ErrNotAllowed)
	}
	var tags []string
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		tags = tags[:0]
		for last := ""; len(tags) < most; tags = append(tags, last) {
			next, err := nextTag(tx, last)
			if next == "" || err != nil {
				return err
			}
			last = next
		}
		return nil
	})
	return tags, err
}

// nextTag is the first tag behind another one; empty: there is none. The ticket of the index' first row behind it has it, and none between.
func nextTag(tx *storage.Tx, last string) (string, error) {
	behind := storage.Range{From: storage.Key(nil).Str(last + "\x00"), Limit: 1}
	for e, err := range byTag.Scan(tx, behind) {
		if err != nil {
			return "", err
		}
		t, err := ticketTable.Get(tx, e.Primary)
		if err != nil {
			return "", err
		}
		next := ""
		for _, tag := range t.Tags {
			if tag > last && (next == "" || tag < next) {
				next = tag
			}
		}
		return next, nil
	}
	return "", nil
}
