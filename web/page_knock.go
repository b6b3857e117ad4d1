package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

const (
	// wantedLife is how long a page is remembered that somebody wanted who had to sign in first.
	wantedLife = 10 * time.Minute
	// knockLife is how long the browser that has asked for a code is known again: as long as the code is good.
	knockLife = 10 * time.Minute
)

// wanted is the page that somebody is to land on: what the request says, else what the browser remembers. Empty: neither is a page
// of this host.
func (s *Server) wanted(r *http.Request, said string) string {
	visit := tenant.VisitFrom(r.Context())
	if next := s.doors.Redirects.Page(visit.Tenant, visit.Host, said); next != "" {
		return next
	}
	remembered, err := url.QueryUnescape(cookie(r, wantedCookie))
	if err != nil {
		return ""
	}
	return s.doors.Redirects.Page(visit.Tenant, visit.Host, remembered)
}

// knocking is a browser without a session that asks for a code, or brings one.
func knocking(r *http.Request) auth.Knock {
	return auth.Knock{
		Host: tenant.VisitFrom(r.Context()).Host, Secret: cookie(r, knockCookie), Session: cookie(r, requesterCookie), Client: client(r),
	}
}

// knock mails a code to somebody who has asked for help before, if it is somebody: the answer is the same.
func (s *Server) knock(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	visit, next, k := tenant.VisitFrom(r.Context()), s.wanted(r, values.Get("next")), knocking(r)
	if k.Email, err = person.ParseEmail(strings.TrimSpace(values.Get("email"))); err != nil {
		return s.refuseKnock(w, r, err, values.Get("email"), next, s.knockErrors(r, err))
	}
	if before, err := s.doors.Confirmations.Knocked(r.Context(), visit.Tenant, k); err == nil && before.Email == k.Email {
		return seeOther(w, visit, "/auth/code"+nextQuery(next)) // the code that was mailed is good still
	}
	// What strangers have filed with the address waits for its owner.
	n, err := s.desk.CountClaims(r.Context(), visit.Tenant, tickets.Requester(tickets.Person{ID: "nobody", Email: k.Email}), 1)
	if err != nil {
		return err
	}
	k.Known = n > 0
	secret, err := s.doors.Confirmations.Knock(r.Context(), visit.Tenant, k)
	if wrong := s.knockErrors(r, err); wrong != nil {
		return s.refuseKnock(w, r, err, k.Email, next, wrong)
	}
	if err != nil {
		return err
	}
	setCookie(w, knockCookie, secret, http.SameSiteLaxMode, time.Now().Add(knockLife))
	return seeOther(w, visit, "/auth/code"+nextQuery(next))
}

// knockErrors is what to say beside the form about an error that the visitor can do something about; nil: there is none.
func (s *Server) knockErrors(r *http.Request, err error) fieldErrors {
	if limited, ok := errors.AsType[*limit.Error](err); ok && limited.State.Limit == 1 {
		in := s.words(r)
		return fieldErrors{"email": {in.T("A code was asked for this address a short while ago. It works in the browser that asked for it. You can ask for another one in %s.",
			minutesTo(in, limited.State.Reset))}}
	}
	if wrong := sentences(err); wrong != nil {
		return wrong
	}
	if sentence, known := confirmSentence(err); known && !errors.Is(err, auth.ErrMailOff) {
		return fieldErrors{"email": {sentence}}
	}
	return nil
}

// refuseKnock shows the way in again, and says what is wrong.
func (s *Server) refuseKnock(w http.ResponseWriter, r *http.Request, err error, email, next string, wrong fieldErrors) error {
	view := s.signInView(r, next)
	view.Opens, view.Email, view.Errors = s.doors.Confirmations.Opens(tenant.VisitFrom(r.Context()).Tenant), email, wrong
	return s.render(w, r, refusal(w, err), "signin", view)
}

// knockPage asks for the code.
func (s *Server) knockPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderKnock(w, r, http.StatusOK, s.wanted(r, r.URL.Query().Get("next")), nil)
}

func (s *Server) renderKnock(w http.ResponseWriter, r *http.Request, status int, next string, wrong fieldErrors) error {
	visit := tenant.VisitFrom(r.Context())
	standing, err := s.doors.Confirmations.Knocked(r.Context(), visit.Tenant, knocking(r))
	if errors.Is(err, auth.ErrCodeOver) {
		if wrong == nil {
			return seeOther(w, visit, "/auth/sign-in"+nextQuery(next))
		}
		return s.refuseKnock(w, r, err, "", next, fieldErrors{"email": wrong["code"]})
	}
	if err != nil {
		return err
	}
	view := &knockView{
		frame: s.frame(r, "Sign in"), Email: standing.Email, TriesLeft: standing.TriesLeft, Next: next, Errors: wrong,
	}
	view.Style, view.Address = "confirm.css", again(r)
	view.Good, view.Wait = minutesTo(view.Reader, standing.ExpiresAt), minutesTo(view.Reader, standing.NextAt)
	return s.render(w, r, status, "knock", view)
}

// enterByCode takes the typed code.
func (s *Server) enterByCode(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	visit, next, k := tenant.VisitFrom(r.Context()), s.wanted(r, values.Get("next")), knocking(r)
	k.Code = values.Get("code")
	done, err := s.doors.Confirmations.Enter(r.Context(), visit.Tenant, k)
	if sentence, known := confirmSentence(err); known {
		return s.renderKnock(w, r, refusal(w, err), next, fieldErrors{"code": {sentence}})
	}
	if err != nil {
		return err
	}
	setCookie(w, requesterCookie, done.Secret, requesterSameSite(visit.Tenant), done.Session.EndsAt)
	forget(w, r, knockCookie)
	forget(w, r, wantedCookie)
	after := caller{Identity: done.Session.Identity(), tenant: visit.Tenant, session: done.Session}
	s.takeOver(r, after)
	if next == "" {
		next = pathBelow(visit, "/dashboard")
	}
	return s.goOn(w, withCaller(r, after), next)
}

// refusal is the status of an answer that refuses a form, and says in its header how the visitor stands.
func refusal(w http.ResponseWriter, err error) int {
	p := problemOf(err)
	if limited, ok := errors.AsType[*limit.Error](err); ok {
		showLimit(w.Header(), limited.State)
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(p.RetryAfter)))
	}
	return p.Status
}
