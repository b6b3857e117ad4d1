package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/deskgate/deskgate/tickets"
)

// categoriesPath is the page about the kinds of requests.
const categoriesPath = "/agent/settings/categories"

// categoriesView lists the categories.
type categoriesView struct {
	frame

	Done       string
	Categories []categoryRow
	Name       string
	Errors     fieldErrors
}

// categoryRow is one category.
type categoryRow struct {
	tickets.Category

	First, Last bool
}

func (s *Server) categoriesPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderCategories(w, r, http.StatusOK, "", nil)
}

func (s *Server) renderCategories(w http.ResponseWriter, r *http.Request, status int, typed string, wrong fieldErrors) error {
	c := callerOf(r)
	all, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	view := &categoriesView{frame: s.settingsFrame(r, "Categories", categoriesPath), Done: s.noticeOf(r), Name: typed, Errors: wrong}
	for i, one := range all {
		view.Categories = append(view.Categories, categoryRow{Category: one, First: i == 0, Last: i == len(all)-1})
	}
	return s.render(w, r, status, "categories", view)
}

func (s *Server) addCategoryPage(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c, name := callerOf(r), values.Get("name")
	_, err = s.desk.AddCategory(r.Context(), c.tenant, c.actor(), tickets.CategoryChange{Name: tickets.Set(name)})
	if wrong := sentences(err); wrong != nil {
		return s.renderCategories(w, r, http.StatusUnprocessableEntity, name, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, categoriesPath, "saved")
}

// editCategory renames, moves, shows, hides or removes a category, by the button that was pressed.
func (s *Server) editCategory(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c, id := callerOf(r), r.PathValue("id")
	switch values.Get("do") {
	case "rename":
		_, err = s.desk.ChangeCategory(r.Context(), c.tenant, c.actor(), id, tickets.CategoryChange{Name: tickets.Set(values.Get("name"))})
	case "show", "hide":
		_, err = s.desk.ChangeCategory(r.Context(), c.tenant, c.actor(), id, tickets.CategoryChange{Active: tickets.Set(values.Get("do") == "show")})
	case "up", "down":
		err = s.moveCategory(r, id, values.Get("do") == "up")
	case "remove":
		err = s.desk.RemoveCategory(r.Context(), c.tenant, c.actor(), id)
		if errors.Is(err, tickets.ErrInUse) {
			return s.renderCategories(w, r, http.StatusConflict, "", fieldErrors{"list": {"There are tickets in this category. Make it inactive instead."}})
		}
	default:
		return malformed("The form says nothing to do.")
	}
	if wrong := sentences(err); wrong != nil {
		return s.renderCategories(w, r, http.StatusUnprocessableEntity, "", fieldErrors{"list": wrong["name"]})
	}
	if err != nil {
		return err
	}
	return done(w, r, categoriesPath, "saved")
}

// moveCategory gives all categories their places anew, with one a place further up or down.
func (s *Server) moveCategory(r *http.Request, id string, up bool) error {
	c := callerOf(r)
	all, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(one tickets.Category) bool { return one.ID == id })
	j := i + 1
	if up {
		j = i - 1
	}
	if i < 0 || j < 0 || j >= len(all) {
		return nil
	}
	all[i], all[j] = all[j], all[i]
	for place, one := range all {
		if one.Position == place+1 {
			continue
		}
		if _, err := s.desk.ChangeCategory(r.Context(), c.tenant, c.actor(), one.ID, tickets.CategoryChange{Position: tickets.Set(place + 1)}); err != nil {
			return err
		}
	}
	return nil
}
