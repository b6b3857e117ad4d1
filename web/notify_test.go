package web_test

import (
	"fmt"
	"net/http"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/web/webtest"
)

// solved files a request of Zoe's at acme, has an agent answer and solve it, and returns the letter that says so.
func solved(t *testing.T, n *webtest.Node) (zoe *webtest.Client, letter mailtest.Letter) {
	t.Helper()
	zoe = n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	expect(t, zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {"Printer <burns>"}, "description": {"It **smokes**."}}), 303, "")
	if l := n.Mail.Wait(t, "zoe@example.com"); l.Subject != "[#1] Printer <burns>" {
		t.Errorf("the receipt's subject is %q", l.Subject)
	}
	p := caller(t, n, n.Acme)
	p.call("POST", "/api/tickets/1/comments", `{"body":"SECRET","visibility":"internal"}`)
	p.call("PATCH", "/api/tickets/1", `{"status":"resolved","comment":{"body":"Use <script> and **water**."}}`)
	return zoe, n.Mail.Wait(t, "zoe@example.com")
}

// addressIn is the first address in the letter that leads to one of our pages.
func addressIn(t *testing.T, l mailtest.Letter, path string) string {
	t.Helper()
	found := regexp.MustCompile(`https://\S+` + regexp.QuoteMeta(path) + `\S*`).FindString(l.Text)
	if found == "" {
		t.Fatalf("no address of %s in\n%s", path, l.Text)
	}
	return found
}

// TestRequestersLetters: a letter says what was written, as text and as safe HTML, leads to the request, and has no internal note.
func TestRequestersLetters(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	zoe, l := solved(t, n)
	for _, want := range []string{"Use <script> and **water**.", "> It **smokes**.", "Nobody reads answers to this email", "Acme, ", n.Acme.URL + "/tickets/1"} {
		if !strings.Contains(l.Text, want) {
			t.Errorf("the text has no %q:\n%s", want, l.Text)
		}
	}
	for _, want := range []string{"<strong>water</strong>", "<strong>smokes</strong>", `href="` + n.Acme.URL + `/tickets/1"`, "&amp;stars=5"} {
		if !strings.Contains(l.HTML, want) {
			t.Errorf("the HTML has no %q:\n%s", want, l.HTML)
		}
	}
	for _, secret := range []string{"SECRET", "<script", "<img"} {
		if strings.Contains(l.HTML, secret) || secret == "SECRET" && strings.Contains(l.Text, secret) {
			t.Errorf("the letter has %q:\n%s", secret, l.HTML)
		}
	}
	expect(t, zoe.Open(addressIn(t, l, "/tickets/")), 200, "water")
	n.Mail.None(t, "zoe@example.com")
}

// TestRatingByLink: who has the link rates without a session. Looking at it rates nothing, and it is good at its own tenant only.
func TestRatingByLink(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	_, l := solved(t, n)
	link := addressIn(t, l, "/auth/rate")
	anybody := n.Client(t)
	expect(t, anybody.Open(link+"&stars=5"), 200, `value="5" required checked`)
	expect(t, anybody.Do(http.MethodHead, link+"&stars=5", ""), 200, "")
	if got := rating(t, n); got != nil {
		t.Fatalf("looking at the page has rated the request: %v", got)
	}
	expect(t, anybody.Send(link, url.Values{}), 422, "must be a number")
	expect(t, anybody.Send(link, url.Values{"stars": {"4"}, "comment": {"Quick"}}), 303, "")
	expect(t, anybody.Open(link+"&rated"), 200, "You have given 4 of 5 stars.")
	if got, _ := rating(t, n).(map[string]any); got["stars"] != 4.0 || got["comment"] != "Quick" {
		t.Errorf("the rating is %v", got)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{
		n.Bolt.URL + "/auth/rate?" + u.RawQuery, n.Acme.URL + "/auth/rate", n.Acme.URL + "/auth/rate?token=x",
		n.Acme.URL + "/auth/unsubscribe?" + u.RawQuery,
	} {
		expect(t, anybody.Open(wrong), 404, "This link is not good any more.")
		expect(t, anybody.Send(wrong, url.Values{"stars": {"1"}}), 404, "")
	}
	caller(t, n, n.Acme).call("PATCH", "/api/tickets/1", `{"status":"closed"}`)
	expect(t, anybody.Open(link), 200, "")
}

func rating(t *testing.T, n *webtest.Node) any {
	t.Helper()
	return n.Client(t).Get(n.Acme.URL+"/api/tickets/1", "Authorization: Bearer "+n.Acme.Token).JSON(t)["rating"]
}

// TestUnsubscribing: mail programs do it by one POST without cookies, people by a page with a button. Other letters go on.
func TestUnsubscribing(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe")
	file := func() {
		t.Helper()
		expect(t, zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {"One"}, "description": {"one"}}), 303, "")
	}
	file()
	l := n.Mail.Wait(t, "zoe@example.com")
	link := strings.Trim(l.Header.Get("List-Unsubscribe"), "<>")
	expect(t, n.Client(t).Open(link), 200, "Do you want no more emails that a request of yours has arrived?")
	page := expect(t, zoe.Open(n.Acme.URL+"/auth/notifications"), 200, "")
	if strings.Count(page.Body, " checked") != 4 {
		t.Error("looking at the page has unsubscribed")
	}
	expect(t, n.Client(t).Do(http.MethodPost, link, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded"), 200, "You are unsubscribed")
	page = expect(t, zoe.Open(n.Acme.URL+"/auth/notifications"), 200, `name="replies" value="on" checked`)
	if strings.Count(page.Body, " checked") != 3 {
		t.Errorf("there are other letters that Zoe gets than the three that are left:\n%s", page.Body)
	}
	file()
	caller(t, n, n.Acme).call("POST", "/api/tickets/2/comments", `{"body":"Yes"}`)
	if l := n.Mail.Wait(t, "zoe@example.com"); !strings.Contains(l.Text, "Yes") {
		t.Errorf("the next letter is\n%s", l.Text)
	}
}

// TestWishesArePeoples: a requester chooses for themselves, and who only claims an address chooses nothing.
func TestWishesArePeoples(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	zoe, address := n.SignIn(t, n.Acme, "zoe@example.com", "Zoe"), n.Acme.URL+"/auth/notifications"
	expect(t, zoe.Send(address, url.Values{"replies": {"on"}}), 303, "")
	page := expect(t, zoe.Open(address), 200, "")
	if strings.Count(page.Body, " checked") != 1 {
		t.Errorf("Zoe's choice was not kept:\n%s", page.Body)
	}
	for name, other := range map[string]*webtest.Client{
		"another requester":                  n.SignIn(t, n.Acme, "bo@example.com", "Bo"),
		"the same address at another tenant": n.SignIn(t, n.Bolt, "zoe@example.com", "Zoe"),
	} {
		at := address
		if strings.Contains(name, "tenant") {
			at = n.Bolt.URL + "/auth/notifications"
		}
		if page := expect(t, other.Open(at), 200, ""); strings.Count(page.Body, " checked") != 4 {
			t.Errorf("%s has Zoe's choice", name)
		}
	}
	visitor := n.Visit(t, n.Acme, "zoe@example.com", "Zoe")
	if got := expect(t, visitor.Open(address), 303, ""); !strings.HasPrefix(got.Location(), "/auth/confirm") {
		t.Errorf("who claims the address is led to %s", got.Location())
	}
	expect(t, visitor.Send(address, url.Values{}), 403, "")
	expect(t, n.Client(t).Open(address), 303, "")
}

// TestClaimsAreNotMailed: who only claims an address has nothing mailed there that anybody wrote.
func TestClaimsAreNotMailed(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	visitor := n.Visit(t, n.Acme, "victim@example.com", "Cheap Pills")
	expect(t, visitor.Send(n.Acme.URL+"/tickets", url.Values{"title": {"Buy pills"}, "description": {"at pills.example"}}), 303, "")
	caller(t, n, n.Acme).call("POST", "/api/tickets/1/comments", `{"body":"About your pills"}`)
	l := n.Mail.Wait(t, "victim@example.com")
	if strings.Contains(strings.ToLower(l.Text+l.HTML+l.Subject+l.Header.Get("To")), "pills") {
		t.Errorf("the letter to whom somebody named has words of theirs:\n%s\n%s", l.Subject, l.Text)
	}
	if l.Subject != "[#1] A request at Acme" || !strings.Contains(l.Text, n.Acme.URL+"/dashboard") {
		t.Errorf("the letter is\n%s\n%s", l.Subject, l.Text)
	}
	n.Mail.None(t, "victim@example.com")
}

// TestStaffChooses: an agent gets letters by their own choice, in their own language.
func TestStaffChooses(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	ana, address := n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAgent), n.Acme.URL+"/agent/settings/notifications"
	n.Mail.Wait(t, "ana@acme.example") // the invitation
	page := expect(t, ana.Open(address), 200, `name="new" value="all" checked`)
	if !strings.Contains(page.Body, `name="replies" value="mine" checked`) {
		t.Errorf("the standard choice is another one:\n%s", page.Body)
	}
	expect(t, ana.Send(n.Acme.URL+"/agent/settings", url.Values{"name": {"Ana"}, "language": {"de"}, "zone": {"Europe/Berlin"}}), 303, "")
	p := caller(t, n, n.Acme)
	p.call("POST", "/api/tickets", `{"title":"One","description":"one","requester":{"email":"zoe@example.com","name":"Zoe"}}`)
	l := n.Mail.Wait(t, "ana@acme.example")
	for _, want := range []string{"Es gibt ein neues Ticket von Zoe.", "Guten Tag Ana,", "Keine E-Mails mehr, über neue Tickets:"} {
		if !strings.Contains(l.Text, want) {
			t.Errorf("the letter has no %q:\n%s", want, l.Text)
		}
	}
	expect(t, ana.Send(address, url.Values{"new": {"some"}, "replies": {"all"}, "notes": {"all"}, "overdue": {"all"}}), 422, "")
	expect(t, ana.Send(address, url.Values{"new": {"none"}, "replies": {"none"}, "notes": {"all"}, "overdue": {"none"}}), 303, "")
	expect(t, ana.Open(address), 200, `name="notes" value="all" checked`)
	p.call("POST", "/api/tickets", `{"title":"Other","description":"other one"}`)
	p.call("POST", "/api/tickets/1/comments", `{"body":"see","visibility":"internal"}`)
	if l := n.Mail.Wait(t, "ana@acme.example"); !strings.Contains(l.Text, "see") || strings.Contains(l.Text, "other one") {
		t.Errorf("after the choice the letter is\n%s", l.Text)
	}
	expect(t, n.SignIn(t, n.Acme, "zoe@example.com", "Zoe").Open(address), 303, "")
}

// TestUnreachableRequesters: agents see on the ticket that letters do not reach its requester, and admins have them sent again.
func TestUnreachableRequesters(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	ana := n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAdmin)
	expect(t, n.SignIn(t, n.Acme, "zoe@example.com", "Zoe").Send(n.Acme.URL+"/tickets", url.Values{"title": {"One"}, "description": {"one"}}), 303, "")
	refused := func(tx *storage.Tx) error {
		return notify.Failed(tx, mail.Letter{Kind: mail.Request, To: "zoe@example.com"}, fmt.Errorf("550 no such user: %w", mail.ErrRefused))
	}
	if err := n.Store.Update(t.Context(), n.Acme.Scope(), refused); err != nil {
		t.Fatal(err)
	}
	expect(t, ana.Open(n.Acme.URL+"/agent/tickets/1"), 200, "mail cannot be delivered")
	expect(t, ana.Open(n.Acme.URL+"/agent/settings/mail"), 200, "550 no such user")
	expect(t, ana.Send(n.Acme.URL+"/agent/settings/mail/resume", url.Values{"address": {"zoe@example.com"}}), 303, "")
	if page := ana.Open(n.Acme.URL + "/agent/tickets/1"); strings.Contains(page.Body, "mail cannot be delivered") {
		t.Error("the ticket still says that letters do not arrive")
	}
}

// TestLettersOfHostileNames: whatever a tenant and a requester are called, their letters come.
func TestLettersOfHostileNames(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	p := caller(t, n, n.Acme)
	p.call("PUT", "/api/tenant", `{"name":"12\" Vinyl <Records>\\"}`)
	n.Agent(t, n.Acme, "ana@acme.example", "Ana \"A\" <x@y.example>", auth.RoleAdmin)
	n.Mail.Wait(t, "ana@acme.example")
	zoe := n.SignIn(t, n.Acme, "zoe@example.com", `"><img src=x>`)
	expect(t, zoe.Send(n.Acme.URL+"/tickets", url.Values{"title": {`end" =?utf-8?q?=22?=`}, "description": {"one"}}), 303, "")
	for _, to := range []string{"ana@acme.example", "zoe@example.com"} {
		l := n.Mail.Wait(t, to)
		if from, err := netmail.ParseAddress(l.Header.Get("From")); err != nil || from.Name != `12" Vinyl <Records>\` {
			t.Errorf("the letter to %s is from %q: %v", to, l.Header.Get("From"), err)
		}
		if !strings.Contains(l.Subject, `[#1] end" `) {
			t.Errorf("subject %q", l.Subject)
		}
	}
}

// TestUndeliveredLetters: admins see which letters were given up, of whatever kind, and why; and other tenants' do not.
func TestUndeliveredLetters(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMailFor(func(to string) error {
		if to == "zoe@example.com" {
			return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not from <you>"}
		}
		return nil
	}))
	ana := n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAdmin)
	n.Mail.Wait(t, "ana@acme.example")
	address := n.Acme.URL + "/agent/settings/mail"
	if page := expect(t, ana.Open(address), 200, "Emails that were not delivered"); strings.Contains(page.Body, "not from") {
		t.Error("a letter is given up before it was sent")
	}
	expect(t, n.SignIn(t, n.Acme, "zoe@example.com", "Zoe").Send(n.Acme.URL+"/tickets", url.Values{"title": {"One"}, "description": {"one"}}), 303, "")
	page := ana.Open(address)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if page = ana.Open(address); strings.Contains(page.Body, "not from") {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	expect(t, page, 200, "not from &lt;you&gt;")
	expect(t, page, 200, "Email to a requester")
	bo := n.Agent(t, n.Bolt, "bo@bolt.example", "Bo", auth.RoleAdmin)
	if other := expect(t, bo.Open(n.Bolt.URL+"/agent/settings/mail"), 200, "There are none."); strings.Contains(other.Body, "zoe@example") {
		t.Error("another tenant sees the letter")
	}
}

// TestMailSettings: admins decide whether requesters get letters, and see whom they do not reach.
func TestMailSettings(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	ana, address := n.Agent(t, n.Acme, "ana@acme.example", "Ana", auth.RoleAdmin), n.Acme.URL+"/agent/settings/mail"
	expect(t, ana.Open(address), 200, "This node sends no mail")
	expect(t, ana.Send(address, url.Values{"waiting_reminder_days": {"91"}}), 422, "0 (never) to 90")
	expect(t, ana.Send(address, url.Values{"waiting_reminder_days": {"3"}}), 303, "")
	settings, _ := n.Client(t).Get(n.Acme.URL+"/api/tenant", "Authorization: Bearer "+n.Acme.Token).JSON(t)["settings"].(map[string]any)
	if settings["requester_mail"] != "off" || settings["waiting_reminder_days"] != 3.0 {
		t.Errorf("settings are %v", settings)
	}
	expect(t, ana.Send(address+"/resume", url.Values{"address": {"zoe@example.com"}}), 303, "")
	expect(t, n.Agent(t, n.Acme, "bo@acme.example", "Bo", auth.RoleAgent).Open(address), 403, "")
}
