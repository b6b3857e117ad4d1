package transfer

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tickets"
)

// State is how far an import is.
type State string

// The states.
const (
	Checking State = "checking" // it is read for the first time; nothing is written
	Checked  State = "checked"  // it waits for somebody to say go
	Running  State = "running"
	Done     State = "done"
	Failed   State = "failed" // it cannot be read at all
)

// Job is one import.
type Job struct {
	ID     string `cbor:"1,keyasint"` // "imp_" and a ULID
	Name   string `cbor:"2,keyasint"` // of the file
	Format Format `cbor:"3,keyasint"`
	Size   int64  `cbor:"4,keyasint"`
	State  State  `cbor:"5,keyasint"`
	// Sum names the file's content, which is kept until the import is done.
	Sum []byte `cbor:"6,keyasint,omitempty"`
	// By is who imports, as the tickets' histories name them.
	By tickets.Author `cbor:"7,keyasint"`
	// Tells: whoever follows the tenant's events, and its rules' letters and webhooks, learn of what comes in.
	Tells bool `cbor:"8,keyasint,omitempty"`
	// Items is how many tickets and comments the file has, as far as it was read; Place how many of them are behind us.
	Items uint64 `cbor:"9,keyasint"`
	Place uint64 `cbor:"10,keyasint"`
	// What was found in the file and, once it runs, what was written.
	Tickets  uint64 `cbor:"11,keyasint"`
	Comments uint64 `cbor:"12,keyasint"`
	Files    uint64 `cbor:"13,keyasint"`
	// Skipped is how many tickets and comments are left out, and Problems how many sentences there are about it all.
	Skipped  uint64 `cbor:"14,keyasint"`
	Problems uint64 `cbor:"15,keyasint"`
	// Columns are what a CSV's columns are taken for, Sample its first tickets.
	Columns []Column `cbor:"16,keyasint,omitempty"`
	Sample  []Sample `cbor:"17,keyasint,omitempty"`
	// Ticket is the one that the next comments belong to; empty: it was left out.
	Ticket    string    `cbor:"18,keyasint,omitempty"`
	CreatedAt time.Time `cbor:"19,keyasint"`
	EndedAt   time.Time `cbor:"20,keyasint,omitzero"`
	// Why says why a Failed one failed.
	Why string `cbor:"21,keyasint,omitempty"`
	// Encoding is how the file is written, once that was found out.
	Encoding Encoding `cbor:"22,keyasint,omitempty"`
}

// Active says whether the node works on it by itself.
func (j *Job) Active() bool { return j.State == Checking || j.State == Running }

// Column is a column of a CSV, and the field that it is taken for; empty: it is passed over.
type Column struct {
	Name  string `cbor:"1,keyasint"`
	Field string `cbor:"2,keyasint,omitempty"`
}

// Sample is one of the tickets that an import begins with.
type Sample struct {
	Title     string `cbor:"1,keyasint"`
	Requester string `cbor:"2,keyasint,omitempty"`
	Status    string `cbor:"3,keyasint,omitempty"`
	Created   string `cbor:"4,keyasint,omitempty"`
}

// Problem is what is wrong with one line of an import. It holds nothing of what stands in the line.
type Problem struct {
	JobID string `cbor:"1,keyasint"`
	Seq   uint64 `cbor:"2,keyasint"`
	Line  uint64 `cbor:"3,keyasint"` // of the file, from 1
	Field string `cbor:"4,keyasint,omitempty"`
	Text  string `cbor:"5,keyasint"` // a sentence
	// Skips: because of it the ticket or comment is left out.
	Skips bool `cbor:"6,keyasint,omitempty"`
}

// mark says that a ticket of an export has been imported, so that the same export brings it once.
type mark struct {
	Of       string `cbor:"1,keyasint"` // its ID there
	TicketID string `cbor:"2,keyasint"`
}

const (
	jobPrefix = "imp_"
	// maxProblems is how many sentences of one import are kept.
	maxProblems = 5000
)

var (
	jobTable = storage.NewTable(storage.Declaration[Job]{
		ID: 178, Name: "imports", Key: func(j *Job) storage.Key { return jobKey(j.ID) },
	})
	problemTable = storage.NewTable(storage.Declaration[Problem]{
		ID: 179, Name: "imports' problems", Key: func(p *Problem) storage.Key { return jobKey(p.JobID).Uint(p.Seq) },
	})
	markTable = storage.NewTable(storage.Declaration[mark]{
		ID: 180, Name: "imported tickets", Key: func(m *mark) storage.Key { return storage.Key(nil).Str(m.Of) },
	})
)

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{jobTable, problemTable, markTable} }

func jobKey(id string) storage.Key { return storage.Key(nil).Str(id) }

func newJobID() string { return jobPrefix + ulid.MustNew(ulid.Now(), rand.Reader).String() }

// ErrNotFound means that there is no such import.
var ErrNotFound = errors.New("no such import")

func loadJob(tx *storage.Tx, id string) (Job, error) {
	j, err := jobTable.Get(tx, jobKey(id))
	if errors.Is(err, storage.ErrNotFound) {
		return j, ErrNotFound
	}
	return j, err
}

// note writes down what is wrong with a line.
func (j *Job) note(tx *storage.Tx, p Problem) error {
	j.Problems++
	if j.Problems > maxProblems {
		return nil
	}
	p.JobID, p.Seq = j.ID, j.Problems
	return problemTable.Put(tx, &p)
}
