package web

import (
	"net/http"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

// accountPath is the first page of the settings.
const accountPath = "/agent/settings"

func (s *Server) accountPage(w http.ResponseWriter, r *http.Request) error {
	own, err := s.ownReading(r)
	if err != nil {
		return err
	}
	return s.renderAccount(w, r, http.StatusOK, callerOf(r).Name, own, nil)
}

func (s *Server) renderAccount(
	w http.ResponseWriter, r *http.Request, status int, name string, chosen auth.Reading, wrong fieldErrors,
) error {
	c := callerOf(r)
	m, err := s.staff.Find(r.Context(), c.tenant, c.ID)
	if err != nil {
		return err
	}
	habits, err := s.desk.Habits(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	return s.render(w, r, status, "account", &accountView{
		Keys: !habits.KeysOff, Undo: !habits.UndoOff,
		frame: s.settingsFrame(r, "Account", accountPath), Done: s.noticeOf(r), Name: name, Email: m.Email,
		Admin: m.Role == auth.RoleAdmin, Joined: m.JoinedAt, Errors: wrong,
		Reading: s.readingView(r, chosen, wrong),
	})
}

func (s *Server) changeAccount(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c, chosen := callerOf(r), readingOf(values)
	err = s.staff.Rename(r.Context(), c.tenant, c.ID, values.Get("name"))
	if err == nil {
		err = s.chooseReading(w, r, chosen)
	}
	if wrong := sentences(err); wrong != nil {
		return s.renderAccount(w, r, http.StatusUnprocessableEntity, values.Get("name"), chosen, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, accountPath, "saved")
}

// changeHabits takes the form of how the agent works with the console.
func (s *Server) changeHabits(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	err = s.desk.SetHabits(r.Context(), c.tenant, c.actor(), tickets.Habits{
		KeysOff: values.Get("keys") != "yes", UndoOff: values.Get("undo") != "yes",
	})
	if err != nil {
		return err
	}
	return done(w, r, accountPath, "saved")
}
