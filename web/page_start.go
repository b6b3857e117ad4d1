package web

import (
	"net/http"
	"strconv"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

// startPath is the page that leads a new tenant through what there is to set up; limitsPath shows what holds for it.
const (
	startPath  = "/agent/settings/start"
	limitsPath = "/agent/settings/limits"
)

// startView is what there is to do at first.
type startView struct {
	frame

	Steps []startStep
	Left  int
}

// startStep is one thing to do; Next: it is the first that is not done.
type startStep struct {
	Title, Text, Action, Path string
	Done, Next                bool
}

func (s *Server) startPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	set := c.tenant.Settings
	team, err := s.staff.List(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	domains, err := s.domains.List(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	served := false
	for _, d := range domains {
		served = served || d.Served()
	}
	counts, err := s.desk.Counts(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	filed := 0
	for _, n := range counts.ByStatus {
		filed += n
	}
	view := &startView{frame: s.settingsFrame(r, "Getting started", startPath)}
	view.Steps = []startStep{
		{
			Title: view.T("Make it yours"), Text: view.T("Your name, your colour and your logo on the portal and in emails."),
			Action: view.T("Name and looks"), Path: generalPath, Done: set.BrandColor != "" || set.Logo != "",
		},
		{
			Title: view.T("Use your own domain"), Text: view.T("Put two records into your DNS; the certificate comes by itself."),
			Action: view.T("Domains"), Path: domainsPath, Done: served,
		},
		{
			Title: view.T("Say where your visitors come from"), Text: view.T("The origins of your site: its pages may then send visitors without a question."),
			Action: view.T("Sign-in"), Path: signInPath, Done: len(set.AllowedOrigins) > 0,
		},
		{
			Title: view.T("Put it into your site"), Text: view.T("A form, a script or the widget, with code that is filled in for you."),
			Action: view.T("Integration guide"), Path: "/integration", Done: filed > 0,
		},
		{
			Title: view.T("Bring your team"), Text: view.T("Invite those who answer."),
			Action: view.T("Team"), Path: teamPath, Done: len(team) > 1,
		},
	}
	for i := range view.Steps {
		if !view.Steps[i].Done {
			view.Left++
			view.Steps[i].Next = view.Left == 1
		}
	}
	return s.render(w, r, http.StatusOK, "start", view)
}

// limitsView is what holds for the tenant, and how much of it is used.
type limitsView struct {
	frame

	Rows []limitRow
}

// limitRow is one limit. Used is empty where nothing is counted.
type limitRow struct{ Name, Limit, Used string }

func (s *Server) limitsPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	set := c.tenant.Settings
	tokens, err := s.doors.Tokens.List(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	domains, err := s.domains.List(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	categories, err := s.desk.Categories(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	view := &limitsView{frame: s.settingsFrame(r, "Limits", limitsPath)}
	n := strconv.Itoa
	view.Rows = []limitRow{
		{Name: view.T("Requests a minute, for each token or session"), Limit: n(set.APIRequestsPerMinute)},
		{Name: view.T("Unproven logins an hour, for each IP address"), Limit: n(set.RedirectRequestsPerHour)},
		{Name: view.T("Largest attachment"), Limit: n(set.AttachmentMiB) + " MiB"},
		{Name: view.T("Attachments of one message"), Limit: "20"},
		{Name: view.T("Longest description or reply"), Limit: n(tickets.MaxBody>>10) + " KiB"},
		{Name: view.T("API tokens"), Limit: n(auth.MaxTokens), Used: n(len(tokens))},
		{Name: view.T("Domains"), Limit: "500", Used: n(len(domains))},
		{Name: view.T("Categories"), Limit: "200", Used: n(len(categories))},
		{Name: view.T("Looks at a domain's DNS an hour"), Limit: n(int(verifications.Limit))},
		{Name: view.T("Days of the audit log"), Limit: "400"},
	}
	return s.render(w, r, http.StatusOK, "limits", view)
}
