package tickets

import (
	"bytes"
	"encoding/json"
)

// Optional is a value that may be absent, null or there. It decodes itself from JSON: what is not in the document stays
// absent.
type Optional[T any] struct {
	Present bool
	Null    bool
	Value   T
}

// Set returns the Optional that has v.
func Set[T any](v T) Optional[T] { return Optional[T]{Present: true, Value: v} }

// Clear returns the Optional that is null.
func Clear[T any]() Optional[T] { return Optional[T]{Present: true, Null: true} }

// UnmarshalJSON takes null and whatever T takes. Numbers of no known type are kept as json.Number.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	*o = Optional[T]{Present: true}
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	return dec.Decode(&o.Value)
}

// pointer is nil for null.
func (o Optional[T]) pointer() *T {
	if o.Null {
		return nil
	}
	return &o.Value
}
