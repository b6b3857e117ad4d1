package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// link says that an account at a provider is a member's.
type link struct {
	Issuer   string    `cbor:"1,keyasint"`
	Subject  string    `cbor:"2,keyasint"`
	Member   string    `cbor:"3,keyasint"`
	Email    string    `cbor:"4,keyasint"`
	LinkedAt time.Time `cbor:"5,keyasint"`
}

var (
	links = storage.NewTable(storage.Declaration[link]{
		ID: 94, Name: "accounts at providers",
		Key: func(l *link) storage.Key { return accountKey(l.Issuer, l.Subject) },
	})
	linksByMember = storage.NewUnique(links, 1, func(l *link) storage.Key {
		return storage.Key(nil).Str(l.Member).Str(l.Issuer)
	})
)

func accountKey(issuer, subject string) storage.Key { return storage.Key(nil).Str(issuer).Str(subject) }

// member is the ID of the member whom an account belongs to. The first time it is linked to the one with its address.
// ErrStranger, ErrOtherAccount.
func (l *Logins) member(ctx context.Context, t *tenant.Tenant, who account) (string, error) {
	id, removed, err := l.linked(ctx, t, who)
	if err != nil || id != "" {
		return id, err
	}
	m, err := l.staff.ByEmail(ctx, t, who.Email)
	if errors.Is(err, auth.ErrNotFound) && !removed && welcome(t, who.Email) {
		m, err = l.staff.Add(ctx, t, who.Email, who.Name, auth.RoleAgent, "oidc")
	}
	if errors.Is(err, auth.ErrNotFound) {
		return "", because(ErrStranger, "%s", who.Email)
	}
	if err != nil {
		return "", err
	}
	return m.ID, l.link(ctx, t, who, m.ID)
}

// welcome reports whether somebody who is not on the staff becomes an agent.
func welcome(t *tenant.Tenant, email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return slices.Contains(t.Settings.OIDCDomains, domain)
}

// linked is the member whom an account was linked to before, empty if there is none, or none any more: then they were removed
// from the staff since, and come back by an invitation alone, as another member.
func (l *Logins) linked(ctx context.Context, t *tenant.Tenant, who account) (id string, removed bool, err error) {
	var found link
	err = l.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		found, err = links.Get(tx, accountKey(who.Issuer, who.Subject))
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	_, err = l.staff.Find(ctx, t, found.Member)
	if errors.Is(err, auth.ErrNotFound) {
		return "", true, nil
	}
	return found.Member, false, err
}

// link makes the account the member's only one at its provider. ErrOtherAccount: they have one already.
func (l *Logins) link(ctx context.Context, t *tenant.Tenant, who account, member string) error {
	return l.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		err := links.Put(tx, &link{
			Issuer: who.Issuer, Subject: who.Subject, Member: member, Email: who.Email,
			LinkedAt: time.Now().UTC().Truncate(time.Millisecond),
		})
		if errors.Is(err, storage.ErrExists) {
			return because(ErrOtherAccount, "%s", who.Email)
		}
		if err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{
			Actor: "agent:" + member, Action: "oidc.linked", Object: who.Email, Detail: who.Subject + " at " + who.Issuer,
		})
	})
}

// Account is an account at the provider that a member signs in with.
type Account struct {
	Email    string
	LinkedAt time.Time
}

// Account returns the member's account at the tenant's present provider, or auth.ErrNotFound.
func (l *Logins) Account(ctx context.Context, t *tenant.Tenant, member string) (Account, error) {
	var found link
	err := l.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		found, err = linkOf(tx, t, member)
		return err
	})
	return Account{Email: found.Email, LinkedAt: found.LinkedAt}, err
}

// Unlink forgets the member's account at the tenant's present provider: the next with their address takes its place.
// auth.ErrNotFound: there is none.
func (l *Logins) Unlink(ctx context.Context, t *tenant.Tenant, member, by string) error {
	return l.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		found, err := linkOf(tx, t, member)
		if err != nil {
			return err
		}
		if err := links.Delete(tx, accountKey(found.Issuer, found.Subject)); err != nil {
			return err
		}
		return tenant.Record(tx, tenant.Event{
			Actor: by, Action: "oidc.unlinked", Object: found.Email, Detail: found.Subject + " at " + found.Issuer,
		})
	})
}

func linkOf(tx *storage.Tx, t *tenant.Tenant, member string) (link, error) {
	found, err := linksByMember.Get(tx, storage.Key(nil).Str(member).Str(t.Settings.OIDCIssuer))
	if errors.Is(err, storage.ErrNotFound) {
		err = auth.ErrNotFound
	}
	return found, err
}
