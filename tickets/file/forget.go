package file

import (
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// Forgets is what the tables of this package do about somebody who is to be forgotten: what they uploaded goes, wherever it is,
// and what others called by their address gets another name. owned says whether an owner is the person; amend changes what the
// file's message says of it, nil: the file is gone. The files of the person's own tickets are the help desk's to remove.
func (s *Store) Forgets(
	owned func(p *erasure.Person, owner string) bool, amend func(tx *storage.Tx, f *File, is *Info) error,
) []erasure.Answer {
	about := func(p *erasure.Person, f *File) bool { return owned(p, f.Owner) || p.In(f.Name) || p.Masks(f.Name) }
	return []erasure.Answer{
		erasure.Each(fileTable, about, func(tx *storage.Tx, p *erasure.Person, f *File) (erasure.Verdict, error) {
			if owned(p, f.Owner) {
				if err := s.remove(tx, []File{*f}); err != nil {
					return erasure.Keep, err
				}
				return erasure.Keep, amend(tx, f, nil)
			}
			f.Name = CleanName(strings.TrimSpace(p.Masked(f.Name)))
			if p.In(f.Name) { // the person's ID
				f.Name = erasure.Erased
			}
			is := f.Info()
			return erasure.Put, amend(tx, f, &is)
		}),
		erasure.Never(usageTable, "numbers"),
	}
}
