package domains

import (
	"log/slog"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// book is what a desk knows of its domains, in one transaction.
type book struct {
	*Watch
	Speech

	tx   *storage.Tx
	tn   *tenant.Tenant
	now  time.Time
	many *matter
}

func (w *Watch) open(tx *storage.Tx, tn *tenant.Tenant) (*book, error) {
	many, err := readMatter(tx, ofMany, "")
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &book{Watch: w, Speech: w.config.Speech(tn), tx: tx, tn: tn, now: now, many: many}, err
}

func (b *book) put(m *matter) error { return matterTable.Put(b.tx, m) }

// take does all that follows from an event. Mute: no ticket follows from it. One that was taken before, and is there again, has no
// effect.
func (b *book) take(e *domain.Event, mute bool) error {
	if e.Seq <= b.many.Taken {
		return e.Done(b.tx)
	}
	b.many.Taken = e.Seq
	if err := b.config.Desk.DomainChanged(b.tx, b.tn, e); err != nil {
		return err
	}
	if mute {
		b.config.Log.Error("a domain's ticket stays as it is", slog.String("tenant", b.tn.Slug), slog.String("host", string(e.Is.Host)), slog.String("event", string(e.Type)))
	} else if err := b.hear(e); err != nil {
		return err
	}
	if err := b.put(b.many); err != nil {
		return err
	}
	return e.Done(b.tx)
}

// hear finds out what an event means.
func (b *book) hear(e *domain.Event) error {
	switch e.Type {
	case domain.EventDrifted:
		return b.bad(ofHost, e)
	case domain.EventSuspended:
		if e.Is.VerifiedAt.IsZero() {
			return nil // it never was theirs
		}
		if err := b.good(ofCertificate, e); err != nil {
			return err
		}
		return b.bad(ofHost, e)
	case domain.EventVerified, domain.EventActive:
		return b.good(ofHost, e)
	case domain.EventCertificateFailed, domain.EventCertificateExpired:
		return b.bad(ofCertificate, e)
	case domain.EventCertificateActive:
		return b.good(ofCertificate, e)
	case domain.EventRemoved:
		for _, k := range []kind{ofCertificate, ofHost} {
			if err := b.good(k, e); err != nil {
				return err
			}
			if err := matterTable.Delete(b.tx, matterKey(k, e.Is.Host)); err != nil {
				return err
			}
		}
	}
	return nil
}

// bad takes in that a host is in trouble.
func (b *book) bad(k kind, e *domain.Event) error {
	m, err := readMatter(b.tx, k, e.Is.Host)
	if err != nil {
		return err
	}
	m.Bad = true
	if m.Counted || b.tn.Settings.DomainTickets == tenant.Off {
		return b.put(m)
	}
	return b.word(m, e)
}

// good takes in that a host is out of trouble, or is no more.
func (b *book) good(k kind, e *domain.Event) error {
	m, err := readMatter(b.tx, k, e.Is.Host)
	if err != nil || !m.Bad {
		return err
	}
	m.Bad = false
	if m.Counted {
		b.uncount(m)
		return b.put(m)
	}
	return b.word(m, e)
}

// word says what an event has to say, now or after a pause.
func (b *book) word(m *matter, e *domain.Event) error {
	m.Said = lately(m.Said, day, b.now)
	if len(m.Said) >= mostWords && e.Type != domain.EventRemoved {
		m.hold(e, b.now)
		return b.put(m)
	}
	return b.say(m, e, len(m.Said) == mostWords-1)
}

// release says what was held back by a matter, if it is due.
func (b *book) release(key storage.Key) error {
	m, err := matterTable.Get(b.tx, key)
	if err != nil || m.DueAt.After(b.now) {
		return ignoreGone(err)
	}
	if m.Kind == ofMany {
		if err := b.sum(); err != nil {
			return err
		}
		return b.put(b.many)
	}
	e := m.Held
	m.Held, m.DueAt = nil, time.Time{}
	if e == nil || m.Bad && b.tn.Settings.DomainTickets == tenant.Off {
		return b.put(&m)
	}
	if err := b.say(&m, e, false); err != nil {
		return err
	}
	return b.put(b.many)
}

// crowded says whether no more tickets are to be opened at present.
func (b *book) crowded() bool {
	b.many.Opened = lately(b.many.Opened, time.Hour, b.now)
	return len(b.many.Opened) >= mostOpened
}

// count adds a matter to those that the ticket for many speaks for.
func (b *book) count(m *matter) error {
	m.Counted, m.Held, m.DueAt = true, nil, time.Time{}
	b.many.Count++
	if len(b.many.Hosts) < mostNamed && !slices.Contains(b.many.Hosts, m.Host) {
		b.many.Hosts = append(b.many.Hosts, m.Host)
	}
	if b.many.DueAt.IsZero() {
		b.many.DueAt = b.later(moment)
	}
	return b.put(m)
}

func (b *book) uncount(m *matter) {
	m.Counted = false
	b.many.Count--
	b.many.Hosts = slices.DeleteFunc(b.many.Hosts, func(h tenant.Host) bool { return h == m.Host })
	if b.many.DueAt.IsZero() {
		b.many.DueAt = b.later(moment)
	}
}

// later is after a pause, and not too soon after the last word in the ticket for many.
func (b *book) later(pause time.Duration) time.Time {
	at := b.now.Add(pause)
	if n := len(b.many.Said); n > 0 && b.many.Said[n-1].Add(manyPause).After(at) {
		return b.many.Said[n-1].Add(manyPause)
	}
	return at
}
