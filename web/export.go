package web

import (
	"context"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/rule"
	"github.com/deskgate/deskgate/tickets/transfer"
)

// Exported are the rooms that have a part of a tenant's export.
type Exported struct {
	Directory *tenant.Directory
	Tenants   *tenant.Registry
	Users     *auth.Users
	Staff     *staff.Members
	Desk      *tickets.Desk
	Rules     *rule.Engine
}

// Sections are the parts of an export beside the tickets: settings, users, staff, canned replies, saved views, rules, and the
// audit log. None of them has a secret.
func (e Exported) Sections() []transfer.Section {
	return []transfer.Section{
		{Name: "settings", Lines: e.settings},
		{Name: "users", Lines: e.users},
		{Name: "staff", Lines: e.team},
		{Name: "replies", Lines: func(ctx context.Context, tn *tenant.Tenant, put func(any) error) error {
			return e.Desk.EachReply(ctx, tn, func(r *tickets.Reply) error { return put(record(*r)) })
		}},
		{Name: "views", Lines: func(ctx context.Context, tn *tenant.Tenant, put func(any) error) error {
			return e.Desk.EachView(ctx, tn, func(v *tickets.View) error { return put(record(*v)) })
		}},
		{Name: "rules", Lines: e.rules},
		{Name: "audit", Lines: e.audit},
	}
}

func (e Exported) settings(_ context.Context, tn *tenant.Tenant, put func(any) error) error {
	return put(map[string]any{
		"id": tn.ID, "slug": tn.Slug, "name": tn.Name, "hosts": e.Directory.Hosts(tn), "settings": tn.Settings, "created_at": tn.CreatedAt,
	})
}

func (e Exported) users(ctx context.Context, tn *tenant.Tenant, put func(any) error) error {
	const page = 100
	for q := (auth.UserQuery{Limit: page}); ; {
		found, err := e.Users.List(ctx, tn, q)
		if err != nil {
			return err
		}
		for i := range found.Users {
			if err := put(record(found.Users[i])); err != nil {
				return err
			}
		}
		if q.Cursor = found.Next; q.Cursor == "" {
			return nil
		}
	}
}

func (e Exported) team(ctx context.Context, tn *tenant.Tenant, put func(any) error) error {
	all, err := e.Staff.List(ctx, tn)
	if err != nil {
		return err
	}
	for _, m := range all {
		line := map[string]any{"id": m.ID, "email": m.Email, "name": m.Name, "role": m.Role, "joined_at": moment(m.JoinedAt), "signed_in_at": moment(m.SignedInAt)}
		if err := put(line); err != nil {
			return err
		}
	}
	return nil
}

func (e Exported) rules(ctx context.Context, tn *tenant.Tenant, put func(any) error) error {
	all, err := e.Rules.List(ctx, tn)
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := put(record(r)); err != nil {
			return err
		}
	}
	return nil
}

func (e Exported) audit(ctx context.Context, tn *tenant.Tenant, put func(any) error) error {
	for cursor := ""; ; {
		page, err := e.Tenants.Audit(ctx, tn.ID, cursor, 0)
		if err != nil {
			return err
		}
		for _, event := range page.Events {
			if err := put(event); err != nil {
				return err
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// record is what another room keeps, as JSON has it here: in snake case, without what is not there.
func record(v any) any {
	value := reflect.ValueOf(v)
	if _, is := v.(time.Time); is {
		return v
	}
	switch value.Kind() {
	case reflect.Struct:
		fields := map[string]any{}
		for i := range value.NumField() {
			if f := value.Type().Field(i); f.IsExported() && !value.Field(i).IsZero() {
				fields[snake(f.Name)] = record(value.Field(i).Interface())
			}
		}
		return fields
	case reflect.Slice:
		all := make([]any, value.Len())
		for i := range all {
			all[i] = record(value.Index(i).Interface())
		}
		return all
	default:
		return v
	}
}

// snake is a Go name in snake case: ExternalID is external_id.
func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		begins := unicode.IsUpper(r) && i > 0 && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if begins {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// EnsureRequester finds or makes a requester in a ticket's own transaction.
func EnsureRequester(email, name, externalID string) (tickets.Finder, error) {
	return auth.Ensuring(auth.Person{Email: email, Name: name, ExternalID: externalID}, ticketPerson)
}
