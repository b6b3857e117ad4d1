package storage_test

import (
	"testing"

	"github.com/deskgate/deskgate/storage"
)

type base struct {
	A string `cbor:"1,keyasint"`
}

type (
	apart    struct{ A, B string }
	inner    struct{ Deep []map[string]*clash }
	embedded struct {
		base

		B string `cbor:"1,keyasint"`
	}
	clash struct {
		A string `cbor:"1,keyasint"`
		B string `cbor:"1,keyasint,omitempty"`
	}
	nested struct {
		Base base   `cbor:"1,keyasint"`
		B    string `cbor:"2,keyasint"`
	}
)

// TestFieldNumbers: two fields under one number would both be lost, without a word.
func TestFieldNumbers(t *testing.T) {
	if !panics(declare[clash]) || !panics(declare[inner]) || !panics(declare[embedded]) {
		t.Error("a record with two fields under one number is taken")
	}
	if panics(declare[nested]) || panics(declare[apart]) {
		t.Error("a record whose fields have numbers of their own is refused")
	}
}

func declare[T any]() {
	storage.NewTable(storage.Declaration[T]{ID: 999, Name: "trial", Key: func(*T) storage.Key { return storage.Key(nil).Uint(0) }})
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
