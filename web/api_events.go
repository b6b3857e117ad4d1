package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// happeningDocument is an event in the API.
type happeningDocument struct {
	ID            string              `json:"id"`
	Sequence      uint64              `json:"sequence"`
	Type          tickets.EventType   `json:"type"`
	TicketID      *string             `json:"ticket_id"`
	TicketNumber  *uint64             `json:"ticket_number"`
	TicketVersion *uint64             `json:"ticket_version"`
	CommentID     *string             `json:"comment_id"`
	Visibility    *tickets.Visibility `json:"visibility,omitempty"`
	UserID        *string             `json:"user_id,omitempty"`
	Host          *string             `json:"host,omitempty"`
	Actor         authorDocument      `json:"actor"`
	Changes       []fieldDocument     `json:"changes"`
	CreatedAt     tenant.Moment       `json:"created_at"`
}

func happening(e *tickets.Event, to tickets.Actor) happeningDocument {
	d := happeningDocument{
		ID: e.ID, Sequence: e.Seq, Type: e.Type, TicketID: orNull(e.TicketID), CommentID: orNull(e.CommentID), UserID: orNull(e.UserID), Host: orNull(e.Host),
		Actor: author(e.Actor, to), CreatedAt: tenant.Moment(e.CreatedAt),
	}
	if e.TicketID != "" {
		d.TicketNumber, d.TicketVersion = &e.Number, &e.Version
	}
	if e.Visibility != "" {
		d.Visibility = &e.Visibility
	}
	for _, change := range e.Changes {
		d.Changes = append(d.Changes, fieldDocument{Field: change.Field, From: change.From, To: change.To})
	}
	return d
}

func (s *Server) listEvents(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	p := queryOf(r)
	q := tickets.EventQuery{CreatedAfter: p.since("created_after", callerOf(r).tenant.Settings.Location()), Limit: p.limit(), After: p.sequence("cursor")}
	for _, word := range p.words("type") {
		q.Types = append(q.Types, tickets.EventType(word))
	}
	ticket := p.text("ticket_id")
	if err := p.err(); err != nil {
		return err
	}
	answer := list[happeningDocument]{Data: []happeningDocument{}}
	if ticket != "" {
		ref, err := tickets.ParseRef(ticket)
		if errors.Is(err, tickets.ErrNotFound) {
			return encode(w, http.StatusOK, answer)
		}
		if err != nil {
			return err
		}
		q.Ticket = ref
	}
	page, err := s.desk.Events(r.Context(), c.tenant, c.actor(), q)
	if err != nil {
		return err
	}
	for i := range page.Events {
		answer.Data = append(answer.Data, happening(&page.Events[i], c.actor()))
	}
	if answer.HasMore = page.HasMore; page.HasMore {
		next := strconv.FormatUint(page.Next, 10)
		answer.NextCursor = &next
		linkNext(w, r, next)
	}
	return encode(w, http.StatusOK, answer)
}

// sequence is a number that counts up; 0 if there is none.
func (p *parameters) sequence(name string) uint64 {
	text := p.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		p.reject(name, "must be the sequence of an event.")
	}
	return n
}

// streamEvents sends what happens as it happens, until the client leaves or is nobody any more.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	after, resumes := lastEvent(r, &p)
	if err := p.err(); err != nil {
		return err
	}
	st, leave, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer leave()
	if r.Method == http.MethodHead {
		return nil
	}
	if !resumes {
		after = tickets.Newest
	}
	ctx, stop := context.WithTimeout(r.Context(), streamLife)
	defer stop()
	l := &listener{s: s, r: r, c: callerOf(r), st: st}
	defer func() { l.close() }()
	st.retry(streamRetry)
	if err := l.begin(ctx, after); err != nil {
		return err
	}
	l.listen(ctx)
	return nil
}

// listener is one client of the event stream.
type listener struct {
	s       *Server
	r       *http.Request
	c       caller
	st      *stream
	w       *tickets.Watcher
	checked time.Time
	beaten  time.Time
}

func (l *listener) close() {
	if l.w != nil {
		l.w.Close()
	}
}

// begin watches behind an event. If what follows it is gone, the client is told to read everything anew, and hears what
// happens from now on.
func (l *listener) begin(ctx context.Context, after uint64) error {
	watch := func(after uint64) (err error) {
		l.w, err = l.s.desk.Watch(ctx, l.c.tenant, l.c.actor(), after)
		return err
	}
	l.checked, l.beaten = time.Now(), time.Now()
	err := watch(after)
	if !errors.Is(err, tickets.ErrEventsGone) {
		if err == nil {
			l.st.beat(l.w.At())
		}
		return err
	}
	if err := watch(tickets.Newest); err != nil {
		return err
	}
	return l.say(l.w.At(), "reload", "EVENTS_GONE", "Events that you have not seen are not kept any more. Read everything anew.")
}

// listen sends events until ctx ends, the client is gone or signed out.
func (l *listener) listen(ctx context.Context) {
	for l.st.flush() == nil {
		events, err := l.next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, tickets.ErrEventsGone):
			l.close()
			if l.w = nil; l.begin(ctx, tickets.Newest) != nil {
				return
			}
			continue
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			l.s.log.ErrorContext(ctx, "event stream ends", "tenant", l.c.tenant.Slug, "error", err)
			return
		}
		if !l.welcome(ctx) {
			return
		}
		for i := range events {
			data, err := json.Marshal(happening(&events[i], l.c.actor()), json.Deterministic(true))
			if err != nil {
				l.s.report(fmt.Errorf("encode event %s: %w", events[i].ID, err))
				return
			}
			l.st.event(events[i].Seq, string(events[i].Type), data)
		}
		if now := time.Now(); len(events) > 0 || now.Sub(l.beaten) >= streamBeat {
			l.st.beat(l.w.At())
			l.beaten = now
		}
	}
}

// next waits for events, but not for longer than until the caller has to be looked at.
func (l *listener) next(ctx context.Context) ([]tickets.Event, error) {
	ctx, stop := context.WithTimeout(ctx, streamCheck)
	defer stop()
	return l.w.Next(ctx)
}

// welcome says whether the caller may go on listening. One who may not is told so.
func (l *listener) welcome(ctx context.Context) bool {
	if time.Since(l.checked) < streamCheck {
		return true
	}
	l.checked = time.Now()
	err := l.s.still(l.r, l.c)
	if err == nil || ctx.Err() != nil {
		return err == nil
	}
	if signedOut(err) {
		if l.say(l.w.At(), "end", "UNAUTHENTICATED", "You are signed out, or the token was revoked.") == nil {
			_ = l.st.flush() // nobody may be there to hear it
		}
		return false
	}
	l.s.log.ErrorContext(ctx, "event stream ends", "tenant", l.c.tenant.Slug, "error", err)
	return false
}

// say adds an event of the stream itself.
func (l *listener) say(id uint64, name, code, message string) error {
	data, err := json.Marshal(struct {
		Code     string `json:"code"`
		Message  string `json:"message"`
		Sequence uint64 `json:"sequence"`
	}{code, message, id})
	if err == nil {
		l.st.event(id, name, data)
	}
	return err
}
