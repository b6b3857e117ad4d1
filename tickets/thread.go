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
	limit = clampLimit(limit)
	var page CommentPage
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := find(tx, a, r, false)
		if err != nil {
			return err
		}
		list := threadOf("comments", t.ID)
		from, err := openCursor(cursor, list)
		if err != nil {
			return err
		}
		page = CommentPage{Comments: []Comment{}}
		readable := []Visibility{Public}
		if a.Staff() {
			readable = append(readable, Internal)
		}
		for _, v := range readable {
			for c, err := range commentTable.Scan(tx, behind(commentsOf(t.ulid(), v), from, limit+1)) {
				if err != nil {
					return err
				}
				page.Comments = append(page.Comments, c)
			}
		}
		slices.SortFunc(page.Comments, func(x, y Comment) int { return strings.Compare(x.ID, y.ID) })
		if len(page.Comments) > limit {
			page.Comments = page.Comments[:limit]
			page.Next = place{id: parseID(commentPrefix, page.Comments[limit-1].ID)}.seal(list)
		}
		return nil
	})
	return page, err
}
