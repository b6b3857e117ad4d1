package main

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestDomainIsSaidThrice: API, command and page say the same about a domain, in each of its states.
func TestDomainIsSaidThrice(t *testing.T) {
	t.Parallel()
	s := webtest.Start(t)
	admin := s.Agent(t, s.Acme, "ann@acme.example", "Ann", auth.RoleAdmin)
	o := &operator{domains: s.Domains, tenants: s.Tenants, directory: s.Directory}
	labels := map[string]string{
		"pending": "Waiting for DNS", "active": "Active", "verified": "Verified", "failing": "Failing", "drifted": "Records missing",
		"suspended": "Suspended", "removed": "Removed", "own": "you: it was brought",
		"cdn": "arrive here, over a CDN in front", "astray": "do not arrive here", "proofless": "what proved that it is yours is gone", "long": "Active",
	}
	steps := map[string]string{} // with the certificate that the last one of a kind is about
	for _, state := range s.DomainStates(t, "acme.example") {
		host, label := state+".acme.example", labels[state]
		got := s.Client(t).Get(s.URL+"/api/tenant/domains/"+host+"?removed=true", "Authorization: Bearer "+s.Acme.Token)
		var api domain.Document
		if err := json.Unmarshal([]byte(got.Body), &api); err != nil || got.Status != http.StatusOK {
			t.Fatalf("%s: %d %s, %v", host, got.Status, got.Body, err)
		}
		shown, err := o.showDomain(t.Context(), domainName{Slug: "acme", Host: host, Removed: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(indented(t, api), indented(t, shown.Domain)); diff != "" {
			t.Errorf("%s: the API says otherwise than the command:\n%s", state, diff)
		}
		if others := len(shown.Others); others != map[bool]int{true: 1}[state == "suspended"] {
			t.Errorf("%s: %d others", state, others)
		}
		var text bytes.Buffer
		shown.people(&text, 0)
		page := admin.Open(s.Acme.URL + "/agent/settings/domains/" + host).Body
		page += strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, "")), " ") // of reasons each sentence is a line
		for _, is := range []struct{ text, page string }{
			{api.Reason, api.Reason},
			{api.Certificate.Reason, api.Certificate.Reason},
			{api.Certificate.Issuer, api.Certificate.Issuer},
			{string(api.Status), label},
			{string(api.Certificate.Status), ""},
			whenSaid(api.Since), whenSaid(api.VerifiedAt), whenSaid(api.CheckedAt), whenSaid(api.NextCheckAt), whenSaid(api.ServesUntil),
			whenSaid(api.QuarantinedUntil), whenSaid(api.Certificate.NotAfter), whenSaid(api.Certificate.NextAttemptAt), whenSaid(api.Certificate.FailingSince),
		} {
			if !strings.Contains(text.String(), is.text) {
				t.Errorf("%s: the command does not say %q:\n%s", state, is.text, &text)
			}
			if !strings.Contains(html.UnescapeString(page), is.page) {
				t.Errorf("%s: the page does not say %q:\n%s", state, is.page, page)
			}
		}
		for _, r := range api.Records {
			if !strings.Contains(text.String(), r.Value) || !strings.Contains(page, r.Value) {
				t.Errorf("%s: the record %+v is missing", state, r)
			}
		}
		for _, step := range api.History {
			about := domain.IssuedDocument{}
			if step.Certificate != nil {
				about = *step.Certificate
			}
			for _, want := range []string{step.Reason, about.Issuer, about.Fingerprint} {
				folded := state == "long" && want == about.Fingerprint // of one authority's certificates in a row the page names the last
				if !strings.Contains(text.String(), step.To) || !strings.Contains(text.String(), want) || !folded && !strings.Contains(html.UnescapeString(page), want) {
					t.Errorf("%s: %q of the step %+v is missing", state, want, step)
				}
			}
			steps[step.To] = about.Fingerprint
		}
	}
	for _, to := range []string{"certificate uploaded", "certificate active"} {
		if len(steps[to]) != 64 {
			t.Errorf("the fingerprint at %q is %q", to, steps[to])
		}
	}
}

func indented(t *testing.T, d domain.Document) string {
	t.Helper()
	b, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// whenSaid is a time as the command and the page write it.
func whenSaid(m *tenant.Moment) struct{ text, page string } {
	if m == nil {
		return struct{ text, page string }{}
	}
	return struct{ text, page string }{m.Time().Format(time.DateTime), m.Time().Format("2 January 2006, 15:04 UTC")}
}
