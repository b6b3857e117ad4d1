package tenant

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unsigned says what a redirect login without a proof is worth.
type Unsigned string

// OriginMode says what happens to a browser's redirect login from an origin that is not listed.
type OriginMode string

// ExternalRedirect says what becomes of a redirect_url outside the tenant's own hosts.
type ExternalRedirect string

// SecondFactor says whether the tenant's staff need more than a password.
type SecondFactor string

// Survey says whether requesters rate the help that they got.
type Survey string

// Switch says whether something is done.
type Switch string

// MailSignIn says whether requesters may sign in by a code that is mailed to them.
type MailSignIn string

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

	SurveyOn  Survey = "on"
	SurveyOff Survey = "off"

	SecondFactorOptional SecondFactor = "optional"
	SecondFactorRequired SecondFactor = "required"

	On  Switch = "on"
	Off Switch = "off"

	// MailSignInAuto: on, unless the tenant demands a partner's proof of whoever comes.
	MailSignInAuto MailSignIn = "auto"
	MailSignInOn   MailSignIn = "on"
	MailSignInOff  MailSignIn = "off"

	SameSiteNone CookieSameSite = "none"
	SameSiteLax  CookieSameSite = "lax"
)

const (
	maxOrigins      = 100
	maxReminderDays = 90
)

// Settings are what a tenant may choose. A Settings that Registry or Directory hands out has no empty choice: defaults are
// filled in. The slices are shared and must not be changed.
type Settings struct {
	// AllowedOrigins are the canonical origins of the partner's pages.
	AllowedOrigins   []string         `cbor:"1,keyasint,omitempty" json:"allowed_origins"`
	Unsigned         Unsigned         `cbor:"2,keyasint,omitempty" json:"unsigned"`
	OriginMode       OriginMode       `cbor:"3,keyasint,omitempty" json:"origin_mode"`
	ExternalRedirect ExternalRedirect `cbor:"4,keyasint,omitempty" json:"external_redirect"`
	// PrimaryHost is the host that URLs are made with, empty: the first custom domain that is fit for it.
	PrimaryHost Host `cbor:"5,keyasint,omitempty" json:"primary_host"`
	// SimpleAuthOperators lets agents sign in by SimpleAuth.
	SimpleAuthOperators bool `cbor:"6,keyasint,omitempty" json:"simpleauth_operators"`
	// AdminFolder is the first path element of the operators' SimpleAuth.
	AdminFolder    string         `cbor:"7,keyasint,omitempty" json:"admin_folder"`
	CookieSameSite CookieSameSite `cbor:"8,keyasint,omitempty" json:"cookie_samesite"`
	// APIRequestsPerMinute is the limit of one token.
	APIRequestsPerMinute int `cbor:"9,keyasint,omitempty" json:"api_requests_per_minute"`
	// RedirectRequestsPerHour is the limit of one IP address at the redirect login.
	RedirectRequestsPerHour int `cbor:"10,keyasint,omitempty" json:"redirect_requests_per_hour"`
	// AutoCloseDays is how long a resolved ticket waits before it is closed.
	AutoCloseDays int `cbor:"11,keyasint,omitempty" json:"auto_close_days"`
	// AttachmentMiB is the largest attachment.
	AttachmentMiB int `cbor:"12,keyasint,omitempty" json:"attachment_mib"`
	// Survey says whether requesters are asked how they were helped.
	Survey Survey `cbor:"60,keyasint,omitempty" json:"survey"`
	// AutoCloseReminderDays is how many days before a resolved ticket is closed its requester is told; 0: they are not.
	AutoCloseReminderDays int `cbor:"61,keyasint,omitempty" json:"auto_close_reminder_days"`
	// AttachmentQuotaMiB is what all of the tenant's attachments may have together. It is the operator's to change.
	AttachmentQuotaMiB int `cbor:"80,keyasint,omitempty" json:"attachment_quota_mib"`
	// UploadsPerHour is how many files one requester may upload.
	UploadsPerHour int `cbor:"81,keyasint,omitempty" json:"uploads_per_hour"`
	// TicketsPerHour and CommentsPerHour are how many requests and messages may come from one address, of all together whose own address
	// is not confirmed. Somebody who is confirmed may write five times as many.
	TicketsPerHour  int `cbor:"90,keyasint,omitempty" json:"tickets_per_hour"`
	CommentsPerHour int `cbor:"91,keyasint,omitempty" json:"comments_per_hour"`
	// StaffSecondFactor says whether staff who sign in with a password have to show more.
	StaffSecondFactor SecondFactor `cbor:"14,keyasint,omitempty" json:"staff_second_factor"`
	// OIDCIssuer is the provider at which staff may sign in, empty: there is none. OIDCClientID is who we are there.
	OIDCIssuer   string `cbor:"20,keyasint,omitempty" json:"oidc_issuer"`
	OIDCClientID string `cbor:"21,keyasint,omitempty" json:"oidc_client_id"`
	// OIDCDomains are the domains of addresses whose owners become agents when they first come from the provider.
	OIDCDomains []string `cbor:"22,keyasint,omitempty" json:"oidc_domains"`
	// JWKSURL is where the partner publishes the keys of its JWTs. While it is set, no shared secret counts for them.
	JWKSURL string `cbor:"13,keyasint,omitempty" json:"jwt_jwks_url"`
	// RequesterMail says whether requesters are told by mail what becomes of their requests.
	RequesterMail Switch `cbor:"64,keyasint,omitempty" json:"requester_mail"`
	// WaitingReminderDays is after how many days requesters are reminded of a request that waits for them; 0: they are not.
	WaitingReminderDays int `cbor:"65,keyasint,omitempty" json:"waiting_reminder_days"`
	// BrandColor is what the portal's buttons and links are drawn in, as #rrggbb; empty: our own.
	BrandColor string `cbor:"30,keyasint,omitempty" json:"brand_color"`
	// Logo names the picture that Registry.Logo has, empty: there is none. It is another one for another picture.
	Logo string `cbor:"31,keyasint,omitempty" json:"logo"`
	// Language is the one of Languages that people are addressed in of whom nothing better is known.
	Language string `cbor:"32,keyasint,omitempty" json:"language"`
	// TimeZone is where the tenant's people are, by its IANA name. See Location.
	TimeZone string `cbor:"33,keyasint,omitempty" json:"time_zone"`
	// MailSignIn says whether requesters may sign in by a code. See SignsInByMail.
	MailSignIn MailSignIn `cbor:"100,keyasint,omitempty" json:"mail_sign_in"`
	// HSTS is the operator's to change.
	HSTS HSTS `cbor:"95,keyasint,omitempty" json:"hsts_days"`
	// CompanyView says whether requesters read the tickets of others in their organization.
	CompanyView Switch `cbor:"110,keyasint,omitempty" json:"company_view"`
	// DomainTickets says whether trouble with the tenant's own domains opens tickets in its desk.
	DomainTickets Switch `cbor:"120,keyasint,omitempty" json:"domain_tickets"`
	// WelcomeText stands at the head of the portal: plain text, of several lines maybe.
	WelcomeText string `cbor:"34,keyasint,omitempty" json:"welcome_text"`
}

// AutoClose is AutoCloseDays as a duration.
func (s Settings) AutoClose() time.Duration { return time.Duration(s.AutoCloseDays) * 24 * time.Hour }

// SignsInByMail says whether requesters may sign in by a code that is mailed to them.
func (s Settings) SignsInByMail() bool {
	return s.MailSignIn == MailSignInOn || s.MailSignIn != MailSignInOff && s.Unsigned != UnsignedSigned
}

// AsksForRatings says whether requesters rate the help that they got.
func (s Settings) AsksForRatings() bool { return s.Survey != SurveyOff }

// AttachmentLimit is AttachmentMiB in bytes.
func (s Settings) AttachmentLimit() int64 { return int64(s.withDefaults().AttachmentMiB) << 20 }

// AttachmentQuota is AttachmentQuotaMiB in bytes.
func (s Settings) AttachmentQuota() int64 { return int64(s.withDefaults().AttachmentQuotaMiB) << 20 }

// withDefaults fills in what was never chosen.
func (s Settings) withDefaults() Settings {
	if s.AllowedOrigins == nil {
		s.AllowedOrigins = []string{}
	}
	if s.OIDCDomains == nil {
		s.OIDCDomains = []string{}
	}
	fill(&s.Unsigned, UnsignedOpen)
	fill(&s.OriginMode, OriginConfirm)
	fill(&s.ExternalRedirect, ExternalLink)
	fill(&s.MailSignIn, MailSignInAuto)
	fill(&s.CookieSameSite, SameSiteNone)
	fill(&s.StaffSecondFactor, SecondFactorOptional)
	fill(&s.AdminFolder, "admin")
	fill(&s.APIRequestsPerMinute, 600)
	fill(&s.RedirectRequestsPerHour, 60)
	fill(&s.AutoCloseDays, 7)
	fill(&s.Survey, SurveyOn)
	fill(&s.CompanyView, Off)
	fill(&s.DomainTickets, On)
	fill(&s.AttachmentMiB, 25)
	fill(&s.RequesterMail, On)
	fill(&s.Language, Languages()[0])
	fill(&s.TimeZone, "UTC")
	fill(&s.AttachmentQuotaMiB, 20<<10)
	fill(&s.UploadsPerHour, 100)
	fill(&s.TicketsPerHour, 20)
	fill(&s.CommentsPerHour, 60)
	return s
}

func fill[V comparable](v *V, standard V) {
	var none V
	if *v == none {
		*v = standard
	}
}

// Setting is one key that `tenant set` takes.
type Setting struct {
	Key string
	// Allowed says for people what values it takes. An empty value always means: back to the default.
	Allowed string

	set func(*Tenant, string) error
	get func(*Tenant) string
}

// Value is the setting's value as Set would take it.
func (k Setting) Value(t *Tenant) string { return k.get(t) }

// AllSettings are the settings in the order of the manual; the tenant's name is the first.
func AllSettings() []Setting {
	all := []Setting{
		{"name", fmt.Sprintf("1 to %d characters", maxName), setName, func(t *Tenant) string { return t.Name }},
		{
			"allowed_origins", "origins such as https://www.example.com, with commas between them",
			setOrigins, func(t *Tenant) string { return strings.Join(t.Settings.AllowedOrigins, ",") },
		},
		choice("unsigned", func(s *Settings) *Unsigned { return &s.Unsigned }, UnsignedOpen, UnsignedConfirm, UnsignedSigned),
		choice("mail_sign_in", func(s *Settings) *MailSignIn { return &s.MailSignIn }, MailSignInAuto, MailSignInOn, MailSignInOff),
		choice("origin_mode", func(s *Settings) *OriginMode { return &s.OriginMode }, OriginConfirm, OriginEnforce),
		choice("external_redirect", func(s *Settings) *ExternalRedirect { return &s.ExternalRedirect },
			ExternalLink, ExternalFollow, ExternalStrict),
		{
			"primary_host", "one of the tenant's verified hosts",
			setPrimaryHost, func(t *Tenant) string { return string(t.Settings.PrimaryHost) },
		},
		{
			"simpleauth_operators", "true or false",
			setOperators, func(t *Tenant) string { return strconv.FormatBool(t.Settings.SimpleAuthOperators) },
		},
		{
			"admin_folder", "1 to 32 of a-z, 0-9, - and _, and not a word that the product uses itself",
			setAdminFolder, func(t *Tenant) string { return t.Settings.AdminFolder },
		},
		{
			"jwt_jwks_url", "an https URL whose JSON has the partner's public keys; empty for none",
			setJWKSURL, func(t *Tenant) string { return t.Settings.JWKSURL },
		},
		choice("staff_second_factor", func(s *Settings) *SecondFactor { return &s.StaffSecondFactor },
			SecondFactorOptional, SecondFactorRequired),
		choice("cookie_samesite", func(s *Settings) *CookieSameSite { return &s.CookieSameSite }, SameSiteNone, SameSiteLax),
		number("api_requests_per_minute", func(s *Settings) *int { return &s.APIRequestsPerMinute }, 1_000_000),
		number("redirect_requests_per_hour", func(s *Settings) *int { return &s.RedirectRequestsPerHour }, 1_000_000),
		number("auto_close_days", func(s *Settings) *int { return &s.AutoCloseDays }, 3650),
		{
			"auto_close_reminder_days", "a whole number from 0, which is none, to 30, and less than auto_close_days",
			setReminder, func(t *Tenant) string { return strconv.Itoa(t.Settings.AutoCloseReminderDays) },
		},
		choice("survey", func(s *Settings) *Survey { return &s.Survey }, SurveyOn, SurveyOff),
		choice("company_view", func(s *Settings) *Switch { return &s.CompanyView }, Off, On),
		choice("domain_tickets", func(s *Settings) *Switch { return &s.DomainTickets }, On, Off),
		number("attachment_mib", func(s *Settings) *int { return &s.AttachmentMiB }, 1024),
		number("attachment_quota_mib", func(s *Settings) *int { return &s.AttachmentQuotaMiB }, 100<<20),
		number("uploads_per_hour", func(s *Settings) *int { return &s.UploadsPerHour }, 1_000_000),
		number("tickets_per_hour", func(s *Settings) *int { return &s.TicketsPerHour }, 1_000_000),
		number("comments_per_hour", func(s *Settings) *int { return &s.CommentsPerHour }, 1_000_000),
		hstsSetting(),
		choice("requester_mail", func(s *Settings) *Switch { return &s.RequesterMail }, On, Off),
		{
			"waiting_reminder_days", fmt.Sprintf("a whole number from 0 (never) to %d", maxReminderDays),
			setWaiting, func(t *Tenant) string { return strconv.Itoa(t.Settings.WaitingReminderDays) },
		},
		{
			"oidc_issuer", "the issuer as the provider's discovery document has it, such as https://login.example.com",
			setOIDCIssuer, func(t *Tenant) string { return t.Settings.OIDCIssuer },
		},
		{
			"oidc_client_id", fmt.Sprintf("1 to %d printable ASCII characters", maxClientID),
			setOIDCClientID, func(t *Tenant) string { return t.Settings.OIDCClientID },
		},
		{
			"oidc_domains", "domains of email addresses such as example.com, with commas between them",
			setOIDCDomains, func(t *Tenant) string { return strings.Join(t.Settings.OIDCDomains, ",") },
		},
	}
	return slices.Insert(all, 1, brandSettings()...)
}

// With returns the settings with one changed; an empty value takes it back to its default. A FieldErrors that lists what is
// allowed says why not.
func (s Settings) With(key, value string) (Settings, error) {
	t := Tenant{Name: "a name", Settings: s}
	err := t.set(key, value)
	return t.Settings, err
}

// set changes one setting, or the name.
func (t *Tenant) set(key, value string) error {
	all := AllSettings()
	i := slices.IndexFunc(all, func(k Setting) bool { return k.Key == key })
	if i < 0 {
		keys := make([]string, len(all))
		for i, k := range all {
			keys[i] = k.Key
		}
		return FieldErrors{key: {"There is no such setting. Allowed are " + strings.Join(keys, ", ") + "."}}
	}
	if err := all[i].set(t, value); err != nil {
		return FieldErrors{key: {fmt.Sprintf("%q is not allowed (%s): %s.", value, err.Error(), all[i].Allowed)}}
	}
	t.Settings = t.Settings.withDefaults()
	return nil
}

func setName(t *Tenant, value string) error {
	name, err := cleanName(value)
	if err == nil {
		t.Name = name
	}
	return err
}

func choice[V ~string](key string, field func(*Settings) *V, allowed ...V) Setting {
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return Setting{
		Key: key, Allowed: strings.Join(words, ", "),
		get: func(t *Tenant) string { return string(*field(&t.Settings)) },
		set: func(t *Tenant, value string) error {
			if value != "" && !slices.Contains(allowed, V(value)) {
				return errOneOf
			}
			*field(&t.Settings) = V(value)
			return nil
		},
	}
}

func number(key string, field func(*Settings) *int, most int) Setting {
	return Setting{
		Key: key, Allowed: fmt.Sprintf("a whole number from 1 to %d", most),
		get: func(t *Tenant) string { return strconv.Itoa(*field(&t.Settings)) },
		set: func(t *Tenant, value string) error {
			if value == "" {
				*field(&t.Settings) = 0
				return nil
			}
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > most {
				return errNumber
			}
			*field(&t.Settings) = n
			return nil
		},
	}
}

func setWaiting(t *Tenant, value string) error {
	n, err := strconv.Atoi(cmp.Or(value, "0"))
	if err != nil || n < 0 || n > maxReminderDays {
		return errNumber
	}
	t.Settings.WaitingReminderDays = n
	return nil
}

func setOrigins(t *Tenant, value string) error {
	origins := []string{}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		o, err := ParseOrigin(part)
		if err != nil {
			return err
		}
		if !slices.Contains(origins, o) {
			origins = append(origins, o)
		}
	}
	if len(origins) > maxOrigins {
		return fmt.Errorf("more than %d", maxOrigins)
	}
	t.Settings.AllowedOrigins = origins
	return nil
}

func setReminder(t *Tenant, value string) error {
	const most = 30
	if value == "" {
		value = "0"
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > most {
		return errNumber
	}
	t.Settings.AutoCloseReminderDays = n
	return nil
}

func setPrimaryHost(t *Tenant, value string) error {
	if value == "" {
		t.Settings.PrimaryHost = ""
		return nil
	}
	h, err := ParseHost(value)
	if err != nil {
		return err
	}
	t.Settings.PrimaryHost = h
	return nil
}

func setOperators(t *Tenant, value string) error {
	if value != "" && value != "true" && value != "false" {
		return errOneOf
	}
	t.Settings.SimpleAuthOperators = value == "true"
	return nil
}

func setJWKSURL(t *Tenant, value string) error {
	const longest = 500
	u, err := url.Parse(value)
	web := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.Fragment == ""
	if value != "" && (!web || len(value) > longest) {
		return errURL
	}
	t.Settings.JWKSURL = value
	return nil
}

func setAdminFolder(t *Tenant, value string) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	switch {
	case len(value) > 32 || strings.Trim(value, letters) != "":
		return errFolder
	case value != "admin" && slices.Contains(ownPaths(), value):
		return errTaken
	}
	t.Settings.AdminFolder = value
	return nil
}
