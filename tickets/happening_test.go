package tickets_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// told is what a follower was told of, as "slug 1 ticket.created v1 status:new>open".
type told struct {
	mu  sync.Mutex
	all []string
}

func (h *told) follow(tx *storage.Tx, tn *tenant.Tenant, x *tickets.Happening) error {
	e := x.Event
	words := []string{fmt.Sprintf("%s %d %s v%d by %s", tn.Slug, e.Seq, e.Type, e.Version, e.Actor.Name)}
	for _, c := range e.Changes {
		words = append(words, c.Field+":"+c.From+">"+c.To)
	}
	line := strings.Join(words, " ")
	tx.OnCommit(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.all = append(h.all, line)
	})
	return nil
}

func (h *told) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.all
	h.all = nil
	return all
}

// with makes the world's desk anew.
func (w *world) with(c tickets.Config) *world {
	c.Store = w.store
	c.Tenants = func(context.Context) ([]*tenant.Tenant, error) { return w.tenants, nil }
	w.Desk = tickets.New(c)
	return w
}

// Everything that can happen to a ticket is told once, in one sequence per tenant.
func TestFollowersAreToldOfEverything(t *testing.T) {
	var h told
	w := newWorld(t).with(tickets.Config{Followers: []tickets.Follower{h.follow}})
	x := w.open(eve, "Printer")
	w.change(agent, x, tickets.Change{Priority: tickets.Set(tickets.PriorityHigh)})
	w.change(agent, x, tickets.Change{Priority: tickets.Set(tickets.PriorityHigh)}) // changes nothing
	w.comment(agent, x, "We look into it.", tickets.Public)
	if _, err := w.Open(t.Context(), w.globex, bob, tickets.Draft{Title: "Other", Description: "Other"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Claim(t.Context(), w.acme, ann, x.Ref(), true); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), w.acme, agent, x.Ref(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Restore(t.Context(), w.acme, agent, x.Ref()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"acme 1 ticket.created v1 by Ann",
		"acme 2 ticket.updated v2 by Zoe priority:medium>high",
		"acme 3 ticket.commented v3 by Zoe status:new>open",
		"globex 1 ticket.created v1 by Bob",
		"acme 4 ticket.claimed v4 by Ann requester:Ann <ann@partner.example>>Ann <ann@partner.example> requester_assurance:asserted>vouched",
		"acme 5 ticket.deleted v5 by Zoe",
		"acme 6 ticket.restored v6 by Zoe",
	}
	if diff := cmp.Diff(want, h.take()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

var errFull = errors.New("no room")

// What a follower cannot write down does not happen.
func TestAFollowersErrorUndoes(t *testing.T) {
	fail := false
	w := newWorld(t).with(tickets.Config{Followers: []tickets.Follower{func(*storage.Tx, *tenant.Tenant, *tickets.Happening) error {
		if fail {
			return errFull
		}
		return nil
	}}})
	x := w.open(ann, "Printer")
	fail = true
	if _, err := w.Update(t.Context(), w.acme, agent, x.Ref(), tickets.Change{Title: tickets.Set("Scanner")}); !errors.Is(err, errFull) {
		t.Errorf("Update = %v, want the follower's error", err)
	}
	if got := w.find(agent, x); got.Title != "Printer" || got.Version != 1 {
		t.Errorf("the ticket is %+v", got)
	}
}

// What rules want is done at once, each rule's change by itself, and no rule is asked about it: two rules that undo each
// other's work end after one round.
func TestRulesChangeOnceAndNeverStartRules(t *testing.T) {
	var h told
	asked := 0
	rules := func(tx *storage.Tx, _ *tenant.Tenant, x *tickets.Happening) ([]tickets.Automatic, error) {
		tx.OnCommit(func() { asked++ })
		return []tickets.Automatic{
			{Rule: "up", Change: tickets.Change{Priority: tickets.Set(tickets.PriorityUrgent)}},
			{Rule: "impossible", Change: tickets.Change{Status: tickets.Set(tickets.StatusNew)}},
			{Rule: "down", Change: tickets.Change{Priority: tickets.Set(tickets.PriorityLow), Comment: &tickets.Note{Body: "Seen", Visibility: tickets.Internal}}},
		}, nil
	}
	w := newWorld(t).with(tickets.Config{Followers: []tickets.Follower{h.follow}, Rules: rules})
	x := w.open(ann, "Printer")
	if x.Version != 3 || x.Priority != tickets.PriorityLow || x.Status != tickets.StatusNew {
		t.Errorf("the opened ticket is %+v, want what the rules made of it", x)
	}
	if diff := cmp.Diff(x, w.find(agent, x), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("stored (-answer +stored):\n%s", diff)
	}
	want := []string{
		"acme 1 ticket.created v1 by Ann",
		"acme 2 ticket.updated v2 by rule: up priority:medium>urgent",
		"acme 3 ticket.commented v3 by rule: down priority:urgent>low",
	}
	if diff := cmp.Diff(want, h.take()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if asked != 1 {
		t.Errorf("the rules were asked %d times, want once", asked)
	}
}

// message is what a follower keeps of a happening.
type message struct {
	Seq     uint64           `cbor:"1,keyasint"`
	Copy    int              `cbor:"2,keyasint"`
	Ticket  *tickets.Ticket  `cbor:"3,keyasint,omitempty"`
	Comment *tickets.Comment `cbor:"4,keyasint,omitempty"`
}

// TestRulesNeverCostAChange has rules that want more than a transaction holds, of a ticket as large as they get that many are told
// of: what cannot be done is left out, and what the person did stays.
func TestRulesNeverCostAChange(t *testing.T) {
	table := storage.NewTable(storage.Declaration[message]{ID: 65000, Name: "messages of a test", Key: func(m *message) storage.Key {
		return storage.Key(nil).Uint(m.Seq).Uint(uint64(m.Copy))
	}})
	follow := func(tx *storage.Tx, _ *tenant.Tenant, h *tickets.Happening) error {
		for i := range tickets.FollowerWrites {
			m := message{Seq: h.Event.Seq, Copy: i}
			if i == 0 {
				m.Ticket, m.Comment = h.After, h.Comment
			}
			if err := table.Put(tx, &m); err != nil {
				return err
			}
		}
		return nil
	}
	rules := func(*storage.Tx, *tenant.Tenant, *tickets.Happening) (all []tickets.Automatic, err error) {
		for i := range 10 {
			rule := tickets.Automatic{Rule: strconv.Itoa(i), Change: tickets.Change{
				AddTags: []string{"tag" + strconv.Itoa(i)},
				Comment: &tickets.Note{Body: strings.Repeat("seen ", 400), Visibility: tickets.Internal},
			}}
			for range 10 {
				rule.Notices = append(rule.Notices, tickets.Notice{Event: true, To: "seen"})
			}
			all = append(all, rule)
		}
		return all, nil
	}
	w := newWorld(t)
	w.store = storagetest.Open(t, append(tickets.Tables(), table)...)
	w.with(tickets.Config{Followers: []tickets.Follower{follow}, Rules: rules})
	for name, large := range map[string]func(*tickets.Draft){
		"small": func(*tickets.Draft) {},
		"large": func(d *tickets.Draft) {
			d.Description, d.CustomFields = strings.Repeat("漢字 ", tickets.MaxBody/7), map[string]any{}
			for i := range tickets.MaxCustomFields {
				d.CustomFields["field_"+strconv.Itoa(i)] = strings.Repeat("x", tickets.MaxFields/tickets.MaxCustomFields-len("field_99"))
			}
		},
	} {
		x := w.open(ann, name, large, func(d *tickets.Draft) { d.Idempotency = &tickets.Idempotency{Key: name} })
		y := w.comment(ann, x, strings.Repeat("word and ", tickets.MaxBody/9), tickets.Public)
		if got := w.find(agent, x); got.Version < 2 || y.Ticket.Version != got.Version {
			t.Errorf("%s: version %d, and the comment's answer says %d", name, got.Version, y.Ticket.Version)
		}
		if actions := w.actions(x); !slices.Contains(actions, "left_out") {
			t.Errorf("%s: nothing was left out: %q", name, actions)
		}
	}
}
