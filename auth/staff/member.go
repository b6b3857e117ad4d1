package staff

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
)

// Member is one of the tenant's staff.
type Member struct {
	ID        string
	Email     string
	Name      string
	Role      auth.Role
	InvitedAt time.Time
	// JoinedAt is when the invitation was accepted; zero: not yet.
	JoinedAt   time.Time
	SignedInAt time.Time
	// HasPassword: the member can sign in with one, which was chosen at PasswordAt.
	HasPassword bool
	PasswordAt  time.Time
	// TOTPAt is since when codes of an authenticator are asked for; zero: they are not.
	TOTPAt time.Time
	// RecoveryLeft is how many recovery codes the member has, made at RecoveryAt.
	RecoveryLeft int
	RecoveryAt   time.Time
}

// HasTOTP says whether codes of an authenticator are asked for.
func (m Member) HasTOTP() bool { return !m.TOTPAt.IsZero() }

// memberRecord is a member on disk.
type memberRecord struct {
	ID         string    `cbor:"1,keyasint"`
	Email      string    `cbor:"2,keyasint"`
	Name       string    `cbor:"3,keyasint"`
	Role       auth.Role `cbor:"4,keyasint"`
	InvitedAt  time.Time `cbor:"5,keyasint"`
	JoinedAt   time.Time `cbor:"6,keyasint,omitzero"`
	SignedInAt time.Time `cbor:"7,keyasint,omitzero"`
	// Password is an argon2id hash with its parameters.
	Password string `cbor:"8,keyasint,omitempty"`
	// Invite is the hash of the open invitation's secret: an older one is worth nothing.
	Invite        []byte    `cbor:"9,keyasint,omitempty"`
	InviteExpires time.Time `cbor:"10,keyasint,omitzero"`
	PasswordAt    time.Time `cbor:"11,keyasint,omitzero"`
	// TOTP is the secret that the member's authenticator shares; empty: there is none. TOTPStep is the last step of time whose
	// code was used.
	TOTP     []byte    `cbor:"12,keyasint,omitempty"`
	TOTPAt   time.Time `cbor:"13,keyasint,omitzero"`
	TOTPStep int64     `cbor:"14,keyasint,omitempty"`
	// TOTPNew is a secret that waits for its first code, until TOTPUntil.
	TOTPNew   []byte    `cbor:"15,keyasint,omitempty"`
	TOTPUntil time.Time `cbor:"16,keyasint,omitzero"`
	// Recovery are the hashes of the recovery codes that were not used.
	Recovery   [][]byte  `cbor:"17,keyasint,omitempty"`
	RecoveryAt time.Time `cbor:"18,keyasint,omitzero"`
	// Reset is the hash of the secret that lets the member choose a new password.
	Reset        []byte    `cbor:"19,keyasint,omitempty"`
	ResetExpires time.Time `cbor:"20,keyasint,omitzero"`
	// Epoch and EpochBut are a Standing's Epoch and But.
	Epoch    uint64 `cbor:"21,keyasint,omitempty"`
	EpochBut string `cbor:"22,keyasint,omitempty"`
}

func (r *memberRecord) member() Member {
	return Member{
		ID: r.ID, Email: r.Email, Name: r.Name, Role: r.Role,
		InvitedAt: r.InvitedAt, JoinedAt: r.JoinedAt, SignedInAt: r.SignedInAt,
		HasPassword: r.Password != "", PasswordAt: r.PasswordAt, TOTPAt: r.TOTPAt,
		RecoveryLeft: len(r.Recovery), RecoveryAt: r.RecoveryAt,
	}
}

var (
	members = storage.NewTable(storage.Declaration[memberRecord]{
		ID: 74, Name: "staff", Sealed: true,
		Key: func(r *memberRecord) storage.Key { return storage.Key(nil).Str(r.ID) },
	})
	membersByEmail  = storage.NewUnique(members, 1, func(r *memberRecord) storage.Key { return storage.Key(nil).Str(r.Email) })
	membersByInvite = storage.NewUnique(members, 2, func(r *memberRecord) storage.Key {
		if len(r.Invite) == 0 {
			return nil
		}
		return storage.Key(nil).Bytes(r.Invite)
	})
	membersByReset = storage.NewUnique(members, 3, func(r *memberRecord) storage.Key {
		if len(r.Reset) == 0 {
			return nil
		}
		return storage.Key(nil).Bytes(r.Reset)
	})
)

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{members, pendings} }

// Standing says what a member is at the moment, or auth.ErrNotFound: it is what auth.Config wants.
func Standing(tx *storage.Tx, member string) (auth.Standing, error) {
	r, err := members.Get(tx, storage.Key(nil).Str(member))
	return auth.Standing{Email: r.Email, Name: r.Name, Role: r.Role, Epoch: r.Epoch, But: r.EpochBut}, absent(err)
}

// absent makes the store's word for a missing record into auth's.
func absent(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return auth.ErrNotFound
	}
	return err
}

// now is the time as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// newID makes a name that sorts by time.
func newID() string { return "agt_" + ulid.MustNew(ulid.Now(), rand.Reader).String() }
