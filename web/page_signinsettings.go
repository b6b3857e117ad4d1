package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

const signInPath = "/agent/settings/sign-in"

// signInSettings are the settings on the page, in its order.
var signInSettings = []string{"unsigned", "mail_sign_in", "origin_mode", "allowed_origins", "company_view", "staff_second_factor", "simpleauth_operators"}

func (s *Server) signInSettingsPage(w http.ResponseWriter, r *http.Request) error {
	c, values := callerOf(r), url.Values{}
	for _, setting := range tenant.AllSettings() {
		values.Set(setting.Key, setting.Value(c.tenant))
	}
	values.Set("allowed_origins", strings.Join(c.tenant.Settings.AllowedOrigins, "\n"))
	return s.renderSignInSettings(w, r, http.StatusOK, values, nil)
}

func (s *Server) renderSignInSettings(w http.ResponseWriter, r *http.Request, status int, values url.Values, wrong fieldErrors) error {
	in := s.words(r)
	view := &signInSettingsView{
		frame: s.settingsFrame(r, "Sign-in", signInPath), Done: s.noticeOf(r), Origins: values.Get("allowed_origins"),
		Operators: values.Get("simpleauth_operators") == "true", Colleagues: values.Get("company_view") == "on", Errors: wrong,
	}
	for _, group := range []struct {
		options *[]choice
		key     string
		all     []choice
	}{
		{&view.Unsigned, "unsigned", []choice{
			{Value: "open", Text: in.T("May file requests"), Hint: in.T("They see those of this visit only, and you see “not verified”.")},
			{Value: "confirm", Text: in.T("Confirm their address first"), Hint: in.T("A code is mailed to them before their first request.")},
			{Value: "signed", Text: in.T("Are turned away"), Hint: in.T("Your site has to sign who it sends.")},
		}},
		{&view.ByMail, "mail_sign_in", []choice{
			{Value: "auto", Text: in.T("Unless your site has to sign who it sends")},
			{Value: "on", Text: in.T("In any case"), Hint: in.T("Also those whom your site does not send any more.")},
			{Value: "off", Text: in.T("Never"), Hint: in.T("They come by your site only, also from the links in our emails.")},
		}},
		{&view.Unlisted, "origin_mode", []choice{
			{Value: "confirm", Text: in.T("Are asked who they are"), Hint: in.T("The visitor says “Continue as …” first.")},
			{Value: "enforce", Text: in.T("Are turned away"), Hint: in.T("Only pages of the listed origins may send visitors.")},
		}},
		{&view.SecondFactor, "staff_second_factor", []choice{
			{Value: "optional", Text: in.T("May use one")},
			{Value: "required", Text: in.T("Must use one"), Hint: in.T("Whoever has none sets it up at the next sign-in.")},
		}},
	} {
		for _, one := range group.all {
			one.Selected = one.Value == values.Get(group.key)
			*group.options = append(*group.options, one)
		}
	}
	return s.render(w, r, status, "signinsettings", view)
}

func (s *Server) changeSignInSettings(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	c, changes := callerOf(r), map[string]string{}
	for _, key := range signInSettings {
		changes[key] = values.Get(key)
	}
	changes["allowed_origins"] = strings.Join(strings.Fields(strings.ReplaceAll(values.Get("allowed_origins"), ",", " ")), ",")
	_, err = s.tenants.As(c.Actor()).Set(r.Context(), c.tenant.Slug, changes)
	if wrong := sentences(err); wrong != nil {
		return s.renderSignInSettings(w, r, http.StatusUnprocessableEntity, values, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, signInPath, "saved")
}
