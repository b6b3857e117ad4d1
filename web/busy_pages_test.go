package web_test

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// portal are the pages of requesters.
func (d *busyDesk) portal() {
	d.visit("dashboard", d.bea, "/dashboard")
	d.visit("requests", d.bea, "/tickets")
	d.visit("requests-search", d.bea, "/tickets?q=card&show=all")
	d.visit("request", d.bea, fmt.Sprintf("/tickets/%d", busyThread))
	d.visit("request-waiting", d.bea, fmt.Sprintf("/tickets/%d", busyWaiting))
	d.visit("request-solved", d.bea, fmt.Sprintf("/tickets/%d?rated", busySolved))
	d.answer("request-wrong-rating", d.bea, fmt.Sprintf("/tickets/%d", busySolved), fmt.Sprintf("/tickets/%d/rating", busySolved), url.Values{"comment": {"so-so"}})
	d.answer("create-wrong", d.bea, "/tickets/create", "/tickets", url.Values{"title": {strings.Repeat("much too long ", 20)}, "description": {""}})
	d.answer("reply-wrong", d.bea, fmt.Sprintf("/tickets/%d", busyThread), fmt.Sprintf("/tickets/%d/reply", busyThread), url.Values{"body": {" "}})
	stranger := url.Values{"title": {"The lamp flickers"}, "description": {"Since yesterday.\n\nIn the hall."}, "for": {"0123456789abcdef"}}
	d.answer("written-by-somebody-else", d.bea, "/tickets/create", "/tickets", stranger)
	d.answer("done-by-somebody-else", d.bea, "/auth/account", "/auth/account", url.Values{"for": {"0123456789abcdef"}})
	d.visit("account-saved", d.bea, "/auth/account?done=saved")
	d.visit("letters", d.bea, "/auth/notifications")
	const company = "Kaffeehaus am Hafen Gastronomiebetriebsgesellschaft"
	d.Set(d.t, d.Acme, map[string]string{"company_view": "on"})
	per := member(d.t, d.Node, d.Acme, "per@kaffeehaus-am-hafen.example", "Per Olsen", company)
	for _, number := range []int{busyThread, busyWaiting, busySolved} {
		d.call("PATCH", fmt.Sprintf("/api/tickets/%d", number), `{"organization":"`+company+`"}`)
	}
	d.do(per, "/tickets", url.Values{"title": {"A second key for the terrace"}, "description": {"The old one broke."}})
	d.visit("requests-company", per, "/tickets?of=organization")
	d.visit("requests-company-none", per, "/tickets?of=organization&q=nothing+of+this&show=solved")
	d.visit("request-colleague", per, fmt.Sprintf("/tickets/%d", busyThread))
	d.visit("visitors-dashboard", d.visitor, "/dashboard")
	d.visit("visitors-request", d.visitor, fmt.Sprintf("/tickets/%d", busyDisowned))

	for _, title := range []string{"Wann kommt meine Bestellung?", "Please delete my account"} {
		d.do(d.Visit(d.t, d.Acme, "greta@example.com", "Greta?"), "/tickets", url.Values{"title": {title}, "description": {"I cannot find it anywhere.\n\nThanks!"}})
	}
	greta := d.SignIn(d.t, d.Acme, "greta@example.com", "Greta Nordqvist")
	d.visit("claims", greta, "/auth/claim?next=%2Fdashboard")
	d.visit("claims-asked", greta, "/dashboard")
}

// doors are the pages before and after somebody is signed in, and those behind letters.
func (d *busyDesk) doors() {
	n, t := d.Node, d.t
	d.answer("signed-out-while-writing", d.anybodies, "/auth/sign-in", "/tickets", url.Values{"title": {"The lamp flickers"}, "description": {"Since yesterday.\n\nIn the hall."}})
	d.visit("signed-out", d.anybodies, "/auth/sign-in?next=%2Fdashboard&out")
	d.all = append(d.all, page{name: busy + "continue", address: n.Handoff(t, d.Acme, "zoe@example.com", "Zoe Park", false), as: d.anybodies})
	asked := n.Visit(t, d.Acme, "carl@example.com", "Carl")
	d.do(asked, "/auth/confirm/send", nil)
	d.visit("confirm-code", asked, "/auth/confirm")
	d.answer("confirm-wrong", asked, "/auth/confirm", "/auth/confirm", url.Values{"code": {"00000000"}})
	d.answer("login-wrong", d.anybodies, "/agent/login", "/agent/login", url.Values{"email": {"ann@acme.example"}, "password": {"wrong"}})
	d.answer("forgot-sent", d.anybodies, "/agent/forgot", "/agent/forgot", url.Values{"email": {"nobody@acme.example"}})
	invitation, err := n.Staff.Invite(t.Context(), d.Acme.Tenant, "ida@acme.example", "Ida Berg", auth.RoleAgent, "operator")
	if err != nil {
		t.Fatal(err)
	}
	d.all = append(d.all, page{name: busy + "invite", address: invitation.URL, as: d.anybodies})
	rate := n.SignIn(t, d.Acme, "rita@example.com", "Rita")
	filed := d.do(rate, "/tickets", url.Values{"title": {"Printer"}, "description": {"It smokes."}})
	receipt := n.Mail.Wait(t, "rita@example.com")
	d.all = append(d.all, page{name: busy + "unsubscribe", address: strings.Trim(receipt.Header.Get("List-Unsubscribe"), "<>"), as: d.anybodies})
	d.call("PATCH", "/api"+strings.TrimSuffix(filed, "?filed"), `{"status":"resolved","comment":{"body":"Use water."}}`)
	link := addressIn(t, n.Mail.Wait(t, "rita@example.com"), "/auth/rate")
	d.all = append(d.all, page{name: busy + "rate", address: link + "&stars=5", as: d.anybodies}, page{name: busy + "rate-old", address: d.home + "/auth/rate?token=x", as: d.anybodies})
	codes := n.Agent(t, d.Acme, "codes@acme.example", "Cora Dess", auth.RoleAgent)
	at := d.do(codes, "/agent/settings/security/authenticator/new", nil)
	d.visit("authenticator", codes, at)
	d.answer("authenticator-wrong", codes, at, at, url.Values{"code": {"000000"}})
	other := n.Agent(t, d.Acme, "more@acme.example", "Mo Reyes", auth.RoleAgent)
	at = d.do(other, "/agent/settings/security/authenticator/new", nil)
	shown := expect(t, other.Open(d.home+at), 200, "<svg class=\"qr\"")
	expect(t, other.Send(d.home+at, url.Values{"code": {codeFor(t, shown.Body)}}), 200, "You see them only now")
	half := n.Client(t)
	way := expect(t, half.Send(d.home+"/agent/login", url.Values{"email": {"more@acme.example"}, "password": {webtest.Password}}), 303, "").Location()
	d.visit("second-factor", half, way)
	d.visit("step-up", n.Vouched(t, d.Acme, "ann@acme.example"), "/agent/step-up?next=%2Fagent%2Fsettings%2Fgeneral")
	d.visit("forbidden", d.bob, "/agent/settings/general")
	d.visit("merged", d.ann, fmt.Sprintf("/agent/tickets/%d", busyMerged))
	d.visit("deleted", d.ann, fmt.Sprintf("/agent/tickets/%d", busyDeleted))
	d.visit("no-ticket", d.ann, "/agent/tickets/9999")
	d.visit("no-request", d.bea, "/tickets/9999")
}

// console are the pages of agents.
func (d *busyDesk) console() {
	one := fmt.Sprintf("/agent/tickets/%d", busyThread)
	d.visit("inbox", d.ann, "/agent")
	d.visit("all", d.ann, "/agent?view=all&done=view-saved")
	d.visit("search-problems", d.ann, "/agent?q=status%3Anonsense+created%3Asoon+printer")
	d.after("chosen", d.ann, "/agent", `document.querySelectorAll(".rows [name=ids]").forEach((box, i) => { if (i < 3) box.click(); }); ""`)
	d.visit("ticket", d.ann, one)
	d.visit("ticket-history", d.ann, one+"?history=1")
	d.after("ticket-open", d.ann, one, `document.querySelectorAll("details").forEach(d => d.open = true); document.querySelector("#as-note").click(); ""`)
	d.visit("ticket-visitor", d.bob, fmt.Sprintf("/agent/tickets/%d", busyDisowned))
	d.after("keys", d.ann, one, `document.querySelector("#keys").showModal(); ""`)
	d.answer("answer-wrong", d.ann, one, one, url.Values{"body": {""}, "visibility": {"public"}, "seen": {"none"}, "do": {"send"}})
	d.answer("crossed", d.ann, one, one, url.Values{"body": {"Please send us the log."}, "visibility": {"public"}, "seen": {"none"}, "do": {"send"}})
	mine := properties(d.ann.Open(d.home + one).Body)
	theirs := properties(d.bob.Open(d.home + one).Body)
	theirs.Set("priority", "low")
	theirs.Set("tags", "e17, swapped")
	d.do(d.bob, one+"/properties", theirs)
	mine.Set("priority", "urgent")
	mine.Set("field.serial_number", "4471-0924")
	d.answer("conflict", d.ann, one, one+"/properties", mine)
	d.answer("properties-wrong", d.ann, one, one+"/properties", url.Values{"was.tags": {""}, "tags": {strings.Repeat("x", 60)}})
	d.answer("new-wrong", d.ann, "/agent/tickets/new", "/agent/tickets", url.Values{"title": {""}, "email": {"not an address"}})
	d.visit("merge", d.ann, fmt.Sprintf("/agent/merge?ids=%d,%d,4", busyThread, busyWaiting))
	d.visit("bulk", d.ann, "/agent/bulk?r.ok=1&r.INVALID_TRANSITION=2,3&r.VERSION_CONFLICT=4")
	d.visit("reports", d.ann, "/agent/reports")
	d.visit("reports-quarter", d.ann, "/agent/reports?days=90")
	d.after("reports-tables", d.ann, "/agent/reports", `document.querySelectorAll("details").forEach(d => d.open = true); ""`)
	expect(d.t, d.bob.Send(d.home+fmt.Sprintf("/agent/tickets/%d/draft", busyWaiting), url.Values{"body": {"Sie sollte"}, "visibility": {"public"}}), 204, "")
	d.do(d.ann, fmt.Sprintf("/agent/tickets/%d", busyWaiting), url.Values{"body": {"Ist sie angekommen?"}, "visibility": {"public"}, "seen": {"none"}, "do": {"anyway"}})
	d.visit("undo", d.ann, fmt.Sprintf("/agent/tickets/%d", busyWaiting))
}

// settings are the console's settings where something was made.
func (d *busyDesk) settings() {
	at := "/agent/settings"
	d.answer("account-wrong", d.ann, at, at, url.Values{"name": {""}})
	d.answer("general-wrong", d.ann, at+"/general", at+"/general", url.Values{"name": {""}, "brand_color": {"red"}})
	d.answer("validator", d.ann, at+"/validator", at+"/validator", url.Values{"kind": {"jwt"}, "token": {"eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImEifQ.x"}})
	d.answer("token-made", d.ann, at+"/tokens", at+"/tokens", url.Values{"name": {"Sales portal"}, "scope": {"tickets:read"}, "expires": {"90d"}})
	d.answer("key-shown", d.ann, at+"/keys", at+"/keys/jwt/reveal", nil)
	d.answer("domain-wrong", d.ann, at+"/domains", at+"/domains", url.Values{"host": {"not a host"}})
	d.answer("sla-wrong", d.ann, at+"/sla", at+"/sla", url.Values{"on": {"true"}, "first_urgent": {"soon"}, "open_monday": {"true"}, "from_monday": {"9"}, "to_monday": {"x"}})
	d.answer("invited", d.ann, at+"/team", at+"/team", url.Values{"email": {"nils@acme.example"}, "name": {"Nils"}, "role": {"agent"}})
	d.domains(at + "/domains/")
	d.visit("reply", d.ann, at+"/replies/"+d.reply)
	d.visit("reply-new", d.ann, at+"/replies/new")
	rules := d.ann.Open(d.home + at + "/rules").Body
	d.visit("rule", d.ann, at+"/rules/"+firstLink(rules, at+"/rules/"))
	d.visit("rule-new", d.ann, at+"/rules/new")
	hooks := d.ann.Open(d.home + at + "/webhooks").Body
	d.visit("webhook", d.ann, at+"/webhooks/"+firstLink(hooks, at+"/webhooks/"))
	team := d.ann.Open(d.home + at + "/team").Body
	d.visit("member", d.ann, at+"/team/"+firstLink(team, at+"/team/"))
	const csv = "Subject;Body;Status;Email;Name;Created;ID;field:plan;Weather\nPrinter;It burns;closed;zoe@example.com;Zoe;2024-03-01 10:00;x-1;gold;sun\nNo mail;text;open;not an address;;;x-2;;\n;without a title;;;;;x-3;;\n"
	d.visit("import", d.ann, strings.TrimPrefix(importFile(d.t, d.ann, d.home, "zendesk-export-2024.csv", csv), d.home))
	for _, path := range []string{"", "/team", "/rules", "/webhooks", "/tokens", "/audit", "/sla", "/domains", "/categories", "/replies", "/transfer", "/general", "/notifications", "/start"} {
		d.visit("settings"+strings.ReplaceAll(path, "/", "-"), d.ann, at+path)
	}
}

// firstLink is the rest of the first address on a page that begins so, and is not that of something new.
func firstLink(body, start string) string {
	_, rest, _ := strings.Cut(strings.ReplaceAll(body, start+"new", ""), `href="`+start)
	link, _, _ := strings.Cut(rest, `"`)
	return link
}

// domains are the pages about domains, one in each state.
func (d *busyDesk) domains(at string) {
	const below = ".acme-coffee.example"
	for _, state := range d.DomainStates(d.t, below[1:]) {
		d.visit("domain-"+state, d.ann, at+state+below)
	}
	pending := at + "pending" + below
	d.visit("domain-missing", d.ann, pending+"?done=domain-missing")
	d.visit("domain-confirmed", d.ann, pending+"?do=remove&done=confirmed")
	d.after("domain-bring", d.ann, at+"own"+below, `document.querySelectorAll("details").forEach(d => d.open = true); ""`)
	d.Register(d.t, d.Acme, "kaffeehaus-am-hafen-gastronomiebetriebsgesellschaft.example") // the top of a zone, with a long name
	d.visit("domain-apex", d.ann, at+"kaffeehaus-am-hafen-gastronomiebetriebsgesellschaft.example")
	d.visit("domains-many", d.ann, strings.TrimSuffix(at, "/"))
	d.visit("domains-agent", d.bob, strings.TrimSuffix(at, "/"))
	for _, state := range []string{"pending", "drifted", "own", "removed"} {
		d.visit("domain-agent-"+state, d.bob, at+state+below)
	}
	d.after("domain-long-all", d.ann, at+"long"+below, `document.querySelectorAll("details").forEach(d => d.open = true); ""`)
	d.answer("domain-bring-wrong", d.ann, pending, pending+"/certificate", url.Values{"certificate": {"-----BEGIN"}, "private_key": {""}})
}
