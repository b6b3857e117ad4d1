package file

import "github.com/deskgate/deskgate/storage"

var (
	fileTable = storage.NewTable(storage.Declaration[File]{
		ID: 146, Name: "attachments", Key: func(f *File) storage.Key { return key(f.ID) },
	})
	// byTicket has what is used, by where.
	byTicket = storage.NewIndex(fileTable, 1, func(f *File) []storage.Key {
		if !f.Used() {
			return nil
		}
		return []storage.Key{storage.Key(nil).Str(f.TicketID)}
	}, func(*File) storage.Bare { return storage.Bare{} })
	// byBirth has what is not used, the oldest first: what the sweeper looks at.
	byBirth = storage.NewIndex(fileTable, 2, func(f *File) []storage.Key {
		if f.Used() {
			return nil
		}
		return []storage.Key{storage.Key(nil).Time(f.CreatedAt)}
	}, func(*File) storage.Bare { return storage.Bare{} })
	byOwner = storage.NewIndex(fileTable, 3, func(f *File) []storage.Key {
		return []storage.Key{storage.Key(nil).Str(f.Owner)}
	}, func(*File) storage.Bare { return storage.Bare{} })
	usageTable = storage.NewTable(storage.Declaration[usage]{
		ID: 147, Name: "attachments' room", Key: func(*usage) storage.Key { return storage.Key(nil).Uint(0) },
	})
)

func key(id string) storage.Key { return storage.Key(nil).Str(id) }

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{fileTable, usageTable} }
