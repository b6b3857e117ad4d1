package notify

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets/webhook"
)

// mostAdmins is how many of a tenant's admins are told of one thing.
const mostAdmins = 50

// WebhookOff tells all of a tenant's admins that the program has switched a webhook off, once, with the last answer. Nobody unsubscribes from
// it: what the tenant has built stands still from then on, and there is no other letter before somebody has switched it on again.
func (n *Notifier) WebhookOff(tx *storage.Tx, hook *webhook.Webhook, last *webhook.Attempt) error {
	if !n.post.Ready() {
		return nil
	}
	staff, err := n.people.Staff(tx)
	if err != nil {
		return err
	}
	told := 0
	for _, who := range staff {
		if !who.Admin || !n.writable(who.Email) || told == mostAdmins {
			continue
		}
		told++
		l := mail.Letter{
			Kind: mail.WebhookOff, To: who.Email, Name: who.Name,
			Fields: map[string]string{"reader": agentPrefix + who.ID, "webhook": hook.ID, "name": hook.About(), "why": hook.Reason},
		}
		lastAnswer(l.Fields, last)
		if err := n.post.Enqueue(tx, l); err != nil {
			return err
		}
	}
	return nil
}

// lastAnswer fills in what a receiver answered last.
func lastAnswer(fields map[string]string, a *webhook.Attempt) {
	const longest = 300
	if a.Status != 0 {
		fields["answer"] = strconv.Itoa(a.Status)
	} else if a.Error != "" {
		fields["answer"] = a.Error
	}
	body := strings.Join(strings.Fields(a.Excerpt), " ")
	if len(body) > longest {
		body = strings.ToValidUTF8(body[:longest], "") + "…"
	}
	if body != "" {
		fields["body"] = body
	}
}

// Alarm reads who gets a mail.WebhookOff, and where it leads. mail.ErrMoot: they are no admin any more, or the webhook is on again, or gone.
func (t *Threads) Alarm(ctx context.Context, tn *tenant.Tenant, l mail.Letter) (f Facts, err error) {
	err = t.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		who, there, err := t.people.member(tx, strings.TrimPrefix(l.Fields["reader"], agentPrefix))
		if err != nil {
			return err
		}
		hook, err := webhook.Read(tx, l.Fields["webhook"])
		if errors.Is(err, webhook.ErrNotFound) || err == nil && (!there || !who.Admin || who.Email != l.To || hook.Enabled) {
			return mail.ErrMoot
		}
		f = Facts{Reader: who, URL: t.directory.PortalURL(tn) + "/agent/settings/webhooks/" + l.Fields["webhook"]}
		return err
	})
	return f, err
}
