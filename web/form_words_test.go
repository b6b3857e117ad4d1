package web_test

import (
	"net/url"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// What is wrong with a form is said in words of people, in their language.
func TestFormsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	caller(t, n, n.Acme).file("Printer")
	for _, tc := range []struct {
		path            string
		form            url.Values
		english, german string
	}{
		{"/agent/tickets/1", url.Values{"body": {" "}}, "The text field is required.", "Bitte füllen Sie dieses Feld aus."},
		{"/agent/settings/general", url.Values{"name": {""}, "brand_color": {"red"}}, "A colour is written like #0b6e4f.", "Eine Farbe schreibt man wie #0b6e4f."},
		{"/agent/settings/sla", url.Values{"on": {"true"}, "first_urgent": {"soon"}}, "numbers of hours, such as 4 or 0.5", "zum Beispiel 4 oder 0,5"},
	} {
		for language, want := range map[string]string{"en": tc.english, "de": tc.german} {
			got := boss.Do("POST", n.Acme.URL+tc.path, tc.form.Encode(), append([]string{"Accept-Language: " + language}, webtest.Submit...)...)
			expect(t, got, 422, want)
		}
	}
}
