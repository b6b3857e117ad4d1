package file

import (
	"context"
	"errors"
	"slices"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Place is what a file is part of: a ticket's description, or one of its comments.
type Place struct {
	TicketID  string
	CommentID string // empty for the description
	Internal  bool   // only staff may read it
}

// Attach makes files that the owner has uploaded part of a message, in the transaction that writes it. ErrNotFound: one of them
// is not there, is somebody else's, or is part of another message already. *LimitError: they are too many.
func Attach(tx *storage.Tx, owner string, ids []string, to Place) ([]Info, error) {
	var infos []Info
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		if len(infos) == MaxPerMessage {
			return nil, &LimitError{Limit: "count", Most: MaxPerMessage}
		}
		f, err := Find(tx, id)
		if err != nil {
			return nil, err
		}
		if f.Used() || f.Owner != owner {
			return nil, ErrNotFound
		}
		old := f
		f.TicketID, f.CommentID, f.Internal = to.TicketID, to.CommentID, to.Internal
		if err := fileTable.Replace(tx, &old, &f); err != nil {
			return nil, err
		}
		infos = append(infos, f.Info())
	}
	return infos, nil
}

// Move makes files that are used part of another message, as when tickets are merged. One that is not there any more is passed
// over.
func Move(tx *storage.Tx, files []Info, to Place) error {
	for _, i := range files {
		f, err := Find(tx, i.ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		old := f
		f.TicketID, f.CommentID, f.Internal = to.TicketID, to.CommentID, to.Internal
		if err := fileTable.Replace(tx, &old, &f); err != nil {
			return err
		}
	}
	return nil
}

// Copy makes files of the same content part of another message.
func (s *Store) Copy(tx *storage.Tx, files []Info, to Place) ([]Info, error) {
	var copies []Info
	var bytes int64
	for _, i := range files {
		f, err := Find(tx, i.ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		f.ID, f.TicketID, f.CommentID, f.Internal = newID(f.CreatedAt), to.TicketID, to.CommentID, to.Internal
		if err := errors.Join(s.store.Blobs().Ref(tx, f.sum()), fileTable.Insert(tx, &f)); err != nil {
			return nil, err
		}
		copies, bytes = append(copies, f.Info()), bytes+f.Size
	}
	if len(copies) == 0 {
		return nil, nil
	}
	return copies, room(tx, int64(len(copies)), bytes, 0)
}

// Of returns at most limit files of a ticket.
func Of(tx *storage.Tx, ticketID string, limit int) ([]File, error) {
	return below(tx, byTicket, ticketID, limit)
}

// Remove forgets one file. ErrNotFound: it is not there.
func (s *Store) Remove(tx *storage.Tx, id string) error {
	f, err := Find(tx, id)
	if err != nil {
		return err
	}
	return s.remove(tx, []File{f})
}

// RemoveOf forgets at most limit files of a ticket, and says how many these were: fewer than limit are the last.
func (s *Store) RemoveOf(tx *storage.Tx, ticketID string, limit int) (int, error) {
	gone, err := below(tx, byTicket, ticketID, limit)
	return len(gone), errors.Join(err, s.remove(tx, gone))
}

// RemoveBy forgets at most limit files that an owner has uploaded, used or not, and returns them: fewer than limit are the last.
// The messages that they were part of are the caller's to change.
func (s *Store) RemoveBy(tx *storage.Tx, owner string, limit int) ([]File, error) {
	gone, err := below(tx, byOwner, owner, limit)
	return gone, errors.Join(err, s.remove(tx, gone))
}

// EachBy calls fn with every file that an owner has uploaded, used or not.
func EachBy(tx *storage.Tx, owner string, fn func(*File) error) error {
	for f, err := range byOwner.Records(tx, storage.Range{Prefix: storage.Key(nil).Str(owner)}) {
		if err != nil {
			return err
		}
		if err := fn(&f); err != nil {
			return err
		}
	}
	return nil
}

// Hand makes what one owner has uploaded another's.
func (s *Store) Hand(ctx context.Context, tn *tenant.Tenant, from, to string) error {
	const some = 100
	if from == to || from == "" || to == "" {
		return nil
	}
	for n := some; n == some; {
		err := s.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
			all, err := below(tx, byOwner, from, some)
			if err != nil {
				return err
			}
			n = len(all)
			for _, f := range all {
				old := f
				f.Owner = to
				if err := fileTable.Replace(tx, &old, &f); err != nil {
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

// below are at most limit files that an index has under a name.
func below(tx *storage.Tx, ix *storage.Index[File, storage.Bare], name string, limit int) ([]File, error) {
	var files []File
	for f, err := range ix.Records(tx, storage.Range{Prefix: storage.Key(nil).Str(name), Limit: limit}) {
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// AddTo makes loose files part of a message at once, as when one is imported.
func (s *Store) AddTo(tx *storage.Tx, owner string, loose []Loose, to Place) ([]Info, error) {
	var infos []Info
	var bytes int64
	for _, l := range loose {
		at := now()
		f := File{
			ID: newID(at), Name: l.Name, Type: l.Type, Size: l.Size, Sum: l.sum[:], Owner: owner, CreatedAt: at,
			TicketID: to.TicketID, CommentID: to.CommentID, Internal: to.Internal,
		}
		if err := errors.Join(s.store.Blobs().Ref(tx, l.sum), fileTable.Insert(tx, &f)); err != nil {
			return nil, err
		}
		infos, bytes = append(infos, f.Info()), bytes+f.Size
		tx.OnCommit(func() { s.loose.add(tenant.ID(tx.Scope().ID()), -l.Size) })
	}
	if len(infos) == 0 {
		return nil, nil
	}
	return infos, room(tx, int64(len(infos)), bytes, 0)
}
