package tenant_test

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

func TestRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		before := h.keys(t, h.acme)
		old, _ := before.Current(tenant.KindJWT)
		if len(old.Secret) != 43 {
			t.Errorf("secret %q, want 43 characters", old.Secret)
		}
		time.Sleep(time.Second)
		fresh, err := h.tenants.Rotate(t.Context(), h.acme.ID, tenant.KindJWT, 0)
		if err != nil {
			t.Fatal(err)
		}
		keys := h.keys(t, h.acme)
		valid := keys.Valid(tenant.KindJWT, time.Now())
		if len(valid) != 2 || valid[0].ID != fresh.ID || valid[1].Secret != old.Secret {
			t.Errorf("after the rotation valid are %+v", valid)
		}
		if k, ok := keys.Current(tenant.KindJWT); !ok || k.Secret != fresh.Secret || keys.Secrets()["jwt_secret"] != fresh.Secret {
			t.Errorf("current is %+v, want %+v", k, fresh)
		}
		if k, _ := keys.Current(tenant.KindRedirect); k.Secret != before.Secrets()["redirect_key"] {
			t.Errorf("another kind changed")
		}
		time.Sleep(24 * time.Hour)
		if valid := keys.Valid(tenant.KindJWT, time.Now()); len(valid) != 1 {
			t.Errorf("after the grace valid are %+v", valid)
		}
		if _, ok := keys.Find(tenant.KindJWT, old.ID, time.Now()); ok {
			t.Errorf("the old key is still found after its grace")
		}
		if _, err := h.tenants.Rotate(t.Context(), h.acme.ID, tenant.KindJWT, -1); err != nil {
			t.Fatal(err)
		}
		if valid := h.keys(t, h.acme).Valid(tenant.KindJWT, time.Now()); len(valid) != 1 || valid[0].ID == fresh.ID {
			t.Errorf("after a rotation without grace valid are %+v", valid)
		}
		if other := h.keys(t, h.bee); len(other) != len(tenant.Kinds()) {
			t.Errorf("the other tenant has %d keys", len(other))
		}
	})
}

func (h *house) keys(t *testing.T, of *tenant.Tenant) tenant.Keys {
	t.Helper()
	keys, err := h.tenants.Keys(t.Context(), of.ID)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestImport(t *testing.T) {
	h := open(t)
	if k, err := h.tenants.Import(t.Context(), h.acme.ID, tenant.KindJWT, "kT7#pX2!vQ9$mZ4&\n"); err != nil || k.Secret != "kT7#pX2!vQ9$mZ4&" {
		t.Errorf("Import: %+v, %v", k, err)
	}
	for _, secret := range []string{
		"", "short", "fifteen bytes!!", "your-256-bit-secret", "Change_Me Change.Me", "secretsecretsecret", "changeme-changeme-changeme-changeme", "Pa55w0rd!Pa55w0rd!", "acme-desk-acme-desk-acme", "aaaaaaaaaaaaaaaaaaaaaaaa",
		"ababababababababab", "1234567890123456", "-----BEGIN PUBLIC KEY-----\nMIIB", "{}", `{"kty":"oct","k":"a1Q3I3BYMiF2UTkkbVo0Jg"}`, "a-string-secret-at-least-256-bits-long",
		"changeme-changeme\n\n",
	} {
		_, err := h.tenants.Import(t.Context(), h.acme.ID, tenant.KindJWT, secret)
		if fields, ok := errors.AsType[tenant.FieldErrors](err); !ok || fields["secret"] == nil {
			t.Errorf("Import(%q): %v, want an error of field secret", secret, err)
		}
	}
	if _, err := h.tenants.Import(t.Context(), h.acme.ID, "rsa", "kT7#pX2!vQ9$mZ4&"); err == nil {
		t.Error("Import of an unknown kind: nil, want an error")
	}
	if _, err := h.tenants.Rotate(t.Context(), "NNNNNNNNNNNNNNNNNNNNNNNNNN", tenant.KindJWT, 0); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("Rotate for nobody: %v, want ErrNotFound", err)
	}
}

// Who signs for requesters must not be able to sign for agents.
func TestImportKeepsTheOperatorsSecretApart(t *testing.T) {
	h := open(t)
	const shared, other = "kT7#pX2!vQ9$mZ4&", "bW3!nR8$kL1?hY6*"
	for _, tc := range []struct {
		kind    tenant.Kind
		secret  string
		refused bool
	}{
		{tenant.KindSimpleAuth, shared, false},
		{tenant.KindJWT, shared, false},
		{tenant.KindSimpleAuthOperators, shared, true},
		{tenant.KindSimpleAuthOperators, other, false},
		{tenant.KindSimpleAuthOperators, other, false},
		{tenant.KindRedirect, other, true},
		{tenant.KindSimpleAuth, other, true},
	} {
		_, err := h.tenants.Import(t.Context(), h.acme.ID, tc.kind, tc.secret)
		if _, refused := errors.AsType[tenant.FieldErrors](err); refused != tc.refused || err != nil && !refused {
			t.Errorf("Import(%s, %q): %v, want refused = %v", tc.kind, tc.secret, err, tc.refused)
		}
	}
	if _, err := h.tenants.Import(t.Context(), h.bee.ID, tenant.KindSimpleAuth, other); err != nil {
		t.Errorf("the other tenant's: %v", err)
	}
}

func TestAudit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		for range 3 {
			time.Sleep(time.Second)
			if _, err := h.tenants.As("agent ann").Rotate(t.Context(), h.acme.ID, tenant.KindRedirect, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.tenants.Log(t.Context(), h.acme.ID, tenant.Event{Actor: "system", Action: "odd", Detail: "bad \xff text"}); err != nil {
			t.Fatal(err)
		}
		var actions []string
		cursor := ""
		for {
			page, err := h.tenants.Audit(t.Context(), h.acme.ID, cursor, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				actions = append(actions, e.Actor+" "+e.Action)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		want := []string{"system odd", "agent ann key.rotated", "agent ann key.rotated", "agent ann key.rotated", "operator tenant.created"}
		if len(actions) != len(want) {
			t.Fatalf("audit log %q, want %q", actions, want)
		}
		for i := range want {
			if actions[i] != want[i] && i > 1 {
				t.Errorf("audit log %q, want %q", actions, want)
			}
		}
		if page, err := h.tenants.Audit(t.Context(), h.bee.ID, "", 0); err != nil || len(page.Events) != 1 {
			t.Errorf("the other tenant's audit log: %+v, %v", page, err)
		}
		if _, err := h.tenants.Audit(t.Context(), h.bee.ID, "!!", 0); err == nil {
			t.Error("a broken cursor: nil, want an error")
		}
	})
}

// The audit log does not grow without bounds.
func TestAuditLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		count := func() (n int) {
			t.Helper()
			for cursor := ""; ; {
				page, err := h.tenants.Audit(t.Context(), h.acme.ID, cursor, 100)
				if err != nil {
					t.Fatal(err)
				}
				n += len(page.Events)
				if cursor = page.Next; cursor == "" {
					return n
				}
			}
		}
		for i := range 1203 {
			if err := h.tenants.Log(t.Context(), h.acme.ID, tenant.Event{Actor: "system", Action: "odd", Object: strconv.Itoa(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.tenants.TrimAudit(t.Context(), h.acme.ID, 10); err != nil {
			t.Fatal(err)
		}
		if n := count(); n != 10 {
			t.Errorf("%d events after the log was cut to 10", n)
		}
		page, err := h.tenants.Audit(t.Context(), h.bee.ID, "", 0)
		if err != nil || len(page.Events) != 1 {
			t.Errorf("the other tenant has %+v, %v", page.Events, err)
		}
	})
}
