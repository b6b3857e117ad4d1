package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/rule"
	"github.com/deskgate/deskgate/web/words"
)

const rulesPath = "/agent/settings/rules"

func (s *Server) rulesPage(w http.ResponseWriter, r *http.Request) error {
	all, err := s.rules.List(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	names, err := s.ruleNames(r)
	if err != nil {
		return err
	}
	view := &rulesView{frame: s.settingsFrame(r, "Rules", rulesPath), Done: s.noticeOf(r), Full: len(all) >= rule.MaxRules}
	for i := range all {
		view.Rules = append(view.Rules, ruleRow{
			ID: all[i].ID, Name: all[i].Name, Enabled: all[i].Enabled, Sentence: names.sentence(&all[i]), First: i == 0, Last: i == len(all)-1,
		})
	}
	return s.render(w, r, http.StatusOK, "rules", view)
}

// orderRule takes the buttons beside a rule in the list.
func (s *Server) orderRule(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	c, id := callerOf(r), r.PathValue("id")
	all, err := s.rules.List(r.Context(), c.tenant)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(x rule.Rule) bool { return x.ID == id }) + 1
	switch do := values.Get("do"); do {
	case "up":
		err = s.rules.Move(r.Context(), c.tenant, id, at-1)
	case "down":
		err = s.rules.Move(r.Context(), c.tenant, id, at+1)
	case "on", "off":
		_, err = s.rules.Change(r.Context(), c.tenant, id, func(x *rule.Rule) error {
			x.Enabled = do == "on"
			return nil
		})
	case "delete":
		err = s.rules.Remove(r.Context(), c.tenant, id, 0)
	default:
		return malformed("There is no such button.")
	}
	if err != nil {
		return err
	}
	return done(w, r, rulesPath, "saved")
}

// rulePage is the form for one rule, and what the rule would do to a ticket. The rule named "new" is a new one.
func (s *Server) rulePage(w http.ResponseWriter, r *http.Request) error {
	one, err := s.ruleOf(r)
	if err != nil {
		return err
	}
	names, err := s.ruleNames(r)
	if err != nil {
		return err
	}
	blank := 0
	if one.ID == "" {
		blank = 1
	}
	view, err := s.ruleView(r, &one, names, blank, 0)
	if err != nil {
		return err
	}
	if ticket := strings.TrimPrefix(strings.TrimSpace(r.URL.Query().Get("ticket")), "#"); ticket != "" && one.ID != "" {
		view.Ticket = ticket
		trial, err := s.try(r, one, ticket)
		if err != nil {
			view.Errors = fieldErrors{"ticket": {"There is no such ticket."}}
		} else {
			view.Trial = names.trial(&one, trial)
		}
	}
	return s.render(w, r, http.StatusOK, "rule", view)
}

func (s *Server) ruleOf(r *http.Request) (rule.Rule, error) {
	if id := r.PathValue("id"); id != "new" {
		return s.rules.Find(r.Context(), callerOf(r).tenant, id)
	}
	return rule.Rule{Enabled: true, When: rule.Created}, nil
}

func (s *Server) saveRule(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	one, err := s.ruleOf(r)
	if err != nil {
		return err
	}
	names, err := s.ruleNames(r)
	if err != nil {
		return err
	}
	unfit := names.read(&one, values)
	version, _ := strconv.ParseInt(values.Get("version"), 10, 64) // what is no number stands for whichever
	one.Since = time.UnixMilli(version)                           // what is shown again is still meant for that version
	if do := values.Get("do"); do != "" && do != "save" || unfit {
		return s.reshapeRule(w, r, &one, names, do)
	}
	theirs, err := s.storeRule(r, &one, names)
	wrong := sentences(err)
	if errors.Is(err, tickets.ErrVersionConflict) {
		wrong = changedMeanwhile()
	}
	if wrong != nil {
		view, failed := s.ruleView(r, &one, names, 0, 0)
		if failed != nil {
			return failed
		}
		view.Errors, view.Theirs = wrong, theirs
		return s.render(w, r, problemOf(err).Status, "rule", view)
	}
	if err != nil {
		return err
	}
	return done(w, r, rulesPath, "saved")
}

// storeRule adds the rule, or changes the one that there is. If somebody has changed that since it was shown, it is what they
// made of it, in a sentence; the rule then has their version.
func (s *Server) storeRule(r *http.Request, one *rule.Rule, names *ruleNames) (theirs string, err error) {
	c, shown := callerOf(r), ruleVersion(one)
	if one.ID == "" {
		_, err = s.rules.Add(r.Context(), c.tenant, *one, 0)
		return "", err
	}
	_, err = s.rules.Change(r.Context(), c.tenant, one.ID, func(x *rule.Rule) error {
		if shown != 0 && shown != ruleVersion(x) {
			theirs, one.Since = names.sentence(x), x.Since
			return tickets.ErrVersionConflict
		}
		*x = *one
		return nil
	})
	return theirs, err
}

// ruleVersion is another number after each change of the rule, and 0 if it has none.
func ruleVersion(one *rule.Rule) int64 {
	if one.Since.IsZero() {
		return 0
	}
	return one.Since.UnixMilli()
}

// changedMeanwhile is what a form says that shows what somebody typed while somebody else was faster.
func changedMeanwhile() fieldErrors {
	return fieldErrors{"form": {"Somebody has changed this meanwhile. Look at what you want to keep, and save again."}}
}

// reshapeRule shows the form again with one row more or less, or with what fits what was chosen. Nothing is saved.
func (s *Server) reshapeRule(w http.ResponseWriter, r *http.Request, one *rule.Rule, names *ruleNames, do string) error {
	moreIf, moreThen, status := 0, 0, http.StatusOK
	switch {
	case do == "more-if":
		moreIf = 1
	case do == "more-then":
		moreThen = 1
	case do == "" || do == "save":
		status = http.StatusUnprocessableEntity
	case do != "fit" && !strings.HasPrefix(do, "drop-"):
		return malformed("There is no such button.")
	}
	view, err := s.ruleView(r, one, names, moreIf, moreThen)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		view.Errors = fieldErrors{"form": {words.Key("Nothing is saved yet: choose what fits the new choice.")}}
	}
	return s.render(w, r, status, "rule", view)
}

// knownTags is how many tags the form suggests.
const knownTags = 200

// ruleView is the form for a rule, with so many empty rows.
func (s *Server) ruleView(r *http.Request, one *rule.Rule, names *ruleNames, moreIf, moreThen int) (*ruleView, error) {
	title := "New rule"
	if one.ID != "" {
		title = one.Name
	}
	v := &ruleView{
		frame: s.settingsFrame(r, title, rulesPath), ID: cmp.Or(one.ID, "new"), Version: ruleVersion(one), New: one.ID == "", Name: one.Name,
		Enabled: one.Enabled, Hours: cmp.Or(one.Hours, 48), Any: one.Any,
		Whens: options(names, rule.Whens(), one.When, false), Statuses: options(names, tickets.Statuses()[:5], tickets.Status(cmp.Or(one.Status, "pending")), false),
	}
	v.Script = "rule.js"
	v.fill(names, one, moreIf, moreThen)
	c := callerOf(r)
	var err error
	v.Tags, err = s.desk.Tags(r.Context(), c.tenant, c.actor(), knownTags)
	return v, err
}
