package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// seedTicket is a ticket of the demo with what was said about it.
type seedTicket struct {
	requester   auth.Person
	title, text string
	category    string
	priority    tickets.Priority
	tags        []string
	said        []seedComment
	status      tickets.Status // what the agent leaves it in; empty: as it is
}

type seedComment struct {
	agent, internal bool
	text            string
}

// demoPlan is a tenant of the demo and what it begins with.
type demoPlan struct {
	slug, name string
	agent      auth.Person
	tickets    []seedTicket
}

// seed makes the demo's tenants. What an interrupted demo left of them is taken away first.
func (d *demoDocument) seed(ctx context.Context, n *node) error {
	for _, plan := range []demoPlan{
		{"acme", "Acme Coffee Machines", auth.Person{Email: "ana@acme.example", Name: "Ana Lima"}, append(acmeCrowd(), acmeTickets()...)},
		{"globex", "Globex Travel", auth.Person{Email: "tom@globex.example", Name: "Tom Okafor"}, globexTickets()},
	} {
		if err := n.tenants.Delete(ctx, plan.slug); err != nil && !errors.Is(err, tenant.ErrNotFound) {
			return err
		}
		made, err := n.seed(ctx, plan)
		if err != nil {
			return err
		}
		d.Tenants = append(d.Tenants, made)
	}
	return nil
}

// seed makes one of the demo's tenants.
func (o *operator) seed(ctx context.Context, plan demoPlan) (made demoTenant, err error) {
	created, err := o.createTenant(ctx, tenantName{Slug: plan.slug, Name: plan.name})
	if err != nil {
		return made, err
	}
	t, err := o.tenants.Set(ctx, plan.slug, map[string]string{"company_view": "on"})
	if err != nil {
		return made, err
	}
	agent, password, err := o.hire(ctx, t, plan.agent, auth.RoleAdmin)
	if err != nil {
		return made, err
	}
	for _, colleague := range demoColleagues[plan.slug] {
		if _, _, err := o.hire(ctx, t, colleague, auth.RoleAgent); err != nil {
			return made, err
		}
	}
	for _, reply := range demoReplies {
		_, err := o.desk.AddReply(ctx, t, agent, tickets.ReplyChange{
			Name: tickets.Set(reply[0]), Shortcut: tickets.Set(reply[1]), Body: tickets.Set(reply[2]), Shared: tickets.Set(true),
		})
		if err != nil {
			return made, err
		}
	}
	for _, s := range plan.tickets {
		if err := o.plant(ctx, t, agent, s); err != nil {
			return made, fmt.Errorf("ticket %q: %w", s.title, err)
		}
	}
	return demoTenant{Slug: plan.slug, Name: plan.name, Secrets: created.Secrets, Agent: demoAgent{plan.agent.Email, password}}, nil
}

// demoColleagues are further agents, whom nobody has to sign in as.
var demoColleagues = map[string][]auth.Person{
	"acme": {{Email: "mia@acme.example", Name: "Mia Schulz"}, {Email: "tom@acme.example", Name: "Tom Berg"}},
}

// demoReplies are canned replies: name, shortcut and text.
var demoReplies = [][3]string{
	{"Thank you, we are looking into it", "looking", "Hello {{requester.first_name}},\n\nthank you for your message. We are looking into it and come back to you today.\n\n{{agent.name}}"},
	{"We need a picture", "picture", "Hello {{requester.first_name}},\n\ncould you send us a picture of it? You can drop it into your reply.\n\n{{agent.name}}"},
}

// hire invites a member of the staff, who accepts with a password made here.
func (o *operator) hire(ctx context.Context, t *tenant.Tenant, who auth.Person, role auth.Role) (tickets.Actor, string, error) {
	i, err := o.staff.Invite(ctx, t, who.Email, who.Name, role, byOperator)
	if err != nil {
		return tickets.Actor{}, "", err
	}
	link, err := url.Parse(i.URL)
	if err != nil {
		return tickets.Actor{}, "", err
	}
	password := strings.ToLower(rand.Text()[:16])
	_, err = o.staff.Accept(ctx, t, staff.Acceptance{
		Host: o.names.TenantHost(t.Slug), Token: link.Query().Get("token"), Password: password, Name: who.Name,
	})
	return tickets.Admin(tickets.Person{ID: i.Member.ID, Email: who.Email, Name: who.Name}), password, err
}

// plant files a ticket in its requester's name and has the agent answer.
func (o *operator) plant(ctx context.Context, t *tenant.Tenant, agent tickets.Actor, s seedTicket) error {
	user, err := o.doors.Users.Ensure(ctx, t, s.requester)
	if err != nil {
		return err
	}
	requester := tickets.Requester(tickets.Person{ID: user.ID, Email: user.Email, Name: user.Name})
	category, err := o.category(ctx, t, agent, s.category)
	if err != nil {
		return err
	}
	opened, err := o.desk.Open(ctx, t, requester, tickets.Draft{
		Title: s.title, Description: s.text, CategoryID: category,
	})
	if err != nil {
		return err
	}
	ref := opened.Ticket.Ref()
	for _, c := range s.said {
		who, visibility := requester, tickets.Public
		if c.agent {
			who = agent
		}
		if c.internal {
			visibility = tickets.Internal
		}
		if _, err := o.desk.Comment(ctx, t, who, ref, tickets.Note{Body: c.text, Visibility: visibility}); err != nil {
			return err
		}
	}
	change := tickets.Change{AddTags: s.tags}
	if s.priority != "" {
		change.Priority = tickets.Set(s.priority)
	}
	if s.status != "" {
		change.Status = tickets.Set(s.status)
	}
	if len(s.said) > 0 {
		change.Assignee = tickets.Set(agent.Person())
	}
	_, err = o.desk.Update(ctx, t, agent, ref, change)
	return err
}

// category is the ID of the tenant's category with that slug, or nothing.
func (o *operator) category(ctx context.Context, t *tenant.Tenant, a tickets.Actor, slug string) (string, error) {
	list, err := o.desk.Categories(ctx, t, a)
	for _, c := range list {
		if c.Slug == slug {
			return c.ID, nil
		}
	}
	return "", err
}

func acmeTickets() []seedTicket {
	// These two work for the same company, and read each other's.
	bea := auth.Person{Email: demoUserEmail, Name: demoUserName, Organization: demoCompany}
	jun := auth.Person{Email: "jun.park@example.com", Name: "Jun Park", Organization: demoCompany}
	lea := auth.Person{Email: "lea@rosterie.example", Name: "Léa Moreau"}
	return []seedTicket{
		{
			requester: bea, title: "The machine shows error E17 after descaling", category: "technical-problem",
			text:     "Since I descaled it this morning it beeps three times and shows **E17**.\n\nI have switched it off and on again twice. Serial number 4471-0923.",
			priority: tickets.PriorityHigh, tags: []string{"descaling", "e17"}, status: tickets.StatusPending,
			said: []seedComment{
				{agent: true, text: "Good morning Bea,\n\nE17 means that the machine waits for the rinse cycle to be finished. Please:\n\n1. fill the tank up to the mark,\n2. hold the cup button for five seconds,\n3. let two litres run through.\n\nDoes that help?\n\nAna"},
				{agent: true, internal: true, text: "Third E17 with firmware 2.8 this week. I have told engineering."},
			},
		},
		{
			requester: bea, title: "Invoice 2026-1180 has our old address", category: "billing",
			text:   "We moved in September; could you send it again with Hafenstraße 12, 20457 Hamburg?",
			status: tickets.StatusResolved,
			said: []seedComment{
				{agent: true, text: "Of course. The corrected invoice is on its way to you, and the new address stands in your account now."},
				{text: "Got it, thank you!"},
			},
		},
		{
			requester: jun, title: "Can I pause my bean subscription over the holidays?", category: "account-and-access",
			text: "We are closed from 21 December to 6 January. I did not find a way to do it in my account.",
		},
		{
			requester: jun, title: "Grinder is much louder than before", category: "technical-problem",
			text:     "It began two days ago. The coffee is as good as ever, but people in the next room complain.",
			priority: tickets.PriorityLow, status: tickets.StatusOnHold,
			said: []seedComment{
				{agent: true, text: "Thank you for the description, Jun. I have ordered a set of burrs from the workshop and will write to you when it is sent, on Tuesday at the latest."},
			},
		},
		{
			requester: lea, title: "Water on the floor under three machines", category: "technical-problem", priority: tickets.PriorityUrgent, tags: []string{"leak"},
			text: "All three that were delivered last week lose water at the back. We open at seven tomorrow and have switched them off at the mains.",
			said: []seedComment{
				{agent: true, text: "Léa, a technician is on the way and will be with you before six. Please leave them switched off until then."},
				{text: "Thank you. Ring at the back door, the front is locked."},
			},
		},
		{
			requester: lea, title: "Two accounts for the same company", category: "account-and-access",
			text: "My colleague and I each have an account and see different orders. Can they become one?",
		},
	}
}

func globexTickets() []seedTicket {
	sam := auth.Person{Email: "sam.reyes@example.org", Name: "Sam Reyes"}
	return []seedTicket{
		{
			requester: sam, title: "Change the name on a ticket to Lisbon", category: "general-question", priority: tickets.PriorityHigh,
			text: "I booked as Sam, my passport says Samuel. The flight is on Friday (booking QX7L2P).",
		},
		{
			requester: sam, title: "Refund for the cancelled train", category: "billing",
			text: "The 9:40 to Porto on 3 November did not run. I have attached nothing because the operator only told us on the platform.",
			said: []seedComment{{agent: true, text: "I am sorry about that, Sam. The refund of 48.20 € reaches your card within five days."}},
		},
	}
}
