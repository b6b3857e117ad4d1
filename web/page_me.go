package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
)

// mePath is the requester's own page.
const mePath = "/auth/account"

// mePage shows requesters who they are here, and lets them choose their language and time zone.
func (s *Server) mePage(w http.ResponseWriter, r *http.Request) error {
	own, err := s.ownReading(r)
	if err != nil {
		return err
	}
	return s.renderMe(w, r, http.StatusOK, own, nil)
}

func (s *Server) renderMe(w http.ResponseWriter, r *http.Request, status int, chosen auth.Reading, wrong fieldErrors) error {
	view := &meView{frame: s.ownFrame(r, "Account", "account"), Done: s.noticeOf(r)}
	view.Reading = s.readingView(r, chosen, wrong)
	return s.render(w, r, status, "me", view)
}

// changeMe takes what the requester chose.
func (s *Server) changeMe(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	chosen := readingOf(values)
	err = s.chooseReading(w, r, chosen)
	if wrong := sentences(err); wrong != nil {
		return s.renderMe(w, r, http.StatusUnprocessableEntity, chosen, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, mePath, "saved")
}

// readingOf is what a form with the part "reading" says.
func readingOf(values url.Values) auth.Reading {
	return auth.Reading{Language: values.Get("language"), Zone: values.Get("zone")}
}

// ownReading is what the caller has chosen so far. Whoever is known by this browser alone has chosen what it remembers.
func (s *Server) ownReading(r *http.Request) (auth.Reading, error) {
	c := callerOf(r)
	if c.ID == "" {
		return auth.Reading{Language: cookie(r, languageCookie), Zone: chosenZone(r)}, nil
	}
	return s.doors.Readers.Find(r.Context(), c.tenant, c.ID)
}

// chooseReading keeps the caller's language and time zone, with them or, where nobody knows them, with their browser. A FieldErrors
// says what nobody can choose.
func (s *Server) chooseReading(w http.ResponseWriter, r *http.Request, chosen auth.Reading) error {
	if err := auth.CheckReading(chosen.Language, chosen.Zone); err != nil {
		return err
	}
	c := callerOf(r)
	if c.ID != "" {
		if err := s.doors.Readers.Set(r.Context(), c.tenant, c.ID, chosen.Language, chosen.Zone); err != nil {
			return err
		}
	}
	keep := func(name, value string) {
		if value == "" {
			dropCookie(w, name, http.SameSiteLaxMode)
			return
		}
		setCookie(w, name, url.QueryEscape(value), http.SameSiteLaxMode, time.Now().Add(languageLife))
	}
	keep(languageCookie, chosen.Language)
	if c.ID == "" {
		keep(chosenZoneCookie, chosen.Zone)
	}
	return nil
}

// readingView is the part of a page that asks for language and time zone.
func (s *Server) readingView(r *http.Request, chosen auth.Reading, wrong fieldErrors) readingView {
	in := s.words(r)
	v := readingView{Now: time.Now(), Errors: wrong}
	v.Languages = []option{{Text: in.T("As the browser asks for"), Selected: chosen.Language == ""}}
	for _, l := range s.catalogue.Languages() {
		v.Languages = append(v.Languages, option{Value: l.Tag, Text: l.Name, Selected: l.Tag == chosen.Language})
	}
	automatic := in.T("The browser’s")
	if zone := firstZone(browserZone(r)); zone != nil {
		automatic = in.T("The browser’s: %s", zoneText(zone.String()))
	}
	v.Zones = []option{{Text: automatic, Selected: chosen.Zone == ""}}
	zones := strings.Fields(zoneNames)
	if chosen.Zone != "" && !slices.Contains(zones, chosen.Zone) {
		zones = append(zones, chosen.Zone)
	}
	for _, name := range zones {
		v.Zones = append(v.Zones, option{Value: name, Text: zoneText(name), Selected: name == chosen.Zone})
	}
	return v
}

// zoneText is a time zone as people read it.
func zoneText(name string) string { return strings.ReplaceAll(name, "_", " ") }

// zoneNames are the time zones that pages offer: at least one for each time there is, with the cities that most people look for.
const zoneNames = `UTC
Africa/Abidjan Africa/Accra Africa/Addis_Ababa Africa/Algiers Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos
Africa/Nairobi Africa/Tunis
America/Anchorage America/Argentina/Buenos_Aires America/Bogota America/Caracas America/Chicago America/Denver America/Edmonton
America/Halifax America/Havana America/Lima America/Los_Angeles America/Mexico_City America/Montevideo America/New_York
America/Nuuk America/Panama America/Phoenix America/Santiago America/Sao_Paulo America/St_Johns America/Toronto America/Vancouver
Asia/Almaty Asia/Baghdad Asia/Baku Asia/Bangkok Asia/Beirut Asia/Colombo Asia/Dhaka Asia/Dubai Asia/Ho_Chi_Minh Asia/Hong_Kong
Asia/Jakarta Asia/Jerusalem Asia/Kabul Asia/Karachi Asia/Kathmandu Asia/Kolkata Asia/Kuala_Lumpur Asia/Manila Asia/Riyadh
Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Taipei Asia/Tashkent Asia/Tbilisi Asia/Tehran Asia/Tokyo Asia/Vladivostok
Asia/Yangon Asia/Yekaterinburg
Atlantic/Azores Atlantic/Canary Atlantic/Cape_Verde Atlantic/Reykjavik
Australia/Adelaide Australia/Brisbane Australia/Darwin Australia/Melbourne Australia/Perth Australia/Sydney
Europe/Amsterdam Europe/Athens Europe/Belgrade Europe/Berlin Europe/Brussels Europe/Bucharest Europe/Budapest Europe/Copenhagen
Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon Europe/London Europe/Luxembourg Europe/Madrid
Europe/Moscow Europe/Oslo Europe/Paris Europe/Prague Europe/Riga Europe/Rome Europe/Sofia Europe/Stockholm Europe/Tallinn
Europe/Vienna Europe/Vilnius Europe/Warsaw Europe/Zagreb Europe/Zurich
Pacific/Apia Pacific/Auckland Pacific/Fiji Pacific/Guam Pacific/Honolulu Pacific/Kiritimati Pacific/Noumea`
