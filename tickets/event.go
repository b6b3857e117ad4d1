package tickets

import (
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/domain"
)

// EventType says what kind of thing happened.
type EventType string

// The types of events.
const (
	TicketCreated   EventType = "ticket.created"
	TicketUpdated   EventType = "ticket.updated"
	TicketCommented EventType = "ticket.commented" // its changes are those that came with the comment
	TicketDeleted   EventType = "ticket.deleted"
	TicketRestored  EventType = "ticket.restored"
	TicketMerged    EventType = "ticket.merged"
	TicketRated     EventType = "ticket.rated"
	// TicketSplit: some of the ticket's messages have become a ticket of their own.
	TicketSplit EventType = "ticket.split"
	// TicketClaimed, TicketDisowned: the owner of the requester's address says that the ticket is theirs, or is not.
	TicketClaimed  EventType = "ticket.claimed"
	TicketDisowned EventType = "ticket.disowned"
	TicketOverdue  EventType = "ticket.overdue"
	// TicketClosing: the ticket will be closed by itself if nobody says a word, and its requester is to be told.
	TicketClosing EventType = "ticket.closing"
	// TicketFollowedUp: a reply came too late to open the ticket again, and opened another one.
	TicketFollowedUp EventType = "ticket.followed_up"
	UserErased       EventType = "user.erased"
	// RuleNotify: a rule wants somebody to know of the ticket; see Happening.Notice. RuleEmitted: a rule wants programs to
	// know; its change named "event" says of what.
	RuleNotify  EventType = "rule.notify"
	RuleEmitted EventType = "rule.emitted"

	// What became of the tenant's own domains and their certificates: see package domain.
	DomainVerified     = EventType(domain.EventVerified)
	DomainActive       = EventType(domain.EventActive)
	DomainDrifted      = EventType(domain.EventDrifted)
	DomainSuspended    = EventType(domain.EventSuspended)
	DomainRemoved      = EventType(domain.EventRemoved)
	CertificateActive  = EventType(domain.EventCertificateActive)
	CertificateFailed  = EventType(domain.EventCertificateFailed)
	CertificateExpired = EventType(domain.EventCertificateExpired)
)

// EventTypes are all types of events, those that happen most first.
func EventTypes() []EventType {
	return []EventType{
		TicketCreated, TicketUpdated, TicketCommented, TicketDeleted, TicketRestored, TicketMerged, TicketSplit, TicketRated, TicketClaimed,
		TicketDisowned, TicketOverdue, TicketClosing, TicketFollowedUp, UserErased, RuleNotify, RuleEmitted, DomainVerified, DomainActive,
		DomainDrifted, DomainSuspended, DomainRemoved, CertificateActive, CertificateFailed, CertificateExpired,
	}
}

// Event says that something happened in a tenant's desk. It is never changed, but for who is erased from it, and kept for
// EventLife.
type Event struct {
	// Seq counts a tenant's events 1, 2, 3 … in the order of their commits.
	Seq  uint64    `cbor:"1,keyasint"`
	ID   string    `cbor:"2,keyasint"` // "evt_" and a ULID
	Type EventType `cbor:"3,keyasint"`
	// TicketID, Number and Version are the ticket's after it; empty for what happened to none.
	TicketID string `cbor:"4,keyasint,omitempty"`
	Number   uint64 `cbor:"5,keyasint,omitempty"`
	Version  uint64 `cbor:"6,keyasint,omitempty"`
	// CommentID and Visibility are those of the comment that came with it.
	CommentID  string        `cbor:"7,keyasint,omitempty"`
	Visibility Visibility    `cbor:"8,keyasint,omitempty"`
	Actor      Author        `cbor:"9,keyasint"`
	Changes    []FieldChange `cbor:"10,keyasint,omitempty"`
	CreatedAt  time.Time     `cbor:"11,keyasint"`
	// Owner is whose the ticket was: a requester sees no events from before it became theirs.
	Owner string `cbor:"12,keyasint,omitempty"`
	// UserID is the user that it happened to, where it happened to one.
	UserID string `cbor:"13,keyasint,omitempty"`
	// Host is the domain that it happened to, where it happened to one.
	Host string `cbor:"14,keyasint,omitempty"`
}

// Events are kept for so long, and so many of a tenant's, whichever ends first.
const (
	EventLife = 30 * 24 * time.Hour
	EventSize = 1_000_000
)

var (
	eventTable = storage.NewTable(storage.Declaration[Event]{
		ID: 138, Name: "events", Watched: true,
		Key:     func(e *Event) storage.Key { return eventKey(e.Seq) },
		Expires: func(e *Event) time.Time { return e.CreatedAt.Add(EventLife) },
	})
	eventNumbers = storage.NewSequence(139)
)

func eventKey(seq uint64) storage.Key { return storage.Key(nil).Uint(seq) }
