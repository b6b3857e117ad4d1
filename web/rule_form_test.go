package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// Without a script, the form for a rule shows what fits each choice, has rows come and go, and saves nothing that was meant for another.
func TestRuleForm(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	p := caller(t, n, n.Acme)
	p.call("POST", "/api/tickets", `{"title":"t","description":"d","tags":["vip","größe"]}`)
	rules := n.Acme.URL + "/agent/settings/rules"
	page := expect(t, boss.Open(rules+"/new"), 200, `<option value="vip"></option>`)
	if strings.Contains(page.Body, `name="field2"`) {
		t.Error("a new rule begins with more than one row")
	}
	form := url.Values{"name": {"Bills"}, "when": {"created"}, "match": {"all"}, "field1": {"priority"}, "shown1": {""}, "do1": {"assign"}, "did1": {""}, "do": {"fit"}}
	page = expect(t, boss.Send(rules+"/new", form), 200, `<option value="high">high</option>`)
	for _, want := range []string{`name="shown1" value="priority"`, `>Boss</option>`, `value="Bills"`} {
		expect(t, page, 200, want)
	}
	form.Set("do", "more-if")
	expect(t, boss.Send(rules+"/new", form), 200, `name="field2"`)
	form.Set("do", "more-then")
	expect(t, boss.Send(rules+"/new", form), 200, `name="do2"`)
	form.Set("do", "drop-if-1")
	if got := expect(t, boss.Send(rules+"/new", form), 200, ""); strings.Contains(got.Body, `name="shown1" value="priority"`) {
		t.Error("the row is there still")
	}
	form.Set("do", "nonsense")
	expect(t, boss.Send(rules+"/new", form), 400, "")

	// What was chosen for one field does not become the value of another.
	for name, value := range map[string]string{"do": "save", "shown1": "priority", "value1": "high", "op1": "is", "field1": "title", "did1": "assign", "with1": "none"} {
		form.Set(name, value)
	}
	page = expect(t, boss.Send(rules+"/new", form), 422, "choose what fits the new choice")
	if strings.Contains(page.Body, `name="value1" value="high"`) {
		t.Error("the title is to contain a priority")
	}
	expect(t, boss.Open(rules), 200, "No rules yet")
	form.Set("shown1", "title")
	form.Set("value1", "bill")
	expect(t, boss.Send(rules+"/new", form), 303, "")
	expect(t, boss.Open(rules), 200, "When a ticket is created, if its title contains “bill”, then assign it to nobody.")
}

// TestBrowserRuleForm: an admin makes a rule by choices that fit, and takes a row out again.
func TestBrowserRuleForm(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	boss := n.Agent(t, n.Acme, "boss@acme.example", "Boss", auth.RoleAdmin)
	rules := n.Acme.URL + "/agent/settings/rules"
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(boss, rules+"/new")
	b.Fill("#name", "Bills")
	b.Choose("[name=field1]", "Category")
	b.Choose("[name=op1]", "is not")
	b.Choose("[name=value1]", "Billing")
	b.Click("[data-more=ifs]")
	b.Until(`document.activeElement.name`, "field2")
	b.Choose("[name=field2]", "Tag")
	b.Fill("[name=value2]", "vip")
	b.Click("[data-more=ifs]")
	b.Click("fieldset:nth-child(3) [data-drop]")
	b.Until(`document.activeElement.value + document.querySelectorAll("#ifs fieldset").length`, "more-if2")
	b.Choose("[name=do1]", "Write a note")
	b.Fill("[name=text1]", "Look at it.")
	b.Click("[data-more=thens]")
	b.Choose("[name=do2]", "Assign it to")
	b.Choose("[name=with2]", "Boss")
	b.Focus("#name")
	b.Strike(webtest.EnterKey) // it saves, and drops no row
	b.See("main", "When a ticket is created, if its category is not “Billing” and one of its tags is “vip”, then write a note for the team and assign it to Boss.")
}
