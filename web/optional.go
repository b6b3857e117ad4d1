package web

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/deskgate/deskgate/tickets"
)

// optional is a field of a JSON body that may be absent, null or there. Unlike tickets.Optional it is read as strictly as
// the body around it.
type optional[T any] struct {
	present, null bool
	value         T
}

// UnmarshalJSONFrom reads the field's value.
func (o *optional[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	o.present = true
	if d.PeekKind() == 'n' {
		o.null = true
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, &o.value)
}

// field is the same as the help desk takes it.
func (o optional[T]) field() tickets.Optional[T] {
	return tickets.Optional[T]{Present: o.present, Null: o.null, Value: o.value}
}

// given reports whether there is a value.
func (o optional[T]) given() bool { return o.present && !o.null }

// ticketRef is the ID or the number of a ticket, the number as a text or as a number.
type ticketRef string

// UnmarshalJSONFrom reads either.
func (t *ticketRef) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '0' {
		return json.UnmarshalDecode(d, (*string)(t))
	}
	v, err := d.ReadValue()
	*t = ticketRef(v)
	return err
}
