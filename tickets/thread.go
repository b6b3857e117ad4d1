package tickets

import (
	"context"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// CommentPage is a part of a ticket's comments, oldest first. Next is empty on the last page.
type CommentPage struct {
	Comments []Comment
	Next     string
}

// Comments lists the comments that the actor may read, from a cursor on. At most 100 at once; limit 0: 25.
func (d *Desk) Comments(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int) (CommentPage, error) {
	return d.comments(ctx, tn, a, r, cursor, limit, reading{})
}

// DeletedComments is Comments that gives staff those of deleted tickets, too.
func (d *Desk) DeletedComments(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int) (CommentPage, error) {
	return d.comments(ctx, tn, a, r, cursor, limit, reading{deleted: true})
}

// LastComments is Comments from the end: without a cursor the newest ones, and Next leads to those before them. Each page is
// oldest first as well.
func (d *Desk) LastComments(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int) (CommentPage, error) {
	return d.comments(ctx, tn, a, r, cursor, limit, reading{back: true})
}

// reading is how a ticket's thread or history is read.
type reading struct {
	// back: from the end. deleted: also that of a deleted ticket.
	back, deleted bool
}

func (d *Desk) comments(ctx context.Context, tn *tenant.Tenant, a Actor, r Ref, cursor string, limit int, how reading) (CommentPage, error) {
	limit = clampLimit(limit)
	var page CommentPage
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := d.findToRead(tx, tn, a, r, how.deleted)
		if err != nil {
			return err
		}
		list := threadOf("comments", t.ID)
		if how.back {
			list = threadOf("last comments", t.ID)
		}
		from, err := openCursor(cursor, list)
		if err != nil {
			return err
		}
		page = CommentPage{}
		if page.Comments, err = readComments(tx, a, &t, from, limit+1, how.back); err != nil {
			return err
		}
		if t.foreign(a) {
			discreet(a, page.Comments)
		}
		if len(page.Comments) > limit {
			page.Comments = page.Comments[:limit]
			page.Next = place{id: parseID(commentPrefix, page.Comments[limit-1].ID)}.seal(list)
		}
		if how.back {
			slices.Reverse(page.Comments)
		}
		return nil
	})
	return page, err
}

// readComments reads at least n of the comments that the actor may read, if there are so many, in the order in which they
// were written, or back. Most threads are short: staff's reading is then one range instead of one for each visibility.
func readComments(tx *storage.Tx, a Actor, t *Ticket, from *place, n int, back bool) ([]Comment, error) {
	all, complete, err := []Comment{}, false, error(nil)
	if a.Staff() && from == nil {
		all, complete, err = scanComments(tx, all, storage.Range{Prefix: newest(nil, t.ulid()), Limit: n, Reverse: back})
	}
	if complete || err != nil {
		return chronicle(all, back), err
	}
	all = all[:0]
	readable := []Visibility{Public}
	if a.Staff() {
		readable = append(readable, Internal)
	}
	for _, v := range readable {
		rg := behind(commentsOf(t.ulid(), v), from, n)
		rg.Reverse = back
		if all, _, err = scanComments(tx, all, rg); err != nil {
			return nil, err
		}
	}
	return chronicle(all, back), nil
}

// scanComments adds the comments of a range, and says whether these are fewer than its limit.
func scanComments(tx *storage.Tx, all []Comment, r storage.Range) (_ []Comment, complete bool, err error) {
	before := len(all)
	for c, err := range commentTable.Scan(tx, r) {
		if err != nil {
			return nil, false, err
		}
		all = append(all, c)
	}
	return all, len(all)-before < r.Limit, nil
}

// chronicle sorts comments as they were written, or back.
func chronicle(all []Comment, back bool) []Comment {
	slices.SortFunc(all, func(x, y Comment) int {
		if back {
			x, y = y, x
		}
		return strings.Compare(x.ID, y.ID)
	})
	return all
}
