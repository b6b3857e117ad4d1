package web

import (
	"net/http"
	"slices"

	"github.com/deskgate/deskgate/tickets/notify"
)

// notificationsPath is where members of staff choose which letters they want.
const notificationsPath = "/agent/settings/notifications"

func (s *Server) notificationsPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	chosen, err := s.notifier.Choice(r.Context(), c.tenant, c.ID)
	if err != nil {
		return err
	}
	return s.renderNotifications(w, r, http.StatusOK, chosen, nil)
}

func (s *Server) renderNotifications(w http.ResponseWriter, r *http.Request, status int, chosen notify.Choice, wrong fieldErrors) error {
	c := callerOf(r)
	categories, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	view := &notificationsView{
		frame: s.settingsFrame(r, "Notifications", notificationsPath), Done: s.noticeOf(r), Mail: s.notifier.Ready(), Email: c.Email,
		Assigned: chosen.Assigned, Mentions: chosen.Mentions, Errors: wrong,
	}
	in := view.Reader
	view.New = whichOf("new", chosen.New, in.T("All of them"), in.T("Those in the categories below"), in.T("None"))
	view.Replies = whichOf("replies", chosen.Replies, in.T("On all tickets"), in.T("On tickets that are mine"), in.T("None"))
	view.Notes = whichOf("notes", chosen.Notes, in.T("On all tickets"), in.T("On tickets that are mine"), in.T("None"))
	view.Overdue = whichOf("overdue", chosen.Overdue, in.T("All of them"), in.T("Those that are mine"), in.T("None"))
	for _, one := range categories {
		view.Categories = append(view.Categories, choice{
			Value: one.ID, Text: one.Name, Selected: slices.Contains(chosen.Categories, one.ID),
		})
	}
	return s.render(w, r, status, "notifications", view)
}

// whichView is the question of which tickets somebody wants to hear.
type whichView struct {
	Name    string
	Choices []choice
}

func whichOf(name string, chosen notify.Which, all, mine, none string) whichView {
	return whichView{Name: name, Choices: []choice{
		{Value: string(notify.All), Text: all, Selected: chosen == notify.All},
		{Value: string(notify.Mine), Text: mine, Selected: chosen == notify.Mine},
		{Value: string(notify.None), Text: none, Selected: chosen == notify.None},
	}}
}

func (s *Server) changeNotifications(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	c := callerOf(r)
	chosen := notify.Choice{
		New: notify.Which(values.Get("new")), Replies: notify.Which(values.Get("replies")), Notes: notify.Which(values.Get("notes")),
		Overdue: notify.Which(values.Get("overdue")), Assigned: values.Has("assigned"), Mentions: values.Has("mentions"),
		Categories: values["categories"],
	}
	err = s.notifier.Choose(r.Context(), c.tenant, c.ID, chosen)
	if wrong := sentences(err); wrong != nil {
		return s.renderNotifications(w, r, http.StatusUnprocessableEntity, chosen, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, notificationsPath, "saved")
}

// notificationsView asks a member of staff which letters they want.
type notificationsView struct {
	frame

	Done, Email string
	// Mail: the node sends mail.
	Mail                         bool
	New, Replies, Notes, Overdue whichView
	Categories                   []choice
	Assigned, Mentions           bool
	Errors                       fieldErrors
}
