package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/rule"
)

// ruleDocument is a rule in the API.
type ruleDocument struct {
	ID         string              `json:"id"`
	Name       string              `json:"name"`
	Enabled    bool                `json:"enabled"`
	Position   int                 `json:"position"`
	When       string              `json:"when"`
	Status     *string             `json:"status"`
	Hours      *int                `json:"hours"`
	Match      string              `json:"match"`
	Conditions []conditionDocument `json:"conditions"`
	Actions    []actionDocument    `json:"actions"`
	Version    uint64              `json:"version"`
}

type conditionDocument struct {
	Field string `json:"field"`
	Name  string `json:"name,omitzero"`
	Op    string `json:"op"`
	Value string `json:"value"`
}

type actionDocument struct {
	Do    string `json:"do"`
	Value string `json:"value,omitzero"`
	Text  string `json:"text,omitzero"`
}

func documentOfRule(r *rule.Rule, position int) ruleDocument {
	d := ruleDocument{
		ID: r.ID, Name: r.Name, Enabled: r.Enabled, Position: position, Version: r.Version, When: string(r.When), Match: "all",
		Conditions: make([]conditionDocument, len(r.If)), Actions: make([]actionDocument, len(r.Then)),
	}
	if r.Any {
		d.Match = "any"
	}
	if r.When == rule.Waiting {
		d.Status, d.Hours = &r.Status, &r.Hours
	}
	for i, c := range r.If {
		d.Conditions[i] = conditionDocument{Field: string(c.Field), Name: c.Name, Op: string(c.Op), Value: c.Value}
	}
	for i, x := range r.Then {
		d.Actions[i] = actionDocument{Do: string(x.Do), Value: x.Value, Text: x.Text}
	}
	return d
}

// ruleChange is the body of a request that makes or changes a rule: what is absent stays.
type ruleChange struct {
	Name       optional[string]              `json:"name"`
	Enabled    optional[bool]                `json:"enabled"`
	Position   optional[int]                 `json:"position"`
	When       optional[string]              `json:"when"`
	Status     optional[string]              `json:"status"`
	Hours      optional[int]                 `json:"hours"`
	Match      optional[string]              `json:"match"`
	Conditions optional[[]conditionDocument] `json:"conditions"`
	Actions    optional[[]actionDocument]    `json:"actions"`
}

func (c *ruleChange) check() error {
	if m := c.Match; m.given() && m.value != "all" && m.value != "any" {
		return invalid(map[string][]string{"match": {"The match field must be all or any."}})
	}
	if p := c.Position; p.given() && (p.value < 1 || p.value > rule.MaxRules) {
		return invalid(map[string][]string{"position": {"The position field must be a number from 1 to 50."}})
	}
	return nil
}

// alters says whether the rule is to be another one, and not only somewhere else.
func (c *ruleChange) alters() bool {
	return c.Name.present || c.Enabled.present || c.When.present || c.Status.present || c.Hours.present || c.Match.present ||
		c.Conditions.present || c.Actions.present
}

func (c *ruleChange) apply(r *rule.Rule) {
	set(&r.Name, c.Name)
	set(&r.Enabled, c.Enabled)
	set(&r.Status, c.Status)
	set(&r.Hours, c.Hours)
	if c.When.present {
		r.When = rule.When(c.When.value)
	}
	if c.Match.present {
		r.Any = c.Match.value == "any"
	}
	if c.Conditions.present {
		r.If = nil
		for _, x := range c.Conditions.value {
			r.If = append(r.If, rule.Condition{Field: rule.Field(x.Field), Name: x.Name, Op: rule.Op(x.Op), Value: x.Value})
		}
	}
	if c.Actions.present {
		r.Then = nil
		for _, x := range c.Actions.value {
			r.Then = append(r.Then, rule.Action{Do: rule.Do(x.Do), Value: x.Value, Text: x.Text})
		}
	}
}

// set changes a field if there is a value for it; null is the zero one.
func set[T any](field *T, to optional[T]) {
	if to.present {
		*field = to.value
	}
}

func (s *Server) listRules(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	part := p.portion()
	if err := p.err(); err != nil {
		return err
	}
	all, err := s.rules.List(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	answer := make([]ruleDocument, 0, len(all))
	for i := range all {
		answer = append(answer, documentOfRule(&all[i], i+1))
	}
	return encodeList(w, r, part, answer, func(d *ruleDocument) string { return d.ID })
}

func (s *Server) createRule(w http.ResponseWriter, r *http.Request) error {
	c, in := callerOf(r), ruleChange{}
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	made := rule.Rule{Enabled: true}
	in.apply(&made)
	placed, err := s.rules.Add(r.Context(), c.tenant, made, in.Position.value)
	if err != nil {
		return err
	}
	locate(w, r, "/api/rules/"+placed.Rule.ID)
	return encodeRule(w, http.StatusCreated, placed)
}

func (s *Server) showRule(w http.ResponseWriter, r *http.Request) error {
	placed, err := s.rules.Place(r.Context(), callerOf(r).tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	return encodeRule(w, http.StatusOK, placed)
}

func encodeRule(w http.ResponseWriter, status int, placed rule.Placed) error {
	w.Header().Set("ETag", etag(placed.Rule.Version))
	return encode(w, status, documentOfRule(&placed.Rule, placed.Position))
}

func (s *Server) changeRule(w http.ResponseWriter, r *http.Request) error {
	c, in, id := callerOf(r), ruleChange{}, r.PathValue("id")
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	edit := rule.Edit{Position: in.Position.value}
	if in.alters() {
		edit.Apply = func(x *rule.Rule) error {
			in.apply(x)
			return nil
		}
	}
	var err error
	if edit.IfVersion, err = onlyVersion(r); err != nil {
		return err
	}
	placed, err := s.rules.Edit(r.Context(), c.tenant, id, edit)
	if err != nil {
		return err
	}
	return encodeRule(w, http.StatusOK, placed)
}

func (s *Server) deleteRule(w http.ResponseWriter, r *http.Request) error {
	version, err := onlyVersion(r)
	if err != nil {
		return err
	}
	if err := s.rules.Remove(r.Context(), callerOf(r).tenant, r.PathValue("id"), version); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// trialDocument is what a rule would do to a ticket.
type trialDocument struct {
	Fits       bool             `json:"fits"`
	Conditions []bool           `json:"conditions"`
	Actions    []actionDocument `json:"actions"`
}

func (s *Server) tryRule(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in struct {
		Ticket string `json:"ticket"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	one, err := s.rules.Find(r.Context(), c.tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	trial, err := s.try(r, one, in.Ticket)
	if err != nil {
		return err
	}
	answer := trialDocument{Fits: trial.Fits, Conditions: trial.Holds, Actions: []actionDocument{}}
	if trial.Fits {
		answer.Actions = documentOfRule(&one, 0).Actions
	}
	return encode(w, http.StatusOK, answer)
}

// try has a rule tried on a ticket, by its ID or number.
func (s *Server) try(r *http.Request, one rule.Rule, ticket string) (rule.Trial, error) {
	c := callerOf(r)
	ref, err := tickets.ParseRef(ticket)
	if err != nil {
		return rule.Trial{}, invalid(map[string][]string{"ticket": {"There is no such ticket."}})
	}
	t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return rule.Trial{}, err
	}
	return s.rules.Try(r.Context(), c.tenant, one, &t)
}
