package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets/notify"
)

// mailPath is where admins decide which letters requesters get, and see whom they do not reach.
const mailPath = "/agent/settings/mail"

// troublesShown is how many addresses the page lists.
const troublesShown = 100

func (s *Server) mailPage(w http.ResponseWriter, r *http.Request) error {
	set := callerOf(r).tenant.Settings
	return s.renderMail(w, r, http.StatusOK, set.RequesterMail == tenant.On, strconv.Itoa(set.WaitingReminderDays), nil)
}

func (s *Server) renderMail(w http.ResponseWriter, r *http.Request, status int, on bool, days string, wrong fieldErrors) error {
	c := callerOf(r)
	troubles, err := s.notifier.Troubles(r.Context(), c.tenant, troublesShown)
	if err != nil {
		return err
	}
	lost, err := s.notifier.Undelivered(r.Context(), c.tenant, troublesShown)
	if err != nil {
		return err
	}
	return s.render(w, r, status, "mail", &mailView{
		frame: s.settingsFrame(r, "Mail", mailPath), Done: s.noticeOf(r), Mail: s.notifier.Ready(), On: on, Days: days,
		Troubles: troubles, Undelivered: lost, Errors: wrong,
	})
}

func (s *Server) changeMail(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c, on := callerOf(r), values.Has("requester_mail")
	_, err = s.tenants.As(c.Actor()).Set(r.Context(), c.tenant.Slug, mailSettings(values))
	if wrong := sentences(err); wrong != nil {
		return s.renderMail(w, r, http.StatusUnprocessableEntity, on, values.Get("waiting_reminder_days"), wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, mailPath, "saved")
}

// mailSettings are the settings of a form: a box that is not ticked is not sent.
func mailSettings(values url.Values) map[string]string {
	set := map[string]string{
		"requester_mail": string(tenant.Off), "waiting_reminder_days": values.Get("waiting_reminder_days"),
	}
	if values.Has("requester_mail") {
		set["requester_mail"] = string(tenant.On)
	}
	return set
}

// resumeMail has letters sent again to an address that was given up.
func (s *Server) resumeMail(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	if err := s.notifier.Lift(r.Context(), c.tenant, values.Get("address"), c.Actor()); err != nil {
		return err
	}
	return done(w, r, mailPath, "mail-resumed")
}

// mailView is the page about letters, for admins.
type mailView struct {
	frame

	Done string
	// Mail: the node sends mail. On: requesters get letters.
	Mail, On bool
	Days     string
	Troubles []notify.Trouble
	// Undelivered letters were given up lately, whatever the reason.
	Undelivered []mail.Undelivered
	Errors      fieldErrors
}

// Letter says what a letter was about, in a few words.
func (v *mailView) Letter(k mail.Kind) string {
	switch k {
	case mail.Code:
		return v.T("Code to confirm an address")
	case mail.Invite:
		return v.T("Invitation")
	case mail.Reset:
		return v.T("New password")
	case mail.Notice:
		return v.T("Notice about an account")
	case mail.Request, mail.Claimed:
		return v.T("Email to a requester")
	case mail.Work:
		return v.T("Email to staff")
	}
	return ""
}
