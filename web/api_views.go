package web

import (
	"net/http"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

// viewDocument is a view of the tickets in the API. Count is absent for a single view, and null if it was not counted.
type viewDocument struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Query    string          `json:"query"`
	Sort     *string         `json:"sort"`
	Shared   bool            `json:"shared"`
	BuiltIn  bool            `json:"built_in"`
	Position int             `json:"position"`
	Version  uint64          `json:"version"`
	Count    *int            `json:"count"`
	More     bool            `json:"count_is_more"`
	Problems []searchProblem `json:"search_problems,omitzero"`
}

func viewOf(v *tickets.View) viewDocument {
	_, problems := v.Query()
	d := viewDocument{
		ID: v.ID, Name: v.Name, Query: v.Text, Sort: orNull(string(v.Sort)), Shared: v.Shared(), BuiltIn: v.BuiltIn,
		Position: v.Position, Version: v.Version, More: v.More, Problems: problemDocuments(problems),
	}
	if v.Counted {
		d.Count = &v.Count
	}
	return d
}

// viewChange is the body of a request that saves or changes a view.
type viewChange struct {
	Name     optional[string]       `json:"name"`
	Query    optional[string]       `json:"query"`
	Sort     optional[tickets.Sort] `json:"sort"`
	Shared   optional[bool]         `json:"shared"`
	Position optional[int]          `json:"position"`
}

func (v viewChange) change() tickets.ViewChange {
	return tickets.ViewChange{
		Name: v.Name.field(), Text: v.Query.field(), Sort: v.Sort.field(), Shared: v.Shared.field(), Position: v.Position.field(),
	}
}

// mayShare refuses programs that may not change what is the tenant's: they have nothing but what is shared.
func (c caller) mayShare() error {
	if c.Level == auth.Program && !c.May(auth.TenantWrite) {
		return auth.ErrInsufficientScope
	}
	return nil
}

func (s *Server) listViews(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	p := queryOf(r)
	part := p.portion()
	if err := p.err(); err != nil {
		return err
	}
	all, err := s.desk.Views(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	answer := make([]viewDocument, 0, len(all))
	for i := range all {
		answer = append(answer, viewOf(&all[i]))
	}
	return encodeList(w, r, part, answer, func(d *viewDocument) string { return d.ID })
}

func (s *Server) createView(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in viewChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	if err := c.mayShare(); err != nil {
		return err
	}
	v, err := s.desk.AddView(r.Context(), c.tenant, c.actor(), in.change())
	if err != nil {
		return err
	}
	locate(w, r, "/api/views/"+v.ID)
	return encode(w, http.StatusCreated, viewOf(&v))
}

func (s *Server) showView(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	v, err := s.desk.View(r.Context(), c.tenant, c.actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(v.Version))
	return encode(w, http.StatusOK, viewOf(&v))
}

func (s *Server) changeView(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in viewChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	if err := c.mayShare(); err != nil {
		return err
	}
	change := in.change()
	var err error
	if change.IfVersion, err = onlyVersion(r); err != nil {
		return err
	}
	v, err := s.desk.ChangeView(r.Context(), c.tenant, c.actor(), r.PathValue("id"), change)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(v.Version))
	return encode(w, http.StatusOK, viewOf(&v))
}

func (s *Server) deleteView(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := c.mayShare(); err != nil {
		return err
	}
	version, err := onlyVersion(r)
	if err != nil {
		return err
	}
	if err := s.desk.RemoveView(r.Context(), c.tenant, c.actor(), r.PathValue("id"), version); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// onlyVersion is the version that a change of something is meant for, which has no list of versions; 0 is whichever.
func onlyVersion(r *http.Request) (uint64, error) {
	header := r.Header.Get("If-Match")
	if header == "" || header == "*" {
		return 0, nil
	}
	version, ok := versionOf(header)
	if !ok {
		return 0, tickets.ErrVersionConflict
	}
	return version, nil
}
