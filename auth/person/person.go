// Package person reads how people are named from outside: by partners, by themselves, by programs.
//
// Whatever door somebody comes in by, the same address ends in the same form, and nothing that could be taken for another
// one's gets through. The package knows nobody: who exists is the business of package auth.
package person

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/tenant"
)

// Person is how somebody is named from outside. All of it is taken as it comes and checked here; without a name the part
// of the address before the @ serves.
type Person struct {
	Email        string `json:"e"`
	Name         string `json:"n"`
	ExternalID   string `json:"x,omitempty"`
	Locale       string `json:"o,omitempty"`
	Organization string `json:"g,omitempty"`
	// Complete: whoever names the person says by that all that they know of an organization. Where none is named, there is none any more.
	Complete bool `json:"c,omitempty"`
}

// Checked is the person in canonical form.
func (p Person) Checked() (Person, error) {
	wrong := tenant.FieldErrors{}
	var err error
	if p.Email, err = ParseEmail(p.Email); err != nil {
		wrong.Collect(err)
	}
	if strings.TrimSpace(p.Name) == "" {
		p.Name, _, _ = strings.Cut(p.Email, "@")
	} else if p.Name, err = ParseName(p.Name); err != nil {
		wrong.Collect(err)
	}
	for _, f := range []struct {
		name, value string
		most        int
	}{{"external_id", p.ExternalID, 255}, {"locale", p.Locale, 35}} {
		if len(f.value) > f.most || !utf8.ValidString(f.value) || strings.ContainsFunc(f.value, unicode.IsControl) {
			wrong.Add(f.name, fmt.Sprintf("The %s field must be at most %d bytes of plain text.", f.name, f.most))
		}
	}
	if p.Organization, err = tenant.ParseOrganization(p.Organization); err != nil {
		wrong.Collect(err)
	}
	return p, wrong.Or()
}
