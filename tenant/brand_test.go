package tenant_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
)

func TestBrandSettings(t *testing.T) {
	for _, tc := range []struct{ key, value, want string }{
		{"brand_color", " #0B6E4F ", "#0b6e4f"},
		{"brand_color", "", ""},
		{"language", "de", "de"},
		{"language", "", "en"},
		{"time_zone", "Europe/Berlin", "Europe/Berlin"},
		{"time_zone", "", "UTC"},
		{"welcome_text", " Hello\r\nthere ", "Hello\nthere"},
		{"logo", "", ""},
	} {
		s, err := tenant.Settings{}.With(tc.key, tc.value)
		if err != nil {
			t.Errorf("With(%s, %q): %v", tc.key, tc.value, err)
			continue
		}
		for _, k := range tenant.AllSettings() {
			if got := k.Value(&tenant.Tenant{Settings: s}); k.Key == tc.key && got != tc.want {
				t.Errorf("With(%s, %q) = %q, want %q", tc.key, tc.value, got, tc.want)
			}
		}
	}
	for key, values := range map[string][]string{
		"brand_color":  {"red", "#12345", "#12345g", "0b6e4f", "#0b6e4f; color: red"},
		"language":     {"fr", "EN"},
		"time_zone":    {"Mars/Olympus", "Local", "../etc/passwd", "CET+1"},
		"welcome_text": {strings.Repeat("a", 1001), "a\x00b", "\xff"},
		"logo":         {"0123456789abcdef"},
	} {
		for _, value := range values {
			if _, err := (tenant.Settings{}).With(key, value); err == nil {
				t.Errorf("With(%s, %q) is taken", key, value)
			}
		}
	}
}

func TestLogo(t *testing.T) {
	h := open(t)
	acme, bolt := h.acme, h.bee
	png := []byte("\x89PNG\r\n\x1a\nwhatever")
	branded, err := h.tenants.SetLogo(t.Context(), acme.ID, png)
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.tenants.Logo(t.Context(), branded)
	if err != nil || l.Type != "image/png" || string(l.Data) != string(png) || l.Sum != branded.Settings.Logo || l.Sum == "" {
		t.Errorf("Logo = %+v, %v", l, err)
	}
	if _, err := h.tenants.Logo(t.Context(), bolt); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("the other tenant's logo: %v", err)
	}
	for _, bad := range []string{"", "<svg xmlns='http://www.w3.org/2000/svg'/>", "GIF89a", "RIFF", strings.Repeat("\x89PNG\r\n\x1a\n", tenant.MaxLogo/8+1)} {
		_, err := h.tenants.SetLogo(t.Context(), acme.ID, []byte(bad))
		if _, refused := errors.AsType[tenant.FieldErrors](err); !refused {
			t.Errorf("SetLogo of %d bytes: %v", len(bad), err)
		}
	}
	plain, err := h.tenants.Set(t.Context(), "acme", map[string]string{"logo": ""})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.tenants.Logo(t.Context(), plain); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("a logo that was taken away: %v", err)
	}
}
