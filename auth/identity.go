package auth

import (
	"fmt"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// Level is how sure we are of who is asking. The levels of requesters are ordered.
type Level uint8

// The levels.
const (
	// Asserted: an unproven claim. It may file requests and see those of its own lineage, nothing else of that email.
	Asserted Level = iota + 1
	// Vouched: the partner, or the owner of the address, has proven it. Everything of that requester.
	Vouched
	// Staff: a member of the tenant's staff, by role. No requester's login leads here.
	Staff
	// Program: an API token, by scopes.
	Program
)

// String is the level's name in documents.
func (l Level) String() string {
	switch l {
	case Asserted:
		return "asserted"
	case Vouched:
		return "vouched"
	case Staff:
		return "staff"
	case Program:
		return "program"
	}
	return "none"
}

// Role is what a member of staff is.
type Role string

// The roles.
const (
	RoleAgent Role = "agent"
	RoleAdmin Role = "admin"
)

// ParseRole takes "agent" and "admin"; empty is agent.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case "":
		return RoleAgent, nil
	case RoleAgent, RoleAdmin:
		return r, nil
	}
	return "", oneField("role", "The role field must be agent or admin.")
}

// Scopes is a set of rights. Each constant is a set of one.
type Scopes uint16

// The scopes, in the order of the contract.
const (
	TicketsRead Scopes = 1 << iota
	TicketsWrite
	TicketsDelete
	UsersRead
	UsersWrite
	TenantRead
	TenantWrite
	WebhooksWrite
	EventsRead
	SessionsCreate
	AuditRead
)

// AllScopes is every scope there is.
const AllScopes = AuditRead<<1 - 1

const (
	requesterScopes = TicketsRead | TicketsWrite | EventsRead
	agentScopes     = TicketsRead | TicketsWrite | TicketsDelete | UsersRead | UsersWrite | TenantRead | EventsRead
	adminScopes     = AllScopes &^ SessionsCreate
)

var scopeNames = [...]string{
	"tickets:read", "tickets:write", "tickets:delete", "users:read", "users:write", "tenant:read", "tenant:write",
	"webhooks:write", "events:read", "sessions:create", "audit:read",
}

// ParseScopes takes the names of scopes. A FieldErrors lists what there is.
func ParseScopes(names []string) (Scopes, error) {
	var s Scopes
	for _, name := range names {
		one := scopeNamed(strings.TrimSpace(name))
		if one == 0 {
			return 0, oneField("scopes", fmt.Sprintf("There is no scope %q. Scopes are %s.", name, strings.Join(AllScopes.Names(), ", ")))
		}
		s |= one
	}
	return s, nil
}

func scopeNamed(name string) Scopes {
	for i, n := range scopeNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// Has says whether every scope of other is in s.
func (s Scopes) Has(other Scopes) bool { return s&other == other }

// Names are the names of the scopes, in the order of the contract; never nil.
func (s Scopes) Names() []string {
	names := []string{}
	for i, n := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// Identity is who is asking. The zero Identity is nobody.
type Identity struct {
	Tenant tenant.ID
	Level  Level
	// ID is the vouched requester's user, the member of staff or the API token. Empty for an asserted requester.
	ID string
	// Lineage names the chain of sessions that an asserted requester's requests belong to. A vouched requester whose browser
	// had an asserted session of the same address before keeps its lineage.
	Lineage string
	Email   string
	Name    string
	// Role is set for staff.
	Role Role
	// Scopes is set for API tokens.
	Scopes Scopes
	// Session is the public ID of the session, empty for API tokens.
	Session string
}

// Known says whether it is somebody at all.
func (id Identity) Known() bool { return id.Level != 0 }

// Requester says whether it is somebody who asks for help.
func (id Identity) Requester() bool { return id.Level == Asserted || id.Level == Vouched }

// May says whether the identity has all of these rights. For a requester it only says that the door is open: which
// requests it sees behind it is decided by the help desk.
func (id Identity) May(want Scopes) bool {
	switch id.Level {
	case Asserted, Vouched:
		return requesterScopes.Has(want)
	case Staff:
		if id.Role == RoleAdmin {
			return adminScopes.Has(want)
		}
		return agentScopes.Has(want)
	case Program:
		return id.Scopes.Has(want)
	}
	return false
}

// Actor is how the audit log names the identity.
func (id Identity) Actor() string {
	switch id.Level {
	case Asserted:
		return "requester:asserted:" + id.Lineage
	case Vouched:
		return "requester:" + id.ID
	case Staff:
		return "agent:" + id.ID
	case Program:
		return "token:" + id.ID
	}
	return "nobody"
}
