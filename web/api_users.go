package web

import (
	"errors"
	"net/http"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// userRecord is a requester in the API.
type userRecord struct {
	ID           string         `json:"id"`
	Email        string         `json:"email"`
	Name         string         `json:"name"`
	ExternalID   *string        `json:"external_id"`
	Organization *string        `json:"organization"`
	Locale       *string        `json:"locale"`
	Verified     bool           `json:"verified"`
	CreatedAt    tenant.Moment  `json:"created_at"`
	UpdatedAt    tenant.Moment  `json:"updated_at"`
	LastSignInAt *tenant.Moment `json:"last_sign_in_at"`
}

func userOf(u *auth.User) userRecord {
	return userRecord{
		ID: u.ID, Email: u.Email, Name: u.Name, ExternalID: orNull(u.ExternalID), Organization: orNull(u.Organization),
		Locale: orNull(u.Locale), Verified: !u.VouchedAt.IsZero(), CreatedAt: tenant.Moment(u.CreatedAt), UpdatedAt: tenant.Moment(u.UpdatedAt),
		LastSignInAt: moment(u.SignedInAt),
	}
}

// userChange is the body of a request that makes or changes a user.
type userChange struct {
	Email        optional[string] `json:"email"`
	Name         optional[string] `json:"name"`
	ExternalID   optional[string] `json:"external_id"`
	Organization optional[string] `json:"organization"`
	Locale       optional[string] `json:"locale"`
}

// apply changes what is said; null is nothing, but for the address and the name, which everybody has.
func (c *userChange) apply(u *auth.User) error {
	wrong := tenant.FieldErrors{}
	for field, text := range map[string]optional[string]{"email": c.Email, "name": c.Name} {
		if text.null || text.present && text.value == "" {
			wrong.Add(field, "The "+field+" field is required.")
		}
	}
	if err := wrong.Or(); err != nil {
		return err
	}
	for _, f := range []struct {
		to   *string
		from optional[string]
	}{{&u.Email, c.Email}, {&u.Name, c.Name}, {&u.ExternalID, c.ExternalID}, {&u.Organization, c.Organization}, {&u.Locale, c.Locale}} {
		if f.from.present {
			*f.to = f.from.value
		}
	}
	return nil
}

func (s *Server) listUsers(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	q := auth.UserQuery{
		Email: p.text("email"), ExternalID: p.text("external_id"), Text: p.text("q"), CreatedAfter: p.since("created_after", callerOf(r).tenant.Settings.Location()),
		Cursor: p.text("cursor"), Limit: p.limit(),
	}
	if err := p.err(); err != nil {
		return err
	}
	page, err := s.doors.Users.List(r.Context(), callerOf(r).tenant, q)
	if sentences(err) != nil {
		return malformed("The cursor does not belong to this list.")
	}
	if err != nil {
		return err
	}
	answer := list[userRecord]{Data: make([]userRecord, len(page.Users)), HasMore: page.Next != "", NextCursor: orNull(page.Next)}
	for i := range page.Users {
		answer.Data[i] = userOf(&page.Users[i])
	}
	linkNext(w, r, page.Next)
	return encode(w, http.StatusOK, answer)
}

// createUser makes a user. Who is there already is not changed by it: the answer says who it is.
func (s *Server) createUser(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in userChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	u, err := s.doors.Users.Create(r.Context(), c.tenant, auth.Person{
		Email: in.Email.value, Name: in.Name.value, ExternalID: in.ExternalID.value, Organization: in.Organization.value, Locale: in.Locale.value,
	}, c.Actor())
	if errors.Is(err, auth.ErrExists) {
		taken := conflict("CONFLICT", "There is a user with this email address or external id already: see details for the id, and change that one.")
		taken.Details = u.ID
		return taken
	}
	if err != nil {
		return err
	}
	locate(w, r, "/api/users/"+u.ID)
	return encode(w, http.StatusCreated, userOf(&u))
}

func (s *Server) showUser(w http.ResponseWriter, r *http.Request) error {
	u, err := s.doors.Users.Find(r.Context(), callerOf(r).tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, userOf(&u))
}

func (s *Server) changeUser(w http.ResponseWriter, r *http.Request) error {
	c, id := callerOf(r), r.PathValue("id")
	var in userChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	u, err := s.doors.Users.Change(r.Context(), c.tenant, id, c.Actor(), in.apply)
	if errors.Is(err, auth.ErrExists) {
		return conflict("CONFLICT", "Another user has this email address or external id.")
	}
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, userOf(&u))
}

// erasureDocument is how far the erasure of a user is.
type erasureDocument struct {
	ID string `json:"id"`
	// Status is erasing or erased.
	Status    string         `json:"status"`
	StartedAt tenant.Moment  `json:"started_at"`
	ErasedAt  *tenant.Moment `json:"erased_at"`
}

// eraseUser has a user forgotten. To ask again, also long after, says how far that is.
func (s *Server) eraseUser(w http.ResponseWriter, r *http.Request) error {
	c, id := callerOf(r), r.PathValue("id")
	if c.Level == auth.Staff && c.Role != auth.RoleAdmin {
		return errForbidden
	}
	if c.browser() && !c.session.Fresh(proofLife) {
		return errStepUp
	}
	e, err := s.erase(r, c, id)
	if err != nil {
		return err
	}
	answer, status := erasureDocument{ID: e.ID, Status: "erasing", StartedAt: tenant.Moment(e.StartedAt), ErasedAt: moment(e.FinishedAt)}, http.StatusAccepted
	if e.Finished() {
		answer.Status, status = "erased", http.StatusOK
	}
	return encode(w, status, answer)
}

func (s *Server) erase(r *http.Request, c caller, id string) (erasure.Erasure, error) {
	_, err := s.eraser.Find(r.Context(), c.tenant.Scope(), id)
	if err == nil {
		return s.eraser.Erase(r.Context(), c.tenant.Scope(), erasure.Person{ID: id}, c.Actor())
	}
	if !errors.Is(err, erasure.ErrNotFound) {
		return erasure.Erasure{}, err
	}
	u, err := s.doors.Users.Find(r.Context(), c.tenant, id)
	if err != nil {
		return erasure.Erasure{}, err
	}
	if m, err := s.staff.ByEmail(r.Context(), c.tenant, u.Email); err == nil {
		taken := conflict("IN_USE", "The address is that of a member of the team. Remove them from the team first.")
		taken.Details = m.ID
		return erasure.Erasure{}, taken
	} else if !errors.Is(err, auth.ErrNotFound) {
		return erasure.Erasure{}, err
	}
	p := erasure.Person{ID: u.ID}
	p.Learn(u.Email, u.Name, u.ExternalID)
	return s.eraser.Erase(r.Context(), c.tenant.Scope(), p, c.Actor())
}
