package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a node knows the zones also where its machine does not
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
)

const (
	// MaxLogo is how many bytes a logo may have.
	MaxLogo = 64 << 10
	// maxWelcome is how many characters the welcome of the portal may have.
	maxWelcome = 1000
)

// Languages are those that the product speaks, the first one being that of tenants who chose none.
func Languages() []string { return []string{"en", "de"} }

// Location is the tenant's time zone.
func (s Settings) Location() *time.Location {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil { // a zone that this machine does not know any more
		return time.UTC
	}
	return zone
}

// brandSettings are what visitors see of the tenant.
func brandSettings() []Setting {
	return []Setting{
		{
			"brand_color", "a colour such as #0b6e4f; empty: Deskgate's own",
			setBrandColor, func(t *Tenant) string { return t.Settings.BrandColor },
		},
		{
			"logo", "empty: none; a logo comes in by the page Settings → General",
			setLogo, func(t *Tenant) string { return t.Settings.Logo },
		},
		choice("language", func(s *Settings) *string { return &s.Language }, Languages()...),
		{
			"time_zone", "a name of the IANA time zone database such as Europe/Berlin",
			setTimeZone, func(t *Tenant) string { return t.Settings.TimeZone },
		},
		{
			"welcome_text", fmt.Sprintf("at most %d characters", maxWelcome),
			setWelcome, func(t *Tenant) string { return t.Settings.WelcomeText },
		},
	}
}

func setBrandColor(t *Tenant, value string) error {
	value = strings.ToLower(strings.TrimSpace(value))
	digits, marked := strings.CutPrefix(value, "#")
	if value != "" && (!marked || len(digits) != 6 || strings.Trim(digits, "0123456789abcdef") != "") {
		return errColor
	}
	t.Settings.BrandColor = value
	return nil
}

// setLogo takes a logo away. Only Registry.SetLogo brings one.
func setLogo(t *Tenant, value string) error {
	if value != "" && value != t.Settings.Logo {
		return errUpload
	}
	t.Settings.Logo = value
	return nil
}

func setTimeZone(t *Tenant, value string) error {
	value = strings.TrimSpace(value)
	if _, err := time.LoadLocation(value); err != nil || value == "Local" {
		return errZone
	}
	t.Settings.TimeZone = value
	return nil
}

func setWelcome(t *Tenant, value string) error {
	value = strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "\n"))
	odd := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if !utf8.ValidString(value) || utf8.RuneCountInString(value) > maxWelcome || strings.ContainsFunc(value, odd) {
		return errText
	}
	t.Settings.WelcomeText = value
	return nil
}

// Logo is the picture that stands for a tenant.
type Logo struct {
	// Sum is what Settings.Logo has of it.
	Sum string `cbor:"1,keyasint"`
	// Type is its media type: image/png, image/jpeg or image/webp.
	Type string `cbor:"2,keyasint"`
	Data []byte `cbor:"3,keyasint"`
}

var logoTable = storage.NewTable(storage.Declaration[Logo]{
	ID: 42, Name: "logos", Key: func(*Logo) storage.Key { return storage.Key(nil).Uint(0) },
})

// Logo returns the tenant's logo, or ErrNotFound.
func (r *Registry) Logo(ctx context.Context, t *Tenant) (Logo, error) {
	var l Logo
	err := r.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		l, err = logoTable.Get(tx, storage.Key(nil).Uint(0))
		return err
	})
	if errors.Is(err, storage.ErrNotFound) || err == nil && l.Sum != t.Settings.Logo {
		return Logo{}, fmt.Errorf("logo of %s: %w", t.Slug, ErrNotFound)
	}
	return l, err
}

// SetLogo gives the tenant a logo. A FieldErrors for "logo" says why it can't be one. The setting "logo", set to nothing, takes it
// away.
func (r *Registry) SetLogo(ctx context.Context, id ID, data []byte) (*Tenant, error) {
	l, err := newLogo(data)
	if err != nil {
		return nil, err
	}
	return r.change(ctx, id, func(tx *storage.Tx, t *Tenant) error {
		t.Settings.Logo = l.Sum
		return logoTable.Put(tx, &l)
	})
}

// newLogo makes sure that a picture is one of the kinds that every browser shows and that run nothing.
func newLogo(data []byte) (Logo, error) {
	if len(data) > MaxLogo {
		return Logo{}, FieldErrors{"logo": {fmt.Sprintf("The logo must not have more than %d KiB.", MaxLogo>>10)}}
	}
	kinds := []struct {
		kind string
		is   bool
	}{
		{"image/png", strings.HasPrefix(string(data), "\x89PNG\r\n\x1a\n")},
		{"image/jpeg", strings.HasPrefix(string(data), "\xff\xd8\xff")},
		{"image/webp", len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"},
	}
	for _, k := range kinds {
		if k.is {
			sum := sha256.Sum256(data)
			return Logo{Sum: hex.EncodeToString(sum[:8]), Type: k.kind, Data: slices.Clone(data)}, nil
		}
	}
	return Logo{}, FieldErrors{"logo": {"The logo must be a PNG, JPEG or WebP picture."}}
}
