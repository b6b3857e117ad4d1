package rule

import (
	"time"

	"github.com/deskgate/deskgate/storage"
)

// Rule is one of a tenant's rules.
type Rule struct {
	ID      string `cbor:"1,keyasint"` // "rul_" and a ULID
	Name    string `cbor:"2,keyasint"`
	Enabled bool   `cbor:"3,keyasint,omitempty"`
	When    When   `cbor:"4,keyasint"`
	// Status and Hours are for Waiting alone: how long the ticket has had that status.
	Status string `cbor:"5,keyasint,omitempty"`
	Hours  int    `cbor:"6,keyasint,omitempty"`
	// Any: one of the conditions is enough. Without conditions a rule always fits.
	Any  bool        `cbor:"7,keyasint,omitempty"`
	If   []Condition `cbor:"8,keyasint,omitempty"`
	Then []Action    `cbor:"9,keyasint"`
	// Since is when the rule was last changed: a rule that waits never reaches back behind that. No two changes have the same.
	Since time.Time `cbor:"10,keyasint"`
	// Version is 1 at first and grows by one whenever the rule is changed or moved.
	Version uint64 `cbor:"11,keyasint"`
}

// When is what a rule is looked at for.
type When string

// The occasions.
const (
	Created          When = "created"
	Updated          When = "updated" // a field was changed, by whomever
	RequesterReplied When = "requester_replied"
	AgentReplied     When = "agent_replied"
	Waiting          When = "waiting" // a status has lasted for some hours
	Overdue          When = "overdue" // a target was missed
	Rated            When = "rated"
)

// Whens are all occasions.
func Whens() []When {
	return []When{Created, Updated, RequesterReplied, AgentReplied, Waiting, Overdue, Rated}
}

// Condition is one thing that has to hold.
type Condition struct {
	Field Field  `cbor:"1,keyasint"`
	Op    Op     `cbor:"2,keyasint"`
	Value string `cbor:"3,keyasint,omitempty"`
	// Name is that of the custom field.
	Name string `cbor:"4,keyasint,omitempty"`
}

// Field is what a condition looks at.
type Field string

// The fields.
const (
	Status      Field = "status"
	Priority    Field = "priority"
	Category    Field = "category" // its ID, or none
	Tag         Field = "tag"
	Assignee    Field = "assignee" // an agent's ID, or none
	Domain      Field = "requester_domain"
	Assurance   Field = "assurance" // asserted, vouched or none
	Title       Field = "title"
	Description Field = "description"
	Message     Field = "message" // the reply that the rule is looked at for
	Source      Field = "source"
	Custom      Field = "custom_field"
	Hours       Field = "business_hours" // open or closed
	Changed     Field = "changed"        // the field that was changed
	Stars       Field = "rating"
)

// None is the value of what is not there.
const None = "none"

// Op says how a condition compares.
type Op string

// The comparisons. Texts are compared without regard to upper and lower case.
const (
	Is          Op = "is"
	IsNot       Op = "is_not"
	Contains    Op = "contains"
	ContainsNot Op = "contains_not"
)

// Ops are the comparisons that make sense for a field.
func (f Field) Ops() []Op {
	switch f {
	case Title, Description, Message:
		return []Op{Contains, ContainsNot}
	case Custom:
		return []Op{Is, IsNot, Contains, ContainsNot}
	case Hours, Changed:
		return []Op{Is}
	}
	return []Op{Is, IsNot}
}

// Fields are all fields.
func Fields() []Field {
	return []Field{
		Category, Priority, Status, Tag, Assignee, Title, Description, Message, Domain, Assurance, Source, Custom, Hours, Changed, Stars,
	}
}

// Action is one thing that is done.
type Action struct {
	Do    Do     `cbor:"1,keyasint"`
	Value string `cbor:"2,keyasint,omitempty"`
	// Text is that of a note, a reply or a notification.
	Text string `cbor:"3,keyasint,omitempty"`
}

// Do is what an action does.
type Do string

// The actions.
const (
	SetStatus   Do = "set_status"
	SetPriority Do = "set_priority"
	SetCategory Do = "set_category"
	Assign      Do = "assign"      // to an agent's ID, or none
	AssignNext  Do = "assign_next" // to the agents in turns
	AddTag      Do = "add_tag"     //
	RemoveTag   Do = "remove_tag"  //
	Note        Do = "note"        // for the team
	Reply       Do = "reply"       // for the requester
	Notify      Do = "notify"      // the assignee, all agents, or an agent's ID
	Emit        Do = "emit"        // an event for webhooks
)

// Dos are all actions.
func Dos() []Do {
	return []Do{
		SetStatus, SetPriority, SetCategory, Assign, AssignNext, AddTag, RemoveTag, Note, Reply, Notify, Emit,
	}
}

// What Notify may have as a value beside an agent's ID.
const (
	ToAssignee = "assignee"
	ToAgents   = "agents"
)

// The limits of rules.
const (
	MaxRules      = 50 // of a tenant
	MaxName       = 100
	MaxConditions = 10
	MaxActions    = 10
	MaxValue      = 200  // characters
	MaxText       = 2000 // characters
	MaxHours      = 24 * 365
)

// book is all rules of a tenant, in their order. head is its version alone: rules that are known already are not read again.
type book struct {
	Version uint64 `cbor:"1,keyasint"`
	Rules   []Rule `cbor:"2,keyasint"`
}

type head struct {
	Version uint64 `cbor:"1,keyasint"`
}

// turn is who was last assigned by a rule that assigns the agents in turns.
type turn struct {
	Rule  string `cbor:"1,keyasint"`
	Agent string `cbor:"2,keyasint"`
}

var (
	headTable = storage.NewTable(storage.Declaration[head]{ID: 171, Name: "rules' version", Key: func(*head) storage.Key { return only() }})
	bookTable = storage.NewTable(storage.Declaration[book]{ID: 172, Name: "rules", Key: func(*book) storage.Key { return only() }})
	turnTable = storage.NewTable(storage.Declaration[turn]{
		ID: 174, Name: "rules' turns", Key: func(t *turn) storage.Key { return storage.Key(nil).Str(t.Rule) },
	})
)

func only() storage.Key { return storage.Key(nil).Uint(0) }

// Tables are the tables of this package.
func Tables() []storage.Declared { return []storage.Declared{headTable, bookTable, turnTable} }
