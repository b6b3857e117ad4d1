package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// ratingDocument is what a requester thought of the help.
type ratingDocument struct {
	Stars   int           `json:"stars"`
	Comment string        `json:"comment"`
	RatedAt tenant.Moment `json:"rated_at"`
}

func ratingOf(r *tickets.Rating) *ratingDocument {
	if r == nil {
		return nil
	}
	return &ratingDocument{Stars: r.Stars, Comment: r.Comment, RatedAt: tenant.Moment(r.At)}
}

// newRating is the body of a requester's rating.
type newRating struct {
	Stars   int    `json:"stars"`
	Comment string `json:"comment"`
}

func (s *Server) rateTicket(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("id"))
	if err != nil {
		return err
	}
	var in newRating
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	t, err := s.desk.Rate(r.Context(), c.tenant, c.actor(), ref, in.Stars, in.Comment)
	if err != nil {
		return err
	}
	return s.encodeTicket(w, r, c.tenant, &t)
}
