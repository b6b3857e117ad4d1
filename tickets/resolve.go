package tickets

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// named is what a query names in people's words, by IDs.
type named struct {
	categories, notCategories []string
	assigned                  bool
	assignees, notAssignees   []string
	nobody                    bool // something that must be there is not: no ticket can have it
	problems                  []Problem
	// target is the ID of the ticket that the one with the external ID was merged into.
	target string
	// company is the organization whose tickets a requester asks for, as they are owned.
	company string
	// zone is where the days of the query are days.
	zone *time.Location
}

// maxNamesakes is how many agents one name may mean.
const maxNamesakes = 5

// resolve finds what the query names.
func (d *Desk) resolve(ctx context.Context, tn *tenant.Tenant, a Actor, q *Query) (*named, error) {
	who := &named{assigned: q.Assignee != "" || len(q.Assignees) > 0, zone: d.plans.location(tn)}
	if q.ExternalID != "" && !q.Merged {
		if err := d.resolveExternal(ctx, tn, q.ExternalID, who); err != nil {
			return nil, err
		}
	}
	if q.OrganizationIs != "" && !a.Staff() {
		if err := d.resolveOrganization(ctx, tn, a, q.OrganizationIs, who); err != nil {
			return nil, err
		}
	}
	if len(q.Categories)+len(q.Not.Categories) > 0 {
		if err := d.resolveCategories(ctx, tn, a, q, who); err != nil {
			return nil, err
		}
	}
	if q.CategoryID != "" {
		who.nobody = who.nobody || len(q.Categories) > 0 && !slices.Contains(who.categories, q.CategoryID)
		who.categories = []string{q.CategoryID}
	}
	return who, d.resolveAssignees(ctx, tn, a, q, who)
}

// resolveOrganization finds the organization that a requester names, if it is theirs.
func (d *Desk) resolveOrganization(ctx context.Context, tn *tenant.Tenant, a Actor, wanted string, who *named) error {
	name, err := d.Organization(ctx, tn, a)
	if who.nobody = name == "" || fold(name) != fold(wanted); !who.nobody {
		who.company = company(name)
	}
	return err
}

// resolveExternal finds where a ticket is by now that a program knows by an ID of its own.
func (d *Desk) resolveExternal(ctx context.Context, tn *tenant.Tenant, id string, who *named) error {
	return d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		t, err := byExternal.Get(tx, storage.Key(nil).Str(id))
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		who.target = t.MergedInto
		return err
	})
}

func (d *Desk) resolveCategories(ctx context.Context, tn *tenant.Tenant, a Actor, q *Query, who *named) error {
	var all []Category
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		all, err = categories(tx, a)
		return err
	})
	find := func(names []string) (ids []string) {
		for _, name := range names {
			i := slices.IndexFunc(all, func(c Category) bool { return c.ID == name || c.Slug == slugOf(name) })
			if i < 0 {
				who.miss("category:"+quoted(name), "There is no such category.")
				continue
			}
			ids = append(ids, all[i].ID)
		}
		return ids
	}
	who.categories, who.notCategories = find(q.Categories), find(q.Not.Categories)
	return err
}

func (d *Desk) resolveAssignees(ctx context.Context, tn *tenant.Tenant, a Actor, q *Query, who *named) error {
	var team []Person
	if d.agents != nil && a.Staff() && slices.ContainsFunc(q.people(), isName) {
		var err error
		if team, err = d.agents(ctx, tn); err != nil {
			return err
		}
	}
	find := func(names []string) (ids []string) {
		for _, name := range names {
			switch strings.ToLower(name) {
			case AssigneeMe:
				ids = append(ids, a.person.ID)
			case AssigneeNone:
				ids = append(ids, "")
			default:
				if d.agents == nil {
					ids = append(ids, name)
					continue
				}
				ids = append(ids, who.agent(team, name)...)
			}
		}
		return distinct(ids)
	}
	who.assignees, who.notAssignees = find(q.Assignees), find(q.Not.Assignees)
	if q.Assignee != "" {
		id := q.Assignee
		switch id {
		case AssigneeMe:
			id = a.person.ID
			who.nobody = who.nobody || !a.assignable()
		case AssigneeNone:
			id = ""
		}
		who.nobody = who.nobody || len(q.Assignees) > 0 && !slices.Contains(who.assignees, id)
		who.assignees = []string{id}
	}
	return nil
}

func isName(assignee string) bool {
	return !strings.EqualFold(assignee, AssigneeMe) && !strings.EqualFold(assignee, AssigneeNone)
}

// agent finds the agents that a name means.
func (who *named) agent(team []Person, name string) (ids []string) {
	meant := parseSomebody(name)
	for _, p := range team {
		if p.ID == name {
			return []string{p.ID}
		}
		if !meant.any() && meant.is(&p) {
			ids = append(ids, p.ID)
		}
	}
	switch {
	case len(ids) == 0:
		who.miss("assignee:"+quoted(name), "There is no such agent.")
	case len(ids) > maxNamesakes:
		who.miss("assignee:"+quoted(name), "Too many agents are called so.")
		return nil
	}
	return ids
}

// miss notes something that is named and not there.
func (who *named) miss(text, reason string) {
	who.nobody = true
	who.problems = append(who.problems, Problem{Text: text, Reason: reason})
}
