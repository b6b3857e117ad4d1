package web

import (
	"errors"
	"log/slog"
	"net/http"
	"unicode/utf8"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// claimsShown is how many claims a page shows at once.
const claimsShown = 100

// claims is how many requests wait for the caller's word whether they are theirs. Nothing else fails because it can't be told.
func (s *Server) claims(r *http.Request) int {
	c := callerOf(r)
	if c.Level != auth.Vouched {
		return 0
	}
	n, err := s.desk.CountClaims(r.Context(), c.tenant, c.actor(), claimsShown)
	if err != nil {
		s.log.ErrorContext(r.Context(), "claims can't be counted", slog.Any("error", err))
	}
	return n
}

// claimPage shows the owner of an address what was filed by people who only said that it is theirs.
func (s *Server) claimPage(w http.ResponseWriter, r *http.Request) error {
	c, visit := callerOf(r), tenant.VisitFrom(r.Context())
	if c.Level != auth.Vouched {
		return seeOther(w, visit, "/auth/confirm"+nextQuery(pathBelow(visit, "/auth/claim")))
	}
	open, err := s.desk.Claims(r.Context(), c.tenant, c.actor(), claimsShown)
	if err != nil {
		return err
	}
	next, ok := localPath(r.URL.Query().Get("next"))
	if !ok {
		next = pathBelow(visit, "/dashboard")
	}
	view := &claimView{frame: s.ownFrame(r, "Are these yours?", ""), Email: c.Email, Next: next}
	view.Notices = nil // this is the page that they lead to
	for i := range open {
		view.Claims = append(view.Claims, claimOf(&open[i]))
	}
	return s.render(w, r, http.StatusOK, "claim", view)
}

func claimOf(t *tickets.Ticket) claim {
	return claim{Number: t.Number, Subject: t.Title, Name: t.Requester.Name, Filed: t.CreatedAt, Beginning: beginning(t.Description)}
}

// beginning is as much of a text as one needs to recognise it.
func beginning(text string) string {
	const most = 300
	if len(text) <= most {
		return text
	}
	n := most
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + " …"
}

// answerClaim takes the owner's word about one of them.
func (s *Server) answerClaim(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	answer := values.Get("answer")
	if answer != "mine" && answer != "not-mine" {
		return malformed("The answer is neither mine nor not-mine.")
	}
	ref, err := tickets.ParseRef(values.Get("number"))
	if err != nil {
		return err
	}
	c, visit := callerOf(r), tenant.VisitFrom(r.Context())
	_, err = s.desk.Claim(r.Context(), c.tenant, c.actor(), ref, answer == "mine")
	// One that is answered already, as by a second click, is answered.
	if err != nil && !errors.Is(err, tickets.ErrNotFound) {
		return err
	}
	next, _ := localPath(values.Get("next"))
	return seeOther(w, visit, "/auth/claim"+nextQuery(next))
}
