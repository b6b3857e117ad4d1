package web

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/webhook"
)

// Payloads writes what webhooks send: the same documents as the API's. It is safe for concurrent use.
type Payloads struct{ directory *tenant.Directory }

// NewPayloads returns the writer for the tenants of a directory.
func NewPayloads(d *tenant.Directory) *Payloads { return &Payloads{directory: d} }

// payload is the body of a webhook's message.
type payload struct {
	Type      tickets.EventType `json:"type"`
	Timestamp tenant.Moment     `json:"timestamp"`
	Data      payloadData       `json:"data"`
}

type payloadData struct {
	Event   happeningDocument `json:"event"`
	Ticket  *ticketDocument   `json:"ticket"`
	Comment *commentDocument  `json:"comment"`
	// The following are for what happened to one of the tenant's domains: the domain after it, what it was before, and when it changed.
	Domain         *domain.Document `json:"domain,omitzero"`
	PreviousStatus string           `json:"previous_status,omitzero"`
	ChangedAt      *tenant.Moment   `json:"changed_at,omitzero"`
}

// Webhook is the body of a message.
func (p *Payloads) Webhook(tn *tenant.Tenant, m webhook.Message) ([]byte, error) {
	eyes := tickets.System("webhook")
	out := payload{Type: m.Event.Type, Timestamp: tenant.Moment(m.Event.CreatedAt), Data: payloadData{Event: happening(&m.Event, eyes)}}
	portal := p.directory.PortalURL(tn)
	if m.Ticket != nil {
		out.Data.Ticket = new(document(portal, eyes, m.Ticket))
	}
	if m.Comment != nil {
		out.Data.Comment = new(comment(portal, eyes, m.Comment))
	}
	if e := m.Domain; e != nil {
		out.Data.Domain, out.Data.PreviousStatus, out.Data.ChangedAt = new(e.Document()), e.Was, moment(e.At)
	}
	body, err := json.Marshal(out, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Event.ID, err)
	}
	return body, nil
}
