package web_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/webtest"
)

type eventPage struct {
	Data []struct {
		Sequence      int
		Type          string
		TicketID      string `json:"ticket_id"`
		TicketVersion int    `json:"ticket_version"`
		CreatedAt     string `json:"created_at"`
		Actor         struct{ Role string }
	}
	HasMore    bool   `json:"has_more"`
	NextCursor string `json:"next_cursor"`
}

func eventsIn(t *testing.T, a webtest.Answer) (page eventPage) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), &page); err != nil || a.Status != http.StatusOK {
		t.Fatalf("events = %d %s: %v", a.Status, a.Body, err)
	}
	return page
}

func bearer(t *webtest.Tenant) string { return "Authorization: Bearer " + t.Token }

// allEvents are the tenant's events as the API lists them, as "1 ticket.created".
func allEvents(t *testing.T, c *webtest.Client, address string, headers ...string) []string {
	t.Helper()
	var all []string
	for cursor := ""; ; {
		got := c.Get(address+"/api/events?limit=7&cursor="+cursor, headers...)
		page := eventsIn(t, got)
		for _, e := range page.Data {
			all = append(all, fmt.Sprintf("%d %s", e.Sequence, e.Type))
		}
		if !page.HasMore {
			return all
		}
		cursor = page.NextCursor
	}
}

// TestStreamResumesWithoutLossOrRepeat: a client that is dropped again and again, while many write, hears everything once.
func TestStreamResumesWithoutLossOrRepeat(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const writers, each, drops = 8, 25, 50
	var all sync.WaitGroup
	begin := make(chan struct{})
	for _, tn := range []*webtest.Tenant{n.Acme, n.Bolt} {
		for i := range writers {
			all.Go(func() {
				<-begin
				for j := range each {
					draft := tickets.Draft{Title: fmt.Sprintf("%s %d.%d", tn.Slug, i, j), Description: "x"}
					if _, err := n.Desk.Open(t.Context(), tn.Tenant, tickets.Token("tok", "test"), draft); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	c := n.Forgetful(t)
	var heard []string
	last, dropped := "0", 0
	close(begin)
	for len(heard) < writers*each {
		address, headers := n.URL+"/api/events/stream", []string{bearer(n.Acme), "Last-Event-ID: " + last}
		if dropped%2 == 0 {
			address, headers = address+"?last_event_id="+last, headers[:1]
		}
		st := c.Listen(address, headers...)
		if st.Status != http.StatusOK {
			t.Fatalf("stream = %d", st.Status)
		}
		stay := writers * each
		if dropped < drops {
			stay = 1 + rand.IntN(2*writers*each/drops)
		}
		for i := 0; i < stay && len(heard) < writers*each; i++ {
			e, more := st.Next()
			if !more {
				break
			}
			if last = e.ID; e.Name != "" {
				heard = append(heard, e.ID+" "+e.Name)
			}
		}
		st.Close()
		dropped++
	}
	all.Wait()
	if diff := cmp.Diff(allEvents(t, c, n.URL, bearer(n.Acme)), heard); diff != "" {
		t.Errorf("heard (-committed +heard):\n%s", diff)
	}
	if dropped < 10 {
		t.Errorf("the client was dropped %d times only", dropped)
	}
}

// TestStreamIsEachOnesOwn: staff hears everything of its tenant, requesters what is public of their own tickets, an unsigned
// visitor with the same address nothing of theirs.
func TestStreamIsEachOnesOwn(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	listeners := map[string]*webtest.Client{
		"agent":   n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent),
		"owner":   n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"),
		"other":   n.SignIn(t, n.Acme, "bob@example.com", "Bob"),
		"visitor": n.Visit(t, n.Acme, "zoe@example.com", "Zoe"),
	}
	streams := map[string]*webtest.Stream{}
	for who, c := range listeners {
		streams[who] = c.Listen(n.Acme.URL + "/api/events/stream")
		defer streams[who].Close()
	}
	streams["bolt"] = n.Client(t).Listen(n.Bolt.URL+"/api/events/stream", bearer(n.Bolt))
	defer streams["bolt"].Close()
	for _, st := range streams {
		if e, more := st.Next(); !more || st.Status != http.StatusOK || st.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Fatalf("stream = %d %v %+v", st.Status, st.Header, e)
		}
	}

	if got := listeners["owner"].Send(n.Acme.URL+"/tickets", url.Values{"title": {"Help"}, "description": {"me"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("file = %d %s", got.Status, got.Body)
	}
	p.call("POST", "/api/tickets/1/comments", `{"body":"She is always like that","visibility":"internal"}`)
	p.call("PATCH", "/api/tickets/1", `{"priority":"urgent","add_tags":["vip"],"comment":{"body":"Psst","visibility":"internal"}}`)
	p.call("PATCH", "/api/tickets/1", `{"add_tags":["secret"]}`)
	p.call("POST", "/api/tickets/1/comments", `{"body":"We are on it"}`)
	for _, who := range []string{"other", "visitor"} { // each hears at least this, so that nobody waits for nothing
		if got := listeners[who].Send(n.Acme.URL+"/tickets", url.Values{"title": {who}, "description": {"x"}}); got.Status != http.StatusSeeOther {
			t.Fatalf("file = %d %s", got.Status, got.Body)
		}
	}
	caller(t, n, n.Bolt).file("Bolt's own")

	for who, want := range map[string][]string{
		"agent": {
			"1 ticket.created", "2 ticket.commented", "3 ticket.commented", "4 ticket.updated", "5 ticket.commented", "6 ticket.created", "7 ticket.created",
		},
		"owner":   {"1 ticket.created", "3 ticket.updated", "5 ticket.commented"},
		"other":   {"6 ticket.created"},
		"visitor": {"7 ticket.created"},
		"bolt":    {"1 ticket.created"},
	} {
		var heard []string
		for range want {
			e, _ := streams[who].Named()
			heard = append(heard, e.ID+" "+e.Name)
			if who != "agent" && (strings.Contains(e.Data, "vip") || strings.Contains(e.Data, "internal")) {
				t.Errorf("%s hears %s", who, e.Data)
			}
		}
		if diff := cmp.Diff(want, heard); diff != "" {
			t.Errorf("%s hears (-want +got):\n%s", who, diff)
		}
		if c := listeners[who]; c != nil {
			if diff := cmp.Diff(want, allEvents(t, c, n.Acme.URL)); diff != "" {
				t.Errorf("%s reads (-want +got):\n%s", who, diff)
			}
		}
	}
}

// TestStreamEndsWithTheCredentials: who has signed out, and whose token was revoked, is told so and hears nothing more.
func TestStreamEndsWithTheCredentials(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	token, secret, err := n.Doors.Tokens.Create(t.Context(), n.Acme.Tenant, auth.TokenRequest{Name: "listener", Scopes: auth.EventsRead, By: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	program := n.Client(t).Listen(n.URL+"/api/events/stream", "Authorization: Bearer "+secret)
	defer program.Close()
	agent := n.Agent(t, n.Acme, "ann@acme.example", "Ann", auth.RoleAgent)
	staff := agent.Listen(n.Acme.URL + "/api/events/stream")
	defer staff.Close()
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	requester := zoe.Listen(n.Acme.URL + "/api/events/stream")
	defer requester.Close()

	if err := n.Doors.Tokens.Revoke(t.Context(), n.Acme.Tenant, token.ID, "operator"); err != nil {
		t.Fatal(err)
	}
	agent.Send(n.Acme.URL+"/agent/sign-out", nil)
	n.EndSessions(t, n.Acme, "zoe@example.com")
	for who, st := range map[string]*webtest.Stream{"program": program, "staff": staff, "requester": requester} {
		e, _ := st.Named()
		if e.Name != "end" || !strings.Contains(e.Data, `"code":"UNAUTHENTICATED"`) {
			t.Errorf("%s hears %+v, want the end", who, e)
		}
		if e, more := st.Next(); more {
			t.Errorf("%s hears %+v after the end", who, e)
		}
	}
}

// TestStreamRefuses what it cannot give.
func TestStreamRefuses(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	p.file("One")
	p.file("Two")
	c := n.Client(t)
	for accept, want := range map[string]int{
		"": 200, "*/*": 200, "text/*": 200, "text/event-stream": 200, "text/html, */*;q=0.1": 200, "application/json": 406, "text/html": 406,
		"*/*, text/event-stream;q=0": 406, "text/event-stream;q=0.5, */*;q=0": 200, "TEXT/EVENT-STREAM": 200,
	} {
		st := c.Listen(n.URL+"/api/events/stream", bearer(n.Acme), "Accept: "+accept)
		if st.Status != want || want == 200 && !strings.HasPrefix(st.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("with Accept %q = %d %s, want %d", accept, st.Status, st.Header.Get("Content-Type"), want)
		}
		st.Close()
	}
	if got := c.Get(n.URL+"/api/events/stream?last_event_id=x", bearer(n.Acme), "Accept: text/event-stream"); got.Status != http.StatusBadRequest {
		t.Errorf("with a bad id = %d %s", got.Status, got.Body)
	}
	if got := c.Get(n.URL+"/api/events?cursor=99", bearer(n.Acme)); got.Status != http.StatusGone || got.Code() != "EVENTS_GONE" {
		t.Errorf("the list behind an event that never was = %d %s", got.Status, got.Body)
	}
	if got := c.Get(n.URL+"/api/events?type=ticket.exploded", bearer(n.Acme)); got.Status != http.StatusBadRequest {
		t.Errorf("a type that is not one = %d %s", got.Status, got.Body)
	}

	st := c.Listen(n.URL+"/api/events/stream?last_event_id=99", bearer(n.Acme))
	if e, _ := st.Named(); e.Name != "reload" || e.ID != "2" || !strings.Contains(e.Data, "EVENTS_GONE") {
		t.Errorf("the stream behind an event that never was begins with %+v, want a reload", e)
	}
	p.file("Three")
	if e, _ := st.Named(); e.ID != "3" || e.Name != "ticket.created" {
		t.Errorf("after the reload comes %+v", e)
	}
	st.Close()

	var open []*webtest.Stream
	defer func() {
		for _, st := range open {
			st.Close()
		}
	}()
	for len(open) < 20 {
		open = append(open, c.Listen(n.URL+"/api/events/stream", bearer(n.Acme)))
	}
	if slices.ContainsFunc(open, func(st *webtest.Stream) bool {
		return st.Status != http.StatusOK && st.Status != http.StatusTooManyRequests
	}) {
		t.Error("not all of 20 streams were opened")
	}
	open = append(open, c.Listen(n.URL+"/api/events/stream", bearer(n.Acme)))
	if last := open[len(open)-1]; last.Status != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
		t.Errorf("one more = %d, want 429 with Retry-After", last.Status)
	}
	other := c.Listen(n.URL+"/api/events/stream", bearer(n.Bolt))
	if other.Status != http.StatusOK {
		t.Errorf("another tenant's stream = %d", other.Status)
	}
	other.Close()
}

// TestEventsAreFiltered by type, ticket and time.
func TestEventsAreFiltered(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	one, two := p.file("One"), p.file("Two")
	p.call("PATCH", "/api/tickets/"+one, `{"priority":"high"}`)
	third := eventsIn(t, n.Client(t).Get(n.URL+"/api/events?cursor=2", bearer(n.Acme))).Data[0]
	if third.TicketID != one || third.TicketVersion != 2 || third.Actor.Role != "api" {
		t.Errorf("the third event is %+v", third)
	}
	for query, want := range map[string][]int{
		"":                                   {1, 2, 3},
		"type=ticket.updated":                {3},
		"type=ticket.updated,ticket.merged":  {3},
		"ticket_id=" + two:                   {2},
		"ticket_id=1":                        {1, 3},
		"ticket_id=77":                       {},
		"ticket_id=nonsense":                 {},
		"created_after=2001-01-01T00:00:00Z": {1, 2, 3},
		"created_after=" + url.QueryEscape(third.CreatedAt): {},
	} {
		got := n.Client(t).Get(n.URL+"/api/events?"+query, bearer(n.Acme))
		seqs := []int{}
		for _, e := range eventsIn(t, got).Data {
			seqs = append(seqs, e.Sequence)
		}
		if diff := cmp.Diff(want, seqs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}
