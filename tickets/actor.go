package tickets

// Kind is the kind of an actor.
type Kind uint8

// The kinds of actors. The zero Kind is nobody: it sees nothing and may do nothing.
const (
	KindRequester Kind = iota + 1 // a user we are sure about
	KindVisitor                   // an asserted requester: one lineage of sessions
	KindAgent
	KindAdmin
	KindToken  // an API token: as good as staff; what its scopes forbid is not asked for
	KindSystem // the node itself
)

// Actor is who asks the desk for something. The zero Actor is nobody.
type Actor struct {
	kind   Kind
	person Person
}

// Requester is the actor for a user who is known for sure. p.ID is required.
func Requester(p Person) Actor {
	p.Lineage = ""
	return Actor{kind: KindRequester, person: p.clean()}
}

// Visitor is the actor for somebody who only claims to have that name and email. p.Lineage is required: it is all that
// their tickets are found by.
func Visitor(p Person) Actor {
	p.ID, p.ExternalID = "", ""
	return Actor{kind: KindVisitor, person: p.clean()}
}

// Agent is the actor for one of the tenant's staff. p.ID is required.
func Agent(p Person) Actor { return Actor{kind: KindAgent, person: p.clean()} }

// Admin is the actor for an agent who is the tenant's administrator.
func Admin(p Person) Actor { return Actor{kind: KindAdmin, person: p.clean()} }

// Token is the actor for an API token.
func Token(id, name string) Actor {
	return Actor{kind: KindToken, person: Person{ID: id, Name: name}.clean()}
}

// System is the actor for what the node does by itself.
func System(name string) Actor { return Actor{kind: KindSystem, person: Person{Name: name}} }

// Kind is the actor's kind.
func (a Actor) Kind() Kind { return a.kind }

// Person is who the actor is.
func (a Actor) Person() Person { return a.person }

// Staff says whether the actor sees all of the tenant's tickets and may work on them: agents, admins, tokens and the node.
func (a Actor) Staff() bool { return a.kind >= KindAgent && a.kind <= KindSystem }

// Author is who wrote or changed something.
type Author struct {
	ID    string `cbor:"1,keyasint,omitempty"`
	Name  string `cbor:"2,keyasint,omitempty"`
	Email string `cbor:"3,keyasint,omitempty"`
	Role  string `cbor:"4,keyasint,omitempty"` // requester, agent, admin, api or system
}

// Author is the actor as what they write and change names them.
func (a Actor) Author() Author { return a.author() }

func (a Actor) author() Author {
	return Author{ID: a.person.ID, Name: a.person.Name, Email: a.person.Email, Role: a.role()}
}

func (a Actor) role() string {
	switch a.kind {
	case KindRequester, KindVisitor:
		return "requester"
	case KindAgent:
		return "agent"
	case KindAdmin:
		return "admin"
	case KindToken:
		return "api"
	case KindSystem:
		return "system"
	}
	return ""
}

// source is what a ticket that the actor opens came by.
func (a Actor) source() string {
	switch a.kind {
	case KindRequester, KindVisitor:
		return "portal"
	case KindAgent, KindAdmin:
		return "agent"
	case KindToken:
		return "api"
	}
	return "system"
}

// owner is what the actor's own tickets are found by. It is empty for everyone who has none.
func (a Actor) owner() string {
	if a.Staff() {
		return ""
	}
	return owner(a.person)
}

// known says whether the actor is somebody at all.
func (a Actor) known() bool { return a.Staff() || a.kind != 0 && a.owner() != "" }

// sees says whether the actor may know of the ticket.
func (a Actor) sees(t *Ticket) bool {
	return a.Staff() || a.known() && t.owner() == a.owner()
}
