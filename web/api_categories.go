package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tickets"
)

// categoryDocument is a category in the API.
type categoryDocument struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Slug     string `json:"slug"`
	Position int    `json:"position"`
	Active   bool   `json:"active"`
}

// categoryChange is the body of a request that makes or changes a category.
type categoryChange struct {
	Name     optional[string] `json:"name"`
	Slug     optional[string] `json:"slug"`
	Position optional[int]    `json:"position"`
	Active   optional[bool]   `json:"active"`
}

func (c categoryChange) change() tickets.CategoryChange {
	return tickets.CategoryChange{
		Name: c.Name.field(), Slug: c.Slug.field(), Position: c.Position.field(), Active: c.Active.field(),
	}
}

func (s *Server) listCategories(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	p := queryOf(r)
	part := p.portion()
	if err := p.err(); err != nil {
		return err
	}
	all, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	answer := make([]categoryDocument, 0, len(all))
	for _, category := range all {
		answer = append(answer, categoryDocument(category))
	}
	return encodeList(w, r, part, answer, func(d *categoryDocument) string { return d.ID })
}

func (s *Server) createCategory(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in categoryChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	category, err := s.desk.AddCategory(r.Context(), c.tenant, c.actor(), in.change())
	if err != nil {
		return err
	}
	locate(w, r, "/api/categories/"+category.ID)
	return encode(w, http.StatusCreated, categoryDocument(category))
}

func (s *Server) showCategory(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	category, err := s.desk.Category(r.Context(), c.tenant, c.actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, categoryDocument(category))
}

func (s *Server) changeCategory(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in categoryChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	category, err := s.desk.ChangeCategory(r.Context(), c.tenant, c.actor(), r.PathValue("id"), in.change())
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, categoryDocument(category))
}

func (s *Server) deleteCategory(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.desk.RemoveCategory(r.Context(), c.tenant, c.actor(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
