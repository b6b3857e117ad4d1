package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// Fields of the console find known requesters by name and address, and tickets by number and words; nobody else is asked, and
// nothing of another tenant is found.
func TestConsoleFinds(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer burns", "Lamp in the hall")
	d.SignIn(t, d.Acme, "max.power@example.org", "Max Power")
	d.SignIn(t, d.Bolt, "maxi@bolt.example", "Max Elsewhere")
	d.send(d.ann, "/agent/tickets", url.Values{"title": {"A call"}, "description": {"d"}, "email": {"caller@example.com"}, "name": {"Cary Call"}, "key": {"k"}})
	asData := "Accept: application/json"
	for path, want := range map[string]string{
		"/agent/people?q=max":          `{"text":"Max Power","more":"max.power@example.org","fill":{"email":"max.power@example.org","name":"Max Power"}}`,
		"/agent/people?q=power%40exam": `"Max Power"`,
		"/agent/people?q=ann%40acme":   `[]`,
		"/agent/people?q=MAX.POWER%40": `max.power@example.org`,
		"/agent/people?q=cal":          `"Cary Call"`,
		"/agent/people?q=elsewhere":    `[]`,
		"/agent/people?q=":             `[]`,
		"/agent/find?q=2":              `"#2 Lamp in the hall"`,
		"/agent/find?q=%232":           `"#2 Lamp in the hall"`,
		"/agent/find?q=burn":           `{"text":"#1 Printer burns","more":"Zoe Park · New","fill":{"into":"#1 Printer burns"}}`,
		"/agent/find?q=burn&but=1":     `[]`,
		"/agent/find?q=%239999":        `[]`,
	} {
		got := d.ann.Get(d.home+path, asData)
		if got.Status != 200 || !strings.Contains(got.Body, want) {
			t.Errorf("%s = %d %s, want %s", path, got.Status, got.Body, want)
		}
		for who, c := range map[string]*webtest.Client{"the requester": d.zoe, "nobody": d.Client(t)} {
			if got := c.Get(d.home+path, asData); got.Status != 401 && got.Status != 403 {
				t.Errorf("%s as %s = %d %s", path, who, got.Status, got.Body)
			}
		}
	}
}

// Without a script, the other ticket is found by words on the merge page, chosen, and merged.
func TestConsoleMergeBySearch(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer burns", "Lamp in the hall", "Printer smells")
	page := expect(t, d.ann.Open(d.home+"/agent/merge?ids=1&with=printer"), 200, "#3 Printer smells")
	if strings.Contains(page.Body, `<input type="radio" name="ids" value="1"`) || strings.Contains(page.Body, "Lamp") {
		t.Error("the search finds the ticket itself, or what does not fit")
	}
	expect(t, page, 200, `<input type="radio" name="ids" value="3" required>`)
	expect(t, d.ann.Open(d.home+"/agent/merge?ids=1&with=nothinglikethis"), 200, "No other ticket fits.")
	expect(t, d.ann.Open(d.home+"/agent/merge?ids=1&with=%2399"), 200, "There is no ticket #99.")
	expect(t, d.ann.Open(d.home+"/agent/merge?ids=1"), 200, "With which ticket?")
	for _, with := range []string{"3", "%233", "%233+Printer+smells"} {
		expect(t, d.ann.Open(d.home+"/agent/merge?ids=1&with="+with), 200, "Into which ticket do the others go?")
	}
	at := d.send(d.ann, "/agent/merge", url.Values{"ids": {"1", "3"}, "into": {"1"}})
	expect(t, d.ann.Open(d.home+at), 200, "The tickets were merged.")
}

// TestBrowserFinds: by keys alone, an agent finds a known requester as they type, and the ticket to merge with.
func TestBrowserFinds(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer burns", "Printer smells")
	d.SignIn(t, d.Acme, "max.power@example.org", "Max Power")
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(d.ann, d.home+"/agent/tickets/new")
	b.Focus("#name")
	b.Strike("pow")
	b.See("#name-found li", "max.power@example.org")
	state := `(i => [i.getAttribute("role"), i.getAttribute("aria-expanded"), document.getElementById(i.getAttribute("aria-activedescendant"))?.textContent || ""].join(" "))(document.activeElement)`
	b.Until(state, "combobox true ")
	b.Script(`document.querySelector("#name").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true})), ""`)
	b.Until(state, "combobox true Max Power max.power@example.org")
	b.Strike(webtest.EnterKey)
	b.SeeValue("#email", "max.power@example.org")
	b.SeeValue("#name", "Max Power")
	b.Until(`document.activeElement.id + document.activeElement.getAttribute("aria-expanded") + location.pathname`, "namefalse/agent/tickets/new")
	b.Strike("\b")
	b.See("#name-found li", "Max Power")
	b.Strike(webtest.EscapeKey)
	b.Until(state, "combobox false ")

	b.Enter(d.ann, d.home+"/agent/tickets/1")
	b.Script(`document.querySelector("#into").closest("details").open = true, ""`)
	b.Focus("#into")
	b.Strike("smells")
	b.See("#into-found li", "#2 Printer smells")
	b.Click("#into-found li")
	b.SeeValue("#into", "#2 Printer smells")
	b.Strike(webtest.EnterKey)
	b.See("h1", "Merge tickets")
	b.See("main form", "Into which ticket do the others go?")
	b.Click("main form .primary")
	b.See("#toasts", "The tickets were merged.")
	if got := d.ticket(2); got.MergedInto == "" {
		t.Errorf("#2 is %s, and not merged", got.Status)
	}
}
