package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/words"
)

// The cookies of a browser's language and time zone. The first is what was chosen on a page; the second is what our script
// found out, and may be anything.
const (
	languageCookie = "__Host-deskgate-language"
	zoneCookie     = "__Host-deskgate-zone"
	// chosenZoneCookie is the choice of somebody who is known by this browser alone.
	chosenZoneCookie = "__Host-deskgate-chosen-zone"
)

// languageLife is how long a browser remembers the language that was chosen in it.
const languageLife = 365 * 24 * time.Hour

// words is how whoever makes the request is spoken to: T says a sentence in their language, Time a time on their clocks.
//
// The language is the person's own choice, else what was chosen in this browser, else what the partner's site said of the
// person, else what the browser asks for, else the tenant's, else English. The zone is the person's own, else the
// browser's, else the tenant's.
func (s *Server) words(r *http.Request) words.Reader {
	if c := callerOf(r); c.reader != nil {
		return *c.reader
	}
	return s.reader(r, auth.Reading{})
}

// readerOf is how a caller is spoken to.
func (s *Server) readerOf(r *http.Request, c caller) (*words.Reader, error) {
	var own auth.Reading
	if c.ID != "" {
		var err error
		if own, err = s.doors.Readers.Find(r.Context(), c.tenant, c.ID); err != nil {
			return nil, err
		}
	}
	reader := s.reader(r, own)
	return &reader, nil
}

func (s *Server) reader(r *http.Request, own auth.Reading) words.Reader {
	wishes := []string{own.Language, cookie(r, languageCookie), own.Locale, r.Header.Get("Accept-Language")}
	zones := []string{own.Zone, chosenZone(r), browserZone(r)}
	if t := tenant.VisitFrom(r.Context()).Tenant; t != nil {
		wishes, zones = append(wishes, t.Settings.Language), append(zones, t.Settings.TimeZone)
	}
	return s.catalogue.Reader(s.catalogue.Choose(wishes...), firstZone(zones...))
}

// browserZone is the time zone that our script found out, empty if it has not run.
func browserZone(r *http.Request) string { return zoneIn(cookie(r, zoneCookie)) }

// chosenZone is the time zone that was chosen for this browser.
func chosenZone(r *http.Request) string { return zoneIn(cookie(r, chosenZoneCookie)) }

func zoneIn(value string) string {
	zone, err := url.QueryUnescape(value)
	if err != nil || len(zone) > 64 {
		return ""
	}
	return zone
}

// firstZone is the first of the zones that there is. Nil: there is none of them, or it is UTC, which times say by name.
func firstZone(names ...string) *time.Location {
	for _, name := range names {
		if name == "" || name == "Local" {
			continue
		}
		zone, err := time.LoadLocation(name)
		if err != nil {
			continue
		}
		if name == "UTC" {
			return nil
		}
		return zone
	}
	return nil
}

// chooseLanguage takes a press on one of the languages in a page's foot. Whoever is signed in has it kept for all browsers.
func (s *Server) chooseLanguage(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	visit, language := tenant.VisitFrom(r.Context()), values.Get("language")
	if err := auth.CheckReading(language, ""); err != nil || language == "" {
		return invalid(map[string][]string{"language": {"This language is not there."}})
	}
	side := auth.RequesterSide
	if values.Has("staff") {
		side = auth.StaffSide
	}
	if c, err := s.identify(r, side); err == nil && c.ID != "" {
		own, err := s.doors.Readers.Find(r.Context(), c.tenant, c.ID)
		if err != nil {
			return err
		}
		if err := s.doors.Readers.Set(r.Context(), c.tenant, c.ID, language, own.Zone); err != nil {
			return err
		}
	}
	setCookie(w, languageCookie, language, http.SameSiteLaxMode, time.Now().Add(languageLife))
	next, ok := localPath(values.Get("next"))
	if !ok {
		next = pathBelow(visit, "/")
	}
	w.Header().Set("Location", next)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// developers is how the pages for those who build against the help desk speak: English, like the API.
func (s *Server) developers(r *http.Request) words.Reader {
	return s.catalogue.Reader("en", s.words(r).Zone())
}

// again is where the page is read again, in another language. Where it leads afterwards is left out: an address that came from
// elsewhere is in no form of ours.
func again(r *http.Request) string {
	query := r.URL.Query()
	query.Del("next")
	return (&url.URL{Path: r.URL.Path, RawQuery: query.Encode()}).String()
}
