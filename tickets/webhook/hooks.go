package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
	"github.com/deskgate/deskgate/tenant/outbox"
	"github.com/deskgate/deskgate/tenant/span"
	"github.com/deskgate/deskgate/tickets"
)

// Config is what webhooks need.
type Config struct {
	Store     *storage.Store
	Directory *tenant.Directory
	// Client makes the requests. It has to be patient for Patience.
	Client *outbound.Client
	// Render writes the body of a message.
	Render func(*tenant.Tenant, Message) ([]byte, error)
	// Off is called in the transaction in which the program switches a webhook off because of its last try, so that somebody is told. It does
	// nothing but use the transaction. Nil: nothing happens.
	Off func(tx *storage.Tx, hook *Webhook, last *Attempt) error
	// Spans has deliveries traced. Nil: they are not.
	Spans *span.Source
	// Log takes what nobody waits for. Nil: nothing is said.
	Log *slog.Logger
}

// Hooks are the webhooks of all tenants. They are safe for concurrent use.
type Hooks struct {
	config  Config
	courier *outbox.Courier[errand]
	slow    *slow
	lanes   *lanes
}

// New returns the webhooks that are kept in c.Store. They deliver while they Run.
func New(c Config) *Hooks {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hooks{config: c, slow: newSlow(), lanes: newLanes()}
	h.courier = outbox.NewCourier(queue, outbox.Config[errand]{
		Store: c.Store, Directory: c.Directory, Deliver: h.deliver, GiveUp: giveUp, Pauses: pauses(), Patience: Patience + leeway,
		// Many may wait for receivers that do not answer, and others must not wait for them.
		Workers: 64, TenantWorkers: 4 * laneWidth, Keep: time.Hour, Spans: c.Spans, Log: c.Log,
	})
	return h
}

// Change is what is to become of a webhook. What is not given stays as it is.
type Change struct {
	Name     tickets.Optional[string]
	URL      tickets.Optional[string]
	Types    tickets.Optional[[]tickets.EventType] // null: all
	Internal tickets.Optional[bool]
	Enabled  tickets.Optional[bool]
	// Form is the key of the form that asks for a new webhook: sent again, it makes none. Empty: it is no form.
	Form string
	// IfUpdated is the UpdatedAt that the caller has seen; zero: whichever.
	IfUpdated time.Time
}

// List returns a tenant's webhooks, the oldest first.
func (h *Hooks) List(ctx context.Context, tn *tenant.Tenant) ([]Webhook, error) {
	var all []Webhook
	err := h.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		all, err = list(tx)
		return err
	})
	return all, err
}

func list(tx *storage.Tx) ([]Webhook, error) {
	all := []Webhook{}
	for hook, err := range hookTable.Scan(tx, storage.Range{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, hook)
	}
	return all, nil
}

// Find returns a webhook, or ErrNotFound.
func (h *Hooks) Find(ctx context.Context, tn *tenant.Tenant, id string) (Webhook, error) {
	var hook Webhook
	err := h.config.Store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		hook, err = find(tx, id)
		return err
	})
	return hook, err
}

// Read returns a webhook in a transaction of the tenant's, or ErrNotFound.
func Read(tx *storage.Tx, id string) (Webhook, error) { return find(tx, id) }

func find(tx *storage.Tx, id string) (Webhook, error) {
	hook, err := hookTable.Get(tx, hookKey(id))
	if errors.Is(err, storage.ErrNotFound) {
		err = ErrNotFound
	}
	return hook, err
}

// Create makes a webhook and returns the secret that its messages are signed with, which can't be had a second time. A
// tenant.FieldErrors says what is wrong, ErrTooMany that there are enough. by is how the audit log names who does it.
func (h *Hooks) Create(ctx context.Context, tn *tenant.Tenant, by string, c Change) (Webhook, string, error) {
	if !c.URL.Present {
		c.URL = tickets.Set("")
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	secret := newSecret()
	hook := Webhook{ID: "whk_" + ulid.Make().String(), Enabled: true, CreatedAt: now, UpdatedAt: now, Secrets: []Secret{{Key: secret}}, Form: c.Form}
	if err := h.apply(&hook, c); err != nil {
		return Webhook{}, "", err
	}
	err := h.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		all, err := list(tx)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(o Webhook) bool { return c.Form != "" && o.Form == c.Form }); i >= 0 {
			hook, secret = all[i], all[i].Secrets[0].Key
			return nil
		}
		if len(all) >= MaxHooks {
			return ErrTooMany
		}
		return put(tx, &hook, by, "webhook.created")
	})
	return hook, printSecret(secret), err
}

// Update changes a webhook, or returns tickets.ErrVersionConflict. Switched on again, it counts as one that never failed.
func (h *Hooks) Update(ctx context.Context, tn *tenant.Tenant, by, id string, c Change) (Webhook, error) {
	var hook Webhook
	err := h.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		if hook, err = find(tx, id); err != nil {
			return err
		}
		if !c.IfUpdated.IsZero() && !c.IfUpdated.Equal(hook.UpdatedAt) {
			return tickets.ErrVersionConflict
		}
		was := hook.Enabled
		if err := h.apply(&hook, c); err != nil {
			return err
		}
		if hook.Enabled && !was {
			hook.Reason, hook.FailingSince = "", time.Time{}
		}
		hook.UpdatedAt = later(hook.UpdatedAt)
		return put(tx, &hook, by, "webhook.changed")
	})
	return hook, err
}

// later is now, or a millisecond after a time that is not over: each change has a time of its own.
func later(than time.Time) time.Time {
	if at := time.Now().UTC().Truncate(time.Millisecond); at.After(than) {
		return at
	}
	return than.Add(time.Millisecond)
}

// put writes a webhook, and that it was changed.
func put(tx *storage.Tx, hook *Webhook, by, action string) error {
	if err := hookTable.Put(tx, hook); err != nil {
		return err
	}
	if err := subscribe(tx); err != nil {
		return err
	}
	return tenant.Record(tx, tenant.Event{Actor: by, Action: action, Object: hook.ID, Detail: hook.About()})
}

// About says which webhook it is without what may be secret in its URL.
func (hook *Webhook) About() string {
	u, err := url.Parse(hook.URL)
	if err != nil {
		return hook.Name
	}
	return strings.TrimSpace(hook.Name + " " + u.Scheme + "://" + u.Host)
}

// subscribe brings the list of those that events go to up to date.
func subscribe(tx *storage.Tx) error {
	all, err := list(tx)
	if err != nil {
		return err
	}
	var s subscriptions
	for i := range all {
		if all[i].Enabled {
			s.All = append(s.All, subscription{ID: all[i].ID, Types: all[i].Types, Internal: all[i].Internal})
		}
	}
	if len(s.All) == 0 {
		return subscriptionTable.Delete(tx, onlyKey())
	}
	return subscriptionTable.Put(tx, &s)
}

// Remove ends a webhook. What is still to be sent to it is not.
func (h *Hooks) Remove(ctx context.Context, tn *tenant.Tenant, by, id string) error {
	return h.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) error {
		hook, err := find(tx, id)
		if err != nil {
			return err
		}
		if err := hookTable.Delete(tx, hookKey(id)); err != nil {
			return err
		}
		if err := subscribe(tx); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{Actor: by, Action: "webhook.deleted", Object: id, Detail: hook.About()})
	})
}

// Rotate gives a webhook a new secret and returns it. For Overlap messages are signed with the one before as well. A form that is
// sent again makes one secret; it has a key, all else an empty one.
func (h *Hooks) Rotate(ctx context.Context, tn *tenant.Tenant, by, id, form string) (Webhook, string, error) {
	const most = 3 // signatures of one message
	secret := newSecret()
	var hook Webhook
	err := h.config.Store.Update(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
		if hook, err = find(tx, id); err != nil {
			return err
		}
		if form != "" && hook.Secrets[0].Form == form {
			secret = hook.Secrets[0].Key
			return nil
		}
		now := later(hook.UpdatedAt)
		hook.Secrets[0].Until = now.Add(Overlap)
		hook.Secrets = slices.Insert(valid(hook.Secrets, now), 0, Secret{Key: secret, Form: form})
		hook.Secrets = hook.Secrets[:min(len(hook.Secrets), most)]
		hook.UpdatedAt = now
		return put(tx, &hook, by, "webhook.rotated")
	})
	return hook, printSecret(secret), err
}

// apply checks and sets what is given.
func (h *Hooks) apply(hook *Webhook, c Change) error {
	const longestName, longestURL = 100, 2000
	errs := tenant.FieldErrors{}
	if c.Name.Present {
		if hook.Name = strings.TrimSpace(strings.ToValidUTF8(c.Name.Value, "")); len([]rune(hook.Name)) > longestName {
			errs["name"] = []string{fmt.Sprintf("The name must not be greater than %d characters.", longestName)}
		}
	}
	if c.URL.Present {
		hook.URL = strings.TrimSpace(c.URL.Value)
		if reason := h.wrongURL(hook.URL, longestURL); reason != "" {
			errs["url"] = []string{reason}
		}
	}
	if c.Types.Present {
		hook.Types = nil
		for _, t := range c.Types.Value {
			if !slices.Contains(tickets.EventTypes(), t) {
				errs["types"] = []string{fmt.Sprintf("%q is no type of events.", t)}
			}
			hook.Types = append(hook.Types, t)
		}
		slices.Sort(hook.Types)
		hook.Types = slices.Compact(hook.Types)
	}
	if c.Internal.Present {
		hook.Internal = c.Internal.Value
	}
	if c.Enabled.Present {
		hook.Enabled = c.Enabled.Value
	}
	return errs.Or()
}

func (h *Hooks) wrongURL(to string, longest int) string {
	if to == "" {
		return "The url field is required."
	}
	if len(to) > longest {
		return fmt.Sprintf("The url must not be greater than %d bytes.", longest)
	}
	u, err := url.Parse(to)
	switch {
	case err == nil && u.User != nil:
		return "The url must not have a user name or a password."
	case err == nil && u.Port() != "" && !isPort(u.Port()):
		return "The url must have a port from 1 to 65535."
	}
	err = h.config.Client.Takes(to)
	switch _, refused := errors.AsType[*outbound.AddressError](err); {
	case err == nil:
		return ""
	case refused, errors.Is(err, outbound.ErrScheme):
		return cmp.Or(outbound.Reason(err), "The url is not one that can be used.")
	}
	return "The url can't be read."
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}
