package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tenant"
)

// tenantDocument is the tenant in the API. No secret is in it.
type tenantDocument struct {
	ID       string           `json:"id"`
	Slug     string           `json:"slug"`
	Name     string           `json:"name"`
	URL      string           `json:"url"`
	Hosts    []tenant.Host    `json:"hosts"`
	Settings settingsDocument `json:"settings"`
}

// settingsDocument is what a tenant may choose.
type settingsDocument struct {
	AllowedOrigins          []string                `json:"allowed_origins"`
	Unsigned                tenant.Unsigned         `json:"unsigned"`
	MailSignIn              tenant.MailSignIn       `json:"mail_sign_in"`
	OriginMode              tenant.OriginMode       `json:"origin_mode"`
	ExternalRedirect        tenant.ExternalRedirect `json:"external_redirect"`
	PrimaryHost             *string                 `json:"primary_host"`
	SimpleAuthOperators     bool                    `json:"simpleauth_operators"`
	AdminFolder             string                  `json:"admin_folder"`
	StaffSecondFactor       tenant.SecondFactor     `json:"staff_second_factor"`
	CookieSameSite          tenant.CookieSameSite   `json:"cookie_samesite"`
	JWKSURL                 *string                 `json:"jwt_jwks_url"`
	APIRequestsPerMinute    int                     `json:"api_requests_per_minute"`
	OIDCIssuer              *string                 `json:"oidc_issuer"`
	OIDCClientID            *string                 `json:"oidc_client_id"`
	OIDCDomains             []string                `json:"oidc_domains"`
	AttachmentMiB           int                     `json:"attachment_mib"`
	RedirectRequestsPerHour int                     `json:"redirect_requests_per_hour"`
	BrandColor              *string                 `json:"brand_color"`
	LogoURL                 *string                 `json:"logo_url"`
	Language                string                  `json:"language"`
	TimeZone                string                  `json:"time_zone"`
	WelcomeText             *string                 `json:"welcome_text"`
	AutoCloseDays           int                     `json:"auto_close_days"`
	AutoCloseReminderDays   int                     `json:"auto_close_reminder_days"`
	Survey                  tenant.Survey           `json:"survey"`
	CompanyView             tenant.Switch           `json:"company_view"`
	DomainTickets           tenant.Switch           `json:"domain_tickets"`
	RequesterMail           tenant.Switch           `json:"requester_mail"`
	WaitingReminderDays     int                     `json:"waiting_reminder_days"`
}

func (s *Server) tenantDocument(t *tenant.Tenant) tenantDocument {
	set := t.Settings
	return tenantDocument{
		ID: string(t.ID), Slug: t.Slug, Name: t.Name, URL: s.directory.PrimaryURL(t), Hosts: s.directory.Hosts(t),
		Settings: settingsDocument{
			AllowedOrigins: set.AllowedOrigins, Unsigned: set.Unsigned, MailSignIn: set.MailSignIn, OriginMode: set.OriginMode,
			ExternalRedirect: set.ExternalRedirect, PrimaryHost: orNull(string(set.PrimaryHost)),
			SimpleAuthOperators: set.SimpleAuthOperators, AdminFolder: set.AdminFolder,
			StaffSecondFactor: set.StaffSecondFactor, CookieSameSite: set.CookieSameSite,
			JWKSURL: orNull(set.JWKSURL), APIRequestsPerMinute: set.APIRequestsPerMinute, RedirectRequestsPerHour: set.RedirectRequestsPerHour,
			OIDCIssuer: orNull(set.OIDCIssuer), OIDCClientID: orNull(set.OIDCClientID), OIDCDomains: set.OIDCDomains,
			AttachmentMiB: set.AttachmentMiB,
			BrandColor:    orNull(set.BrandColor), LogoURL: s.logoURL(t), Language: set.Language, TimeZone: set.TimeZone,
			WelcomeText:   orNull(set.WelcomeText),
			AutoCloseDays: set.AutoCloseDays, AutoCloseReminderDays: set.AutoCloseReminderDays, Survey: set.Survey,
			CompanyView: set.CompanyView, DomainTickets: set.DomainTickets, RequesterMail: set.RequesterMail, WaitingReminderDays: set.WaitingReminderDays,
		},
	}
}

func (s *Server) showTenant(w http.ResponseWriter, r *http.Request) error {
	return encode(w, http.StatusOK, s.tenantDocument(callerOf(r).tenant))
}

// tenantChange is the body of a request that changes the tenant: what is absent stays, null is the default again.
type tenantChange struct {
	Name     optional[string]         `json:"name"`
	Settings optional[settingsChange] `json:"settings"`
}

type settingsChange struct {
	AllowedOrigins          optional[[]string] `json:"allowed_origins"`
	Unsigned                optional[string]   `json:"unsigned"`
	MailSignIn              optional[string]   `json:"mail_sign_in"`
	OriginMode              optional[string]   `json:"origin_mode"`
	ExternalRedirect        optional[string]   `json:"external_redirect"`
	PrimaryHost             optional[string]   `json:"primary_host"`
	SimpleAuthOperators     optional[bool]     `json:"simpleauth_operators"`
	AdminFolder             optional[string]   `json:"admin_folder"`
	StaffSecondFactor       optional[string]   `json:"staff_second_factor"`
	CookieSameSite          optional[string]   `json:"cookie_samesite"`
	JWKSURL                 optional[string]   `json:"jwt_jwks_url"`
	APIRequestsPerMinute    optional[int]      `json:"api_requests_per_minute"`
	OIDCIssuer              optional[string]   `json:"oidc_issuer"`
	OIDCClientID            optional[string]   `json:"oidc_client_id"`
	OIDCDomains             optional[[]string] `json:"oidc_domains"`
	AttachmentMiB           optional[int]      `json:"attachment_mib"`
	RedirectRequestsPerHour optional[int]      `json:"redirect_requests_per_hour"`
	BrandColor              optional[string]   `json:"brand_color"`
	LogoURL                 optional[string]   `json:"logo_url"`
	Language                optional[string]   `json:"language"`
	TimeZone                optional[string]   `json:"time_zone"`
	WelcomeText             optional[string]   `json:"welcome_text"`
	AutoCloseDays           optional[int]      `json:"auto_close_days"`
	AutoCloseReminderDays   optional[int]      `json:"auto_close_reminder_days"`
	Survey                  optional[string]   `json:"survey"`
	CompanyView             optional[string]   `json:"company_view"`
	DomainTickets           optional[string]   `json:"domain_tickets"`
	RequesterMail           optional[string]   `json:"requester_mail"`
	WaitingReminderDays     optional[int]      `json:"waiting_reminder_days"`
}

func (s *Server) changeTenant(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in tenantChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	if url := in.Settings.value.LogoURL; url.given() && (s.logoURL(c.tenant) == nil || *s.logoURL(c.tenant) != url.value) {
		return invalid(map[string][]string{"settings.logo_url": {"A logo is uploaded in the console. Null takes it away."}})
	}
	if err := in.Settings.value.limits(&c.tenant.Settings); err != nil {
		return err
	}
	t, err := s.tenants.As(c.Actor()).Set(r.Context(), c.tenant.Slug, in.values())
	if wrong := sentences(err); wrong != nil {
		return invalid(asRequested(wrong))
	}
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, s.tenantDocument(t))
}

// asRequested names settings as the request has them.
func asRequested(wrong fieldErrors) map[string][]string {
	named := make(map[string][]string, len(wrong))
	for key, all := range wrong {
		switch key {
		case "name":
		case "logo":
			key = "settings.logo_url"
		default:
			key = "settings." + key
		}
		named[key] = all
	}
	return named
}

// values are the changes as the registry takes them, by key.
func (c tenantChange) values() map[string]string {
	values, set := map[string]string{}, c.Settings.value
	note(values, "name", c.Name, plain)
	note(values, "allowed_origins", set.AllowedOrigins, func(all []string) string { return strings.Join(all, ",") })
	note(values, "unsigned", set.Unsigned, plain)
	note(values, "mail_sign_in", set.MailSignIn, plain)
	note(values, "origin_mode", set.OriginMode, plain)
	note(values, "external_redirect", set.ExternalRedirect, plain)
	note(values, "primary_host", set.PrimaryHost, plain)
	note(values, "simpleauth_operators", set.SimpleAuthOperators, strconv.FormatBool)
	note(values, "admin_folder", set.AdminFolder, plain)
	note(values, "staff_second_factor", set.StaffSecondFactor, plain)
	note(values, "cookie_samesite", set.CookieSameSite, plain)
	note(values, "jwt_jwks_url", set.JWKSURL, plain)
	note(values, "oidc_issuer", set.OIDCIssuer, plain)
	note(values, "oidc_client_id", set.OIDCClientID, plain)
	note(values, "oidc_domains", set.OIDCDomains, func(all []string) string { return strings.Join(all, ",") })
	note(values, "brand_color", set.BrandColor, plain)
	if set.LogoURL.null {
		values["logo"] = ""
	}
	note(values, "language", set.Language, plain)
	note(values, "time_zone", set.TimeZone, plain)
	note(values, "welcome_text", set.WelcomeText, plain)
	note(values, "auto_close_days", set.AutoCloseDays, strconv.Itoa)
	note(values, "auto_close_reminder_days", set.AutoCloseReminderDays, strconv.Itoa)
	note(values, "survey", set.Survey, plain)
	note(values, "company_view", set.CompanyView, plain)
	note(values, "domain_tickets", set.DomainTickets, plain)
	note(values, "requester_mail", set.RequesterMail, plain)
	note(values, "waiting_reminder_days", set.WaitingReminderDays, strconv.Itoa)
	return values
}

// limits refuses other limits than those that hold: they are the operator's. Whoever sends all of a document back is not refused.
func (c *settingsChange) limits(now *tenant.Settings) error {
	wrong := tenant.FieldErrors{}
	for _, l := range []struct {
		key    string
		wanted optional[int]
		holds  int
	}{
		{"api_requests_per_minute", c.APIRequestsPerMinute, now.APIRequestsPerMinute},
		{"redirect_requests_per_hour", c.RedirectRequestsPerHour, now.RedirectRequestsPerHour},
		{"attachment_mib", c.AttachmentMiB, now.AttachmentMiB},
	} {
		if l.wanted.present && (l.wanted.null || l.wanted.value != l.holds) {
			wrong.Add("settings."+l.key, "Only the operator of this node changes this limit.")
		}
	}
	return wrong.Or()
}

func plain(s string) string { return s }

// note keeps a change if there is one; null is the empty value, which stands for the default.
func note[T any](values map[string]string, key string, field optional[T], text func(T) string) {
	if !field.present {
		return
	}
	values[key] = ""
	if !field.null {
		values[key] = text(field.value)
	}
}
