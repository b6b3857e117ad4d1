package web

import (
	"cmp"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/webhook"
)

const webhooksPath = "/agent/settings/webhooks"

// webhooksView is the page of all webhooks.
type webhooksView struct {
	frame

	Done   string
	Hooks  []webhook.Webhook
	Full   bool
	Form   webhookForm
	Key    string
	Errors fieldErrors
}

// webhookView is the page of one.
type webhookView struct {
	frame

	Done       string
	Hook       webhook.Webhook
	Secret     string // was just made
	Reason     string // why it was switched off by itself
	Overlap    time.Time
	Form       webhookForm
	Errors     fieldErrors
	Deliveries []webhook.Delivery
	Older      string
	// Key makes a form that is sent twice do its work once. Version is what the page shows.
	Key     string
	Version int64
}

// webhookForm is what a webhook's form holds.
type webhookForm struct {
	Name, URL string
	Types     []choice
	Internal  bool
}

func (s *Server) webhooksPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderWebhooks(w, r, http.StatusOK, url.Values{}, nil)
}

func (s *Server) renderWebhooks(w http.ResponseWriter, r *http.Request, status int, typed url.Values, wrong fieldErrors) error {
	all, err := s.webhooks.List(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	return s.render(w, r, status, "webhooks", &webhooksView{
		frame: s.settingsFrame(r, "Webhooks", webhooksPath), Done: s.noticeOf(r), Hooks: all, Full: len(all) >= webhook.MaxHooks,
		Form: formOf(typed), Key: cmp.Or(typed.Get("key"), rand.Text()), Errors: wrong,
	})
}

// formOf is a webhook's form as it was typed.
func formOf(typed url.Values) webhookForm {
	f := webhookForm{Name: typed.Get("name"), URL: typed.Get("url"), Internal: typed.Get("internal") != ""}
	for _, t := range tickets.EventTypes() {
		f.Types = append(f.Types, choice{Value: string(t), Text: string(t), Selected: slices.Contains(typed["types"], string(t))})
	}
	return f
}

// wanted is what a webhook's form asks for.
func wanted(values url.Values) webhook.Change {
	c := webhook.Change{
		Name: tickets.Set(values.Get("name")), URL: tickets.Set(values.Get("url")), Internal: tickets.Set(values.Get("internal") != ""),
		Types: tickets.Set([]tickets.EventType{}),
	}
	if version, err := strconv.ParseInt(values.Get("version"), 10, 64); err == nil {
		c.IfUpdated = time.UnixMilli(version)
	}
	for _, t := range values["types"] {
		c.Types.Value = append(c.Types.Value, tickets.EventType(t))
	}
	return c
}

// made is what a new webhook's form asks for.
func made(values url.Values) webhook.Change {
	c := wanted(values)
	c.Form = values.Get("key")
	return c
}

func (s *Server) makeWebhook(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	c := callerOf(r)
	hook, secret, err := s.webhooks.Create(r.Context(), c.tenant, c.Actor(), made(values))
	switch wrong := sentences(err); {
	case wrong != nil:
		return s.renderWebhooks(w, r, http.StatusUnprocessableEntity, values, wrong)
	case err != nil:
		return err
	}
	return s.renderWebhook(w, r, http.StatusOK, &webhookView{Hook: hook, Secret: secret}, nil)
}

func (s *Server) webhookPage(w http.ResponseWriter, r *http.Request) error {
	hook, err := s.webhooks.Find(r.Context(), callerOf(r).tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.renderWebhook(w, r, http.StatusOK, &webhookView{Hook: hook}, nil)
}

// renderWebhook shows the view's webhook with what was typed, if something was, and its deliveries.
func (s *Server) renderWebhook(w http.ResponseWriter, r *http.Request, status int, view *webhookView, typed url.Values) error {
	hook := &view.Hook
	cursor := ""
	if r.Method != http.MethodPost {
		cursor = r.URL.Query().Get("cursor")
	}
	page, err := s.webhooks.Deliveries(r.Context(), callerOf(r).tenant, hook.ID, cursor, 0)
	if err != nil {
		return err
	}
	if typed == nil {
		typed = url.Values{"name": {hook.Name}, "url": {hook.URL}, "types": texts(hook.Types)}
		if hook.Internal {
			typed.Set("internal", "1")
		}
	}
	title := hook.Name
	if title == "" {
		title = hook.URL
	}
	view.frame, view.Done, view.Form = s.settingsFrame(r, title, webhooksPath), s.noticeOf(r), formOf(typed)
	view.Key, view.Version = rand.Text(), hook.UpdatedAt.UnixMilli()
	view.Deliveries, view.Overlap, view.Reason = page.Deliveries, hook.Overlaps(), view.Reader.Say(hook.Reason)
	if page.Next != "" {
		view.Older = webhookPath(hook.ID) + "?cursor=" + url.QueryEscape(page.Next)
	}
	return s.render(w, r, status, "webhook", view)
}

func webhookPath(id string) string { return webhooksPath + "/" + url.PathEscape(id) }

// onWebhook has fn do something to a webhook, and leads back to its page.
func (s *Server) onWebhook(w http.ResponseWriter, r *http.Request, path, notice string, fn func(c caller, id string, values url.Values) error) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	if err := fn(callerOf(r), r.PathValue("id"), values); err != nil {
		return err
	}
	return done(w, r, path, notice)
}

func (s *Server) saveWebhook(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	c, id := callerOf(r), r.PathValue("id")
	_, err = s.webhooks.Update(r.Context(), c.tenant, c.Actor(), id, wanted(values))
	wrong := sentences(err)
	if errors.Is(err, tickets.ErrVersionConflict) {
		wrong = changedMeanwhile()
	}
	if wrong != nil {
		status := problemOf(err).Status
		hook, err := s.webhooks.Find(r.Context(), c.tenant, id)
		if err != nil {
			return err
		}
		return s.renderWebhook(w, r, status, &webhookView{Hook: hook, Errors: wrong}, values)
	}
	if err != nil {
		return err
	}
	return done(w, r, webhookPath(id), "saved")
}

func (s *Server) tryWebhook(w http.ResponseWriter, r *http.Request) error {
	return s.onWebhook(w, r, webhookPath(r.PathValue("id")), "webhook-test", func(c caller, id string, _ url.Values) error {
		_, err := s.webhooks.Test(r.Context(), c.tenant, c.Actor(), id)
		return err
	})
}

func (s *Server) switchWebhook(w http.ResponseWriter, r *http.Request) error {
	return s.onWebhook(w, r, webhookPath(r.PathValue("id")), "saved", func(c caller, id string, values url.Values) error {
		_, err := s.webhooks.Update(r.Context(), c.tenant, c.Actor(), id, webhook.Change{Enabled: tickets.Set(values.Get("enabled") == "true")})
		return err
	})
}

func (s *Server) removeWebhook(w http.ResponseWriter, r *http.Request) error {
	return s.onWebhook(w, r, webhooksPath, "webhook-removed", func(c caller, id string, _ url.Values) error {
		err := s.webhooks.Remove(r.Context(), c.tenant, c.Actor(), id)
		if errors.Is(err, webhook.ErrNotFound) {
			return nil // it was asked for twice
		}
		return err
	})
}

func (s *Server) sendAgain(w http.ResponseWriter, r *http.Request) error {
	return s.onWebhook(w, r, webhookPath(r.PathValue("id")), "webhook-again", func(c caller, id string, values url.Values) error {
		_, err := s.webhooks.Retry(r.Context(), c.tenant, c.Actor(), id, strings.TrimSpace(values.Get("delivery")))
		if errors.Is(err, webhook.ErrPending) {
			return nil // it was asked for twice
		}
		return err
	})
}

// renewSecret shows the new secret in its answer: nobody can be shown it later.
func (s *Server) renewSecret(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return err
	}
	c := callerOf(r)
	hook, secret, err := s.webhooks.Rotate(r.Context(), c.tenant, c.Actor(), r.PathValue("id"), values.Get("key"))
	if err != nil {
		return err
	}
	return s.renderWebhook(w, r, http.StatusOK, &webhookView{Hook: hook, Secret: secret}, nil)
}
