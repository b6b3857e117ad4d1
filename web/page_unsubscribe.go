package web

import (
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/notify"
)

// unsubscribePage asks whoever comes by the link in a letter whether they want no more letters of its class. Scanners of mail open links:
// looking at the page changes nothing.
func (s *Server) unsubscribePage(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	sub, err := s.notifier.Subscription(tenant.VisitFrom(r.Context()).Tenant, token)
	if err != nil {
		return err
	}
	return s.renderUnsubscribe(w, r, sub, false)
}

// unsubscribe ends the letters. It is also what mail programs ask for by themselves, without a browser (RFC 8058): so the link says
// everything, whatever the body is, and the answer is no redirect.
func (s *Server) unsubscribe(w http.ResponseWriter, r *http.Request) error {
	sub, err := s.notifier.Unsubscribe(r.Context(), tenant.VisitFrom(r.Context()).Tenant, r.URL.Query().Get("token"))
	if err != nil {
		return err
	}
	return s.renderUnsubscribe(w, r, sub, true)
}

func (s *Server) renderUnsubscribe(w http.ResponseWriter, r *http.Request, sub notify.Subscription, over bool) error {
	view := &unsubscribeView{frame: s.frame(r, "Email notifications"), Over: over, Action: r.URL.EscapedPath() + "?" + r.URL.RawQuery}
	view.What = endsWhat(view.Reader, sub.Class, sub.Staff)
	mount := strings.TrimSuffix(tenant.VisitFrom(r.Context()).Mount, "/")
	switch {
	case sub.Staff:
		view.Choices = mount + notificationsPath
	case sub.Class != notify.AboutClaims:
		view.Choices = mount + wishesPath
	}
	return s.render(w, r, http.StatusOK, "unsubscribe", view)
}

// unsubscribeView asks whether somebody wants no more letters of a class, or says that it is so.
type unsubscribeView struct {
	frame

	// What names the class, as it stands behind “no more letters”.
	What string
	Over bool
	// Action is where the form goes, and Choices where all is chosen; empty: nowhere.
	Action, Choices string
}
