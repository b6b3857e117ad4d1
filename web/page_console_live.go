package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

// How often the console's live connection looks who else is at the ticket, and how long it lasts: then the page connects
// anew, so that a connection never outlives its session for long.
const (
	presenceEvery = 3 * time.Second
	liveLasts     = 10 * time.Minute
)

// agentLive tells an open page of the console what happens, as server-sent events: "change" with the number of a ticket and
// whether the agent did it, and "present" with a sentence about who else looks at the ticket that is open. As long as the
// connection stands, colleagues see the agent there.
func (s *Server) agentLive(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	stream, leave, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer leave()
	seen, err := strconv.ParseUint(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("seen")), 10, 64)
	if err != nil {
		seen = tickets.Newest
	}
	watcher, err := s.desk.Watch(r.Context(), c.tenant, c.actor(), seen)
	if errors.Is(err, tickets.ErrEventsGone) { // the page is that old
		watcher, err = s.desk.Watch(r.Context(), c.tenant, c.actor(), tickets.Newest)
	}
	if err != nil {
		return err
	}
	defer watcher.Close()
	ctx, cancel := context.WithTimeout(r.Context(), liveLasts)
	defer cancel()
	l := &liveConnection{server: s, r: r.WithContext(ctx), stream: stream}
	if ref, err := tickets.ParseRef(r.URL.Query().Get("ticket")); err == nil {
		l.ticket = &ref
	}
	defer l.leave(ctx)
	l.run(ctx, watcher)
	return nil
}

// liveConnection is one open page of the console.
type liveConnection struct {
	server *Server
	r      *http.Request
	stream *stream
	ticket *tickets.Ref // nil: a list
	// said is the last sentence about who is there, beat when the connection last showed that it is alive.
	said string
	beat time.Time
}

// run serves the connection until the page or the session is gone. The answer has begun: there is no error to be told.
func (l *liveConnection) run(ctx context.Context, watcher *tickets.Watcher) {
	ctx, cancel := context.WithCancel(ctx)
	happened := make(chan []tickets.Event)
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer cancel()
		for {
			all, err := watcher.Next(ctx)
			if err != nil {
				return
			}
			select {
			case happened <- all:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() { cancel(); <-over }()
	tick := time.NewTicker(presenceEvery)
	defer tick.Stop()
	l.beat = time.Now()
	alive := l.write(": hello\n\n") && l.present(ctx)
	for alive {
		select {
		case <-ctx.Done():
			return
		case all := <-happened:
			alive = l.changes(all)
		case <-tick.C:
			alive = l.present(ctx)
		}
	}
}

// changes tells the page what happened.
func (l *liveConnection) changes(all []tickets.Event) bool {
	id := callerOf(l.r).ID
	for i := range all {
		if all[i].Number == 0 {
			continue
		}
		mine := strconv.FormatBool(all[i].Actor.ID == id)
		if !l.write(fmt.Sprintf("id: %d\nevent: change\ndata: {\"number\":%d,\"mine\":%s}\n\n", all[i].Seq, all[i].Number, mine)) {
			return false
		}
	}
	return true
}

// present says who else is at the ticket if that is news, and that the agent is there still. It ends with the session.
func (l *liveConnection) present(ctx context.Context) bool {
	if _, err := l.server.identify(l.r, auth.StaffSide); err != nil {
		return false
	}
	if time.Since(l.beat) >= streamBeat {
		l.beat = time.Now()
		if !l.write(": still here\n\n") {
			return false
		}
	}
	if l.ticket == nil {
		return true
	}
	c := callerOf(l.r)
	if err := l.server.desk.Attend(ctx, c.tenant, c.actor(), *l.ticket, false); err != nil {
		l.ticket = nil
		return true
	}
	others, err := l.server.desk.Present(ctx, c.tenant, c.actor(), *l.ticket)
	if err != nil {
		return true
	}
	sentence := presentSentence(l.server.words(l.r), others)
	if sentence == l.said {
		return true
	}
	l.said = sentence
	return l.write("event: present\ndata: " + strconv.Quote(sentence) + "\n\n")
}

// leave has colleagues no longer see the agent at the ticket.
func (l *liveConnection) leave(ctx context.Context) {
	if l.ticket == nil {
		return
	}
	c := callerOf(l.r)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := l.server.desk.Leave(ctx, c.tenant, c.actor(), *l.ticket); err != nil && !errors.Is(err, tickets.ErrNotFound) {
		l.server.report(err)
	}
}

// write sends a piece of the stream; false: the page is gone.
func (l *liveConnection) write(text string) bool {
	l.stream.buffer.WriteString(text)
	return l.stream.flush() == nil
}
