package storage

import (
	binary "encoding"
	"reflect"
	"strings"
)

// checkFields panics if two fields of a record, or of a struct inside it, are stored under one number: the encoding would
// silently leave out both.
func checkFields(table string, record reflect.Type) {
	checkStruct(table, record, map[reflect.Type]bool{})
}

func checkStruct(table string, t reflect.Type, seen map[reflect.Type]bool) {
	for k := t.Kind(); k == reflect.Pointer || k == reflect.Slice || k == reflect.Array || k == reflect.Map; k = t.Kind() {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] || t.Implements(reflect.TypeFor[binary.BinaryMarshaler]()) {
		return
	}
	seen[t] = true
	numbers := map[string]string{}
	for f := range storedFields(t) {
		number, _, _ := strings.Cut(f.Tag.Get("cbor"), ",")
		if number == "-" {
			continue
		}
		if other, taken := numbers[number]; taken && number != "" {
			panic("storage: table " + table + ": " + t.String() + " keeps " + other + " and " + f.Name + " under number " + number)
		}
		numbers[number] = f.Name
		checkStruct(table, f.Type, seen)
	}
}

// storedFields are the fields of a struct as they are encoded: those of an embedded struct without a number are its own.
func storedFields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			inlined := f.Anonymous && f.Tag.Get("cbor") == ""
			if f.IsExported() && !inlined && (len(f.Index) == 1 || promoted(t, f.Index)) && !yield(f) {
				return
			}
		}
	}
}

// promoted says whether all structs on the way to a field are inlined.
func promoted(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		if f := t.FieldByIndex(index[:i]); !f.Anonymous || f.Tag.Get("cbor") != "" {
			return false
		}
	}
	return true
}
