package webtest

import (
	"slices"

	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/tickets/rule"
)

// forgets is what all tables of the node do about somebody who is to be forgotten.
func (n *Node) forgets() []erasure.Answer {
	return slices.Concat(n.Doors.Forgets(), n.Desk.Forgets(), n.Webhooks.Forgets(), rule.Forgets(), n.Transfers.Forgets(), notify.Forgets(), mail.Forgets(), tenant.Forgets(), domain.Forgets(), staff.Forgets(),
		oidc.Forgets(), passkey.Forgets(), proxy.Forgets(), erasure.Forgets())
}

func (n *Node) newEraser() *erasure.Eraser {
	return erasure.New(erasure.Config{
		Store: n.Store, Scopes: n.Tenants.Scopes, Answers: n.forgets(),
		Tell: func(tx *storage.Tx, e erasure.Erasure) error {
			err := tenant.RecordErasure(tx, e)
			if t, known := n.Directory.ByID(tenant.ID(tx.Scope().ID())); known && e.Finished() && err == nil {
				err = n.Desk.UserErased(tx, t, e)
			}
			return err
		},
	})
}
