package passkey

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Passkey is a member's passkey as people see it.
type Passkey struct {
	// ID is its public name. It opens nothing.
	ID   string
	Name string
	// Host is the one that it works at.
	Host      tenant.Host
	CreatedAt time.Time
	// UsedAt is when it last signed somebody in; zero: never.
	UsedAt time.Time
	// Synced: its owner's other devices have it as well.
	Synced bool
	// CopiedAt is when it looked as if there were two of it; zero: never. It is good for nothing since.
	CopiedAt time.Time
}

// record is a passkey on disk.
type record struct {
	// Credential is the ID that the authenticator has given it.
	Credential []byte      `cbor:"1,keyasint"`
	Member     string      `cbor:"2,keyasint"`
	Host       tenant.Host `cbor:"3,keyasint"`
	Name       string      `cbor:"4,keyasint"`
	PublicKey  []byte      `cbor:"5,keyasint"`
	Transports []string    `cbor:"6,keyasint,omitempty"`
	AAGUID     []byte      `cbor:"7,keyasint,omitempty"`
	SignCount  uint32      `cbor:"8,keyasint,omitempty"`
	// Flags are the authenticator's: among others whether the passkey can be synced, which never changes.
	Flags     byte      `cbor:"9,keyasint"`
	CreatedAt time.Time `cbor:"10,keyasint"`
	UsedAt    time.Time `cbor:"11,keyasint,omitzero"`
	CopiedAt  time.Time `cbor:"12,keyasint,omitzero"`
}

var (
	passkeys = storage.NewTable(storage.Declaration[record]{
		ID: 95, Name: "passkeys", Sealed: true,
		Key: func(r *record) storage.Key { return credentialKey(r.Credential) },
	})
	passkeysByMember = storage.NewIndex(passkeys, 1, func(r *record) []storage.Key {
		return []storage.Key{storage.Key(nil).Str(r.Member)}
	}, func(*record) storage.Bare { return storage.Bare{} })
)

// credentialKey is the same length for every ID that an authenticator may think of.
func credentialKey(id []byte) storage.Key {
	sum := sha256.Sum256(id)
	return storage.Key(nil).Bytes(sum[:])
}

func newRecord(c *webauthn.Credential, member staff.Member, host tenant.Host, name string) record {
	r := record{
		Credential: c.ID, Member: member.ID, Host: host, Name: name, PublicKey: c.PublicKey, AAGUID: c.Authenticator.AAGUID,
		SignCount: c.Authenticator.SignCount, Flags: byte(c.Flags.ProtocolValue()), CreatedAt: now(),
	}
	for _, t := range c.Transport {
		r.Transports = append(r.Transports, string(t))
	}
	return r
}

func (r *record) id() string {
	sum := sha256.Sum256(r.Credential)
	return "pky_" + hex.EncodeToString(sum[:12])
}

func (r *record) passkey() Passkey {
	return Passkey{
		ID: r.id(), Name: r.Name, Host: r.Host, CreatedAt: r.CreatedAt, UsedAt: r.UsedAt, CopiedAt: r.CopiedAt,
		Synced: protocol.AuthenticatorFlags(r.Flags).HasBackupState(),
	}
}

// credential is the record as go-webauthn knows it.
func (r *record) credential() webauthn.Credential {
	c := webauthn.Credential{
		ID: r.Credential, PublicKey: r.PublicKey, Flags: webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(r.Flags)),
		Authenticator: webauthn.Authenticator{AAGUID: r.AAGUID, SignCount: r.SignCount},
	}
	for _, t := range r.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}

// holder is a member with passkeys as go-webauthn knows them.
type holder struct {
	id, email, name string
	held            []record
}

var _ webauthn.User = holder{}

// WebAuthnID is the member's ID: it says nothing about them to whoever finds it on a device.
func (h holder) WebAuthnID() []byte { return []byte(h.id) }

// WebAuthnName is what password managers list.
func (h holder) WebAuthnName() string { return h.email }

// WebAuthnDisplayName is what they may show instead.
func (h holder) WebAuthnDisplayName() string { return h.name }

// WebAuthnCredentials are the passkeys.
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(h.held))
	for i := range h.held {
		all[i] = h.held[i].credential()
	}
	return all
}

// descriptors name the passkeys to the browser.
func (h holder) descriptors() []protocol.CredentialDescriptor {
	return webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()
}

// now is the time as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
