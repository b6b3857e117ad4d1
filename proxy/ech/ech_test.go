package ech_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/proxy/ech"
	"github.com/deskgate/deskgate/storage/storagetest"
)

// quarter is how long a key is handed out.
const quarter = 90 * 24 * time.Hour

// A key that was published is known for as long as it is taken, whatever stands beside it; one under another name is not.
func TestTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storagetest.Open(t)
		k, err := ech.New(store, "tickets.example")
		if err != nil {
			t.Fatal(err)
		}
		other, err := ech.New(store, "elsewhere.example")
		if err != nil {
			t.Fatal(err)
		}
		list, until, err := k.List()
		if err != nil {
			t.Fatal(err)
		}
		foreign, _, err := other.List()
		if err != nil {
			t.Fatal(err)
		}
		both := append(slices.Clone(foreign), list[2:]...) // its length is not looked at
		want := func(what string, list []byte, known bool) {
			t.Helper()
			if got, ok := k.Taken(list); ok != known || known && !got.Equal(until) {
				t.Errorf("%s: %t until %s, want %t until %s", what, ok, got, known, until)
			}
		}
		want("its own", list, true)
		want("two", both, true)
		for what, l := range map[string][]byte{"another's": foreign, "none": nil, "no list": {0}, "cut": list[:len(list)-1], "too long": {0, 4, 0xfe, 0x0d, 0xff, 0xff}} {
			want(what, l, false)
		}
		time.Sleep(time.Until(until.Add(-quarter)) + time.Second) // to the next one
		if next, _, err := k.List(); err != nil || bytes.Equal(next, list) {
			t.Fatal("the key is the same", err)
		}
		want("the one before", list, true)
	})
}
