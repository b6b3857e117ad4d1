package staff

import (
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// noticeLife is how long a notice is worth sending.
const noticeLife = 24 * time.Hour

// Notify has a member told by mail what happened to their account, if the node sends mail: one of mail's Notice… words, and
// what else there is to say about it.
func (m *Members) Notify(tx *storage.Tx, member, what, detail string, c auth.Client) error {
	r, err := find(tx, member)
	if err != nil {
		return err
	}
	return m.notify(tx, &r, what, detail, c)
}

func (m *Members) notify(tx *storage.Tx, r *memberRecord, what, detail string, c auth.Client) error {
	if !m.mail.Ready() {
		return nil
	}
	facts := map[string]string{"what": what, "when": now().Format(time.RFC3339)}
	for name, value := range map[string]string{"ip": c.Address(), "device": c.Device(), "detail": detail} {
		if value != "" {
			facts[name] = value
		}
	}
	return m.mail.Enqueue(tx, mail.Letter{Kind: mail.Notice, To: r.Email, Name: r.Name, Fields: facts, Expires: time.Now().Add(noticeLife)})
}

// tell notes in the audit log what members did to their own account, and mails it to them.
func (m *Members) tell(tx *storage.Tx, r *memberRecord, action, notice string, c auth.Client) error {
	if err := tenant.Record(tx, tenant.Event{Actor: r.actor(), Action: action, Object: r.Email, IP: c.Address()}); err != nil {
		return err
	}
	return m.notify(tx, r, notice, "", c)
}

// actor is how the audit log names the member.
func (r *memberRecord) actor() string { return r.identity().Actor() }
