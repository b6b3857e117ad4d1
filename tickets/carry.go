package tickets

import (
	"context"
	"errors"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
)

const (
	// carryComments, carryFiles and carryBytes are what one transaction brings over from a merged ticket, well below what the store allows.
	carryComments = 50
	carryFiles    = 60
	carryBytes    = 256 << 10
)

// carry brings the thread of a merged ticket over, in as many transactions as that takes. What is interrupted is due, and
// Run goes on with it.
func (d *Desk) carry(ctx context.Context, tn *tenant.Tenant, source Ref) error {
	for more := true; more; {
		err := d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
			more, err = d.carryOn(tx, tn, source)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// carryOn brings some of the thread over and says whether there is more.
func (d *Desk) carryOn(tx *storage.Tx, tn *tenant.Tenant, source Ref) (more bool, err error) {
	stub, err := load(tx, source)
	if err != nil || !stub.Moving {
		return false, err
	}
	target, err := ticketTable.Get(tx, newest(nil, parseID(ticketPrefix, stub.MergedInto)))
	gone := errors.Is(err, storage.ErrNotFound)
	if err != nil && !gone {
		return false, err
	}
	next := stub
	if !stub.Apart { // they go with the description
		next.Files = nil
	}
	if !gone {
		load, err := unload(tx, &stub)
		if err != nil {
			return false, err
		}
		if err := d.unloadInto(tx, load, &stub, &target); err != nil {
			return false, err
		}
		if more = load.more; more {
			next.MovedTo = load.lastPublic
			return true, ticketTable.Replace(tx, &stub, &next)
		}
	}
	next.Moving, next.MovedTo = false, ""
	if err := d.schedule(tx, tn, &next); err != nil {
		return false, err
	}
	if err := save(tx, &stub, &next); err != nil {
		return false, err
	}
	return false, forget(tx, &stub)
}

// freight is a part of a merged ticket's thread.
type freight struct {
	comments   []Comment
	lastPublic string // the last public comment that was copied: see Ticket.MovedTo
	more       bool
}

// unload takes the next comments of a merged ticket. The first one is its description. Those that its requester is to go on
// reading there are left.
func unload(tx *storage.Tx, stub *Ticket) (*freight, error) {
	f := &freight{lastPublic: stub.MovedTo}
	size, files := 0, 0
	if stub.MovedTo == "" {
		f.comments = append(f.comments, stub.opening())
		size, files, f.lastPublic = len(stub.Description), len(stub.Files), commentPrefix
	}
	for _, v := range []Visibility{Public, Internal} {
		kept := stub.Apart && v == Public
		r := storage.Range{Prefix: commentsOf(stub.ulid(), v), Limit: carryComments + 1}
		if last := parseID(commentPrefix, stub.MovedTo); kept && !last.IsZero() {
			r.After = oldest(commentsOf(stub.ulid(), v), last)
		}
		for c, err := range commentTable.Scan(tx, r) {
			if err != nil {
				return nil, err
			}
			size, files = size+len(c.Body), files+len(c.Files)
			if len(f.comments) >= carryComments || (size > carryBytes || files > carryFiles) && len(f.comments) > 0 {
				f.more = true
				return f, nil
			}
			f.comments = append(f.comments, c)
			if kept {
				f.lastPublic = c.ID
			}
		}
	}
	return f, nil
}

// opening is the ticket's description as a comment. Its ID is made of the ticket's, so that it is written once. What the node said by
// itself is as much an internal matter as its comments are.
func (t *Ticket) opening() Comment {
	c := Comment{
		ID: commentPrefix + t.ulid().String(), TicketID: t.ID, Body: t.Description, Visibility: Public, CreatedAt: t.Asked(), Files: t.Files,
		Author: Author{Role: "system"},
	}
	if t.ByNode() {
		c.Author.Name = NodeName
		if !t.Apart { // else it becomes that, and its files are still left with the ticket
			c.Visibility = Internal
		}
	}
	if p := t.Requester; p != nil {
		c.Author = Author{ID: p.ID, Name: p.Name, Email: p.Email, Role: "requester"}
	}
	return c
}

// bringFiles gives a comment that was brought over its files: those that it had or, where the merged ticket keeps it too, files
// of its own with the same content.
func (d *Desk) bringFiles(tx *storage.Tx, c *Comment, left bool) (err error) {
	place := file.Place{TicketID: c.TicketID, CommentID: c.ID, Internal: c.Visibility == Internal}
	if left {
		c.Files, err = d.files.Copy(tx, c.Files, place)
		return err
	}
	return file.Move(tx, c.Files, place)
}

// unloadInto writes the comments into the other ticket.
func (d *Desk) unloadInto(tx *storage.Tx, f *freight, stub, target *Ticket) error {
	was, err := documentTable.Get(tx, newest(nil, target.ulid()))
	if err != nil {
		return err
	}
	doc := was
	for _, c := range f.comments {
		left := stub.Apart && c.Visibility == Public
		if !left {
			if err := commentTable.Delete(tx, commentKey(&c)); err != nil {
				return err
			}
		}
		c.TicketID = target.ID
		if c.From == 0 {
			c.From = stub.Number
		}
		if stub.Apart {
			c.Visibility = Internal
		}
		if err := d.bringFiles(tx, &c, left); err != nil {
			return err
		}
		if err := commentTable.Put(tx, &c); err != nil {
			return err
		}
		doc.read(c.Body, c.Visibility)
		doc.attach(len(c.Files) > 0, c.Visibility)
	}
	return documentTable.Replace(tx, &was, &doc)
}

// forget takes the words that went with the thread away from what the stub is found by.
func forget(tx *storage.Tx, stub *Ticket) error {
	was, err := documentTable.Get(tx, newest(nil, stub.ulid()))
	if err != nil {
		return err
	}
	doc := was
	doc.Internal, doc.Notes = nil, false
	if !stub.Apart {
		doc.Public, doc.Files = nil, false
	}
	return documentTable.Replace(tx, &was, &doc)
}
