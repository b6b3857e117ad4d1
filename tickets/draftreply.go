package tickets

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// DraftReply is what an agent has begun to write in a ticket and not sent. Nobody else sees it.
type DraftReply struct {
	TicketID string   `cbor:"1,keyasint"`
	AgentID  string   `cbor:"2,keyasint"`
	Body     string   `cbor:"3,keyasint,omitempty"`
	Internal bool     `cbor:"4,keyasint,omitempty"`
	Status   Status   `cbor:"5,keyasint,omitempty"` // what the ticket is to become with it, if anything
	Files    []string `cbor:"6,keyasint,omitempty"`
	// SavedAt is when it was kept. Drafts are forgotten 30 days after.
	SavedAt time.Time `cbor:"7,keyasint"`
	// Returned says why a reply that was on its way came back, empty for all others.
	Returned Returned `cbor:"8,keyasint,omitempty"`
	Tags     []string `cbor:"9,keyasint,omitempty"` // that the ticket gets with it
}

const (
	draftKept = 30 * 24 * time.Hour
	maxDrafts = 100 // of one agent: the oldest makes room
)

// A draft lies below its ticket, and goes when that is removed for good.
var (
	draftTable = storage.NewTable(storage.Declaration[DraftReply]{
		ID: 167, Name: "draft replies", Key: func(x *DraftReply) storage.Key {
			return newest(nil, parseID(ticketPrefix, x.TicketID)).Str(x.AgentID)
		},
	})
	draftsByAgent = storage.NewIndex(draftTable, 1, func(x *DraftReply) []storage.Key {
		return []storage.Key{storage.Key(nil).Str(x.AgentID).Time(x.SavedAt)}
	}, func(*DraftReply) storage.Bare { return storage.Bare{} })
	draftsByAge = storage.NewIndex(draftTable, 2, func(x *DraftReply) []storage.Key {
		return []storage.Key{storage.Key(nil).Time(x.SavedAt)}
	}, func(*DraftReply) storage.Bare { return storage.Bare{} })
)

// DraftReply returns what the actor has begun to write in a ticket; ErrNotFound: nothing.
func (d *Desk) DraftReply(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref) (x DraftReply, err error) {
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := d.workOn(tx, a, r)
		if err != nil {
			return err
		}
		x, err = draftTable.Get(tx, newest(nil, t.ulid()).Str(a.person.ID))
		if errors.Is(err, storage.ErrNotFound) {
			return ErrNotFound
		}
		return err
	})
	return x, err
}

// KeepDraft keeps what the actor has begun to write in a ticket in the place of what was kept before. One without text and
// files is none any more. Agents only.
func (d *Desk) KeepDraft(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, x DraftReply) error {
	if len(x.Body) > MaxBody || !utf8.ValidString(x.Body) || strings.ContainsRune(x.Body, 0) || len(x.Files) > maxDraftFiles {
		return tenant.FieldErrors{"body": {"The draft is too long, or no text."}}
	}
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := d.workOn(tx, a, r)
		if err != nil {
			return err
		}
		x.TicketID, x.AgentID, x.SavedAt = t.ID, a.person.ID, now()
		return keepDraft(tx, &x)
	})
}

// maxDraftFiles is how many files a draft can have: as many as a message.
const maxDraftFiles = 20

func keepDraft(tx *storage.Tx, x *DraftReply) error {
	key := newest(nil, parseID(ticketPrefix, x.TicketID)).Str(x.AgentID)
	if strings.TrimSpace(x.Body) == "" && len(x.Files) == 0 {
		return draftTable.Delete(tx, key)
	}
	if has, err := draftTable.Has(tx, key); err != nil {
		return err
	} else if !has {
		if err := makeRoom(tx, x.AgentID); err != nil {
			return err
		}
	}
	return draftTable.Put(tx, x)
}

// makeRoom forgets the oldest of an agent's drafts where there are too many for one more.
func makeRoom(tx *storage.Tx, agent string) error {
	var oldest storage.Key
	n := 0
	for e, err := range draftsByAgent.Scan(tx, storage.Range{Prefix: storage.Key(nil).Str(agent), Limit: maxDrafts}) {
		if err != nil {
			return err
		}
		if n++; n == 1 {
			oldest = e.Primary
		}
	}
	if n < maxDrafts {
		return nil
	}
	return draftTable.Delete(tx, oldest)
}

// dropDraft forgets what an agent has begun to write in a ticket.
func dropDraft(tx *storage.Tx, t *Ticket, agent string) error {
	return draftTable.Delete(tx, newest(nil, t.ulid()).Str(agent))
}

// forgetDrafts forgets the drafts that are too old.
func (d *Desk) forgetDrafts(ctx context.Context, tn *tenant.Tenant, at time.Time) error {
	for n := purgePage; n == purgePage; {
		err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
			var old []storage.Key
			to := storage.Key(nil).Time(at.Add(-draftKept))
			for e, err := range draftsByAge.Scan(tx, storage.Range{To: to, Limit: purgePage}) {
				if err != nil {
					return err
				}
				old = append(old, e.Primary)
			}
			n = len(old)
			for _, k := range old {
				if err := draftTable.Delete(tx, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
