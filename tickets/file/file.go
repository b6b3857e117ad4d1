package file

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
)

// MaxPerMessage is how many files one message may have.
const MaxPerMessage = 20

const prefix = "att_"

// File is what is known of one file.
type File struct {
	ID   string `cbor:"1,keyasint"` // "att_" and a ULID
	Name string `cbor:"2,keyasint"`
	Type string `cbor:"3,keyasint"` // a media type, by its bytes
	Size int64  `cbor:"4,keyasint"`
	Sum  []byte `cbor:"5,keyasint"` // SHA-256
	// Owner is who uploaded it, as the help desk names people.
	Owner string `cbor:"6,keyasint"`
	// TicketID and CommentID are where it is used. Both are empty while it is not, CommentID also for a ticket's description.
	TicketID  string `cbor:"7,keyasint,omitempty"`
	CommentID string `cbor:"8,keyasint,omitempty"`
	// Internal: it belongs to what only staff may read.
	Internal  bool      `cbor:"9,keyasint,omitempty"`
	CreatedAt time.Time `cbor:"10,keyasint"`
}

// marked is the length of a mark.
const marked = 8

// Info is what a ticket or a comment says of one of its files.
type Info struct {
	ID        string    `cbor:"1,keyasint"`
	Name      string    `cbor:"2,keyasint"`
	Type      string    `cbor:"3,keyasint"`
	Size      int64     `cbor:"4,keyasint"`
	CreatedAt time.Time `cbor:"5,keyasint"`
	// Mark begins the content's SHA-256: two files with one mark are alike.
	Mark []byte `cbor:"6,keyasint,omitempty"`
}

// Info is the part of a file that its message keeps.
func (f *File) Info() Info {
	return Info{ID: f.ID, Name: f.Name, Type: f.Type, Size: f.Size, CreatedAt: f.CreatedAt, Mark: f.Sum[:min(len(f.Sum), marked)]}
}

// Used says whether the file is part of a ticket.
func (f *File) Used() bool { return f.TicketID != "" }

// sum is the name of the file's bytes.
func (f *File) sum() storage.Sum {
	var s storage.Sum
	copy(s[:], f.Sum)
	return s
}

// newID returns the ID of a file of that moment.
func newID(at time.Time) string {
	return prefix + ulid.MustNew(ulid.Timestamp(at), rand.Reader).String()
}

// valid says whether a text can be the ID of a file.
func valid(id string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	parsed, err := ulid.ParseStrict(rest)
	return ok && err == nil && parsed.String() == rest
}

// now is the present as it is kept: to the millisecond.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
