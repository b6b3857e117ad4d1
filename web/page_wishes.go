package web

import (
	"net/http"
	"net/url"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/web/words"
)

// wishesPath is where requesters say which letters they want.
const wishesPath = "/auth/notifications"

// wishForm are the letters that requesters may want, in the order of the page.
func wishForm(w *notify.Wishes) []struct {
	name, text, hint string
	off              *bool
} {
	return []struct {
		name, text, hint string
		off              *bool
	}{
		{"replies", words.Key("Answers"), words.Key("The team has written to you."), &w.NoReplies},
		{"solved", words.Key("Solved requests"), words.Key("A request is solved. The email asks how you were helped."), &w.NoSolved},
		{"receipts", words.Key("Receipts"), words.Key("A request of yours has arrived."), &w.NoReceipts},
		{"reminders", words.Key("Reminders"), words.Key("A request has waited for your answer for some time."), &w.NoReminders},
	}
}

// wishesPage asks requesters which letters they want. Who only claims an address gets none that could be chosen.
func (s *Server) wishesPage(w http.ResponseWriter, r *http.Request) error {
	c, visit := callerOf(r), tenant.VisitFrom(r.Context())
	if c.Level != auth.Vouched {
		return seeOther(w, visit, "/auth/confirm"+nextQuery(pathBelow(visit, wishesPath)))
	}
	wishes, err := s.notifier.Wishes(r.Context(), c.tenant, c.ID)
	if err != nil {
		return err
	}
	view := &wishesView{
		frame: s.ownFrame(r, "Email notifications", "wishes"), Done: s.noticeOf(r), Email: c.Email,
		Mail: s.notifier.Ready() && c.tenant.Settings.RequesterMail == tenant.On,
	}
	for _, one := range wishForm(&wishes) {
		view.Choices = append(view.Choices, choice{Value: one.name, Text: view.T(one.text), Hint: view.T(one.hint), Selected: !*one.off})
	}
	return s.render(w, r, http.StatusOK, "wishes", view)
}

func (s *Server) changeWishes(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	if c.Level != auth.Vouched {
		return errForbidden
	}
	if err := s.notifier.Wish(r.Context(), c.tenant, c.ID, wishesIn(values)); err != nil {
		return err
	}
	return done(w, r, wishesPath, "saved")
}

// wishesIn are the wishes of a form: a box that is not ticked is not sent.
func wishesIn(values url.Values) (wishes notify.Wishes) {
	for _, one := range wishForm(&wishes) {
		*one.off = !values.Has(one.name)
	}
	return wishes
}

// wishesView asks a requester which letters they want.
type wishesView struct {
	frame

	Done  string
	Email string
	// Mail: the help desk sends letters to requesters.
	Mail    bool
	Choices []choice
}
