package web

import (
	"bufio"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// sessionDocument is a browser in which somebody is or was signed in, or is remembered. What opens it is not in it.
type sessionDocument struct {
	ID         string        `json:"id"`
	Host       string        `json:"host"`
	IP         *string       `json:"ip"`
	UserAgent  *string       `json:"user_agent"`
	CreatedAt  tenant.Moment `json:"created_at"`
	LastSeenAt tenant.Moment `json:"last_seen_at"`
	EndsAt     tenant.Moment `json:"ends_at"`
}

// exportedTicket is a ticket with all of its messages and its history.
type exportedTicket struct {
	ticketDocument

	Comments []commentDocument  `json:"comments"`
	Activity []activityDocument `json:"activity"`
}

// preferencesDocument is what a requester has chosen.
type preferencesDocument struct {
	Language  *string `json:"language"`
	TimeZone  *string `json:"time_zone"`
	Receipts  bool    `json:"mail_receipts"`
	Replies   bool    `json:"mail_replies"`
	Solved    bool    `json:"mail_solved"`
	Reminders bool    `json:"mail_reminders"`
	// Refused is why letters to them could not be delivered.
	Refused *string `json:"mail_refused"`
}

// claimedTicket is one that somebody filed who only said to have the person's address. What they wrote may be anybody's.
type claimedTicket struct {
	ID        string        `json:"id"`
	Number    uint64        `json:"number"`
	CreatedAt tenant.Moment `json:"created_at"`
}

// export writes the document about one person, part by part: nobody knows how long it gets.
type export struct {
	server *Server
	r      *http.Request
	c      caller
	user   auth.User
	// notes: the team's internal notes and the tickets' histories are in it.
	notes bool
	out   *jsontext.Encoder
}

// exportUser answers with everything that is kept about a user, as one document: what the team noted about them as well, unless it is
// asked for without.
func (s *Server) exportUser(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if c.browser() && !c.session.Fresh(proofLife) {
		return errStepUp
	}
	p := queryOf(r)
	publicOnly := p.flag("public_only")
	if err := p.err(); err != nil {
		return err
	}
	u, err := s.doors.Users.Find(r.Context(), c.tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	note := tenant.Event{Actor: c.Actor(), Action: "user.exported", Object: u.ID}
	if err := s.tenants.Log(r.Context(), c.tenant.ID, note); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+u.ID+`.json"`)
	if r.Method == http.MethodHead {
		return nil
	}
	buffer := bufio.NewWriterSize(w, 64<<10)
	x := &export{server: s, r: r, c: c, user: u, notes: !publicOnly, out: jsontext.NewEncoder(buffer, jsontext.WithIndent("  "))}
	if err := errors.Join(x.write(), buffer.Flush()); err != nil { //nolint:contextcheck // the request has it
		s.log.WarnContext(r.Context(), "an export ended early", slog.Any("error", err))
		panic(http.ErrAbortHandler) // half of it must not be taken for the whole
	}
	return nil
}

func (x *export) write() error {
	if err := x.out.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	who := auth.Identity{Tenant: x.c.tenant.ID, Level: auth.Vouched, ID: x.user.ID, Email: x.user.Email}
	for _, part := range []struct {
		name  string
		write func() error
	}{
		{"exported_at", func() error { return x.put(tenant.Moment(time.Now())) }},
		{"user", func() error { return x.put(userOf(&x.user)) }},
		{"sessions", func() error { return x.sessions(who) }},
		{"remembered_browsers", func() error { return x.devices(who) }},
		{"preferences", x.preferences},
		{"tickets", func() error { return x.list(x.tickets) }},
		{"unused_attachments", x.uploads},
		{"claimed_tickets", x.claims},
		{"audit", func() error { return x.list(x.audit) }},
	} {
		if err := x.put(part.name); err != nil {
			return err
		}
		if err := part.write(); err != nil {
			return err
		}
	}
	return x.out.WriteToken(jsontext.EndObject)
}

func (x *export) put(v any) error { return json.MarshalEncode(x.out, v, json.Deterministic(true)) }

func (x *export) list(items func() error) error {
	if err := x.out.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	if err := items(); err != nil {
		return err
	}
	return x.out.WriteToken(jsontext.EndArray)
}

func (x *export) sessions(who auth.Identity) error {
	all, err := x.server.doors.Sessions.List(x.r.Context(), x.c.tenant, who)
	if err != nil {
		return err
	}
	documents := make([]sessionDocument, len(all))
	for i, one := range all {
		documents[i] = sessionDocument{
			ID: one.ID, Host: string(one.Host), IP: orNull(one.IP), UserAgent: orNull(one.UserAgent),
			CreatedAt: tenant.Moment(one.CreatedAt), LastSeenAt: tenant.Moment(one.SeenAt), EndsAt: tenant.Moment(one.EndsAt),
		}
	}
	return x.put(documents)
}

func (x *export) devices(who auth.Identity) error {
	all, err := x.server.doors.Devices.List(x.r.Context(), x.c.tenant, who)
	if err != nil {
		return err
	}
	documents := make([]sessionDocument, len(all))
	for i, one := range all {
		documents[i] = sessionDocument{
			ID: one.ID, Host: string(one.Host), IP: orNull(one.IP), UserAgent: orNull(one.UserAgent),
			CreatedAt: tenant.Moment(one.CreatedAt), LastSeenAt: tenant.Moment(one.SeenAt), EndsAt: tenant.Moment(one.EndsAt),
		}
	}
	return x.put(documents)
}

// tickets writes all of the user's tickets, wherever they are put away.
func (x *export) tickets() error {
	of := func() tickets.Query {
		return tickets.Query{RequesterID: x.user.ID, Sort: tickets.CreatedDesc, Limit: 50}
	}
	deleted, spam, merged := of(), of(), of()
	deleted.Deleted, spam.Spam, merged.Merged = true, true, true
	for _, q := range []tickets.Query{of(), deleted, spam, merged} {
		if err := x.shelf(q); err != nil {
			return err
		}
	}
	return nil
}

func (x *export) shelf(q tickets.Query) error {
	a := x.c.actor()
	for more := true; more; {
		found, err := x.server.desk.List(x.r.Context(), x.c.tenant, a, q)
		if err != nil {
			return err
		}
		for i := range found.Tickets {
			if err := x.ticket(a, &found.Tickets[i]); err != nil {
				return err
			}
		}
		q.Cursor, more = found.Next, found.HasMore
	}
	return nil
}

func (x *export) ticket(a tickets.Actor, t *tickets.Ticket) error {
	portal := x.server.directory.PortalURL(x.c.tenant)
	if !x.notes { // it is for the person: what they could see themselves
		a = tickets.Requester(tickets.Person{ID: x.user.ID, Email: x.user.Email, Name: x.user.Name})
	}
	one := exportedTicket{ticketDocument: document(portal, a, t), Comments: []commentDocument{}, Activity: []activityDocument{}}
	err := x.server.desk.EachComment(x.r.Context(), x.c.tenant, t, func(c *tickets.Comment) error {
		if c.Visibility == tickets.Public || x.notes {
			one.Comments = append(one.Comments, comment(portal, a, c))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if x.notes {
		err = x.server.desk.EachActivity(x.r.Context(), x.c.tenant, t, func(e *tickets.Activity) error {
			one.Activity = append(one.Activity, activity(e, a))
			return nil
		})
	}
	if err != nil {
		return err
	}
	return x.put(one)
}

// uploads writes the files that wait for their message.
func (x *export) uploads() error {
	files, err := x.server.desk.Unused(x.r.Context(), x.c.tenant, tickets.Requester(ticketPerson(x.user)))
	if err != nil {
		return err
	}
	return x.put(attachments(x.server.directory.PortalURL(x.c.tenant), files))
}

// preferences writes what the user has chosen, and whether their address takes letters.
func (x *export) preferences() error {
	reading, err := x.server.doors.Readers.Find(x.r.Context(), x.c.tenant, x.user.ID)
	if err != nil {
		return err
	}
	wishes, err := x.server.notifier.Wishes(x.r.Context(), x.c.tenant, x.user.ID)
	if err != nil {
		return err
	}
	trouble, troubled, err := x.server.notifier.Trouble(x.r.Context(), x.c.tenant, x.user.Email)
	if err != nil {
		return err
	}
	p := preferencesDocument{
		Language: orNull(reading.Language), TimeZone: orNull(reading.Zone), Receipts: !wishes.NoReceipts, Replies: !wishes.NoReplies,
		Solved: !wishes.NoSolved, Reminders: !wishes.NoReminders,
	}
	if troubled {
		p.Refused = &trouble.Reason
	}
	return x.put(p)
}

func (x *export) claims() error {
	const most = 100
	found, err := x.server.desk.Claims(x.r.Context(), x.c.tenant, tickets.Requester(ticketPerson(x.user)), most)
	if err != nil {
		return err
	}
	documents := make([]claimedTicket, len(found))
	for i := range found {
		documents[i] = claimedTicket{ID: found[i].ID, Number: found[i].Number, CreatedAt: tenant.Moment(found[i].CreatedAt)}
	}
	return x.put(documents)
}

// audit writes what the user did, and what was done about them.
func (x *export) audit() error {
	q := tenant.AuditQuery{}
	for more := true; more; {
		found, err := x.server.tenants.SearchAudit(x.r.Context(), x.c.tenant.ID, q)
		if err != nil {
			return err
		}
		for _, e := range found.Events {
			if e.Actor != "requester:"+x.user.ID && e.Object != x.user.ID && !strings.EqualFold(e.Object, x.user.Email) {
				continue
			}
			if err := x.put(auditOf(e)); err != nil {
				return err
			}
		}
		q.Cursor, more = found.Next, found.Next != ""
	}
	return nil
}
