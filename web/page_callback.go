package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/tenant"
)

// callback is where the browser brings a hand-off token. What may become of it is decided in auth, from the headers:
// only a person's visit consumes the token.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) error {
	hand(w.Header())
	s.grantArrival(w, r)
	outcome, err := s.doors.Handoffs.Arrive(r.Context(), arrival(r, r.URL.Query().Get("token")))
	if err != nil {
		return err
	}
	return s.conclude(w, r, outcome)
}

// resume is the second step for partners whose server has followed the first redirect.
func (s *Server) resume(w http.ResponseWriter, r *http.Request) error {
	hand(w.Header())
	outcome, err := s.doors.Handoffs.Continue(r.Context(), arrival(r, r.URL.Query().Get("token")))
	if err != nil {
		return err
	}
	return s.conclude(w, r, outcome)
}

// confirm takes the click on "Continue". Where the token is in the address, some partner's program has kept its POST across
// the redirect, as curl -X POST -L does: that is an arrival like any other.
func (s *Server) confirm(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("token") {
		return s.arriveByPost(w, r)
	}
	hand(w.Header())
	fields, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	outcome, err := s.doors.Handoffs.Confirm(r.Context(), arrival(r, fields.Get("token")))
	if err != nil {
		return err
	}
	return s.conclude(w, r, outcome)
}

func (s *Server) arriveByPost(w http.ResponseWriter, r *http.Request) error {
	r = r.Clone(r.Context())
	r.Method = http.MethodGet
	if strings.HasSuffix(r.URL.Path, "/auth/continue") {
		return s.resume(w, r)
	}
	return s.callback(w, r)
}

// hand sets what every answer about a hand-off carries: its address has the token in it.
func hand(h http.Header) {
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// grantArrival lets a page read that its fetch has arrived. After a redirect from another origin, browsers say "null".
func (s *Server) grantArrival(w http.ResponseWriter, r *http.Request) {
	h, origin := w.Header(), r.Header.Get("Origin")
	h.Add("Vary", "Origin")
	if origin == "null" || origin != "" && s.directory.AllowsOrigin(tenant.VisitFrom(r.Context()).Tenant, origin) {
		allowOrigin(h, origin)
	}
}

func arrival(r *http.Request, token string) auth.Arrival {
	visit := tenant.VisitFrom(r.Context())
	return auth.Arrival{
		Tenant: visit.Tenant, Host: visit.Host, Token: token, Navigation: navigation(r),
		Session: cookie(r, requesterCookie), Chain: cookie(r, chainCookie), Device: cookie(r, deviceCookie), Client: client(r),
	}
}

// conclude answers as auth has decided.
func (s *Server) conclude(w http.ResponseWriter, r *http.Request, o auth.Outcome) error {
	h := w.Header()
	switch o.Verdict {
	case auth.AnswerHead:
		w.WriteHeader(http.StatusOK)
	case auth.Preflight:
		if h.Get("Access-Control-Allow-Origin") != "" {
			h.Set("Access-Control-Allow-Methods", "GET")
			h.Set("Access-Control-Allow-Headers", "content-type, accept")
		}
		w.WriteHeader(http.StatusNoContent)
	case auth.Speculation:
		h.Set("Retry-After", "1") // the visit itself may follow at once
		w.WriteHeader(http.StatusServiceUnavailable)
	case auth.Ready:
		h.Set("Content-Type", "application/json; charset=utf-8")
		return send(w, http.StatusOK, []byte(`{"status":"handoff_ready"}`))
	case auth.NewTab:
		return s.newTab(w, r)
	case auth.AskFirst, auth.Button:
		return s.askFirst(w, r, o)
	case auth.SignIn:
		return s.welcome(w, r, o)
	case auth.Chained:
		return s.chain(w, o)
	default:
		return fmt.Errorf("there is no answer for verdict %d", o.Verdict)
	}
	return nil
}

// newTab is what a partner's frame shows: a frame gets no session, but a link that leads to one.
func (s *Server) newTab(w http.ResponseWriter, r *http.Request) error {
	h, settings := w.Header(), tenant.VisitFrom(r.Context()).Tenant.Settings
	h.Set("Content-Security-Policy", framedPolicy(settings.AllowedOrigins))
	return s.render(w, r, http.StatusOK, "newtab", &newTabView{frame: s.frame(r, "Open in a new tab"), URL: r.URL.RequestURI()})
}

// askFirst shows whom the token stands for, with a button.
func (s *Server) askFirst(w http.ResponseWriter, r *http.Request, o auth.Outcome) error {
	w.Header().Set("Content-Security-Policy", policy(s.formTargets(tenant.VisitFrom(r.Context()).Tenant)))
	view := &continueView{
		frame: s.frame(r, "Continue"), Action: r.URL.EscapedPath(), Token: r.URL.Query().Get("token"), Who: o.Email,
	}
	if c, err := s.identify(r, auth.RequesterSide); err == nil {
		if masked := person.MaskEmail(c.Email); masked != o.Email {
			view.Instead = masked
		}
	}
	return s.render(w, r, http.StatusOK, "continue", view)
}

// welcome gives the browser its session and sends it to where it wanted to go.
func (s *Server) welcome(w http.ResponseWriter, r *http.Request, o auth.Outcome) error {
	visit := tenant.VisitFrom(r.Context())
	setCookie(w, requesterCookie, o.Secret, requesterSameSite(visit.Tenant), o.Session.EndsAt)
	forget(w, r, chainCookie)
	if o.Remembered {
		setCookie(w, deviceCookie, cookie(r, deviceCookie), http.SameSiteLaxMode, time.Now().Add(auth.DeviceLife))
	}
	switch next := s.wanted(r, ""); {
	case next == "", o.Chosen:
		forget(w, r, wantedCookie)
	case o.Session.Level != auth.Vouched && opensTicket(visit, next):
		// An address that nobody has proven opens no earlier ticket: the page is remembered until it is confirmed.
	default:
		forget(w, r, wantedCookie)
		o.Landing = next
	}
	if next, local := localPath(o.Landing); local && o.First {
		return s.goOn(w, withCaller(r, caller{Identity: o.Session.Identity(), tenant: visit.Tenant, session: o.Session}), next)
	}
	return landAt(w, o.Landing)
}

// opensTicket says whether a page is one that there is for a ticket's requester alone.
func opensTicket(visit *tenant.Visit, page string) bool {
	page, _, _ = strings.Cut(page, "?")
	name, below := strings.CutPrefix(page, pathBelow(visit, "/tickets/"))
	return below && name != "create"
}

// chain sends a client that is no browser on, with a token that a browser can use after it.
func (s *Server) chain(w http.ResponseWriter, o auth.Outcome) error {
	setCookie(w, chainCookie, o.Chain, http.SameSiteLaxMode, time.Now().Add(auth.HandoffLife))
	w.Header().Set("Location", "/auth/continue?token="+url.QueryEscape(o.Next))
	w.WriteHeader(http.StatusFound)
	return nil
}
