package tenant

import "time"

// Unsigned says what a redirect login without a proof is worth.
type Unsigned string

// OriginMode says what happens to a browser's redirect login from an origin that is not listed.
type OriginMode string

// ExternalRedirect says what becomes of a redirect_url outside the tenant's own hosts.
type ExternalRedirect string

// CookieSameSite is the SameSite attribute of requesters' session cookies.
type CookieSameSite string

// The values of the settings; the first of each group is the default.
const (
	UnsignedOpen    Unsigned = "open"
	UnsignedConfirm Unsigned = "confirm"
	UnsignedSigned  Unsigned = "signed"

	OriginConfirm OriginMode = "confirm"
	OriginEnforce OriginMode = "enforce"

	ExternalLink   ExternalRedirect = "link"
	ExternalFollow ExternalRedirect = "follow"
	ExternalStrict ExternalRedirect = "strict"

	SameSiteNone CookieSameSite = "none"
	SameSiteLax  CookieSameSite = "lax"
)

// Settings are what a tenant may choose. A Settings that Registry or Directory hands out has no empty choice: defaults are
// filled in. The slices are shared and must not be changed.
type Settings struct {
	// AllowedOrigins are the canonical origins of the partner's pages.
	AllowedOrigins   []string         `cbor:"1,keyasint,omitempty"`
	Unsigned         Unsigned         `cbor:"2,keyasint,omitempty"`
	OriginMode       OriginMode       `cbor:"3,keyasint,omitempty"`
	ExternalRedirect ExternalRedirect `cbor:"4,keyasint,omitempty"`
	// PrimaryHost is the host that URLs are made with, empty: the first custom domain that is fit for it.
	PrimaryHost Host `cbor:"5,keyasint,omitempty"`
	// SimpleAuthOperators lets agents sign in by SimpleAuth.
	SimpleAuthOperators bool `cbor:"6,keyasint,omitempty"`
	// AdminFolder is the first path element of the operators' SimpleAuth.
	AdminFolder    string         `cbor:"7,keyasint,omitempty"`
	CookieSameSite CookieSameSite `cbor:"8,keyasint,omitempty"`
	// APIRequestsPerMinute is the limit of one token.
	APIRequestsPerMinute int `cbor:"9,keyasint,omitempty"`
	// RedirectRequestsPerHour is the limit of one IP address at the redirect login.
	RedirectRequestsPerHour int `cbor:"10,keyasint,omitempty"`
	// AutoCloseDays is how long a resolved ticket waits before it is closed.
	AutoCloseDays int `cbor:"11,keyasint,omitempty"`
	// AttachmentMiB is the largest attachment.
	AttachmentMiB int `cbor:"12,keyasint,omitempty"`
}

// Setting is one key that `tenant set` takes.
type Setting struct {
	Key     string
	Allowed string // what values it takes, for people
	Value   func(*Tenant) string
}

// AllSettings are the settings in the order of the manual; the tenant's name is the first.
func AllSettings() []Setting { panic("not yet") }

// With returns the settings with one changed. A FieldErrors that lists what is allowed says why not.
func (s Settings) With(key, value string) (Settings, error) { panic("not yet") }

// AutoClose is AutoCloseDays as a duration.
func (s Settings) AutoClose() time.Duration { return time.Duration(s.AutoCloseDays) * 24 * time.Hour }
