package web

import (
	"net/http"
	"strconv"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

// receiptView says to requesters that their request has arrived, and what happens next.
type receiptView struct {
	// Number is the request's. Email is where a letter goes when staff answers; empty: none goes anywhere.
	Number uint64
	Email  string
}

// receiptLife is how long a browser may take from the form to the page that says that it has arrived, in seconds.
const receiptLife = 300

// promiseReceipt has the request's own page say, the first time that it is looked at, that the request has arrived. The
// address says nothing of it: a page that is loaded again, kept or passed on is the request's alone.
func promiseReceipt(w http.ResponseWriter, number uint64) {
	writeCookie(w, filedCookie, strconv.FormatUint(number, 10), http.SameSiteLaxMode, receiptLife)
}

// receipt is what was promised about a ticket, once; nil: nothing.
func (s *Server) receipt(w http.ResponseWriter, r *http.Request, t *tickets.Ticket) (*receiptView, error) {
	if r.Method != http.MethodGet || cookie(r, filedCookie) != strconv.FormatUint(t.Number, 10) {
		return nil, nil //nolint:nilnil // its caller asks
	}
	dropCookie(w, filedCookie, http.SameSiteLaxMode)
	c, v := callerOf(r), &receiptView{Number: t.Number}
	user := c.ID
	if c.Level == auth.Asserted {
		user = "" // what the owner of the address wishes is not for everybody who claims it
	}
	told, err := s.notifier.Answers(r.Context(), c.tenant, user, c.Email)
	if told {
		v.Email = c.Email
	}
	return v, err
}
