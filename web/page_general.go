package web

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

// generalPath is the page about the tenant's name and looks.
const generalPath = "/agent/settings/general"

// generalSettings are the settings on the page.
var generalSettings = []string{"name", "brand_color", "language", "time_zone", "welcome_text"}

// generalView is what a tenant looks like to its visitors.
type generalView struct {
	frame

	Done                             string
	Name, Color, Zone, Welcome, Logo string
	Tongues                          []option
	Zones                            []string
	Errors                           fieldErrors
}

func (s *Server) generalPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderGeneral(w, r, http.StatusOK, settingsOf(callerOf(r).tenant, generalSettings...), nil)
}

func (s *Server) renderGeneral(w http.ResponseWriter, r *http.Request, status int, values url.Values, wrong fieldErrors) error {
	view := &generalView{
		frame: s.settingsFrame(r, "General", generalPath), Done: s.noticeOf(r), Name: values.Get("name"), Color: values.Get("brand_color"),
		Zone: values.Get("time_zone"), Welcome: values.Get("welcome_text"), Logo: logoAddress(callerOf(r).tenant), Zones: usualZones(), Errors: wrong,
	}
	names := map[string]string{"en": "English", "de": "Deutsch"}
	for _, tag := range tenant.Languages() {
		view.Tongues = append(view.Tongues, option{Value: tag, Text: names[tag], Selected: tag == values.Get("language")})
	}
	return s.render(w, r, status, "general", view)
}

// usualZones are offered; any other can be typed.
func usualZones() []string {
	return strings.Fields(`UTC Europe/Berlin Europe/London Europe/Madrid Europe/Paris Europe/Rome Europe/Vienna Europe/Warsaw Europe/Zurich
		America/Chicago America/Denver America/Los_Angeles America/New_York America/Sao_Paulo America/Toronto
		Asia/Dubai Asia/Kolkata Asia/Shanghai Asia/Singapore Asia/Tokyo Australia/Sydney Africa/Johannesburg Pacific/Auckland`)
}

func (s *Server) changeGeneral(w http.ResponseWriter, r *http.Request) error {
	values, picture, err := readPicture(w, r)
	if err != nil {
		return err
	}
	c, changes := callerOf(r), map[string]string{}
	for _, key := range generalSettings {
		changes[key] = values.Get(key)
	}
	if values.Get("remove_logo") != "" {
		changes["logo"] = ""
	}
	tenants := s.tenants.As(c.Actor())
	if len(picture) > 0 {
		if _, err = tenants.SetLogo(r.Context(), c.tenant.ID, picture); err == nil {
			delete(changes, "logo")
		}
	}
	if err == nil {
		_, err = tenants.Set(r.Context(), c.tenant.Slug, changes)
	}
	if wrong := sentences(err); wrong != nil {
		for key, said := range generalSays {
			if len(wrong[key]) > 0 {
				wrong[key] = []string{said}
			}
		}
		return s.renderGeneral(w, r, http.StatusUnprocessableEntity, values, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, generalPath, "saved")
}

// generalSays are what is to be said about settings that can't be taken. Operators are told more, by the names of the settings.
var generalSays = map[string]string{
	"name":         words.Key("A name has 1 to 200 characters."),
	"brand_color":  words.Key("A colour is written like #0b6e4f."),
	"time_zone":    words.Key("There is no such time zone. They are called like Europe/Berlin."),
	"welcome_text": words.Key("This text is too long, or has characters that nobody sees."),
}

// readPicture reads a form that may bring one small picture, in the field "logo".
func readPicture(w http.ResponseWriter, r *http.Request) (url.Values, []byte, error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		values, err := readForm(w, r, maxForm)
		return values, nil, err
	}
	body, err := readBody(w, r, maxForm+tenant.MaxLogo)
	if err != nil {
		return nil, nil, err
	}
	values, picture := url.Values{}, []byte(nil)
	parts := multipart.NewReader(strings.NewReader(string(body)), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // multipart returns it as it is
			return values, picture, addressed(r, values, len(picture) > 0)
		}
		if err != nil {
			return nil, nil, malformed("The body is not a valid form.")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, malformed("The body is not a valid form.")
		}
		switch {
		case part.FormName() == "logo":
			picture = content
		case !utf8.Valid(content):
			return nil, nil, malformed("The body is not UTF-8.")
		default:
			values.Add(part.FormName(), strings.ReplaceAll(string(content), "\r\n", "\n"))
		}
	}
}
