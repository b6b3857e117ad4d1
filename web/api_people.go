package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// subject is whom a ticket is for: the id of a user, or who that is.
type subject struct {
	id   string
	none bool // an empty id
	subjectFields
}

type subjectFields struct {
	Email      string           `json:"email"`
	Name       string           `json:"name"`
	ExternalID optional[string] `json:"external_id"`
}

// UnmarshalJSONFrom reads a string or an object.
func (s *subject) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		err := json.UnmarshalDecode(d, &s.id)
		s.none = s.id == ""
		return err
	}
	return json.UnmarshalDecode(d, &s.subjectFields)
}

// requester is the user whom staff or a program names: an existing one's id, or external id alone, is looked up at once; anybody else is found or
// made together with the ticket, by ensure. Neither: none is named.
func (s *Server) requester(r *http.Request, in optional[subject]) (known *tickets.Person, ensure tickets.Finder, err error) {
	if !in.given() || in.value.none {
		return nil, nil, nil
	}
	c := callerOf(r)
	if !c.actor().Staff() {
		return nil, nil, invalid(map[string][]string{"requester": {"The requester is always you."}})
	}
	var user auth.User
	var unknown map[string][]string
	switch external := in.value.ExternalID.value; {
	case in.value.id != "":
		user, err = s.doors.Users.Find(r.Context(), c.tenant, in.value.id)
		unknown = map[string][]string{"requester": {"There is no user with this id."}}
	case in.value.Email == "" && external != "":
		user, err = s.doors.Users.ByExternalID(r.Context(), c.tenant, external)
		unknown = map[string][]string{"requester.email": {"There is no user with this external id. The email field is required to make one."}}
	default:
		ensure, err = in.value.finder()
		return nil, ensure, err
	}
	if errors.Is(err, auth.ErrNotFound) {
		err = invalid(unknown)
	}
	if err != nil {
		return nil, nil, err
	}
	return new(ticketPerson(user)), nil, nil
}

// finder finds or makes the user in the ticket's own transaction.
func (s *subject) finder() (tickets.Finder, error) {
	ensure, err := auth.Ensuring(auth.Person{Email: s.Email, Name: s.Name, ExternalID: s.ExternalID.value}, ticketPerson)
	if fields, ok := errors.AsType[tenant.FieldErrors](err); ok {
		below := map[string][]string{}
		for field, sentences := range fields {
			below["requester."+field] = sentences
		}
		err = invalid(below)
	}
	return ensure, err
}

// ticketPerson is a user as the help desk knows people.
func ticketPerson(u auth.User) tickets.Person {
	return tickets.Person{ID: u.ID, Email: u.Email, Name: u.Name, ExternalID: u.ExternalID}
}

// assignee finds the member of staff that is named. Nil: none is.
func (s *Server) assignee(r *http.Request, id optional[string]) (*tickets.Person, error) {
	if !id.given() || id.value == "" {
		return nil, nil //nolint:nilnil // nobody is an assignee, too
	}
	c := callerOf(r)
	if !c.actor().Staff() {
		// Whether there is such an agent is not theirs to know.
		return nil, tickets.ErrNotAllowed
	}
	m, err := s.staff.Find(r.Context(), c.tenant, id.value)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, invalid(map[string][]string{"assignee_id": {"There is no agent with this id."}})
	}
	if err != nil {
		return nil, err
	}
	return &tickets.Person{ID: m.ID, Email: m.Email, Name: m.Name}, nil
}

// Team is the tenant's staff as the help desk knows people.
func Team(ctx context.Context, all *staff.Members, t *tenant.Tenant) ([]tickets.Person, error) {
	members, err := all.List(ctx, t)
	return Persons(members), err
}

// Persons are members of the staff as the help desk knows them.
func Persons(members []staff.Member) []tickets.Person {
	team := make([]tickets.Person, len(members))
	for i, m := range members {
		team[i] = tickets.Person{ID: m.ID, Email: m.Email, Name: m.Name}
	}
	return team
}

// meDocument is who the caller is.
type meDocument struct {
	ID         *string `json:"id"`
	Email      *string `json:"email"`
	Name       string  `json:"name"`
	ExternalID *string `json:"external_id"`
	// Organization is that of a requester. SeesOrganization: they read the tickets of all in it.
	Organization     *string        `json:"organization"`
	SeesOrganization bool           `json:"sees_organization"`
	Role             string         `json:"role"`
	Assurance        *string        `json:"assurance"`
	Scopes           []string       `json:"scopes,omitzero"`
	Language         string         `json:"language"`
	TimeZone         string         `json:"time_zone"`
	CreatedAt        *tenant.Moment `json:"created_at"`
}

func (s *Server) showMe(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	me := meDocument{ID: orNull(c.ID), Email: orNull(c.Email), Name: c.Name}
	reader, err := s.readerOf(r, c)
	if err != nil {
		return err
	}
	me.Language, me.TimeZone = reader.Lang(), reader.Zone().String()
	switch c.Level {
	case auth.Asserted:
		me.Role, me.Assurance = "requester", orNull(c.Level.String())
	case auth.Vouched:
		me.Role, me.Assurance = "requester", orNull(c.Level.String())
		user, err := s.doors.Users.Find(r.Context(), c.tenant, c.ID)
		if err != nil {
			return err
		}
		me.ExternalID, me.CreatedAt = orNull(user.ExternalID), moment(user.CreatedAt)
		me.Organization = orNull(user.Organization)
		me.SeesOrganization = user.Organization != "" && c.tenant.Settings.CompanyView == tenant.On
	case auth.Staff:
		me.Role = string(c.Role)
	case auth.Program:
		me.Role, me.Scopes = "api", c.Scopes.Names()
	}
	return encode(w, http.StatusOK, me)
}
