package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/web/words"
)

// ratingWords say what each number of stars means, for those who do not see the stars.
var ratingWords = [tickets.MaxStars]string{
	words.Key("1 star: poor"), words.Key("2 stars: not so good"), words.Key("3 stars: okay"), words.Key("4 stars: good"),
	words.Key("5 stars: great"),
}

// ratingOf is the requester's rating of a ticket, with the form for it where it can be given. Nil: there is neither.
func (s *Server) ratingOf(r *http.Request, t *tickets.Ticket) *ratingView {
	v := &ratingView{
		Open: t.Ratable() && callerOf(r).tenant.Settings.AsksForRatings(), Thanks: r.URL.Query().Has("rated"),
	}
	if t.Rating != nil {
		v.Given, v.Comment = t.Rating.Stars, t.Rating.Comment
	}
	if !v.Open && v.Given == 0 {
		return nil
	}
	v.choose(s.words(r), v.Given)
	return v
}

func (v *ratingView) choose(in words.Reader, stars int) {
	v.Choices = nil
	for i, text := range ratingWords {
		v.Choices = append(v.Choices, option{Value: strconv.Itoa(i + 1), Text: in.T(text), Selected: i+1 == stars})
	}
}

// rate takes what the requester thought of the help.
func (s *Server) rate(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	c := callerOf(r)
	stars, err := strconv.Atoi(values.Get("stars"))
	if err != nil {
		stars = 0 // which is refused as no number of stars
	}
	t, err := s.desk.Rate(r.Context(), c.tenant, c.actor(), ref, stars, values.Get("comment"))
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return s.refuseRating(w, r, stars, values.Get("comment"), fieldErrors(wrong))
	}
	if err != nil {
		return err
	}
	return seeOther(w, tenant.VisitFrom(r.Context()), ticketPath(t.Number)+"?rated#rating")
}

// refuseRating shows the ticket again, with what is wrong with the rating.
func (s *Server) refuseRating(w http.ResponseWriter, r *http.Request, stars int, comment string, wrong fieldErrors) error {
	view, err := s.threadView(w, r)
	if err != nil {
		return err
	}
	if view.Rating == nil {
		return errForbidden
	}
	view.Rating.Comment, view.Rating.Errors = comment, wrong
	view.Rating.choose(view.Reader, stars)
	return s.render(w, r, http.StatusUnprocessableEntity, "thread", view)
}
