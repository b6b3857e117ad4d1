package tickets

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
)

// Keep keeps the bytes of a file for a moment: Upload makes it the actor's. The errors are those of file.Store's Put.
func (d *Desk) Keep(ctx context.Context, tn *tenant.Tenant, a Actor, name string, r io.Reader) (file.Loose, error) {
	if !a.known() {
		return file.Loose{}, ErrNotFound
	}
	return d.files.Put(ctx, tn, name, r)
}

// Release removes files that were kept and that nobody will upload.
func (d *Desk) Release(tn *tenant.Tenant, kept []file.Loose) error { return d.files.Release(tn, kept) }

// Upload makes files that were kept the actor's, who can attach them to what they write within a day. All or none.
func (d *Desk) Upload(ctx context.Context, tn *tenant.Tenant, a Actor, kept []file.Loose) ([]file.Info, error) {
	if !a.known() {
		return nil, ErrNotFound
	}
	added, err := d.files.Add(ctx, tn, a.uploader(), kept)
	infos := make([]file.Info, len(added))
	for i := range added {
		infos[i] = added[i].Info()
	}
	return infos, err
}

// Uploads returns those of some files that the actor has uploaded and not attached yet, in the order of ids.
func (d *Desk) Uploads(ctx context.Context, tn *tenant.Tenant, a Actor, ids []string) ([]file.Info, error) {
	var infos []file.Info
	if !a.known() || len(ids) == 0 {
		return nil, nil
	}
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		infos = infos[:0]
		for _, id := range ids[:min(len(ids), file.MaxPerMessage)] {
			f, err := file.Find(tx, id)
			if errors.Is(err, file.ErrNotFound) || err == nil && (f.Used() || f.Owner != a.uploader()) {
				continue
			}
			if err != nil {
				return err
			}
			infos = append(infos, f.Info())
		}
		return nil
	})
	return infos, err
}

// Unused are all files that the actor has uploaded and not attached yet.
func (d *Desk) Unused(ctx context.Context, tn *tenant.Tenant, a Actor) ([]file.Info, error) {
	infos := []file.Info{}
	if !a.known() {
		return infos, nil
	}
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		infos = infos[:0]
		return file.EachBy(tx, a.uploader(), func(f *file.File) error {
			if !f.Used() {
				infos = append(infos, f.Info())
			}
			return nil
		})
	})
	return infos, err
}

// File returns a file that the actor may read: one of a ticket that they may read, but for those of internal comments, which are
// staff's, or one that they have uploaded and not attached yet. ErrNotFound for all others.
func (d *Desk) File(ctx context.Context, tn *tenant.Tenant, a Actor, id string) (file.File, error) {
	var f file.File
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		f, err = d.findFile(tx, tn, a, id)
		return err
	})
	if err != nil {
		return file.File{}, err
	}
	return f, nil
}

func (d *Desk) findFile(tx *storage.Tx, tn *tenant.Tenant, a Actor, id string) (file.File, error) {
	f, err := file.Find(tx, id)
	switch {
	case errors.Is(err, file.ErrNotFound), err == nil && f.Internal && !a.Staff():
		return f, ErrNotFound
	case err != nil:
		return f, err
	case !f.Used() && (!a.known() || f.Owner != a.uploader()):
		return f, ErrNotFound
	case !f.Used():
		return f, nil
	}
	ref, err := ParseRef(f.TicketID)
	if err != nil {
		return f, err
	}
	_, err = d.findToRead(tx, tn, a, ref, a.Staff())
	return f, err
}

// OpenFile returns the bytes of a file that File has returned. The caller closes it.
func (d *Desk) OpenFile(ctx context.Context, f *file.File) (io.ReadSeekCloser, error) {
	return d.files.Open(ctx, f)
}

// RemoveFile removes a file: whoever uploaded it as long as it is not attached, staff also from a ticket, whose history says
// so. ErrNotFound, ErrNotAllowed.
func (d *Desk) RemoveFile(ctx context.Context, tn *tenant.Tenant, a Actor, id string) error {
	return d.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		f, err := d.findFile(tx, tn, a, id)
		if err != nil {
			return err
		}
		if f.Used() && !a.Staff() {
			return fmt.Errorf("%w: what is attached stays", ErrNotAllowed)
		}
		if err := d.files.Remove(tx, id); err != nil || !f.Used() {
			return err
		}
		return d.forget(tx, tn, a, &f)
	})
}

// forget takes a removed file out of its message.
func (d *Desk) forget(tx *storage.Tx, tn *tenant.Tenant, a Actor, f *file.File) error {
	old, err := load(tx, Ref{id: parseID(ticketPrefix, f.TicketID)})
	if err != nil {
		return err
	}
	t := old
	if f.CommentID == "" {
		t.Files = replaced(t.Files, f.ID, nil)
	} else if err := changeInComment(tx, f, nil); err != nil {
		return err
	}
	t.Version++
	t.UpdatedAt = later(old.UpdatedAt)
	if err := save(tx, &old, &t); err != nil {
		return err
	}
	if err := recount(tx, &t); err != nil {
		return err
	}
	changes := []FieldChange{{Field: "attachment", From: f.Name}}
	e := Event{Type: TicketUpdated, Actor: a.author(), Changes: changes}
	if f.Internal {
		e.Visibility = Internal
	}
	return d.record(tx, tn, Happening{Event: e, Before: &old, After: &t})
}

// recount writes down whether the ticket has files still.
func recount(tx *storage.Tx, t *Ticket) error {
	const enough = 1000
	left, err := file.Of(tx, t.ID, enough)
	if err != nil {
		return err
	}
	was, err := documentTable.Get(tx, newest(nil, t.ulid()))
	if err != nil {
		return err
	}
	doc := was
	doc.Files, doc.Notes = false, false
	for i := range left {
		doc.Files, doc.Notes = doc.Files || !left[i].Internal, doc.Notes || left[i].Internal
	}
	return documentTable.Replace(tx, &was, &doc)
}

// changeInComment changes what a comment says of one of its files; nil takes it out.
func changeInComment(tx *storage.Tx, f *file.File, is *file.Info) error {
	c := Comment{ID: f.CommentID, TicketID: f.TicketID, Visibility: Public}
	if f.Internal {
		c.Visibility = Internal
	}
	c, err := commentTable.Get(tx, commentKey(&c))
	if err != nil {
		return err
	}
	c.Files = replaced(c.Files, f.ID, is)
	return commentTable.Put(tx, &c)
}

// replaced are the files with another in the place of one of them, or without that one.
func replaced(files []file.Info, id string, is *file.Info) []file.Info {
	var out []file.Info
	for _, f := range files {
		switch {
		case f.ID != id:
			out = append(out, f)
		case is != nil:
			out = append(out, *is)
		}
	}
	return out
}

// attach makes files of the actor's part of a message that is being written.
func attach(tx *storage.Tx, a Actor, ids []string, to file.Place) ([]file.Info, error) {
	infos, err := file.Attach(tx, a.uploader(), ids, to)
	_, tooMany := errors.AsType[*file.LimitError](err)
	switch {
	case tooMany:
		return nil, tenant.FieldErrors{"attachment_ids": {fmt.Sprintf("There must not be more than %d attachments.", file.MaxPerMessage)}}
	case errors.Is(err, file.ErrNotFound):
		return nil, tenant.FieldErrors{"attachment_ids": {"There is no attachment with this id, or it has been used already."}}
	}
	return infos, err
}

// uploader is what the files that the actor uploads are known by. It is empty for nobody.
func (a Actor) uploader() string {
	switch a.kind {
	case KindAgent, KindAdmin:
		return "agent:" + a.person.ID
	case KindToken:
		return "token:" + a.person.ID
	case KindSystem:
		return "system:" + a.person.Name
	case KindRequester, KindVisitor:
	}
	return owner(a.person)
}
