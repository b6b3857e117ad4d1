package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestDomainsFitTheTerminal: in a narrow terminal no line is broken by it, nothing is left out, and what is copied stays whole; where
// there is no terminal, a row is a line.
func TestDomainsFitTheTerminal(t *testing.T) {
	t.Parallel()
	const issuer, reason = "Let's Encrypt R12", "The proof was not found. TXT _deskgate.support.acme-coffee.example has no record. Add TXT _deskgate.support.acme-coffee.example \"e7da7e782f9b1614d8a1a42a9f029c1ad0b76c3d\"."
	at := tenant.Moment{}
	fingerprint := strings.Repeat("9e", 32)
	d := domain.Document{
		Host: "support.acme-coffee.example", Tenant: "acme", Status: domain.Drifted, Reason: reason, Since: &at, CheckedAt: &at, NextCheckAt: &at,
		Certificate: domain.CertificateDocument{Status: domain.CertificateActive, NotAfter: &at, NextAttemptAt: &at, Issuer: issuer, Fingerprint: fingerprint},
		Records:     []domain.Record{{Type: "TXT", Name: "_deskgate.support.acme-coffee.example", Value: "e7da7e782f9b1614d8a1a42a9f029c1ad0b76c3d", Purpose: "proves that the domain is yours"}},
		History: []domain.TransitionDocument{
			{To: "pending", By: "agent:agt_01M7XBQD39D4PFV5V33CK7MN9D", Reason: "DNS was not looked at yet."},
			{To: "certificate uploaded", By: "operator", Certificate: &domain.IssuedDocument{Issuer: issuer, NotAfter: &at, Fingerprint: fingerprint, Own: true}},
			{To: "drifted", By: "system", Reason: reason},
		},
	}
	for name, people := range map[string]func(*bytes.Buffer, int){
		"list": manyDomains{Domains: []domain.Document{d, {Host: "a.example", Tenant: "bee", Status: domain.Pending, Certificate: domain.CertificateDocument{Status: "none"}}}}.people,
		"show": shownDomain{Domain: d, Others: []domain.Document{{Tenant: "bee", Status: domain.Suspended, Since: &at, Reason: reason}}}.people,
	} {
		var wide bytes.Buffer
		people(&wide, 0)
		for _, width := range []int{40, 80, 100} {
			var b bytes.Buffer
			people(&b, width)
			for text := range strings.Lines(b.String()) {
				text = strings.TrimRight(text, "\n")
				if words := strings.Fields(text); utf8.RuneCountInString(text) > width && len(words) > 2 {
					t.Errorf("%s in %d columns: a line of %d: %q", name, width, utf8.RuneCountInString(text), text)
				}
			}
			got := " " + strings.Join(strings.Fields(b.String()), " ") + " "
			for word := range strings.FieldsSeq(wide.String()) {
				if !strings.Contains(got, word) && word != "-" && !strings.Contains(got, strings.ToLower(word)+":") && !strings.Contains(got, strings.ToLower(word)+" ") {
					t.Errorf("%s in %d columns does not say %q:\n%s", name, width, word, &b)
				}
			}
			if name == "show" && (!strings.Contains(b.String(), fingerprint) || !strings.Contains(b.String(), d.Records[0].Value)) {
				t.Errorf("what is copied is not whole in %d columns:\n%s", width, &b)
			}
		}
		if rows := strings.Count(wide.String(), reason); rows != map[string]int{"list": 1, "show": 3}[name] {
			t.Errorf("%s without a terminal has the reason %d times in one line:\n%s", name, rows, &wide)
		}
	}
}
