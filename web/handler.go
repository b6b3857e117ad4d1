package web

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
)

// strangers bounds what an address may ask the API without being anybody.
var strangers = limit.Bucket{Name: "api-strangers", Limit: 600, Period: time.Minute}

// open serves a handler that needs to know nobody.
func (s *Server) open(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// posts bounds the forms that an address may send without being anybody. The doors behind them have narrower limits of their own.
var posts = limit.Bucket{Name: "forms-ip", Limit: 300, Period: time.Minute}

// form serves the target of a form that needs to know nobody: only our own pages may post there.
func (s *Server) form(h handler) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		if err := s.doors.Limits.Take(r.Context(), posts, limit.IP(tenant.VisitFrom(r.Context()).ClientIP)).Err(); err != nil {
			return err
		}
		if err := s.guard.check(r, tenant.VisitFrom(r.Context()).Tenant, false); err != nil {
			return err
		}
		return h(w, r)
	})
}

// api serves a handler of the API for callers who have the rights.
func (s *Server) api(rights auth.Scopes, h handler) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.identifyProgram(r)
		if err != nil {
			return errors.Join(s.admitStranger(w, r), err)
		}
		tenant.VisitFrom(r.Context()).Caller = c.tenant
		s.grant(w, r, c.tenant)
		state := s.doors.Tokens.Admit(r.Context(), c.tenant, c.Identity)
		showLimit(w.Header(), state)
		if err := state.Err(); err != nil {
			return err
		}
		if c.browser() {
			if err := s.guard.check(r, c.tenant, true); err != nil {
				return err
			}
		}
		if !c.May(rights) {
			return auth.ErrInsufficientScope
		}
		if c.wantsProof(rights) {
			return errStepUp
		}
		return h(w, withCaller(r, c))
	})
}

// unknown answers a request to the API that no route takes. It counts like any other.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(w, r, cmp.Or(s.admit(w, r), err))
}

// counted serves what the API tells everybody about itself. It counts like any other request.
func (s *Server) counted(h handler) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		if err := s.admit(w, r); err != nil {
			return err
		}
		return h(w, r)
	})
}

// admit counts a request to the API for whoever makes it, be it nobody, and shows how they stand.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) error {
	c, nobody := s.identifyProgram(r)
	if nobody != nil {
		return s.admitStranger(w, r)
	}
	s.grant(w, r, c.tenant)
	state := s.doors.Tokens.Admit(r.Context(), c.tenant, c.Identity)
	showLimit(w.Header(), state)
	return state.Err()
}

// admitStranger counts a request without good credentials.
func (s *Server) admitStranger(w http.ResponseWriter, r *http.Request) error {
	state := s.doors.Limits.Take(r.Context(), strangers, limit.IP(tenant.VisitFrom(r.Context()).ClientIP))
	showLimit(w.Header(), state)
	return state.Err()
}

// portal serves a page for signed-in requesters, console one for staff. Who is not signed in is sent to do so.
func (s *Server) portal(h handler) http.HandlerFunc {
	return s.private(auth.RequesterSide, "/auth/sign-in", h)
}

func (s *Server) console(h handler) http.HandlerFunc {
	return s.private(auth.StaffSide, "/agent/login", h)
}

func (s *Server) private(side auth.Side, door string, h handler) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		visit := tenant.VisitFrom(r.Context())
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		c, err := s.identify(r, side)
		if errors.Is(err, errUnauthenticated) && !wantsData(r) {
			if r.Method == http.MethodPost {
				return s.keepTyped(w, r, door)
			}
			return seeOther(w, visit, door+s.wish(r, side))
		}
		if err != nil {
			return err
		}
		if err := s.guard.check(r, c.tenant, false); err != nil {
			return err
		}
		if err := s.admitVisitor(r, c); err != nil {
			return err
		}
		if c.reader, err = s.readerOf(r, c); err != nil {
			return err
		}
		r = withCaller(r, c)
		err = h(w, r)
		if stray, ok := errors.AsType[*strayFormError](err); ok {
			err = s.returnTyped(w, r, stray)
		}
		if err != nil {
			s.fail(w, r, err) // in the caller's language
		}
		return nil
	})
}

// looks bounds the pages that one session may ask for.
var looks = limit.Bucket{Name: "page-looks", Limit: 1200, Period: time.Minute}

// admitVisitor counts a page, or what was done on one, for the session.
func (s *Server) admitVisitor(r *http.Request, c caller) error {
	if r.Method == http.MethodPost {
		return s.doors.Tokens.Admit(r.Context(), c.tenant, c.Identity).Err()
	}
	return s.doors.Limits.Take(r.Context(), looks, c.Session).Err()
}

// wish is the query that has a sign-in lead on to what was asked for.
func (s *Server) wish(r *http.Request, side auth.Side) string {
	visit, asked := tenant.VisitFrom(r.Context()), r.URL.RequestURI()
	switch {
	case r.Method != http.MethodGet:
		return ""
	case side == auth.StaffSide:
		return nextQuery(asked)
	}
	if asked = s.doors.Redirects.Page(visit.Tenant, visit.Host, asked); asked == pathBelow(visit, "/dashboard") {
		return "" // everybody lands there
	}
	return nextQuery(asked)
}

// seeOther sends the browser on to one of our pages.
func seeOther(w http.ResponseWriter, visit *tenant.Visit, path string) error {
	w.Header().Set("Location", pathBelow(visit, path))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// pathBelow is the address of one of our pages, below the folder that the portal is mounted at.
func pathBelow(visit *tenant.Visit, path string) string {
	return strings.TrimSuffix(visit.Mount, "/") + path
}

// showLimit tells the caller how it stands.
func showLimit(h http.Header, s limit.State) {
	if s.Limit == 0 {
		return
	}
	h.Set("X-RateLimit-Limit", strconv.FormatInt(s.Limit, 10))
	h.Set("X-RateLimit-Remaining", strconv.FormatInt(s.Remaining, 10))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(s.Reset.Unix(), 10))
}

// isAPI reports whether a path is one of the API's: programs ask there, and pages of other origins may.
func isAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }
