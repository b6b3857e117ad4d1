package oidc_test

import (
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/oidc/oidctest"
)

// TestLinks: an account is its first member's for good, whatever addresses change hands at the provider.
func TestLinks(t *testing.T) {
	t.Parallel()
	h := open(t)
	first, err := h.signIn(t)
	ok(t, err)

	heir := ann
	heir.Subject = "user-2"
	h.provider.SignIn(heir)
	_, err = h.signIn(t)
	want(t, "whoever inherits the address", err, oidc.ErrOtherAccount)

	married := ann
	married.Email = "ann.park@acme.example"
	h.provider.SignIn(married)
	in, err := h.signIn(t)
	if err != nil || in.Session.User != first.Session.User || in.Session.Email != ann.Email {
		t.Errorf("with a new address: %+v, %v", in.Session, err)
	}

	account, err := h.logins.Account(t.Context(), h.acme, first.Session.User)
	if err != nil || account.Email != ann.Email || account.LinkedAt.IsZero() {
		t.Errorf("account %+v, %v", account, err)
	}
	_, err = h.logins.Account(t.Context(), h.bee, first.Session.User)
	want(t, "the account at the other tenant", err, auth.ErrNotFound)
	want(t, "unlink at the other tenant", h.logins.Unlink(t.Context(), h.bee, first.Session.User, "operator"), auth.ErrNotFound)
	want(t, "unlink", h.logins.Unlink(t.Context(), h.acme, first.Session.User, "operator"), nil)
	want(t, "unlink again", h.logins.Unlink(t.Context(), h.acme, first.Session.User, "operator"), auth.ErrNotFound)
	h.provider.SignIn(heir)
	in, err = h.signIn(t)
	if err != nil || in.Session.User != first.Session.User {
		t.Errorf("another account after that: %+v, %v", in.Session, err)
	}
}

// TestRemovedMember: an account does not bring a member back, and is free for the next one.
func TestRemovedMember(t *testing.T) {
	t.Parallel()
	h := open(t)
	first, err := h.signIn(t)
	ok(t, err)
	ok(t, h.staff.Remove(t.Context(), h.acme, ann.Email, "operator"))
	_, err = h.signIn(t)
	want(t, "removed", err, oidc.ErrStranger)
	h.acme = h.set(t, "acme", map[string]string{"oidc_domains": "acme.example"})
	_, err = h.signIn(t)
	want(t, "removed, of a listed domain", err, oidc.ErrStranger)
	_, err = h.staff.Invite(t.Context(), h.acme, ann.Email, "", auth.RoleAgent, "operator")
	ok(t, err)
	again, err := h.signIn(t)
	if err != nil || again.Session.User == first.Session.User || again.Session.Role != auth.RoleAgent {
		t.Errorf("invited again: %+v, %v", again.Session, err)
	}
}

// TestStrangers: nobody joins who was not invited, unless the domain of their address is listed; and then as an agent.
func TestStrangers(t *testing.T) {
	t.Parallel()
	h := open(t)
	bob := oidctest.Person{Subject: "user-3", Email: "bob@acme.example", Name: "Bob Ray"}
	h.provider.SignIn(bob)
	_, err := h.signIn(t)
	want(t, "not invited", err, oidc.ErrStranger)
	if e := h.audited(t, h.acme, "oidc.refused"); e.Object != bob.Email {
		t.Errorf("audit %+v", e)
	}

	h.acme = h.set(t, "acme", map[string]string{"oidc_domains": "ACME.example, acme.test"})
	for email, expected := range map[string]error{
		"eve@evil.example": oidc.ErrStranger, "eve@acme.example.evil.example": oidc.ErrStranger, "eve@sub.acme.example": oidc.ErrStranger,
		"eve@evilacme.example": oidc.ErrStranger, "carl@acme.test": nil,
	} {
		h.provider.SignIn(oidctest.Person{Subject: email, Email: email, Name: "Eve"})
		_, err := h.signIn(t)
		want(t, email, err, expected)
	}
	bob.Unverified = true
	h.provider.SignIn(bob)
	_, err = h.signIn(t)
	want(t, "not verified", err, oidc.ErrUnverified)
	bob.Unverified = false
	h.provider.SignIn(bob)
	in, err := h.signIn(t)
	if err != nil || in.Session.Role != auth.RoleAgent || in.Session.Name != bob.Name {
		t.Errorf("of a listed domain: %+v, %v", in.Session, err)
	}
	if list, err := h.staff.List(t.Context(), h.bee); err != nil || len(list) != 0 {
		t.Errorf("the other tenant's staff: %+v, %v", list, err)
	}
}
