package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// furniture is a tenant in which there is one of everything, with a mark on each that is found in any answer that shows it.
type furniture struct {
	tenant *webtest.Tenant
	api    *program
	// owner is the requester of the ticket, admin a member of the staff.
	owner, admin *webtest.Client
	// mark stands in all that is anybody's. It is one word, in small letters.
	mark string
	// ids are those of each kind of thing.
	ids map[string][]string
}

// ownersAddress is that of each furnished tenant's requester.
const ownersAddress = "zoe@example.com"

// furnish puts one of everything into a tenant.
func furnish(t *testing.T, n *webtest.Node, tn *webtest.Tenant, mark string) *furniture {
	t.Helper()
	n.Set(t, tn, map[string]string{"api_requests_per_minute": "1000000", "company_view": "on"})
	f := &furniture{tenant: tn, api: caller(t, n, tn), mark: mark, ids: map[string][]string{}}
	f.owner = n.SignIn(t, tn, ownersAddress, "Zoe "+mark)
	f.admin = n.Agent(t, tn, "ann@"+mark+".example", "Ann "+mark, auth.RoleAdmin)
	f.people(n)
	category := f.make("category", "/api/categories", `{"name":"Category of MARK","slug":"MARK"}`)
	f.ids["attachment"] = f.api.attach(webtest.File{Name: mark + ".txt", Content: "the file of " + mark}, webtest.File{Name: "loose-" + mark + ".txt", Content: "another file of " + mark})
	user, _ := f.owner.Get(tn.URL + "/api/users/me").JSON(t)["id"].(string)
	f.ids["user"] = append(f.ids["user"], user)
	expect(t, f.api.call("PUT", "/api/users/"+user, `{"organization":"Company of `+mark+`"}`), 200, "")
	for i := range 3 {
		attached := ""
		if i == 0 {
			attached = `"attachment_ids":["` + f.ids["attachment"][0] + `"],`
		}
		f.make("ticket", "/api/tickets", fmt.Sprintf(`{"title":"Title of MARK","description":"Text of MARK","tags":["MARK"],"custom_fields":{"MARK":"MARK"},%s
			"category_id":%q,"requester":%q,"external_id":"MARK-%d"}`, attached, category, user, i))
	}
	f.make("comment", "/api/tickets/1/comments", `{"body":"Comment of MARK"}`)
	f.make("comment", "/api/tickets/1/comments", `{"body":"Note of MARK","visibility":"internal"}`)
	f.make("view", "/api/views", `{"name":"View of MARK","query":"MARK","shared":true}`)
	f.make("reply", "/api/canned-replies", `{"name":"Reply of MARK","shortcut":"MARK","body":"Text of MARK","shared":true}`)
	f.make("webhook", "/api/webhooks", `{"name":"Webhook of MARK","url":"https://127.0.0.1:9/MARK","types":["ticket.rated"]}`)
	f.ids["delivery"] = append(f.ids["delivery"], f.id("/api/webhooks/"+f.ids["webhook"][0]+"/test", ``))
	f.make("rule", "/api/rules", `{"name":"Rule of MARK","when":"created","match":"all","conditions":[{"field":"title","op":"contains","value":"never"}],"actions":[{"do":"add_tag","value":"MARK"}]}`)
	f.make("token", "/api/tokens", `{"name":"Token of MARK","scopes":["tickets:read"]}`)
	f.api.call("POST", "/api/tenant/domains", `{"host":"`+mark+`.example"}`)
	f.ids["domain"] = []string{mark + ".example"}
	chain, key := pair(t, mark+".example")
	expect(t, f.api.call("PUT", "/api/tenant/domains/"+mark+".example/certificate", pairBody(t, chain, key)), 200, "")
	f.ids["number"], f.ids["slug"] = []string{"1"}, []string{tn.Slug}
	f.rest()
	return f
}

// people are the requesters and the staff that the API does not make.
func (f *furniture) people(n *webtest.Node) {
	t := f.api.t
	t.Helper()
	f.make("user", "/api/users", `{"email":"MARK@example.com","name":"User of MARK","external_id":"user-MARK","organization":"MARK"}`)
	all, err := n.Staff.List(t.Context(), f.tenant.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		f.ids["member"] = append(f.ids["member"], m.ID)
	}
}

// rest is what people do on pages: a rating, a draft, an import.
func (f *furniture) rest() {
	t, home := f.api.t, f.tenant.URL
	t.Helper()
	f.api.call("PATCH", "/api/tickets/2", `{"status":"resolved"}`)
	expect(t, f.owner.Send(home+"/tickets/2/rating", url.Values{"stars": {"4"}, "comment": {"Rated by " + f.mark}}), 303, "")
	if got := f.admin.Send(home+"/agent/tickets/1/draft", url.Values{"body": {"Draft of " + f.mark}, "visibility": {"public"}}); got.Status != 204 {
		t.Errorf("draft = %d %s", got.Status, got.Body)
	}
	page := importFile(t, f.admin, home, f.mark+".csv", "title,description\nImport of "+f.mark+",Text\n")
	f.ids["import"] = []string{page[strings.LastIndex(page, "/")+1:]}
}

// make posts a document in which MARK stands for the mark, and keeps the id of what was made.
func (f *furniture) make(kind, path, body string) string {
	f.api.t.Helper()
	id := f.id(path, strings.ReplaceAll(body, "MARK", f.mark))
	f.ids[kind] = append(f.ids[kind], id)
	return id
}

func (f *furniture) id(path, body string) string {
	f.api.t.Helper()
	got := f.api.call("POST", path, body)
	if got.Status != 201 && got.Status != 202 {
		f.api.t.Fatalf("POST %s %s = %d %s", path, body, got.Status, got.Body)
	}
	id, _ := got.JSON(f.api.t)["id"].(string)
	return id
}

// state is all that the API shows of the tenant and that nobody else may change.
func (f *furniture) state() string {
	f.api.t.Helper()
	var b strings.Builder
	for _, path := range []string{
		"/api/tickets?limit=100", "/api/tickets/1/comments", "/api/tickets/1/activity", "/api/tickets/2", "/api/views", "/api/canned-replies", "/api/categories",
		"/api/webhooks", "/api/rules", "/api/sla", "/api/tenant", "/api/users", "/api/tenant/domains",
		"/api/tenant/domains/" + f.ids["domain"][0] + "/certificate",
	} {
		got := f.api.call("GET", path, "")
		if got.Status != 200 {
			f.api.t.Errorf("%s = %d %s", path, got.Status, got.Body)
		}
		b.WriteString(path + "\n" + got.Body + "\n")
	}
	return b.String()
}
