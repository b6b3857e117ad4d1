package web

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

// confirmForm is what the page for the code brings along.
type confirmForm struct {
	code     string
	remember bool
	// next is the page to go on to.
	next string
	// draft is the request that waits for the code; the zero createForm: none.
	draft createForm
}

func (s *Server) readConfirm(r *http.Request, values url.Values) confirmForm {
	next, _ := localPath(values.Get("next"))
	c := callerOf(r)
	waiting, err := s.desk.Uploads(r.Context(), c.tenant, c.actor(), values["attachment_ids"])
	if err != nil {
		s.log.ErrorContext(r.Context(), "the files of a request that waits for its code are not found", slog.Any("error", err))
	}
	return confirmForm{
		code: values.Get("code"), remember: values.Has("remember"), next: next, draft: createForm{
			Title: values.Get("title"), Description: values.Get("description"), Category: values.Get("category_id"), Key: values.Get("key"),
			Files: waiting,
		},
	}
}

// waits reports whether a request waits for the code.
func (f confirmForm) waits() bool { return f.draft.Title != "" || f.draft.Description != "" }

// asking is the browser that asks for a code, or brings one.
func asking(r *http.Request) auth.Asking {
	return auth.Asking{
		Host: tenant.VisitFrom(r.Context()).Host, Session: cookie(r, requesterCookie), Device: cookie(r, deviceCookie), Client: client(r),
	}
}

// confirmPage lets somebody whose address is not proven prove it.
func (s *Server) confirmPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderConfirm(w, r, http.StatusOK, s.readConfirm(r, r.URL.Query()).withoutDraft(), nil)
}

// withoutDraft is the form of an address that somebody may have made up: it puts no words into ours.
func (f confirmForm) withoutDraft() confirmForm { return confirmForm{next: f.next} }

func (s *Server) renderConfirm(w http.ResponseWriter, r *http.Request, status int, form confirmForm, wrong fieldErrors) error {
	visit := tenant.VisitFrom(r.Context())
	standing, err := s.doors.Confirmations.Standing(r.Context(), visit.Tenant, asking(r))
	if errors.Is(err, auth.ErrConfirmed) {
		return s.confirmed(w, r, form)
	}
	if err != nil {
		return err
	}
	view := &confirmView{
		frame: s.ownFrame(r, "Confirm your address", ""), Ready: s.doors.Confirmations.Ready(), Email: standing.Email,
		Sent: standing.Sent, TriesLeft: standing.TriesLeft,
		Next: form.next, Remember: form.remember, Errors: wrong,
	}
	view.Wait, view.Good = minutesTo(view.Reader, standing.NextAt), minutesTo(view.Reader, standing.ExpiresAt)
	view.Notices = nil // this is the page that they lead to
	if form.waits() {
		view.Draft = &form.draft
	}
	return s.render(w, r, status, "confirm", view)
}

// minutesTo is how long it is until then, in minutes as people count them; empty if that is over.
func minutesTo(in words.Reader, at time.Time) string {
	wait := time.Until(at)
	if wait <= 0 {
		return ""
	}
	return in.T("%d minutes", int(wait.Minutes())+1)
}

// sendCode mails a code. Without a request that waits, the browser is sent back to the page, which can then be reloaded.
func (s *Server) sendCode(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	form, visit := s.readConfirm(r, values), tenant.VisitFrom(r.Context())
	err = s.doors.Confirmations.Send(r.Context(), visit.Tenant, asking(r))
	if sentence, known := confirmSentence(err); known {
		return s.refuseCode(w, r, form, err, fieldErrors{"form": {sentence}})
	}
	switch {
	case errors.Is(err, auth.ErrConfirmed):
		return s.confirmed(w, r, form)
	case err != nil:
		return err
	case form.waits():
		return s.renderConfirm(w, r, http.StatusOK, form, nil)
	}
	return seeOther(w, visit, "/auth/confirm"+nextQuery(form.next))
}

// confirmCode takes the typed code.
func (s *Server) confirmCode(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	form, c := s.readConfirm(r, values), callerOf(r)
	try := asking(r)
	try.Code, try.Remember = form.code, form.remember
	done, err := s.doors.Confirmations.Check(r.Context(), c.tenant, try)
	if sentence, known := confirmSentence(err); known {
		return s.refuseCode(w, r, form, err, fieldErrors{"code": {sentence}})
	}
	if errors.Is(err, auth.ErrConfirmed) {
		return s.confirmed(w, r, form)
	}
	if err != nil {
		return err
	}
	setCookie(w, requesterCookie, done.Secret, requesterSameSite(c.tenant), done.Session.EndsAt)
	if done.Device != "" {
		setCookie(w, deviceCookie, done.Device, http.SameSiteLaxMode, time.Now().Add(auth.DeviceLife))
	}
	after := caller{Identity: done.Session.Identity(), tenant: c.tenant, session: done.Session}
	s.takeOver(r, after)
	return s.confirmed(w, withCaller(r, after), form)
}

// takeOver makes what was filed in a browser the requests of whoever has proven the address in it.
func (s *Server) takeOver(r *http.Request, c caller) {
	if err := s.desk.TakeOver(r.Context(), c.tenant, c.actor(), c.Lineage); err != nil {
		// They are among the requests that the page for claims shows.
		s.log.ErrorContext(r.Context(), "requests of a confirmed browser stay as they are", slog.Any("error", err))
	}
}

// refuseCode says beside the form what is wrong, and how the visitor stands if it was too often.
func (s *Server) refuseCode(w http.ResponseWriter, r *http.Request, form confirmForm, err error, wrong fieldErrors) error {
	return s.renderConfirm(w, r, refusal(w, err), form, wrong)
}

// confirmSentence is what to say beside the form about an error that the visitor can do something about.
func confirmSentence(err error) (string, bool) {
	wrong, isField := errors.AsType[tenant.FieldErrors](err)
	_, limited := errors.AsType[*limit.Error](err)
	switch {
	case isField:
		return strings.Join(wrong["code"], " "), true
	case limited:
		return "That was too often. Wait a little, then try again.", true
	case errors.Is(err, auth.ErrCodeWrong):
		return "That is not the code. Look at the newest mail from us.", true
	case errors.Is(err, auth.ErrCodeOver):
		return "This code is no longer good. Ask for another one.", true
	case errors.Is(err, auth.ErrMailOff):
		return problemOf(err).Explanation, true
	}
	return "", false
}

// confirmed goes on with what the code was for: the request that waits for it, what others have filed by the address, or the
// page that was asked for.
func (s *Server) confirmed(w http.ResponseWriter, r *http.Request, form confirmForm) error {
	if form.waits() {
		return s.file(w, r, form.draft)
	}
	next := form.next
	if next == "" {
		next = cmp.Or(s.wanted(r, ""), pathBelow(tenant.VisitFrom(r.Context()), "/dashboard"))
	}
	forget(w, r, wantedCookie)
	return s.goOn(w, r, next)
}

// goOn sends the browser on to a path of this host, by way of the page for claims if there are any.
func (s *Server) goOn(w http.ResponseWriter, r *http.Request, next string) error {
	if s.claims(r) > 0 {
		return seeOther(w, tenant.VisitFrom(r.Context()), "/auth/claim"+nextQuery(next))
	}
	return landAt(w, next)
}

// landAt sends the browser on to where a sign-in leads.
func landAt(w http.ResponseWriter, address string) error {
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// nextQuery is the query that has one of our pages lead on to another.
func nextQuery(next string) string {
	if next == "" {
		return ""
	}
	return "?next=" + url.QueryEscape(next)
}

// localPath takes a path of this host, put together anew from what was understood, and nothing that leads elsewhere.
func localPath(wish string) (string, bool) {
	u, ok := localURL(wish)
	if !ok {
		return "", false
	}
	return u.String(), true
}

// localURL is the path and the query that localPath takes.
func localURL(wish string) (*url.URL, bool) {
	u, err := url.Parse(wish)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.ContainsRune(u.Path, '\\') {
		return nil, false
	}
	if plain := path.Clean(u.Path); u.Path != plain && (plain == "/" || u.Path != plain+"/") {
		return nil, false
	}
	return &url.URL{Path: u.Path, RawQuery: u.Query().Encode()}, true
}
