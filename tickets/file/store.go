package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Store keeps the files of every tenant. It is safe for concurrent use.
type Store struct {
	store *storage.Store
	loose looseBytes
}

// New returns the store that keeps its files beside s.
func New(s *storage.Store) *Store { return &Store{store: s} }

// Loose is a file whose bytes are on disk, and which nobody knows of yet. It takes of the tenant's room until
// Add takes it or it is given to Release; after a crash it is removed within a day.
type Loose struct {
	Name, Type string
	Size       int64

	sum storage.Sum
}

// Sum names the content, in hex.
func (l Loose) Sum() string { return l.sum.String() }

// Put keeps what r yields, however large it is, in a few kilobytes of memory. A *LimitError: it is larger than the tenant
// allows, or the tenant's room is used up. ErrEmpty, ErrUnavailable.
func (s *Store) Put(ctx context.Context, tn *tenant.Tenant, name string, r io.Reader) (Loose, error) {
	most := tn.Settings.AttachmentLimit()
	if err := s.hasRoom(ctx, tn); err != nil {
		return Loose{}, err
	}
	l := Loose{Name: CleanName(name)}
	head := make([]byte, sniffed)
	n, err := io.ReadFull(r, head)
	switch {
	case errors.Is(err, io.EOF):
		return Loose{}, ErrEmpty
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return Loose{}, fmt.Errorf("read %q: %w", l.Name, err)
	}
	head = head[:n]
	l.Type = kindOf(head)
	l.sum, l.Size, err = s.store.Blobs().Put(ctx, io.MultiReader(bytes.NewReader(head), r), most)
	if errors.Is(err, storage.ErrTooLarge) {
		return Loose{}, &LimitError{Limit: "size", Most: most}
	}
	if err != nil {
		return Loose{}, err
	}
	s.loose.add(tn.ID, l.Size)
	return l, nil
}

// Release removes loose files that nobody will add.
func (s *Store) Release(tn *tenant.Tenant, loose []Loose) error {
	var errs []error
	for _, l := range loose {
		s.loose.add(tn.ID, -l.Size)
		errs = append(errs, s.store.Blobs().Release(l.sum))
	}
	return errors.Join(errs...)
}

// hasRoom refuses what would only lie about until it is swept.
func (s *Store) hasRoom(ctx context.Context, tn *tenant.Tenant) error {
	most := tn.Settings.AttachmentQuota()
	_, used, err := s.Usage(ctx, tn)
	if err == nil && used+s.loose.of(tn.ID) >= most {
		return &LimitError{Limit: "total", Most: most}
	}
	return err
}

// Add makes loose files the owner's, all of them or, if the tenant's room does not suffice, none (*LimitError). What nobody
// attaches within a day is removed.
func (s *Store) Add(ctx context.Context, tn *tenant.Tenant, owner string, loose []Loose) ([]File, error) {
	if len(loose) > MaxPerMessage {
		return nil, &LimitError{Limit: "count", Most: MaxPerMessage}
	}
	var added []File
	err := s.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		added = make([]File, 0, len(loose))
		var bytes int64
		at := now()
		for _, l := range loose {
			f := File{ID: newID(at), Name: l.Name, Type: l.Type, Size: l.Size, Sum: l.sum[:], Owner: owner, CreatedAt: at}
			if err := errors.Join(s.store.Blobs().Ref(tx, l.sum), fileTable.Insert(tx, &f)); err != nil {
				return err
			}
			bytes += f.Size
			added = append(added, f)
		}
		return room(tx, int64(len(added)), bytes, tn.Settings.AttachmentQuota())
	})
	if err != nil {
		return nil, err
	}
	for _, l := range loose {
		s.loose.add(tn.ID, -l.Size)
	}
	return added, nil
}

// Open returns the file's bytes once it is sure that they are what was uploaded. The caller closes it.
func (s *Store) Open(ctx context.Context, f *File) (io.ReadSeekCloser, error) {
	return s.store.Blobs().Open(ctx, f.sum())
}

// Find returns a file of the transaction's tenant, or ErrNotFound.
func Find(tx *storage.Tx, id string) (File, error) {
	if !valid(id) {
		return File{}, ErrNotFound
	}
	f, err := fileTable.Get(tx, key(id))
	if errors.Is(err, storage.ErrNotFound) {
		return File{}, ErrNotFound
	}
	return f, err
}

// unusedFor is how long a file waits for its message.
const unusedFor = 24 * time.Hour

// Sweep removes what was uploaded a day before at and never used.
func (s *Store) Sweep(ctx context.Context, tn *tenant.Tenant, at time.Time) error {
	const some = 100
	for n := some; n == some; {
		err := s.store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
			var old []File
			r := storage.Range{To: storage.Key(nil).Time(at.Add(-unusedFor)), Limit: some}
			for f, err := range byBirth.Records(tx, r) {
				if err != nil {
					return err
				}
				old = append(old, f)
			}
			n = len(old)
			return s.remove(tx, old)
		})
		if err != nil {
			return fmt.Errorf("sweep attachments: %w", err)
		}
	}
	return nil
}

// remove forgets files, and their bytes if no other file has them.
func (s *Store) remove(tx *storage.Tx, gone []File) error {
	if len(gone) == 0 {
		return nil
	}
	var bytes int64
	for i := range gone {
		if err := errors.Join(s.store.Blobs().Drop(tx, gone[i].sum()), fileTable.Delete(tx, key(gone[i].ID))); err != nil {
			return err
		}
		bytes += gone[i].Size
	}
	return room(tx, -int64(len(gone)), -bytes, 0)
}
