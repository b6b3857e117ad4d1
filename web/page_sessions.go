package web

import (
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/words"
)

const sessionsPath = "/agent/settings/sessions"

func (s *Server) sessionsPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	all, err := s.doors.Sessions.List(r.Context(), c.tenant, c.Identity)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "sessions", &sessionsView{
		frame: s.settingsFrame(r, "Sessions", sessionsPath), Done: s.noticeOf(r),
		Sessions: sessionRows(s.words(r), all, c.session.ID, sessionsPath+"/end"), Others: len(all) > 1,
	})
}

// sessionRows are sessions as people look at them. Here is the one of the browser that asks, ending where the form goes that ends one.
func sessionRows(in words.Reader, all []auth.Session, here, ending string) []sessionRow {
	rows := make([]sessionRow, len(all))
	for i, one := range all {
		rows[i] = sessionRow{
			ID: one.ID, Device: deviceOf(in, one.UserAgent), Method: in.T(methodText(one.Method)), Host: string(one.Host), IP: one.IP,
			Seen: one.SeenAt, Since: one.CreatedAt, Here: one.ID == here,
			Ending: ending,
		}
	}
	return rows
}

// methodText is how somebody came in, for people.
func methodText(m auth.Method) string {
	switch m {
	case auth.ByPassword:
		return words.Key("with a password")
	case auth.ByTOTP:
		return words.Key("with a password and a code")
	case auth.ByRecovery:
		return words.Key("with a recovery code")
	case auth.ByPasskey:
		return words.Key("with a passkey")
	case auth.ByOIDC:
		return words.Key("with single sign-on")
	case auth.BySimpleAuth:
		return words.Key("through another site")
	}
	return ""
}

// deviceOf is browser and system, as far as a user agent lets people recognise them. It is no proof of anything.
func deviceOf(in words.Reader, agent string) string {
	browser := firstOf(agent, [][2]string{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	})
	system := firstOf(agent, [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	})
	switch {
	case browser != "" && system != "":
		return in.T("%s on %s", browser, system)
	case browser+system != "":
		return browser + system
	}
	return in.T("Unknown browser")
}

func firstOf(s string, words [][2]string) string {
	for _, w := range words {
		if strings.Contains(s, w[0]) {
			return w[1]
		}
	}
	return ""
}

func (s *Server) endSession(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	if err := s.staff.EndSession(r.Context(), c.tenant, c.ID, values.Get("id"), c.Actor()); err != nil {
		return err
	}
	return done(w, r, sessionsPath, "session")
}

func (s *Server) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.staff.EndSessions(r.Context(), c.tenant, c.ID, c.session.ID, c.Actor()); err != nil {
		return err
	}
	return done(w, r, sessionsPath, "sessions")
}
