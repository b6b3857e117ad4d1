package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
)

// The widget is a frame of ours on a partner's page. All that the two say to each other are messages with exact origins, and
// what they say never holds a secret of ours: whoever rules the partner's page rules no more than the visitor's own widget.

// findWidget leads to the frame from an address that does not depend on where the portal is mounted: the script at a node's
// host knows no more than the tenant's name.
func (s *Server) findWidget(w http.ResponseWriter, r *http.Request) error {
	return seeOther(w, tenant.VisitFrom(r.Context()), "/widget/frame?"+r.URL.RawQuery)
}

// widgetFrame is the page in the frame. Only pages of the tenant's allowed origins and of its own hosts may show it, and it
// speaks only with the one that its address names.
func (s *Server) widgetFrame(w http.ResponseWriter, r *http.Request) error {
	t, query := tenant.VisitFrom(r.Context()).Tenant, r.URL.Query()
	most := t.Settings.AttachmentLimit()
	view := &widgetView{frame: s.frame(r, "Help"), Lang: widgetLanguage(r), FileSize: most, FileLimit: sizeText(most), FileCount: file.MaxPerMessage}
	view.Reader, view.Script = s.catalogue.Reader(view.Lang, view.Zone()), "widget-frame.js"
	if origin := query.Get("origin"); s.directory.AllowsOrigin(t, origin) {
		view.Origin = origin
	}
	own := s.ownOrigins(t)
	h := w.Header()
	h.Set("Content-Security-Policy", widgetPolicy(own, slices.Concat([]string{"'self'"}, own, t.Settings.AllowedOrigins)))
	// A page that is isolated from other sites may have us only if we say that we are fine with it.
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	// The callback wants to know that its visitor comes from here.
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	return s.render(w, r, http.StatusOK, "widget", view)
}

// ownOrigins are the origins of the tenant's own hosts.
func (s *Server) ownOrigins(t *tenant.Tenant) []string {
	var own []string
	for _, host := range s.directory.Hosts(t) {
		own = append(own, s.directory.Node().URLFor(host))
	}
	return own
}

// widgetLanguages are the languages that widget-words.js has; the first one serves everybody else.
var widgetLanguages = []string{"en", "de"}

// widgetLanguage is the language that the partner's page asks for, else the visitor's.
func widgetLanguage(r *http.Request) string {
	for wanted := range strings.SplitSeq(r.URL.Query().Get("lang")+","+r.Header.Get("Accept-Language"), ",") {
		wanted, _, _ = strings.Cut(wanted, ";")
		wanted, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(wanted)), "-")
		if slices.Contains(widgetLanguages, wanted) {
			return wanted
		}
	}
	return widgetLanguages[0]
}

// widgetDocument tells the frame who is signed in, and what it may ask the API with.
type widgetDocument struct {
	Bearer    string        `json:"bearer"`
	ExpiresIn int           `json:"expires_in"`
	Assurance string        `json:"assurance"`
	User      widgetVisitor `json:"user"`
}

type widgetVisitor struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// identifyInWidget signs in whom the partner's page names, by an address or by a token.
func (s *Server) identifyInWidget(w http.ResponseWriter, r *http.Request) error {
	visit := tenant.VisitFrom(r.Context())
	fields, unreadable := readLogin(w, r, "origin", "email", "name", "token")
	done, err := s.doors.Widgets.Identify(r.Context(), auth.WidgetLogin{
		Tenant: visit.Tenant, Host: visit.Host, Embedder: fields["origin"], Email: fields["email"], Name: fields["name"],
		Token: fields["token"], Unreadable: unreadable, Session: cookie(r, widgetCookie), Client: client(r),
	})
	showLimit(w.Header(), done.Limit)
	if err != nil {
		return explainToken(err)
	}
	setWidgetCookie(w, done.Secret, done.Session.EndsAt)
	return encodeWidget(w, done)
}

// resumeWidget makes a new bearer for the session in the cookie: that is all that the cookie is good for. Nothing is the
// answer where there is no session: every first visitor asks, and it is no error that belongs into a browser's log.
func (s *Server) resumeWidget(w http.ResponseWriter, r *http.Request) error {
	visit := tenant.VisitFrom(r.Context())
	fields, err := readLogin(w, r, "origin")
	if err != nil {
		return err
	}
	done, err := s.doors.Widgets.Resume(r.Context(), visit.Tenant, visit.Host, fields["origin"], cookie(r, widgetCookie))
	if errors.Is(err, auth.ErrSignedOut) {
		if err := s.admitStranger(w, r); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	showLimit(w.Header(), done.Limit)
	if err != nil {
		return err
	}
	return encodeWidget(w, done)
}

func encodeWidget(w http.ResponseWriter, done auth.WidgetSession) error {
	return encode(w, http.StatusOK, widgetDocument{
		Bearer: done.Bearer, ExpiresIn: seconds(time.Until(done.BearerEndsAt)), Assurance: done.Session.Level.String(),
		User: widgetVisitor{Email: done.Session.Email, Name: done.Session.Name},
	})
}

// sendWidgetCode mails a code to the address of the widget's visitor.
func (s *Server) sendWidgetCode(w http.ResponseWriter, r *http.Request) error {
	if err := s.doors.Confirmations.Send(r.Context(), tenant.VisitFrom(r.Context()).Tenant, askingInWidget(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// checkWidgetCode takes the code that the widget's visitor has typed.
func (s *Server) checkWidgetCode(w http.ResponseWriter, r *http.Request) error {
	fields, err := readLogin(w, r, "code")
	if err != nil {
		return err
	}
	asking := askingInWidget(r)
	asking.Code = fields["code"]
	done, err := s.doors.Confirmations.Check(r.Context(), tenant.VisitFrom(r.Context()).Tenant, asking)
	if err != nil {
		return err
	}
	setWidgetCookie(w, done.Secret, done.Session.EndsAt)
	s.takeOver(r, caller{Identity: done.Session.Identity(), tenant: tenant.VisitFrom(r.Context()).Tenant, session: done.Session})
	return encodeWidget(w, auth.WidgetSession{Session: done.Session, Bearer: done.Bearer, BearerEndsAt: done.BearerEndsAt})
}

// askingInWidget is the visitor whom the request's bearer stands for. Without one, it is nobody.
func askingInWidget(r *http.Request) auth.Asking {
	bearer, _ := apiToken(r)
	return auth.Asking{Host: tenant.VisitFrom(r.Context()).Host, Bearer: bearer, Client: client(r)}
}

// endWidget signs the widget's visitor out.
func (s *Server) endWidget(w http.ResponseWriter, r *http.Request) error {
	visit := tenant.VisitFrom(r.Context())
	fields, err := readLogin(w, r, "origin")
	if err != nil {
		return err
	}
	bearer, _ := apiToken(r)
	err = s.doors.Widgets.End(r.Context(), visit.Tenant, visit.Host, fields["origin"], cookie(r, widgetCookie), bearer)
	if err != nil {
		return err
	}
	setWidgetCookie(w, "", time.Time{})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// leaveWidget takes the visitor to the portal, in the tab that the frame's form has opened, by a fresh hand-off.
func (s *Server) leaveWidget(w http.ResponseWriter, r *http.Request) error {
	fields, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	visit := tenant.VisitFrom(r.Context())
	session, err := s.doors.Sessions.FindBearer(r.Context(), visit.Tenant, visit.Host, fields.Get("bearer"))
	if err != nil {
		return err
	}
	path := "/dashboard"
	if n, err := strconv.ParseUint(fields.Get("ticket"), 10, 64); err == nil {
		path = ticketPath(n)
	}
	callback, owner, err := s.doors.Widgets.Handoff(r.Context(), visit.Tenant, session, path)
	if err != nil {
		return err
	}
	if owner != "" {
		setCookie(w, chainCookie, owner, http.SameSiteLaxMode, time.Now().Add(auth.HandoffLife))
	}
	h := w.Header()
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Location", callback)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// setWidgetCookie sets the widget's cookie until then, or drops it if that is over. It is partitioned: the widget on another
// site has another one.
func setWidgetCookie(w http.ResponseWriter, value string, until time.Time) {
	age := int(time.Until(until).Seconds())
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // SameSite has to be None: a frame is all that the cookie is for
		Name: widgetCookie, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode,
		Partitioned: true, MaxAge: cmp.Or(age, -1),
	})
}

// identifyWidget finds out whom a widget's bearer stands for: a requester, at the tenant's host that it was made at. Only the
// frame's own page sends it; a page of another origin that has got hold of one can't use it.
func (s *Server) identifyWidget(r *http.Request, bearer string) (caller, error) {
	visit := tenant.VisitFrom(r.Context())
	if origin := r.Header.Get("Origin"); visit.Tenant == nil || origin != "" && origin != visit.Origin() {
		return caller{}, errUnauthenticated
	}
	session, err := s.doors.Sessions.FindBearer(r.Context(), visit.Tenant, visit.Host, bearer)
	if errors.Is(err, auth.ErrSignedOut) {
		return caller{}, errUnauthenticated
	}
	if err != nil {
		return caller{}, err
	}
	return caller{Identity: session.Identity(), tenant: visit.Tenant}, nil
}
