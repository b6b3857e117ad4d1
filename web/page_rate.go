package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// ratePage asks whoever comes by the link in a letter how they were helped. Scanners of mail open links, with all their stars: looking at the
// page rates nothing.
func (s *Server) ratePage(w http.ResponseWriter, r *http.Request) error {
	view, err := s.rateView(r)
	if err != nil {
		return err
	}
	view.Thanks = r.URL.Query().Has("rated")
	if stars, err := strconv.Atoi(r.URL.Query().Get("stars")); err == nil {
		view.choose(view.Reader, stars)
	}
	return s.render(w, r, http.StatusOK, "rate", view)
}

// rateByLink takes the word of whoever has the link.
func (s *Server) rateByLink(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	visit, token := tenant.VisitFrom(r.Context()), r.URL.Query().Get("token")
	who, err := s.notifier.Rater(r.Context(), visit.Tenant, token)
	if err != nil {
		return err
	}
	stars, err := strconv.Atoi(values.Get("stars"))
	if err != nil {
		stars = 0 // which is refused as no number of stars
	}
	_, err = s.desk.Rate(r.Context(), visit.Tenant, who.Actor, who.Ticket.Ref(), stars, values.Get("comment"))
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		view, err := s.rateView(r)
		if err != nil {
			return err
		}
		view.Comment, view.Errors = values.Get("comment"), fieldErrors(wrong)
		view.choose(view.Reader, stars)
		return s.render(w, r, http.StatusUnprocessableEntity, "rate", view)
	}
	if err != nil && !errors.Is(err, tickets.ErrNotRatable) { // which the page says
		return err
	}
	return seeOther(w, visit, ratePath+"?token="+url.QueryEscape(token)+"&rated")
}

// ratePath is where the letter that says that a request is solved leads those who want to say how it was.
const ratePath = "/auth/rate"

func (s *Server) rateView(r *http.Request) (*rateView, error) {
	visit, token := tenant.VisitFrom(r.Context()), r.URL.Query().Get("token")
	who, err := s.notifier.Rater(r.Context(), visit.Tenant, token)
	if err != nil {
		return nil, err
	}
	view := &rateView{
		frame: s.frame(r, "How did we do?"), Number: who.Ticket.Number, Subject: who.Ticket.Title,
		Action: pathBelow(visit, ratePath) + "?token=" + url.QueryEscape(token),
	}
	view.Open = who.Ticket.Ratable() && visit.Tenant.Settings.AsksForRatings()
	if rating := who.Ticket.Rating; rating != nil {
		view.Given, view.Comment = rating.Stars, rating.Comment
	}
	view.choose(view.Reader, view.Given)
	return view, nil
}

// rateView asks how somebody was helped who has only the link.
type rateView struct {
	frame
	ratingView

	Number  uint64
	Subject string
	Action  string
}
