package auth

import (
	"cmp"
	"crypto/rand"
	"fmt"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// welcome turns a claim into a session, in the place of the one that the browser had.
//
// A lineage is the chain of sessions of one browser for one address: an asserted login in a browser that has a session of
// the same address continues it, one that comes from the widget goes on with the widget's, any other begins a new one. An
// asserted login in a browser that is signed in as that very user, vouched, takes nothing away: the session stays vouched, and
// ends when it would have ended. In a browser that is remembered for the address, any other asserted login is a vouched one.
func (s *Sessions) welcome(tx *storage.Tx, c *Claim, a *Arrival, secret string) (sessionRecord, error) {
	before, err := s.end(tx, a.side(), a.Host, a.Session)
	if err != nil {
		return before, err
	}
	same := before.Level != 0 && before.Email == c.Email
	stays := same && before.Level == Vouched
	if c.Level == Asserted && !stays {
		if c, err = recall(tx, c, a); err != nil {
			return before, err
		}
	}
	r := sessionRecord{
		Level: c.Level, Email: c.Email, Name: c.Name, Host: a.Host, ReturnLink: c.ReturnLink, IP: a.Client.Address(), UserAgent: a.Client.Device(),
		Embedder: a.embedder,
	}
	if same {
		r.Lineage = before.Lineage
		r.ReturnLink = cmp.Or(c.ReturnLink, before.ReturnLink)
	}
	switch {
	case c.Level == Vouched:
		r.Lineage = cmp.Or(c.Lineage, r.Lineage)
		if err := s.vouched(tx, &r, a.Tenant, c.Person); err != nil {
			return r, err
		}
	case stays:
		r.Level, r.User, r.Name = before.Level, before.User, before.Name
		r.CreatedAt, r.EndsAt = before.CreatedAt, before.EndsAt
	case c.Lineage != "":
		r.Lineage = c.Lineage
	case r.Lineage == "":
		r.Lineage = "lin_" + rand.Text()
	}
	r.remembered = c.Door == doorDevice
	if r, err = start(tx, a.side(), secret, r); err != nil {
		return r, err
	}
	return r, record(tx, c, &r)
}

// vouched makes the session one of the user's. When somebody first proves that an address is theirs, the sessions of all
// who only said so end.
func (s *Sessions) vouched(tx *storage.Tx, r *sessionRecord, t *tenant.Tenant, p Person) error {
	before, after, err := vouch(tx, p)
	if err != nil {
		return err
	}
	r.User, r.Name = after.ID, after.Name
	if r.first = before.VouchedAt.IsZero() || before.Email != after.Email; !r.first {
		return nil
	}
	address := addressOf(after.Email)
	tx.OnCommit(func() { s.dropAsserted(t.ID, address) })
	return voids.Put(tx, &void{Address: address, Before: now()})
}

// record notes the sign-in in the tenant's audit log.
func record(tx *storage.Tx, c *Claim, r *sessionRecord) error {
	detail := fmt.Sprintf("%s, %s, at %s", c.Door, r.Level, r.Host)
	if c.Warning != "" {
		detail += ": " + c.Warning
	}
	return tenant.Record(tx, tenant.Event{
		Actor: actorOf(r), Action: "session.started", Object: r.Email, Detail: detail, IP: r.IP,
	})
}
