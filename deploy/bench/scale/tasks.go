package main

import (
	"context"
	"fmt"
	"time"

	"github.com/deskgate/deskgate/deploy/bench/archive"
	"github.com/deskgate/deskgate/tickets"
)

// agent asks for most of it.
func agent() tickets.Actor { return tickets.Admin(archive.Agent(0)) }

// tasks are what is compared.
func tasks() []task {
	drafts := archive.Drafts(1000)
	return []task{
		listed("list: all, latest change", tickets.Query{}),
		listed("list: newest", tickets.Query{Sort: tickets.CreatedDesc}),
		listed("list: oldest page", tickets.Query{Sort: tickets.CreatedAsc}),
		listed("list: longest unchanged", tickets.Query{Sort: tickets.UpdatedAsc}),
		searched("list: inbox", "is:open"),
		searched("list: mine", "assignee:me -is:done"),
		searched("list: unassigned", "is:unassigned -is:done"),
		searched("list: done", "is:done"),
		listed("list: status open", tickets.Query{Status: []tickets.Status{tickets.StatusOpen}}),
		listed("list: status new,open,pending", tickets.Query{Status: []tickets.Status{tickets.StatusNew, tickets.StatusOpen, tickets.StatusPending}}),
		listed("list: status closed, newest", tickets.Query{Status: []tickets.Status{tickets.StatusClosed}, Sort: tickets.CreatedDesc}),
		listed("list: status open, oldest", tickets.Query{Status: []tickets.Status{tickets.StatusOpen}, Sort: tickets.CreatedAsc}),
		listed("list: tag", tickets.Query{Tags: []string{"tag0"}}),
		listed("list: tag, newest", tickets.Query{Tags: []string{"tag0"}, Sort: tickets.CreatedDesc}),
		searched("list: category", "category:technical-problem"),
		searched("list: priority high", "priority:high"),
		listed("list: agent's", tickets.Query{Assignee: archive.Agent(1).ID}),
		listed("list: requester_id", tickets.Query{RequesterID: archive.Requester(0).ID}),
		searched("list: from:address", "from:"+archive.Requester(0).Email),
		{"list: deep cursor", deep(tickets.Query{})},
		{"list: a requester's own", list(tickets.Requester(archive.Requester(0)), tickets.Query{})},
		searched("filter: status closed, tag", "status:closed tag:tag0"),
		searched("filter: status open, tag", "status:open tag:tag0"),
		searched("filter: open, category, priority", "is:open category:technical-problem priority:high"),
		searched("filter: mine, waiting, high", "assignee:me is:waiting priority:high,urgent"),
		searched("filter: tag, not done, newest", "tag:tag0 -is:done sort:-created_at"),
		searched("filter: category, tag, newest", "category:technical-problem tag:tag0 sort:-created_at"),
		searched("filter: two tags", "tag:tag0 tag:tag1"),
		searched("filter: closed, priority low, agent", "status:closed priority:low assignee:"+archive.Agent(1).ID),
		searched("filter: not tag, not category", "-tag:tag0 -category:technical-problem"),
		searched("search: common word", "printer"),
		searched("search: frequent word", `"bade"`),
		searched("search: rare word", archive.Rare),
		searched("search: no such word", "qqqqq"),
		searched("search: two words", "printer jammed"),
		searched("search: two frequent words", `"bade" "bede"`),
		searched("search: prefix", "prin"),
		searched("search: short prefix", "p"),
		searched("search: prefix of rare words", "kamo"),
		searched("search: word and prefix", "printer jam"),
		searched("search: status:open printer", "status:open printer"),
		searched("search: is:open printer, latest change", "is:open printer sort:-updated_at"),
		searched("search: assignee:me printer", "assignee:me printer"),
		searched("search: tag printer", "tag:tag0 printer"),
		searched("search: category printer", "category:technical-problem printer"),
		searched("search: -word", `printer -"jammed"`),
		searched("search: number", "#7"),
		{"search: a requester's", list(tickets.Requester(archive.Requester(0)), tickets.Query{Text: "printer"})},
		totalled("total: all", ""),
		totalled("total: inbox", "is:open"),
		totalled("total: tag", "tag:tag1"),
		totalled("total: filter", "status:closed tag:tag0 priority:high"),
		totalled("total: word", "printer"),
		totalled("total: words", "printer jammed status:closed"),
		{"console: view counts", views},
		{"open: by number", byNumber},
		{"open: by id, with thread", byID},
		{"create", create(drafts)},
		{"reply", comment(drafts, tickets.Public)},
		{"note", comment(drafts, tickets.Internal)},
		{"change status", change},
		{"report of 30 days", report(30)},
		{"report of a year", report(365)},
		{"events: first page", events(false)},
		{"events: of a ticket", events(true)},
	}
}

func listed(name string, q tickets.Query) task { return task{name, list(agent(), q)} }

func searched(name, text string) task {
	q, _ := tickets.ParseSearch(text)
	return listed(name, q)
}

func totalled(name, text string) task {
	q, _ := tickets.ParseSearch(text)
	q.IncludesTotal = true
	return task{name, func(ctx context.Context, a *archive.Store, _ int) (int, error) {
		p, err := a.Desk.List(ctx, a.Tenant, agent(), q)
		return p.Total, err
	}}
}

func list(who tickets.Actor, q tickets.Query) func(context.Context, *archive.Store, int) (int, error) {
	return func(ctx context.Context, a *archive.Store, _ int) (int, error) {
		p, err := a.Desk.List(ctx, a.Tenant, who, q)
		return len(p.Tickets), err
	}
}

// deep is a page in the middle of the list, from which somebody goes on.
func deep(q tickets.Query) func(context.Context, *archive.Store, int) (int, error) {
	cursors := map[*archive.Store]string{}
	return func(ctx context.Context, a *archive.Store, _ int) (int, error) {
		if cursors[a] == "" {
			middle := q
			middle.Updated.Before = time.Now().AddDate(-1, 0, 0)
			p, err := a.Desk.List(ctx, a.Tenant, agent(), middle)
			if err != nil || p.Next == "" {
				return 0, fmt.Errorf("no second page: %w", err)
			}
			cursors[a] = p.Next
		}
		with := q
		with.Updated.Before = time.Now().AddDate(-1, 0, 0)
		p, err := a.Desk.List(ctx, a.Tenant, agent(), with)
		return len(p.Tickets), err
	}
}

func views(ctx context.Context, a *archive.Store, _ int) (int, error) {
	all, err := a.Desk.Views(ctx, a.Tenant, agent())
	return len(all), err
}

// some is one of the tickets that are there in every size, another one each time.
func some(n int) tickets.Ref { return tickets.ByNumber(uint64(1 + n*37%1000)) }

func byNumber(ctx context.Context, a *archive.Store, n int) (int, error) {
	_, err := a.Desk.Find(ctx, a.Tenant, agent(), some(n))
	return 1, err
}

func byID(ctx context.Context, a *archive.Store, n int) (int, error) {
	t, err := a.Desk.Find(ctx, a.Tenant, agent(), some(n))
	if err != nil {
		return 0, err
	}
	if t, err = a.Desk.Find(ctx, a.Tenant, agent(), t.Ref()); err != nil {
		return 0, err
	}
	if _, err := a.Desk.LastComments(ctx, a.Tenant, agent(), t.Ref(), "", 0); err != nil {
		return 0, err
	}
	_, err = a.Desk.Activity(ctx, a.Tenant, agent(), t.Ref(), "", 0)
	return 1, err
}

func create(drafts []tickets.Draft) func(context.Context, *archive.Store, int) (int, error) {
	return func(ctx context.Context, a *archive.Store, n int) (int, error) {
		_, err := a.Desk.Open(ctx, a.Tenant, tickets.Token("tok_bench", "bench"), drafts[n%len(drafts)])
		return 1, err
	}
}

// comment writes to one of the newest tickets, for replies to closed ones are another matter.
func comment(drafts []tickets.Draft, v tickets.Visibility) func(context.Context, *archive.Store, int) (int, error) {
	return func(ctx context.Context, a *archive.Store, n int) (int, error) {
		o, err := fresh(ctx, a)
		if err != nil {
			return 0, err
		}
		_, err = a.Desk.Comment(ctx, a.Tenant, agent(), o, tickets.Note{Body: drafts[n%len(drafts)].Title, Visibility: v})
		return 1, err
	}
}

func change(ctx context.Context, a *archive.Store, n int) (int, error) {
	o, err := fresh(ctx, a)
	if err != nil {
		return 0, err
	}
	status := tickets.StatusPending
	if n%2 == 1 {
		status = tickets.StatusOnHold
	}
	_, err = a.Desk.Update(ctx, a.Tenant, agent(), o, tickets.Change{Status: tickets.Set(status)})
	return 1, err
}

// fresh is a ticket that is not closed: one of the newest.
func fresh(ctx context.Context, a *archive.Store) (tickets.Ref, error) {
	p, err := a.Desk.List(ctx, a.Tenant, agent(), tickets.Query{Status: []tickets.Status{tickets.StatusNew, tickets.StatusOpen, tickets.StatusPending, tickets.StatusOnHold}, Limit: 1, Sort: tickets.CreatedDesc})
	if err != nil || len(p.Tickets) == 0 {
		return tickets.Ref{}, fmt.Errorf("no open ticket: %w", err)
	}
	return p.Tickets[0].Ref(), nil
}

func report(days int) func(context.Context, *archive.Store, int) (int, error) {
	return func(ctx context.Context, a *archive.Store, _ int) (int, error) {
		r, err := a.Desk.Report(ctx, a.Tenant, agent(), time.Now().AddDate(0, 0, 1-days), time.Now())
		return len(r.Days), err
	}
}

func events(ofTicket bool) func(context.Context, *archive.Store, int) (int, error) {
	return func(ctx context.Context, a *archive.Store, n int) (int, error) {
		q := tickets.EventQuery{}
		if ofTicket {
			p, err := a.Desk.Events(ctx, a.Tenant, agent(), tickets.EventQuery{Limit: 1})
			if err != nil || len(p.Events) == 0 {
				return 0, fmt.Errorf("no events: %w", err)
			}
			q.Ticket = tickets.ByNumber(p.Events[0].Number)
		}
		p, err := a.Desk.Events(ctx, a.Tenant, agent(), q)
		return len(p.Events), err
	}
}
