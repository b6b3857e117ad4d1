package domain

import (
	"time"

	"github.com/deskgate/deskgate/storage"
)

// EventType says what has become of a domain, or of its certificate.
type EventType string

// The types of events. A certificate has failed when that begins to matter, which is not at the first attempt: see Certificate.Alarm.
const (
	EventVerified           EventType = "domain.verified"
	EventActive             EventType = "domain.active"
	EventDrifted            EventType = "domain.drifted"
	EventSuspended          EventType = "domain.suspended"
	EventRemoved            EventType = "domain.removed"
	EventCertificateActive  EventType = "certificate.active"
	EventCertificateFailed  EventType = "certificate.failed"
	EventCertificateExpired EventType = "certificate.expired"
)

// Event is a step in the life of a tenant's domain that others have to know of. It is written in the transaction of the step, into
// the tenant's scope, and is there until somebody has taken it by Done.
type Event struct {
	// Seq counts a tenant's events in the order of their commits.
	Seq  uint64    `cbor:"1,keyasint"`
	Type EventType `cbor:"2,keyasint"`
	At   time.Time `cbor:"3,keyasint"`
	// By is who caused it, as the audit log names them.
	By string `cbor:"4,keyasint,omitempty"`
	// Was is the status before it: of the hostname, or for a certificate none, active, failing or expired.
	Was string `cbor:"5,keyasint"`
	// Is the domain as it was then, without its history; Records and Slug are those of that moment.
	Is      Domain   `cbor:"6,keyasint"`
	Records []Record `cbor:"7,keyasint,omitempty"`
	Slug    string   `cbor:"8,keyasint"`
	// ServesUntil and KeptUntil are as in Domain.
	ServesUntil time.Time `cbor:"9,keyasint,omitzero"`
	KeptUntil   time.Time `cbor:"10,keyasint,omitzero"`
}

// Status is what the domain, or its certificate, has become.
func (e *Event) Status() string {
	switch e.Type {
	case EventRemoved:
		return string(Removed)
	case EventCertificateFailed:
		return string(CertificateFailing)
	case EventCertificateActive, EventCertificateExpired:
		return string(e.Is.Certificate.Status)
	case EventVerified, EventActive, EventDrifted, EventSuspended:
	}
	return string(e.Is.Status)
}

// AboutCertificate says whether it is the certificate that changed.
func (e *Event) AboutCertificate() bool {
	switch e.Type {
	case EventCertificateActive, EventCertificateFailed, EventCertificateExpired:
		return true
	default:
		return false
	}
}

// Reason is why it is so.
func (e *Event) Reason() Reason {
	if e.AboutCertificate() {
		return e.Is.Certificate.Reason
	}
	return e.Is.Reason
}

// Document is the domain as the contract showed it then.
func (e *Event) Document() Document {
	d := e.Is
	d.Records, d.Slug, d.ServesUntil, d.KeptUntil = e.Records, e.Slug, e.ServesUntil, e.KeptUntil
	return d.Document()
}

var (
	eventTable = storage.NewTable(storage.Declaration[Event]{
		ID: 38, Name: "domain events", Watched: true, Key: func(e *Event) storage.Key { return storage.Key(nil).Uint(e.Seq) },
	})
	eventNumbers = storage.NewSequence(39)
)

// IsEvent says whether a change of the store is an event that was written.
func IsEvent(c *storage.Change) bool { return c.Table == eventTable.ID() && !c.Deleted }

// NextEvent returns the first event of a tenant behind a number that nobody has taken, in a transaction of the tenant's, or
// storage.ErrNotFound. Whoever takes many in a row names the last one: it spares the way over those that are gone.
func NextEvent(tx *storage.Tx, after uint64) (Event, error) {
	for e, err := range eventTable.Scan(tx, storage.Range{From: storage.Key(nil).Uint(after + 1), Limit: 1}) {
		return e, err
	}
	return Event{}, storage.ErrNotFound
}

// WaitingEvents counts a tenant's events that nobody has taken, at most so many, and says since when the oldest waits; zero: none does.
func WaitingEvents(tx *storage.Tx, most int) (n int, oldest time.Time, err error) {
	for e, err := range eventTable.Scan(tx, storage.Range{Limit: most}) {
		if err != nil {
			return 0, time.Time{}, err
		}
		if n++; n == 1 {
			oldest = e.At
		}
	}
	return n, oldest, nil
}

// Done takes an event away, in the transaction in which is done what follows from it: both or neither.
func (e *Event) Done(tx *storage.Tx) error {
	return eventTable.Delete(tx, storage.Key(nil).Uint(e.Seq))
}

// tell writes the events that a step of a domain's life is.
func (r *Registry) tell(tx *storage.Tx, before, after *Domain) error {
	var news []Event
	if t, changed := certificateEvent(before, after); changed {
		news = append(news, Event{Type: t, Was: string(before.Certificate.standing())})
	}
	if before.Status != after.Status {
		switch after.Status {
		case Verified, Active, Drifted, Suspended, Removed:
			news = append(news, Event{Type: EventType("domain." + after.Status), Was: string(before.Status)})
		case Pending:
		}
	}
	if len(news) == 0 {
		return nil
	}
	t, known := r.directory.ByID(after.Tenant)
	if !known {
		return nil // it is being deleted
	}
	is := *after
	r.complete(&is, t)
	is.History = nil
	for i := range news {
		e := &news[i]
		e.At, e.By, e.Is, e.Records, e.Slug = clock(), r.actorFor(after), is, is.Records, is.Slug
		e.ServesUntil, e.KeptUntil = is.ServesUntil, is.KeptUntil
		if err := e.put(tx.Tenant(string(after.Tenant))); err != nil {
			return err
		}
	}
	return nil
}

func (e *Event) put(tx *storage.Tx) (err error) {
	if e.Seq, err = eventNumbers.Next(tx); err != nil {
		return err
	}
	return eventTable.Put(tx, e)
}

// tellRemoved writes that a domain was removed.
func (r *Registry) tellRemoved(tx *storage.Tx, d *Domain) error {
	after := *d
	after.to(Removed, nil, clock())
	if !d.VerifiedAt.IsZero() {
		after.KeptUntil = after.Since.Add(quarantine)
	}
	return r.tell(tx, d, &after)
}

// certificateEvent says what has become of a certificate, if it is something that others have to know of.
func certificateEvent(before, after *Domain) (EventType, bool) {
	was, is := &before.Certificate, &after.Certificate
	switch {
	case is.Alarm != was.Alarm && is.Alarm == CertificateExpired:
		return EventCertificateExpired, true
	case is.Alarm != was.Alarm && is.Alarm == CertificateFailing:
		return EventCertificateFailed, true
	case is.Status == CertificateActive && (was.Status != CertificateActive || was.Fingerprint != is.Fingerprint):
		return EventCertificateActive, true
	}
	return "", false
}
