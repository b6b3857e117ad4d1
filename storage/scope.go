package storage

// Scope is the part of the key space that a transaction may touch. The zero Scope is none: using it is an error.
type Scope struct {
	kind byte
	id   string
}

const (
	scopeNode   = 0x01
	scopeTenant = 0x02

	// ScopeIDSize is the length of a tenant's opaque id in bytes.
	ScopeIDSize = 26
)

// Node is the scope of what belongs to the node as a whole or crosses tenants.
func Node() Scope { return Scope{kind: scopeNode} }

// Within is the scope of one tenant, named by its opaque id. Only package tenant calls it: others ask the tenant.
// It panics if the id does not have ScopeIDSize bytes, for then two scopes could overlap.
func Within(id string) Scope {
	if len(id) != ScopeIDSize {
		panic("storage: a tenant's id has 26 bytes")
	}
	return Scope{kind: scopeTenant, id: id}
}

// ID is the tenant's id, empty for the node's scope.
func (s Scope) ID() string { return s.id }

// prefix is the only place where the beginning of a key is built.
func (s Scope) prefix(dst []byte) []byte {
	return append(append(dst, s.kind), s.id...)
}
