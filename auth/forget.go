package auth

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// Forgets is what the tables of this package, and of those that it imports, do about a requester who is to be forgotten. They are
// signed out first, and then nobody any more.
func (d *Doors) Forgets() []erasure.Answer {
	about := func(p *erasure.Person, email string) bool { return p.Is("", email) }
	answers := []erasure.Answer{
		erasure.Own(users, forgetUser),
		erasure.Each(requesterSessions, aboutSession, d.Sessions.forget(RequesterSide)),
		erasure.Each(widgetSessions, aboutSession, d.Sessions.forget(WidgetSide)),
		erasure.Dropped(devices, func(p *erasure.Person, r *deviceRecord) bool { return p.Is(r.User, r.Email) }),
		erasure.Dropped(holdings, aboutHolding),
		erasure.Dropped(voids, func(p *erasure.Person, v *void) bool {
			return slices.ContainsFunc(p.Emails, func(email string) bool { return bytes.Equal(addressOf(email), v.Address) })
		}),
		erasure.Dropped(codes, func(p *erasure.Person, c *code) bool { return about(p, c.Email) }),
		erasure.Dropped(mailings, func(p *erasure.Person, m *mailing) bool { return about(p, m.Email) }),
		erasure.Dropped(missed, func(p *erasure.Person, m *misses) bool { return about(p, m.Email) }),
		erasure.Dropped(readings, func(p *erasure.Person, r *Reading) bool { return p.Is(r.ID, "") }),
		erasure.Never(endings, "hashes of secrets, for a minute"),
		erasure.Never(bearers, "hashes of secrets; their sessions go"),
		erasure.Never(usedTokens, "random names, for minutes"),
		erasure.Never(staffSessions, "of staff"),
		erasure.Never(tokens, "of programs"),
		erasure.Never(credentials, "of programs, and the node's"),
	}
	return slices.Concat(answers, limit.Forgets(), partner.Forgets())
}

// forgetUser deletes the record, having learnt what it knows.
func forgetUser(tx *storage.Tx, p *erasure.Person) (more bool, err error) {
	u, err := users.Get(tx, storage.Key(nil).Str(p.ID))
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p.Learn(u.Email, u.Name, u.ExternalID)
	return false, users.Delete(tx, storage.Key(nil).Str(p.ID))
}

// aboutSession says whether a session is the person's, or that of somebody who only says so.
func aboutSession(p *erasure.Person, r *sessionRecord) bool {
	if r.Level == Vouched {
		return p.Is(r.User, r.Email)
	}
	if !p.Is("", r.Email) {
		return false
	}
	p.Follow(r.Lineage, r.Name)
	return true
}

// forget ends a session that is to be forgotten.
func (s *Sessions) forget(side Side) func(*storage.Tx, *erasure.Person, *sessionRecord) (erasure.Verdict, error) {
	return func(tx *storage.Tx, _ *erasure.Person, r *sessionRecord) (erasure.Verdict, error) {
		return erasure.Keep, s.erase(tx, side, r)
	}
}

func aboutHolding(p *erasure.Person, h *holding) bool {
	level, whose, _ := strings.Cut(h.Holder, ":")
	return level == Vouched.String() && whose == p.ID || level == Asserted.String() && slices.Contains(p.Lineages, whose)
}
