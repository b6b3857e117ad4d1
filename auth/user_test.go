package auth_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/deskgate/deskgate/auth"
)

func TestEnsure(t *testing.T) {
	h := open(t)
	ctx, users := t.Context(), h.doors.Users
	bob, err := users.Ensure(ctx, h.acme, auth.Person{Email: "BOB@example.com", Name: " Bob "})
	if err != nil {
		t.Fatal(err)
	}
	if bob.Email != "bob@example.com" || bob.Name != "Bob" || !bob.VouchedAt.IsZero() {
		t.Errorf("made %+v", bob)
	}
	again, err := users.Ensure(ctx, h.acme, auth.Person{Email: "bob@example.com", Name: "Robert", ExternalID: "7"})
	if err != nil || again.ID != bob.ID || again.Name != "Bob" || again.ExternalID != "7" {
		t.Errorf("again: %+v, %v: want the same user with the external ID, and nothing else changed", again, err)
	}
	byID, err := users.Ensure(ctx, h.acme, auth.Person{Email: "new@example.com", Name: "New", ExternalID: "7"})
	if err != nil || byID.ID != bob.ID || byID.Email != "bob@example.com" {
		t.Errorf("by external ID: %+v, %v: want bob with his address", byID, err)
	}
	eve, err := users.Ensure(ctx, h.acme, auth.Person{Email: "eve@example.com"})
	if err != nil || eve.Name != "eve" {
		t.Errorf("without a name: %+v, %v", eve, err)
	}
	both, err := users.Ensure(ctx, h.acme, auth.Person{Email: "eve@example.com", ExternalID: "7"})
	if err != nil || both.ID != eve.ID || both.ExternalID != "" {
		t.Errorf("address of one and external ID of another: %+v, %v: want the address to decide", both, err)
	}
	if _, err := users.Ensure(ctx, h.acme, auth.Person{Email: "x", Name: "a\x00", ExternalID: "\x01"}); len(fields(err)) == 0 {
		t.Errorf("bad person: %v", err)
	}

	for what, get := range map[string]func() (auth.User, error){
		"ID":          func() (auth.User, error) { return users.Find(ctx, h.bee, bob.ID) },
		"email":       func() (auth.User, error) { return users.ByEmail(ctx, h.bee, bob.Email) },
		"external ID": func() (auth.User, error) { return users.ByExternalID(ctx, h.bee, "7") },
		"no address":  func() (auth.User, error) { return users.ByEmail(ctx, h.acme, "\x00") },
	} {
		if u, err := get(); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("by %s from the other tenant: %+v, %v", what, u, err)
		}
	}
	if u, err := users.ByEmail(ctx, h.acme, "Bob@EXAMPLE.com"); err != nil || u.ID != bob.ID {
		t.Errorf("by email: %+v, %v", u, err)
	}
	if u, err := users.ByExternalID(ctx, h.acme, "7"); err != nil || u.ID != bob.ID {
		t.Errorf("by external ID: %+v, %v", u, err)
	}
	other, err := users.Ensure(ctx, h.bee, auth.Person{Email: "bob@example.com", Name: "Bob of bee"})
	if err != nil || other.ID == bob.ID {
		t.Errorf("the same address at the other tenant: %+v, %v", other, err)
	}
}

func TestChangeUser(t *testing.T) {
	h := open(t)
	ctx, users := t.Context(), h.doors.Users
	bob, err := users.Ensure(ctx, h.acme, auth.Person{Email: "bob@example.com", Name: "Bob", ExternalID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := users.Ensure(ctx, h.acme, auth.Person{Email: "eve@example.com", Name: "Eve", ExternalID: "2"}); err != nil {
		t.Fatal(err)
	}
	changed, err := users.Change(ctx, h.acme, bob.ID, "operator", func(u *auth.User) error {
		u.Name, u.ExternalID, u.Email, u.ID = "Robert", "", "Robert@example.com", "usr_x"
		return nil
	})
	if err != nil || changed.Name != "Robert" || changed.ExternalID != "" || changed.Email != "robert@example.com" || changed.ID != bob.ID {
		t.Errorf("changed %+v, %v", changed, err)
	}
	_, err = users.Change(ctx, h.acme, bob.ID, "operator", func(u *auth.User) error { u.Email = "eve@example.com"; return nil })
	want(t, "address of another", err, auth.ErrExists)
	_, err = users.Change(ctx, h.acme, bob.ID, "operator", func(u *auth.User) error { u.ExternalID = "2"; return nil })
	want(t, "external ID of another", err, auth.ErrExists)
	_, err = users.Change(ctx, h.bee, bob.ID, "operator", func(*auth.User) error { return nil })
	want(t, "from the other tenant", err, auth.ErrNotFound)
	if _, err = users.Change(ctx, h.acme, bob.ID, "operator", func(u *auth.User) error { u.Name = "a\nb"; return nil }); fields(err) == "" {
		t.Errorf("bad name: %v", err)
	}
}

func TestListUsers(t *testing.T) {
	h := open(t)
	ctx, users := t.Context(), h.doors.Users
	made := map[string]bool{}
	for i := range 7 {
		u, err := users.Ensure(ctx, h.acme, auth.Person{Email: fmt.Sprintf("u%d@example.com", i), ExternalID: strconv.Itoa(i)})
		if err != nil {
			t.Fatal(err)
		}
		made[u.ID] = true
	}
	q, pages := auth.UserQuery{Limit: 3}, 0
	for ; ; pages++ {
		page, err := users.List(ctx, h.acme, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			if !made[u.ID] {
				t.Errorf("%s is listed twice or not ours", u.ID)
			}
			delete(made, u.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if len(made) != 0 || pages != 2 {
		t.Errorf("%d users are missing after %d pages", len(made), pages+1)
	}
	for _, tc := range []struct {
		q auth.UserQuery
		n int
	}{
		{auth.UserQuery{Email: "U3@example.com"}, 1},
		{auth.UserQuery{ExternalID: "4"}, 1},
		{auth.UserQuery{Email: "u3@example.com", ExternalID: "4"}, 0},
		{auth.UserQuery{Email: "nobody@example.com"}, 0},
		{auth.UserQuery{Limit: 100}, 7},
	} {
		if page, err := users.List(ctx, h.acme, tc.q); err != nil || len(page.Users) != tc.n {
			t.Errorf("%+v: %d users, %v, want %d", tc.q, len(page.Users), err, tc.n)
		}
		if page, err := users.List(ctx, h.bee, tc.q); err != nil || len(page.Users) != 0 {
			t.Errorf("%+v at the other tenant: %+v, %v", tc.q, page.Users, err)
		}
	}
	for _, cursor := range []string{"x", "usr_", "usr_\x00", "tok_01ARZ3NDEKTSV4RRFFQ69G5FAV"} {
		if _, err := users.List(ctx, h.acme, auth.UserQuery{Cursor: cursor}); fields(err) == "" {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}
