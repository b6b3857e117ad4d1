package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// The kinds of lines in tickets.jsonl. A line without a type is a ticket.
const (
	typeTicket   = "ticket"
	typeComment  = "comment"
	typeActivity = "activity"
)

// few is a list that stands within a line. A long one of nothing at all takes many times its text in memory.
type few[T any] []T

// mostFew is how many there may be.
const mostFew = 10_000

// errTooMany: a list has more than mostFew.
var errTooMany = errors.New("too many")

// UnmarshalJSON reads the list, or returns errTooMany.
func (f *few[T]) UnmarshalJSON(text []byte) error {
	in := json.NewDecoder(bytes.NewReader(text))
	if begin, err := in.Token(); err != nil || begin != json.Delim('[') {
		return json.Unmarshal(text, (*[]T)(f))
	}
	*f = nil
	for in.More() {
		if len(*f) == mostFew {
			return errTooMany
		}
		var one T
		if err := in.Decode(&one); err != nil {
			return err
		}
		*f = append(*f, one)
	}
	return nil
}

// ticketLine is a ticket in an export, and in an import. Its comments follow it, each in a line of its own, or stand in it.
type ticketLine struct {
	Type          string              `json:"type"`
	ID            string              `json:"id,omitempty"`
	Number        uint64              `json:"number,omitempty"`
	Title         string              `json:"title"`
	Description   string              `json:"description"`
	Status        string              `json:"status,omitempty"`
	Priority      string              `json:"priority,omitempty"`
	Category      string              `json:"category,omitempty"` // its name
	Tags          []string            `json:"tags,omitempty"`
	CustomFields  map[string]any      `json:"custom_fields,omitempty"`
	Requester     *personLine         `json:"requester,omitempty"`
	Assurance     string              `json:"requester_assurance,omitempty"`
	Assignee      *personLine         `json:"assignee,omitempty"`
	ExternalID    string              `json:"external_id,omitempty"`
	Organization  string              `json:"organization,omitempty"`
	Erased        bool                `json:"erased,omitempty"` // the requester was, and what they wrote
	Source        string              `json:"source,omitempty"`
	Spam          bool                `json:"spam,omitempty"`
	MergedInto    string              `json:"merged_into,omitempty"`
	CreatedAt     *time.Time          `json:"created_at,omitempty"`
	UpdatedAt     *time.Time          `json:"updated_at,omitempty"`
	FirstResponse *time.Time          `json:"first_response_at,omitempty"`
	ResolvedAt    *time.Time          `json:"resolved_at,omitempty"`
	ClosedAt      *time.Time          `json:"closed_at,omitempty"`
	DeletedAt     *time.Time          `json:"deleted_at,omitempty"`
	Rating        *ratingLine         `json:"rating,omitempty"`
	Attachments   few[attachmentLine] `json:"attachments,omitempty"`
	Comments      few[commentLine]    `json:"comments,omitempty"`
}

// personLine is somebody in a line.
type personLine struct {
	Email      string `json:"email,omitempty"`
	Name       string `json:"name,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	Role       string `json:"role,omitempty"` // of a comment's author
}

type ratingLine struct {
	Stars   int    `json:"stars"`
	Comment string `json:"comment,omitempty"`
}

// commentLine is a comment.
type commentLine struct {
	Type        string              `json:"type"`
	ID          string              `json:"id,omitempty"`
	TicketID    string              `json:"ticket_id,omitempty"`
	Body        string              `json:"body"`
	Visibility  string              `json:"visibility,omitempty"`
	Author      personLine          `json:"author"`
	CreatedAt   *time.Time          `json:"created_at,omitempty"`
	Attachments few[attachmentLine] `json:"attachments,omitempty"`
}

// attachmentLine is a file. Path is where it lies in the zip.
type attachmentLine struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size,omitempty"`
	Path        string `json:"path"`
}

// activityLine is an entry of a ticket's history. Imports pass over it.
type activityLine struct {
	Type      string                `json:"type"`
	ID        string                `json:"id"`
	TicketID  string                `json:"ticket_id"`
	Action    string                `json:"action"`
	Actor     personLine            `json:"actor"`
	Changes   []tickets.FieldChange `json:"changes,omitempty"`
	CommentID string                `json:"comment_id,omitempty"`
	CreatedAt *time.Time            `json:"created_at"`
}

func personOf(p *tickets.Person) *personLine {
	if p == nil {
		return nil
	}
	return &personLine{Email: p.Email, Name: p.Name, ExternalID: p.ExternalID}
}

func authorOf(a tickets.Author) personLine {
	return personLine{Email: a.Email, Name: a.Name, Role: a.Role}
}

func attachmentsOf(files []file.Info) []attachmentLine {
	var lines []attachmentLine
	for _, f := range files {
		lines = append(lines, attachmentLine{Name: f.Name, ContentType: f.Type, Size: f.Size, Path: pathOf(f)})
	}
	return lines
}

// pathOf is where a file lies in the zip.
func pathOf(f file.Info) string { return "attachments/" + f.ID + "/" + f.Name }

// at is a time in a line; nil for none.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// when is the time of a line, zero for none.
func when(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
