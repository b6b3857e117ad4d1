package auth_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

func TestReading(t *testing.T) {
	h, ctx := open(t), t.Context()
	readers := h.doors.Readers
	user, err := h.doors.Users.Ensure(ctx, h.acme, auth.Person{Email: "zoe@example.com", Name: "Zoe", Locale: "de-AT"})
	if err != nil {
		t.Fatal(err)
	}
	is := func(tn *tenant.Tenant, want auth.Reading) {
		t.Helper()
		got, err := readers.Find(ctx, tn, user.ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("Find: %v (-want +got)\n%s", err, diff)
		}
	}
	is(h.acme, auth.Reading{Locale: "de-AT"})
	for _, wrong := range [][2]string{{"fr", ""}, {"", "Mars/Olympus"}, {"", "Local"}, {"", "../../etc/passwd"}} {
		err := readers.Set(ctx, h.acme, user.ID, wrong[0], wrong[1])
		if _, refused := errors.AsType[tenant.FieldErrors](err); !refused {
			t.Errorf("Set(%q) = %v, want what is wrong with the field", wrong, err)
		}
	}
	want(t, "choose", readers.Set(ctx, h.acme, user.ID, "en", "Europe/Berlin"), nil)
	is(h.acme, auth.Reading{ID: user.ID, Language: "en", Zone: "Europe/Berlin", Locale: "de-AT"})
	is(h.bee, auth.Reading{})
	want(t, "choose nothing", readers.Set(ctx, h.acme, user.ID, "", ""), nil)
	is(h.acme, auth.Reading{Locale: "de-AT"})

	want(t, "choose again", readers.Set(ctx, h.acme, user.ID, "de", ""), nil)
	for range 2 {
		err := h.store.Update(ctx, h.acme.Scope(), func(tx *storage.Tx) error { return auth.ForgetReading(tx, user.ID) })
		want(t, "forget", err, nil)
	}
	is(h.acme, auth.Reading{Locale: "de-AT"})
}
