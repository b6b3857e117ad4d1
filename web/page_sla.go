package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/hours"
	"github.com/deskgate/deskgate/web/words"
)

const policyPath = "/agent/settings/sla"

// policyView is the page about targets, business hours, closing by itself and ratings.
type policyView struct {
	frame

	Done     string
	Version  uint64
	On       bool
	Goals    []goalRow
	Days     []weekRow
	Holidays string
	Zone     string
	// CloseDays and RemindDays as they were typed.
	CloseDays, RemindDays string
	Survey                bool
	Errors                fieldErrors
}

// goalRow is what is promised for a priority, in hours as people type them.
type goalRow struct{ Priority, Text, First, Resolution string }

type weekRow struct {
	Day, Text, From, To string
	Open                bool
}

// dayNames are the days of the week as the page says them.
var dayNames = [...]string{
	words.Key("Sunday"), words.Key("Monday"), words.Key("Tuesday"), words.Key("Wednesday"), words.Key("Thursday"), words.Key("Friday"), words.Key("Saturday"),
}

// priorityNames are the priorities as pages say them.
var priorityNames = map[tickets.Priority]string{
	tickets.PriorityLow: words.Key("low"), tickets.PriorityMedium: words.Key("medium"), tickets.PriorityHigh: words.Key("high"), tickets.PriorityUrgent: words.Key("urgent"),
}

func (s *Server) policyPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	p, err := s.desk.Policy(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	set := c.tenant.Settings
	values := url.Values{
		"close_days": {strconv.Itoa(set.AutoCloseDays)}, "remind_days": {strconv.Itoa(set.AutoCloseReminderDays)},
		"version": {strconv.FormatUint(p.Version, 10)}, "holidays": {strings.Join(p.Holidays, "\n")},
	}
	if set.AsksForRatings() {
		values.Set("survey", "on")
	}
	if p.On {
		values.Set("on", "true")
	}
	for i, priority := range tickets.Priorities() {
		values.Set("first_"+string(priority), inHours(p.Goals[i].FirstResponse))
		values.Set("resolution_"+string(priority), inHours(p.Goals[i].Resolution))
	}
	for _, day := range weekdays {
		h := p.Week[day]
		if h.From < h.To {
			values.Set("open_"+dayName(day), "true")
		} else {
			h = hours.Office()[time.Monday]
		}
		values.Set("from_"+dayName(day), clock(h.From))
		values.Set("to_"+dayName(day), clock(h.To%hours.Minutes))
	}
	return s.renderPolicy(w, r, http.StatusOK, values, nil)
}

// inHours is a duration as people type it, empty for none.
func inHours(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatFloat(d.Hours(), 'f', -1, 64)
}

func (s *Server) renderPolicy(w http.ResponseWriter, r *http.Request, status int, values url.Values, wrong fieldErrors) error {
	in := s.words(r)
	view := &policyView{
		frame: s.settingsFrame(r, "Targets and hours", policyPath), Done: s.noticeOf(r), On: values.Get("on") == "true",
		Holidays: values.Get("holidays"), Zone: callerOf(r).tenant.Settings.TimeZone, CloseDays: values.Get("close_days"),
		RemindDays: values.Get("remind_days"), Survey: values.Get("survey") == "on", Errors: wrong,
	}
	view.Version, _ = strconv.ParseUint(values.Get("version"), 10, 64) // what is no number stands for whichever
	for _, priority := range []tickets.Priority{tickets.PriorityUrgent, tickets.PriorityHigh, tickets.PriorityMedium, tickets.PriorityLow} {
		name := string(priority)
		view.Goals = append(view.Goals, goalRow{name, in.T(priorityNames[priority]), values.Get("first_" + name), values.Get("resolution_" + name)})
	}
	for _, day := range weekdays {
		name := dayName(day)
		view.Days = append(view.Days, weekRow{name, in.T(dayNames[day]), values.Get("from_" + name), values.Get("to_" + name), values.Get("open_"+name) == "true"})
	}
	return s.render(w, r, status, "sla", view)
}

func (s *Server) savePolicy(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	c := callerOf(r)
	p, wrong := policyFrom(values)
	version, _ := strconv.ParseUint(values.Get("version"), 10, 64) // what is no number stands for whichever
	if wrong != nil {
		return s.renderPolicy(w, r, http.StatusUnprocessableEntity, values, wrong)
	}
	put, err := tickets.PutPolicy(c.actor(), &p, version)
	if err == nil {
		survey := tenant.SurveyOff
		if values.Get("survey") == "on" {
			survey = tenant.SurveyOn
		}
		_, err = s.tenants.As(c.Actor()).SetWith(r.Context(), c.tenant.ID, map[string]string{
			"auto_close_days": values.Get("close_days"), "auto_close_reminder_days": values.Get("remind_days"), "survey": string(survey),
		}, put)
	}
	wrong = sentences(err)
	if errors.Is(err, tickets.ErrVersionConflict) {
		stored, err := s.desk.Policy(r.Context(), c.tenant)
		if err != nil {
			return err
		}
		values.Set("version", strconv.FormatUint(stored.Version, 10))
		wrong = changedMeanwhile()
	}
	if wrong != nil {
		return s.renderPolicy(w, r, problemOf(err).Status, values, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, policyPath, "saved")
}

// policyFrom is what the form says, or what is wrong with it.
func policyFrom(values url.Values) (tickets.Policy, fieldErrors) {
	p := tickets.Policy{On: values.Get("on") == "true", Goals: make([]tickets.Goal, len(tickets.Priorities()))}
	p.Holidays = strings.Fields(strings.ReplaceAll(values.Get("holidays"), ",", " "))
	wrong := fieldErrors{}
	for i, priority := range tickets.Priorities() {
		first, ok1 := fromHours(values.Get("first_" + string(priority)))
		resolution, ok2 := fromHours(values.Get("resolution_" + string(priority)))
		if p.Goals[i] = (tickets.Goal{FirstResponse: first, Resolution: resolution}); !ok1 || !ok2 {
			wrong["goals"] = []string{words.Key("The targets must be numbers of hours, such as 4 or 0.5.")}
		}
	}
	for _, day := range weekdays {
		if values.Get("open_"+dayName(day)) != "true" {
			continue
		}
		from, ok1 := parseClock(values.Get("from_" + dayName(day)))
		to, ok2 := parseClock(values.Get("to_" + dayName(day)))
		if to == 0 {
			to = hours.Minutes // midnight is the end of the day, too
		}
		if p.Week[day] = (hours.Day{From: from, To: to}); !ok1 || !ok2 {
			wrong["week"] = []string{words.Key("The hours must be times such as 09:00 and 17:30.")}
		}
	}
	if len(wrong) > 0 {
		return p, wrong
	}
	return p, nil
}

// fromHours reads what inHours writes, with a comma as well.
func fromHours(s string) (time.Duration, bool) {
	if s = strings.ReplaceAll(strings.TrimSpace(s), ",", "."); s == "" {
		return 0, true
	}
	h, err := strconv.ParseFloat(s, 64)
	if err != nil || !(h >= 0 && h <= tickets.MaxGoal.Hours()) {
		return 0, false
	}
	return time.Duration(h * float64(time.Hour)).Round(time.Minute), true
}
