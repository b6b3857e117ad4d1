package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// admin is an admin of Acme's at the browser, with an authenticator.
type admin struct {
	*webtest.Browser

	t    *testing.T
	n    *webtest.Node
	desk string
	key  string
}

// code is what the authenticator shows, so many steps from now: each code is good once.
func (a *admin) code(later int) string {
	a.t.Helper()
	const step = 30 * time.Second
	code, err := totp.GenerateCode(strings.ReplaceAll(a.key, " ", ""), time.Now().Add(time.Duration(later)*step))
	if err != nil {
		a.t.Fatal(err)
	}
	return code
}

// settings goes to a page of the settings by the navigation.
func (a *admin) settings(page string) {
	a.t.Helper()
	a.Click(`.side a[href$="/settings/` + page + `"]`)
	a.At(a.desk + "/agent/settings/" + page)
}

// saves presses the form's button and waits for what the page says then.
func (a *admin) saves(button, says string) {
	a.t.Helper()
	a.Click(button)
	a.See(".notice.good", says)
}

// TestJourneyOfAnAdmin: from the invitation to a tenant that nobody has set up to one with a name, a domain, a partner and a team,
// and the first request that comes in over all of that.
func TestJourneyOfAnAdmin(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	n.Set(t, n.Acme, map[string]string{"staff_second_factor": "required"})
	invitation, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, "ann@acme.example", "Ann Arbor", auth.RoleAdmin, "operator")
	if err != nil {
		t.Fatal(err)
	}
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	a := &admin{Browser: b, t: t, n: n, desk: n.Acme.URL}
	a.accept(invitation.URL)
	a.Click(".nav a:nth-child(3)")
	a.settings("start")
	a.See("main", "5 steps are left.")
	a.brands()
	domain := a.bringsDomain("help.umbrella.example")

	pages := http.NewServeMux()
	partner := webtest.Site(t, "shop.umbrella.example", pages)
	a.settings("sign-in")
	a.Fill("#allowed_origins", partner)
	a.Click("[name=simpleauth_operators]")
	a.saves("main form .primary", "Saved.")
	a.fillsTheDesk()
	a.invites()

	a.comesByAnotherDoor()
	secret := a.readsTheKey()
	p := newPrograms(t, n)
	p.environment = append(p.environment, "DESKGATE_JWT_SECRET="+secret)
	a.validates(p, shown(t, n, domain+"/integration")["jwt-jsonwebtoken.mjs"])

	pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title>", shown(t, n, domain+"/integration")["form.html"])
	})
	a.firstRequest(partner, domain)
}

// accept opens the invitation, chooses a password, and sets up the authenticator that the tenant demands.
func (a *admin) accept(invitation string) {
	a.t.Helper()
	a.Open(invitation)
	a.See("h1", "Welcome, Ann Arbor")
	a.Fill("#password", webtest.Password)
	a.Click("main form button")
	a.See("h1", "Set up an authenticator")
	a.key = a.See("code.key", "")
	a.Fill("#code", a.code(0))
	a.Click("main form button")
	a.See(".codes", "-")
	a.Click("main a.btn.primary")
	a.At(a.desk + "/agent")
	a.Open(a.desk + "/agent")
	a.See("#views", "Inbox")
}

// brands gives the help desk its name, its colour and its logo.
func (a *admin) brands() {
	a.t.Helper()
	a.Click("main .step a.primary")
	a.Type("#name", "Umbrella Helpdesk")
	a.Fill("#brand_color", "#0b6e4f")
	a.Upload("#logo", onDisk(a.t, map[string]string{"logo.png": png})["logo.png"])
	a.saves("main form .primary", "Saved.")
	a.See(".logo", "Umbrella Helpdesk")
	if got := a.Script(`getComputedStyle(document.documentElement).getPropertyValue("--color-brand") + " " + document.querySelector(".logo-image").naturalWidth`); got != "#0b6e4f 1" {
		a.t.Errorf("colour and logo are %q", got)
	}
}

// bringsDomain adds a domain, copies its records from the page into the DNS, and has it verified and certified.
func (a *admin) bringsDomain(host string) (origin string) {
	a.t.Helper()
	a.AllowClipboard()
	a.settings("domains")
	a.Fill("#host", host)
	a.saves("main form[action$=domains] .primary", "The domain was added.")
	a.Click(`main form[action$="/verify"] button`)
	a.See(".notice.warn", "The records were not found yet.")
	a.See("main .head .chip", "Waiting for DNS")
	for n := 1; n <= 2; n++ {
		record := fmt.Sprintf(".record:nth-child(%d) ", n)
		copied := make([]string, 2)
		for i := range copied {
			button := record + fmt.Sprintf("dd:nth-of-type(%d) button", i+1)
			a.Click(button)
			a.See(button, "Copied")
			copied[i] = a.Script(`navigator.clipboard.readText()`)
		}
		a.n.Publish(a.t, a.See(record+"b", ""), copied[0], copied[1])
	}
	a.saves(`main form[action$="/verify"] button`, "The domain is verified.")
	a.comes("days left")
	a.See("main .head .chip.done", "Active")
	a.See("main section", "This is the primary domain")
	a.bringsCertificate(host)
	return a.n.Directory.Node().URLFor("help.umbrella.example")
}

// bringsCertificate brings a certificate for the domain whose page is open, with the wrong key at first, and takes it back.
func (a *admin) bringsCertificate(host string) {
	a.t.Helper()
	chain, key := pair(a.t, host)
	_, other := pair(a.t, host)
	files := onDisk(a.t, map[string]string{"chain.pem": string(chain), "key.pem": string(key), "other.pem": string(other)})
	a.Click("summary.link")
	a.Upload("[name=certificate_file]", files["chain.pem"])
	a.Upload("[name=private_key_file]", files["other.pem"])
	a.Click(".bring .primary")
	a.See("#key-wrong .error", "This is not the key of the certificate.")
	a.Upload("[name=private_key_file]", files["key.pem"])
	a.saves(".bring .primary", "The certificate was taken.")
	a.comes("you: it was brought")
	a.saves(".brought button", "The certificate is no longer used.")
	a.comes("Deskgate, which got it by itself")
}

// comes loads the page again until it says so.
func (a *admin) comes(words string) {
	a.t.Helper()
	for late := time.Now().Add(20 * time.Second); !strings.Contains(a.See("main", ""), words); a.Reload() {
		if time.Now().After(late) {
			a.t.Fatalf("the page never says %q", words)
		}
	}
}

// fillsTheDesk adds a category, a canned reply, a rule, and a webhook that gets a test.
func (a *admin) fillsTheDesk() {
	a.t.Helper()
	a.settings("categories")
	a.Fill("main form[action$=categories] #name", "Umbrellas")
	a.saves("main form[action$=categories] .primary", "Saved.")
	a.settings("replies")
	a.Click(`main a[href$="/replies/new"]`)
	a.Fill("#name", "On our way")
	a.Fill("#body", "Dear {{requester.first_name}}, we are on our way.")
	a.Click("main form button.primary")
	a.See("main", "On our way")
	a.settings("rules")
	a.Click(`main a[href$="/rules/new"]`)
	a.Fill("#name", "Umbrellas first")
	a.Choose("[name=field1]", "Title")
	a.Choose("[name=op1]", "contains")
	a.Fill("[name=value1]", "umbrella")
	a.Choose("[name=do1]", "Set the priority")
	a.Choose("[name=with1]", "high")
	a.Click("main form .primary")
	a.See("main", "Umbrellas first")

	to, messages := receive(a.t)
	a.settings("webhooks")
	a.Fill("#url", to)
	a.Click("main form .primary")
	a.See(".notice.good .pick", "whsec_")
	a.Click(`main form[action$="/test"] button`)
	next(a.t, messages)
	for late := time.Now().Add(20 * time.Second); !strings.Contains(a.See("main .deliveries", ""), "Delivered"); a.Reload() {
		if time.Now().After(late) {
			a.t.Fatal("the test was not delivered")
		}
	}
}

// invites asks a colleague in, who comes by the letter.
func (a *admin) invites() {
	a.t.Helper()
	a.settings("team")
	a.Fill("#email", "bob@acme.example")
	a.Fill("#name", "Bob Builder")
	a.saves("main form .primary", "An invitation is on its way")
	bob := a.Person()
	bob.Open(addressIn(a.t, a.n.Mail.Wait(a.t, "bob@acme.example"), "/auth/invite"))
	bob.See("h1", "Welcome, Bob Builder")
	bob.Fill("#password", webtest.Password)
	bob.Click("main form button")
	bob.See("h1", "Set up an authenticator")
}

// comesByAnotherDoor signs out, and comes back on the word of the tenant's own site.
func (a *admin) comesByAnotherDoor() {
	a.t.Helper()
	a.Click(".top form button")
	a.At(a.desk + "/agent/login")
	a.Open(a.desk + "/admin/simpleauth/login?token=" + operatorToken(a.n.Acme, "ann@acme.example"))
	a.At(a.desk + "/agent")
	a.See("#views", "Inbox")
}

// readsTheKey is asked who she is, and then shown the key that the partner signs with.
func (a *admin) readsTheKey() (secret string) {
	a.t.Helper()
	a.Open(a.desk + "/agent/settings/keys")
	a.See("h1", "Confirm that it is you")
	a.Fill("#code", a.code(1))
	a.Click("main form button")
	a.At(a.desk + "/agent/settings/keys")
	a.Click(`main form[action$="/jwt/reveal"] button`)
	return a.See("#jwt .pick", "")
}

// validates tries a token that the guide's program has made with the key, and one that somebody has changed; the good one signs
// its user in.
func (a *admin) validates(p *programs, program string) {
	a.t.Helper()
	token := p.run(a.t, "node", "testdata/guide/token.mjs", p.write(a.t, "jwt.mjs", program), `{"id":7,"email":"zoe@example.com","name":"Zoe Park"}`)
	a.settings("validator")
	a.Fill("#token", token)
	a.Click("main form .primary")
	a.See("#verdict", "This token is good.")
	head, signature, _ := strings.Cut(token[1:], ".")
	a.Fill("#token", token[:1]+head+"."+strings.ToUpper(signature))
	a.Click("main form .primary")
	a.See("#verdict", "This token signs nobody in.")
	answer := a.n.Client(a.t).Do(http.MethodPost, a.n.URL+"/api/jwt/login", `{"token":"`+token+`","tenant_slug":"acme"}`, "Content-Type: application/json")
	landing, _ := answer.JSON(a.t)["redirect_url"].(string)
	zoe := a.Person()
	zoe.Open(landing)
	zoe.See("footer", "Zoe Park")
}

// firstRequest comes from the partner's page to the tenant's own domain, and everything is set up.
func (a *admin) firstRequest(partner, domain string) {
	a.t.Helper()
	visitor := a.Person()
	visitor.Open(partner)
	zoe := visitor.ClickToTab("form button")
	zoe.At(domain + "/dashboard")
	zoe.See(".logo", "Umbrella Helpdesk")
	zoe.Open(domain + "/tickets/create")
	zoe.Choose("#category", "Umbrellas")
	zoe.Fill("#title", "My umbrella leaks")
	zoe.Fill("#description", "In the rain.")
	zoe.Click("main form .primary")
	zoe.At(domain + "/tickets/1")

	a.Open(a.desk + "/agent/tickets/1")
	a.See("#subject", "My umbrella leaks")
	a.See("#rows .prio", "High")
	a.Open(a.desk + "/agent/settings/start")
	a.See("main", "All is set up.")
}
