package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// subject is whom a ticket is for: the id of a user, or who that is.
type subject struct {
	id string
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
		return json.UnmarshalDecode(d, &s.id)
	}
	return json.UnmarshalDecode(d, &s.subjectFields)
}

// requester finds the user that staff or a program names, and makes one if there is none. Nil: none is named.
func (s *Server) requester(r *http.Request, in optional[subject]) (*tickets.Person, error) {
	if !in.given() {
		return nil, nil //nolint:nilnil // nobody is a requester, too
	}
	c := callerOf(r)
	if !c.actor().Staff() {
		return nil, invalid(map[string][]string{"requester": {"The requester is always you."}})
	}
	user, err := s.user(r, c.tenant, in.value)
	if err != nil {
		return nil, err
	}
	return &tickets.Person{ID: user.ID, Email: user.Email, Name: user.Name, ExternalID: user.ExternalID}, nil
}

func (s *Server) user(r *http.Request, tn *tenant.Tenant, in subject) (auth.User, error) {
	if in.id != "" {
		user, err := s.doors.Users.Find(r.Context(), tn, in.id)
		if errors.Is(err, auth.ErrNotFound) {
			err = invalid(map[string][]string{"requester": {"There is no user with this id."}})
		}
		return user, err
	}
	user, err := s.doors.Users.Ensure(r.Context(), tn, auth.Person{
		Email: in.Email, Name: in.Name, ExternalID: in.ExternalID.value,
	})
	if fields, ok := errors.AsType[tenant.FieldErrors](err); ok {
		below := map[string][]string{}
		for field, sentences := range fields {
			below["requester."+field] = sentences
		}
		err = invalid(below)
	}
	return user, err
}

// assignee finds the member of staff that is named. Nil: none is.
func (s *Server) assignee(r *http.Request, id optional[string]) (*tickets.Person, error) {
	if !id.given() {
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

// meDocument is who the caller is.
type meDocument struct {
	ID         *string    `json:"id"`
	Email      *string    `json:"email"`
	Name       string     `json:"name"`
	ExternalID *string    `json:"external_id"`
	Role       string     `json:"role"`
	Assurance  *string    `json:"assurance"`
	Scopes     []string   `json:"scopes,omitzero"`
	CreatedAt  *time.Time `json:"created_at"`
}

func (s *Server) showMe(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	me := meDocument{ID: orNull(c.ID), Email: orNull(c.Email), Name: c.Name}
	switch c.Level {
	case auth.Asserted:
		me.Role, me.Assurance = "requester", orNull(c.Level.String())
	case auth.Vouched:
		me.Role, me.Assurance = "requester", orNull(c.Level.String())
		user, err := s.doors.Users.Find(r.Context(), c.tenant, c.ID)
		if err != nil {
			return err
		}
		me.ExternalID, me.CreatedAt = orNull(user.ExternalID), utc(user.CreatedAt)
	case auth.Staff:
		me.Role = string(c.Role)
	case auth.Program:
		me.Role, me.Scopes = "api", c.Scopes.Names()
	}
	return encode(w, http.StatusOK, me)
}
