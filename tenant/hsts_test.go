package tenant_test

import (
	"testing"

	"github.com/deskgate/deskgate/tenant"
)

func TestHSTS(t *testing.T) {
	h := open(t)
	for _, step := range []struct {
		value string
		want  int
	}{{"365", 365}, {"0", 0}, {"", 1}, {"730", 730}} {
		changed, err := h.tenants.Set(t.Context(), "acme", map[string]string{"hsts_days": step.value})
		if err != nil || changed.Settings.HSTS.Days() != step.want {
			t.Errorf("hsts_days=%q: %d days, %v, want %d", step.value, changed.Settings.HSTS.Days(), err, step.want)
		}
		again, err := h.tenants.Set(t.Context(), "acme", map[string]string{"survey": "off"})
		if err != nil || again.Settings.HSTS.Days() != step.want {
			t.Errorf("hsts_days=%q, read again: %d days, %v, want %d", step.value, again.Settings.HSTS.Days(), err, step.want)
		}
	}
	if bee, _ := h.directory.BySlug("bee"); bee.Settings.HSTS.Days() != 1 {
		t.Errorf("the other tenant has %d days", bee.Settings.HSTS.Days())
	}
	if got := tenant.HSTS(100_000).Days(); got != tenant.MaxHSTSDays {
		t.Errorf("%d days, want %d", got, tenant.MaxHSTSDays)
	}
}
