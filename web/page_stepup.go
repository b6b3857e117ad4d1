package web

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
)

const stepUpPath = "/agent/step-up"

// confirmedNotice is the notice at a page to which somebody comes back whose form was held up.
const confirmedNotice = "confirmed"

// toStepUp asks for a proof first, and leads on to the page that was wanted. After a form that is the page on which the form stands,
// with what was to be done at hand: it is never done by itself.
func (s *Server) toStepUp(w http.ResponseWriter, r *http.Request) error {
	visit := tenant.VisitFrom(r.Context())
	next := r.URL.RequestURI()
	if r.Method == http.MethodPost {
		next = s.formPage(r)
	}
	return seeOther(w, visit, stepUpPath+"?next="+url.QueryEscape(next))
}

// formPage is the page of the console on which a form stands that was sent: where the browser says it came from, else the page above
// the form's address. What was to be done there is in its query.
func (s *Server) formPage(r *http.Request) string {
	visit := tenant.VisitFrom(r.Context())
	action, _ := below(visit.Mount, r.URL.Path)
	page := s.pageAbove(action)
	query := url.Values{}
	if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
		if path, ours := below(visit.Mount, from.Path); ours && s.isConsolePage(path) {
			page, query = path, from.Query()
		}
	}
	query.Set("done", confirmedNotice)
	query.Del("do")
	if do, below := strings.CutPrefix(action, page+"/"); below {
		query.Set("do", do)
	}
	return pathBelow(visit, page) + "?" + query.Encode()
}

// pageAbove is the page with the longest path that an address lies below, or is.
func (s *Server) pageAbove(address string) string {
	if address == domainsPath+"/tickets" {
		return domainsPath // the word is no domain
	}
	for page := address; page != "/"; page = path.Dir(page) {
		if s.isConsolePage(page) {
			return page
		}
	}
	return settingsPageOf(address).path
}

// isConsolePage says whether there is such a page of the console, other than that of the proof itself.
func (s *Server) isConsolePage(address string) bool {
	return strings.HasPrefix(address, "/agent/") && address != stepUpPath && s.table.tenant.serves(http.MethodGet, address)
}

func (s *Server) stepUpPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderStepUp(w, r, http.StatusOK, r.URL.Query().Get("next"), nil)
}

func (s *Server) renderStepUp(w http.ResponseWriter, r *http.Request, status int, next string, wrong fieldErrors) error {
	c := callerOf(r)
	m, err := s.staff.Find(r.Context(), c.tenant, c.ID)
	if err != nil {
		return err
	}
	view := &stepUpView{
		frame: s.ownFrame(r, "Confirm that it is you", "settings"), Email: m.Email, Next: next, Errors: wrong,
		Code: m.HasTOTP(), Password: m.HasPassword && !m.HasTOTP(),
	}
	if _, err := s.oidc.Account(r.Context(), c.tenant, c.ID); err == nil {
		view.Provider = providerOf(c.tenant)
	}
	if view.Passkeys, err = s.hasPasskey(r, c); err != nil {
		return err
	}
	if view.Passkeys {
		view.Script = passkeyScript
	}
	return s.render(w, r, status, "stepup", view)
}

// wrongProof is what to say beside the field of a proof that is wrong; nil for all other errors.
func wrongProof(err error) fieldErrors {
	switch {
	case errors.Is(err, staff.ErrWrongPassword):
		return fieldErrors{"password": {"The password is wrong."}}
	case errors.Is(err, staff.ErrWrongCode):
		return fieldErrors{"code": {"This code is wrong, or was used already. Wait for the next one."}}
	}
	return nil
}

func (s *Server) stepUp(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c, visit := callerOf(r), tenant.VisitFrom(r.Context())
	session, secret, err := s.staff.StepUp(r.Context(), c.tenant, staff.Again{
		Entry:    staff.Entry{Member: c.ID, Host: visit.Host, Previous: cookie(r, staffCookie), Client: client(r)},
		Password: values.Get("password"), Code: values.Get("code"),
	})
	if wrong := wrongProof(err); wrong != nil && wantsPage(r) {
		return s.renderStepUp(w, r, http.StatusUnauthorized, values.Get("next"), wrong)
	}
	if err != nil {
		return err
	}
	keepStaff(w, session, secret)
	return s.toConsole(w, r, values.Get("next"))
}
