package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/webhook"
)

// webhookDocument is a webhook in the API. Its secret is in the answers that make one, and in no other.
type webhookDocument struct {
	ID               string              `json:"id"`
	Name             string              `json:"name"`
	URL              string              `json:"url"`
	Types            []tickets.EventType `json:"types"`
	InternalComments bool                `json:"internal_comments"`
	Enabled          bool                `json:"enabled"`
	DisabledReason   *string             `json:"disabled_reason"`
	FailingSince     *tenant.Moment      `json:"failing_since"`
	OverlapUntil     *tenant.Moment      `json:"overlap_until"`
	CreatedAt        tenant.Moment       `json:"created_at"`
	UpdatedAt        tenant.Moment       `json:"updated_at"`
	Secret           string              `json:"secret,omitempty"`
}

func webhookOf(h *webhook.Webhook) webhookDocument {
	return webhookDocument{
		ID: h.ID, Name: h.Name, URL: h.URL, Types: h.Types, InternalComments: h.Internal, Enabled: h.Enabled,
		DisabledReason: orNull(h.Reason), FailingSince: moment(h.FailingSince), OverlapUntil: moment(h.Overlaps()),
		CreatedAt: tenant.Moment(h.CreatedAt), UpdatedAt: tenant.Moment(h.UpdatedAt),
	}
}

// webhookChange is the body of a request that makes or changes a webhook.
type webhookChange struct {
	Name             optional[string]   `json:"name"`
	URL              optional[string]   `json:"url"`
	Types            optional[[]string] `json:"types"`
	InternalComments optional[bool]     `json:"internal_comments"`
	Enabled          optional[bool]     `json:"enabled"`
}

func (c webhookChange) change() webhook.Change {
	out := webhook.Change{
		Name: c.Name.field(), URL: c.URL.field(), Internal: c.InternalComments.field(), Enabled: c.Enabled.field(),
	}
	if types := c.Types.field(); types.Present {
		out.Types = tickets.Set([]tickets.EventType{})
		for _, t := range types.Value {
			out.Types.Value = append(out.Types.Value, tickets.EventType(t))
		}
	}
	return out
}

func (s *Server) listWebhooks(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	part := p.portion()
	if err := p.err(); err != nil {
		return err
	}
	all, err := s.webhooks.List(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	answer := make([]webhookDocument, 0, len(all))
	for i := range all {
		answer = append(answer, webhookOf(&all[i]))
	}
	return encodeList(w, r, part, answer, func(d *webhookDocument) string { return d.ID })
}

func (s *Server) createWebhook(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in webhookChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	hook, secret, err := s.webhooks.Create(r.Context(), c.tenant, c.Actor(), in.change())
	if err != nil {
		return err
	}
	locate(w, r, "/api/webhooks/"+hook.ID)
	answer := webhookOf(&hook)
	answer.Secret = secret
	return encode(w, http.StatusCreated, answer)
}

func (s *Server) showWebhook(w http.ResponseWriter, r *http.Request) error {
	hook, err := s.webhooks.Find(r.Context(), callerOf(r).tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, webhookOf(&hook))
}

func (s *Server) changeWebhook(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in webhookChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	hook, err := s.webhooks.Update(r.Context(), c.tenant, c.Actor(), r.PathValue("id"), in.change())
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, webhookOf(&hook))
}

func (s *Server) deleteWebhook(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.webhooks.Remove(r.Context(), c.tenant, c.Actor(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) rotateWebhook(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	hook, secret, err := s.webhooks.Rotate(r.Context(), c.tenant, c.Actor(), r.PathValue("id"), "")
	if err != nil {
		return err
	}
	answer := webhookOf(&hook)
	answer.Secret = secret
	return encode(w, http.StatusOK, answer)
}

// deliveryDocument is a delivery in the API.
type deliveryDocument struct {
	ID            string            `json:"id"`
	WebhookID     string            `json:"webhook_id"`
	MessageID     string            `json:"message_id"`
	Type          tickets.EventType `json:"type"`
	Sequence      *uint64           `json:"sequence"`
	TicketNumber  *uint64           `json:"ticket_number"`
	State         webhook.State     `json:"state"`
	AttemptCount  int               `json:"attempt_count"`
	Attempts      []attemptDocument `json:"attempts"`
	NextAttemptAt *tenant.Moment    `json:"next_attempt_at"`
	CreatedAt     tenant.Moment     `json:"created_at"`
}

type attemptDocument struct {
	At         tenant.Moment `json:"at"`
	DurationMS int64         `json:"duration_ms"`
	Status     *int          `json:"status"`
	Error      *string       `json:"error"`
	Response   string        `json:"response"`
}

func deliveryOf(d *webhook.Delivery) deliveryDocument {
	out := deliveryDocument{
		ID: d.ID, WebhookID: d.Webhook, MessageID: d.Message, Type: d.Type, State: d.State, AttemptCount: d.Tried,
		Attempts: []attemptDocument{}, NextAttemptAt: moment(d.NextAt), CreatedAt: tenant.Moment(d.CreatedAt),
	}
	if d.Seq != 0 {
		out.Sequence = &d.Seq
	}
	if d.Number != 0 {
		out.TicketNumber = &d.Number
	}
	for i := range d.Attempts {
		a := &d.Attempts[i]
		one := attemptDocument{At: tenant.Moment(a.At), DurationMS: a.Duration.Milliseconds(), Error: orNull(a.Error), Response: a.Excerpt}
		if a.Status != 0 {
			one.Status = &a.Status
		}
		out.Attempts = append(out.Attempts, one)
	}
	return out
}

func (s *Server) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	limit, cursor := p.limit(), p.text("cursor")
	if err := p.err(); err != nil {
		return err
	}
	page, err := s.webhooks.Deliveries(r.Context(), callerOf(r).tenant, r.PathValue("id"), cursor, limit)
	if err != nil {
		return err
	}
	answer := list[deliveryDocument]{Data: []deliveryDocument{}, HasMore: page.Next != "", NextCursor: orNull(page.Next)}
	for i := range page.Deliveries {
		answer.Data = append(answer.Data, deliveryOf(&page.Deliveries[i]))
	}
	linkNext(w, r, page.Next)
	return encode(w, http.StatusOK, answer)
}

func (s *Server) testWebhook(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	d, err := s.webhooks.Test(r.Context(), c.tenant, c.Actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return encode(w, http.StatusAccepted, deliveryOf(&d))
}

func (s *Server) retryDelivery(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	d, err := s.webhooks.Retry(r.Context(), c.tenant, c.Actor(), r.PathValue("id"), r.PathValue("delivery"))
	if err != nil {
		return err
	}
	return encode(w, http.StatusAccepted, deliveryOf(&d))
}
