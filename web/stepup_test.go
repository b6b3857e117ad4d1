package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestStepUpInTheMiddle: whose form is held up comes back to the page on which it stood, with what was to be done at hand, and not done.
func TestStepUpInTheMiddle(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const settings, host = "/agent/settings", "help.acme.example"
	n.Register(t, n.Acme, host)
	n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	origin := "https://" + strings.TrimPrefix(n.Acme.URL, "https://")
	vouched := n.Vouched(t, n.Acme, "boss@acme.example")
	for name, tc := range map[string]struct {
		action, from string // from: what the browser says, if it says anything
		want         string
	}{
		"removing a domain":        {"/domains/" + host + "/remove", "", "/domains/" + host + "?do=remove&done=confirmed"},
		"bringing a certificate":   {"/domains/" + host + "/certificate", origin + settings + "/domains/" + host, "/domains/" + host + "?do=certificate&done=confirmed"},
		"taking it back":           {"/domains/" + host + "/certificate/remove", "", "/domains/" + host + "?do=certificate%2Fremove&done=confirmed"},
		"after another one":        {"/domains/" + host + "/verify", origin + settings + "/domains/" + host + "?done=saved&do=x", "/domains/" + host + "?do=verify&done=confirmed"},
		"adding a domain":          {"/domains", "", "/domains?done=confirmed"},
		"switching tickets":        {"/domains/tickets", "", "/domains?do=tickets&done=confirmed"},
		"a key":                    {"/keys/jwt/rotate", "", "/keys?do=jwt%2Frotate&done=confirmed"},
		"a rule in the list":       {"/rules/rul_1/order", origin + settings + "/rules?x=1", "/rules?do=rul_1%2Forder&done=confirmed&x=1"},
		"from another site":        {"/domains/" + host + "/remove", "https://evil.example/agent/settings/team", "/domains/" + host + "?do=remove&done=confirmed"},
		"from a page of customers": {"/domains", origin + "/dashboard", "/domains?done=confirmed"},
		"from the proof":           {"/domains", origin + "/agent/step-up", "/domains?done=confirmed"},
	} {
		headers := append(webtest.Submit[:len(webtest.Submit):len(webtest.Submit)], "Referer: "+tc.from)
		asked := expect(t, vouched.Do("POST", n.Acme.URL+settings+tc.action, "", headers...), 303, "").Location()
		if want := "/agent/step-up?next=" + url.QueryEscape(settings+tc.want); asked != want {
			t.Errorf("%s leads to %s, want %s", name, asked, want)
		}
	}
	asked := expect(t, vouched.Send(n.Acme.URL+settings+"/domains/"+host+"/remove", nil), 303, "").Location()
	address, form := split(t, n.Acme.URL+asked)
	form.Set("password", webtest.Password)
	back := expect(t, vouched.Send(address, form), 303, "").Location()
	expect(t, vouched.Open(n.Acme.URL+back), 200, "Nothing has been done yet")
	expect(t, vouched.Send(n.Acme.URL+settings+"/domains/"+host+"/verify", nil), 303, "") // it is still there

	boss := n.Agent(t, n.Acme, "again@acme.example", "Again", auth.RoleAdmin)
	page := n.Acme.URL + settings + "/domains/" + host
	here := expect(t, boss.Open(page+"?do=remove&done=confirmed"), 200, "Nothing has been done yet").Body
	if !strings.Contains(here, `<details class="card sure" open>`) || strings.Count(here, " autofocus") != 1 {
		t.Errorf("the way to remove it is not at hand: %s", here)
	}
	expect(t, boss.Open(page+"?do=certificate&done=confirmed"), 200, "<details open><summary class=\"link\">")
	lacks(t, boss.Open(page).Body, "Nothing has been done yet")
	lacks(t, boss.Open(page+"?do=remove").Body, " open>")
	expect(t, boss.Open(n.Acme.URL+settings+"/keys?do=jwt%2Frotate&done=confirmed"), 200, `<details class="sure" open>`)
}
