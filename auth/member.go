package auth

import (
	"time"

	"github.com/deskgate/deskgate/storage"
)

// Member is one of the tenant's staff.
type Member struct {
	ID        string
	Email     string
	Name      string
	Role      Role
	InvitedAt time.Time
	// JoinedAt is when the invitation was accepted; zero: not yet.
	JoinedAt   time.Time
	SignedInAt time.Time
}

// memberRecord is a member on disk.
type memberRecord struct {
	ID         string    `cbor:"1,keyasint"`
	Email      string    `cbor:"2,keyasint"`
	Name       string    `cbor:"3,keyasint"`
	Role       Role      `cbor:"4,keyasint"`
	InvitedAt  time.Time `cbor:"5,keyasint"`
	JoinedAt   time.Time `cbor:"6,keyasint,omitzero"`
	SignedInAt time.Time `cbor:"7,keyasint,omitzero"`
	// Password is an argon2id hash with its parameters.
	Password string `cbor:"8,keyasint,omitempty"`
	// Invite is the hash of the open invitation's secret: an older one is worth nothing.
	Invite        []byte    `cbor:"9,keyasint,omitempty"`
	InviteExpires time.Time `cbor:"10,keyasint,omitzero"`
}

func (r *memberRecord) member() Member {
	return Member{
		ID: r.ID, Email: r.Email, Name: r.Name, Role: r.Role,
		InvitedAt: r.InvitedAt, JoinedAt: r.JoinedAt, SignedInAt: r.SignedInAt,
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
)
