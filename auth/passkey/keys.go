package passkey

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/person"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// asked bounds how many challenges an address gets. Each answer takes one.
var asked = limit.Bucket{Name: "passkey-ip", Limit: 100, Period: 15 * time.Minute}

// mostPasskeys is how many a member may have, at all hosts together.
const mostPasskeys = 20

// Config is what this package stands on.
type Config struct {
	Store  *storage.Store
	Limits *limit.Limits
	Staff  *staff.Members
}

// Keys keeps the passkeys of the tenants' staff. It is safe for concurrent use.
type Keys struct {
	store  *storage.Store
	limits *limit.Limits
	staff  *staff.Members
}

// New makes the door.
func New(c Config) *Keys { return &Keys{store: c.Store, limits: c.Limits, staff: c.Staff} }

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{passkeys, challenges} }

// party is the tenant's host as a relying party: it is the host alone, and its own pages at its own port.
func party(t *tenant.Tenant, c *Ceremony) (*webauthn.WebAuthn, error) {
	yes := true
	w, err := webauthn.New(&webauthn.Config{
		RPID: string(c.Host), RPDisplayName: t.Name, RPOrigins: []string{c.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &yes,
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Enforce: true, Timeout: ChallengeLife, TimeoutUVD: ChallengeLife},
			Registration: webauthn.TimeoutConfig{Enforce: true, Timeout: ChallengeLife, TimeoutUVD: ChallengeLife},
		},
		// We use no extension, and some password managers tell of theirs unasked.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("relying party %s: %w", c.Host, err)
	}
	return w, nil
}

// held are a member's passkeys, the oldest first; those at one host if it is not empty.
func held(tx *storage.Tx, member string, host tenant.Host) ([]record, error) {
	var all []record
	for r, err := range passkeysByMember.Records(tx, storage.Range{Prefix: storage.Key(nil).Str(member)}) {
		if err != nil {
			return nil, err
		}
		if host == "" || r.Host == host {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b record) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.id(), b.id())) })
	return all, nil
}

// List returns the member's passkeys at all hosts, the oldest first.
func (k *Keys) List(ctx context.Context, t *tenant.Tenant, member string) ([]Passkey, error) {
	all := []Passkey{}
	err := k.store.View(ctx, t.Scope(), func(tx *storage.Tx) error {
		all = all[:0]
		rs, err := held(tx, member, "")
		for i := range rs {
			all = append(all, rs[i].passkey())
		}
		return err
	})
	return all, err
}

// Rename gives one of the member's passkeys another name. auth.ErrNotFound; a FieldErrors.
func (k *Keys) Rename(ctx context.Context, t *tenant.Tenant, member, id, name string) error {
	name, err := person.ParseName(name)
	if err != nil {
		return err
	}
	return k.change(ctx, t, member, id, func(tx *storage.Tx, r *record) error {
		r.Name = name
		return passkeys.Put(tx, r)
	})
}

// Remove ends one of the member's passkeys. auth.ErrNotFound.
func (k *Keys) Remove(ctx context.Context, t *tenant.Tenant, member, id string) error {
	return k.change(ctx, t, member, id, func(tx *storage.Tx, r *record) error {
		if err := passkeys.Delete(tx, credentialKey(r.Credential)); err != nil {
			return err
		}
		return note(tx, r, "passkey.removed", "")
	})
}

func (k *Keys) change(ctx context.Context, t *tenant.Tenant, member, id string, change func(*storage.Tx, *record) error) error {
	return k.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		rs, err := held(tx, member, "")
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rs, func(r record) bool { return r.id() == id })
		if i < 0 {
			return auth.ErrNotFound
		}
		return change(tx, &rs[i])
	})
}

// note writes down what became of a passkey.
func note(tx *storage.Tx, r *record, action, ip string) error {
	return tenant.Record(tx, tenant.Event{
		Actor: "agent:" + r.Member, Action: action, Object: r.Name, Detail: "passkey " + r.id() + " at " + string(r.Host), IP: ip,
	})
}
