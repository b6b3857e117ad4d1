package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	imagepng "image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web/webtest"
)

// busyTalk are tickets as people write them, the oldest first: email|name|title|text|status|priority|tags.
const busyTalk = `amir@nightowl.example|Amir Haddad|Milk foam is too thin|Whatever milk I take, it comes out like water.|closed|low|
ingrid@fjord.example|Ingrid Solheim|Offer for twelve machines with a service contract for three years, delivered to four offices in two countries|We are moving.|pending|high|sales,offer,2026-q4
kirsten.hoffmann@kaffeehaus-hoffmann.example|Kirsten Hoffmann-Brandenburg|Rückfrage zur Donaudampfschifffahrtsgesellschaftskapitänskaffeemaschinenwartungsvereinbarung|Guten Tag, in der Vereinbarung steht eine jährliche Pauschale.|open|medium|deutsch,wartung
olu@workhub.example|Oluwaseun Adeyemi|Card reader refuses contactless payments since the update|Chip and PIN work. Contactless says: card not accepted.|open|urgent|payment,firmware-2.8
wei.chen@teagarden.example|Wei Chen 陈伟|Tee statt Kaffee: Heißwasser ist nur lauwarm|Nach dem Entkalken kommt das Wasser nur noch mit etwa 60 °C.|resolved|medium|deutsch
marguerite@librairie.example|Marguerite de La Rochefoucauld|Delivery address keeps changing back|Every time I correct it, it is the old one the next morning.|on_hold|medium|shop
amal@souk.example|أمل الحداد|الجهاز لا يعمل بعد التحديث|بعد تحديث الأمس لا تعمل الشاشة.|new|high|
joana.costa@padaria.example|Joana Costa|Invoice as PDF/A|Our accountant needs PDF/A-3 with the XML inside.|resolved|low|billing
rosa@mercado.example|Rosa Jiménez|Can the machine speak Catalan?|I only find Spanish and Portuguese in the menu.|closed|medium|
dora@bluedoor.example|Dóra Kovács|Lieferung unvollständig – es fehlen 2 von 5 Kartons|Lieferschein 88213, Kartons 4 und 5 fehlen.|open|high|deutsch,lieferung
sven@hafenbar.example|Sven Petersen|Mahlwerk blockiert, Kundendienst erreichbar?|Wir haben schon alles ausgebaut und gereinigt.|new|urgent|deutsch
jun.park@example.net|Jun Park|Which water filter fits the M2 Compact?|The shop lists three and all of them say that they are compatible.|pending|medium|`

// busyText is a message with all that Markdown has.
const busyText = "Good morning,\n\n**E17** means that the machine waits for the rinse cycle. Please:\n\n1. fill the tank up to the mark,\n2. hold the *cup* button for five seconds,\n3. let two litres run through.\n\n" +
	"> Since I descaled it this morning it beeps three times.\n\nIf it does not help, send us what this prints:\n\n```\nmachinectl diagnose --serial 4471-0923 --all --verbose --output=/var/log/machine/diagnose-2026-11-20.log | tee /dev/stderr\n```\n\n" +
	"| Firmware | Rinse cycle | Known problems | Put right in |\n| --- | --- | --- | --- |\n| 2.7.9 | yes | none | – |\n| 2.8.1 | no | E17 after descaling, contactless payments | 2.8.2 |\n\n" +
	"More at https://www.acme.example/support/machines/m4/error-codes/e17/after-descaling-with-the-wrong-descaler and in `docs/e17.md`."

// screenshot is a picture as people attach them.
func screenshot(t *testing.T) string {
	t.Helper()
	const wide, high = 480, 320
	m := image.NewRGBA(image.Rect(0, 0, wide, high))
	for y := range high {
		for x := range wide {
			m.Set(x, y, color.RGBA{uint8(40 + x/4), uint8(90 + y/4), 160, 255})
		}
	}
	var b bytes.Buffer
	if err := imagepng.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// busyDesk is a help desk in full swing.
type busyDesk struct {
	*webtest.Node

	t         *testing.T
	home      string
	api       *program
	ann, bob  *webtest.Client // an admin, an agent
	bea       *webtest.Client // a requester with many requests
	visitor   *webtest.Client // one who only says to be somebody
	all       []page
	reply     string // a canned reply
	anybodies *webtest.Client
}

const (
	beasAddress = "bea.winkler@kaffeehaus-am-hafen.example"
	beasName    = "Bea Winkler-Sørensen"
)

// busyPages are the pages of a help desk in full swing, and those that only come about when something goes wrong.
func busyPages(t *testing.T) []page {
	t.Helper()
	d := &busyDesk{Node: webtest.Start(t, webtest.WithMail()), t: t}
	d.home, d.api, d.anybodies = d.Acme.URL, caller(t, d.Node, d.Acme), d.Client(t)
	d.Set(t, d.Acme, map[string]string{
		"name": "Acme Coffee Machines", "allowed_origins": "https://www.acme.example,https://shop.acme.example", "welcome_text": "We answer on weekdays from 8 to 18, mostly within two hours.",
	})
	d.ann = d.Agent(t, d.Acme, "ann@acme.example", "Ann-Kathrin Lee", auth.RoleAdmin)
	d.bob = d.Agent(t, d.Acme, "bob.builder@acme.example", "Bob Builder", auth.RoleAgent)
	d.settle()
	d.fill()
	d.portal()
	d.doors()
	d.console()
	d.settings()
	return d.all
}

// busy is how the names of the busy desk's pages begin.
const busy = "busy-"

// visit adds a page.
func (d *busyDesk) visit(name string, as *webtest.Client, path string) {
	d.all = append(d.all, page{name: busy + name, address: d.home + path, as: as})
}

// answer adds a page that answers a form of the page from.
func (d *busyDesk) answer(name string, as *webtest.Client, from, path string, form url.Values) {
	d.all = append(d.all, page{name: busy + name, address: d.home + path, as: as, from: d.home + from, form: form})
}

// after adds a page on which something was done by script.
func (d *busyDesk) after(name string, as *webtest.Client, path, script string) {
	d.all = append(d.all, page{name: busy + name, address: d.home + path, as: as, script: script})
}

func (d *busyDesk) call(method, path, body string) map[string]any {
	d.t.Helper()
	got := d.api.call(method, path, body)
	if got.Status >= http.StatusMultipleChoices {
		d.t.Fatalf("%s %s = %d %s", method, path, got.Status, got.Body)
	}
	if got.Body == "" {
		return nil
	}
	return got.JSON(d.t)
}

func (d *busyDesk) do(as *webtest.Client, path string, form url.Values) string {
	d.t.Helper()
	return expect(d.t, as.Send(d.home+path, form), http.StatusSeeOther, "").Location()
}

// settle makes what an admin has made in the first weeks.
func (d *busyDesk) settle() {
	d.call("POST", "/api/rules", `{"name":"Ausfälle zuerst, und zwar bei allen, die für sie zuständig sind","when":"created","match":"any","conditions":[{"field":"title","op":"contains","value":"outage"},{"field":"tag","op":"is","value":"outage"}],"actions":[{"do":"set_priority","value":"urgent"},{"do":"add_tag","value":"outage"},{"do":"assign_next"}]}`)
	d.call("POST", "/api/rules", `{"name":"Bills to Ann","when":"created","match":"all","conditions":[{"field":"title","op":"contains","value":"invoice"}],"actions":[{"do":"note","text":"Look at the terms of **their** contract first, {{requester.name}} has an old one."}],"enabled":false}`)
	d.call("PUT", "/api/sla", `{"enabled":true,"targets":{"urgent":{"first_response_minutes":30,"resolution_minutes":240},"high":{"first_response_minutes":120}},"hours":{"monday":{"from":"08:00","to":"18:00"},"tuesday":{"from":"08:00","to":"18:00"}},"holidays":["12-25","2027-03-26"]}`)
	made := d.call("POST", "/api/canned-replies", `{"name":"E17 after descaling","shortcut":"e17","body":"Hello {{requester.name}},\n\n**E17** means that the machine waits for the rinse cycle.","shared":true,"status":"pending","add_tags":["e17"]}`)
	d.reply, _ = made["id"].(string)
	d.call("POST", "/api/canned-replies", `{"name":"Rücksendung: so geht es, Schritt für Schritt und mit Aufkleber","body":"Guten Tag","shared":true}`)
	for _, view := range []string{`{"name":"Firmware 2.8","query":"tag:firmware-2.8 is:open","shared":true}`, `{"name":"Liegt seit einer Woche bei uns und niemand antwortet","query":"is:open updated:<7d"}`} {
		d.call("POST", "/api/views", view)
	}
	d.call("POST", "/api/categories", `{"name":"Wartungsverträge und Gewährleistungsansprüche"}`)
	d.call("POST", "/api/tokens", `{"name":"Warehouse","scopes":["tickets:read"]}`)
	for _, host := range []string{"support.acme-coffee-machines.example", "help.acme.example"} {
		d.Register(d.t, d.Acme, tenant.Host(host))
	}
	d.do(d.ann, "/agent/settings/domains/help.acme.example/verify", nil)
	if _, err := d.Staff.Invite(d.t.Context(), d.Acme.Tenant, "maximiliane.von-und-zu-hohenstein@acme.example", "", auth.RoleAgent, "operator"); err != nil {
		d.t.Fatal(err)
	}
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no room for more", http.StatusServiceUnavailable)
	}))
	d.t.Cleanup(broken.Close)
	d.call("POST", "/api/webhooks", `{"url":"`+broken.URL+`/hooks/deskgate?tenant=acme","name":"Warehouse management","types":["ticket.created","ticket.updated"]}`)
}

// fill imports a month of tickets, and writes the ones that pages show whole.
func (d *busyDesk) fill() {
	type person struct {
		Email string `json:"email"`
		Name  string `json:"name"`
	}
	type ticket struct {
		Title       string     `json:"title"`
		Description string     `json:"description"`
		Status      string     `json:"status"`
		Priority    string     `json:"priority"`
		Tags        []string   `json:"tags,omitempty"`
		Requester   person     `json:"requester"`
		Assignee    *person    `json:"assignee,omitempty"`
		ExternalID  string     `json:"external_id"`
		CreatedAt   time.Time  `json:"created_at"`
		First       *time.Time `json:"first_response_at,omitempty"`
		Resolved    *time.Time `json:"resolved_at,omitempty"`
		Rating      any        `json:"rating,omitempty"`
	}
	var lines bytes.Buffer
	talk, now := strings.Split(busyTalk, "\n"), time.Now().UTC().Truncate(time.Second)
	const many = 48
	for i := range many {
		f := strings.Split(talk[i%len(talk)], "|")
		t := ticket{
			Title: f[2], Description: f[3], Status: f[4], Priority: f[5], Requester: person{f[0], f[1]}, ExternalID: fmt.Sprintf("old-%d", i),
			CreatedAt: now.Add(-time.Duration((many-i)*14) * time.Hour),
		}
		if f[6] != "" {
			t.Tags = strings.Split(f[6], ",")
		}
		if i%3 == 0 {
			t.Requester = person{beasAddress, beasName}
		}
		if i%2 == 0 {
			t.Assignee = &person{"ann@acme.example", "Ann-Kathrin Lee"}
		}
		if t.Status != "new" {
			first := t.CreatedAt.Add(time.Duration(1+i%7) * 37 * time.Minute)
			t.First = &first
		}
		if t.Status == "resolved" || t.Status == "closed" {
			resolved := t.CreatedAt.Add(time.Duration(2+i%5) * 3 * time.Hour)
			t.Resolved, t.Rating = &resolved, map[string]any{"stars": 1 + (i*7)%5}
		}
		line, err := json.Marshal(t)
		if err != nil {
			d.t.Fatal(err)
		}
		lines.Write(append(line, '\n'))
	}
	at := importFile(d.t, d.ann, d.home, "tickets.jsonl", lines.String())
	d.do(d.ann, strings.TrimPrefix(at, d.home), url.Values{"do": {"start"}})
	await(d.t, d.ann, at)
	d.bea = d.SignIn(d.t, d.Acme, beasAddress, beasName)
	d.thread()
}

// The numbers of the tickets that pages show whole.
const busyThread, busyWaiting, busySolved, busyMerged, busyDeleted, busyDisowned = 49, 50, 51, 52, 53, 54

// thread writes tickets with all that tickets can have.
func (d *busyDesk) thread() {
	file := func(title, text string) {
		d.t.Helper()
		d.do(d.bea, "/tickets", url.Values{"title": {title}, "description": {text}})
	}
	file("The machine shows error E17 after descaling", "Since I descaled it this morning it beeps three times and shows **E17**.\n\nI have switched it off and on again twice. Serial number 4471-0923.")
	file("Rechnung 2026-1180 trägt noch unsere alte Anschrift", "Wir sind im September umgezogen; können Sie sie noch einmal mit Hafenstraße 12, 20457 Hamburg schicken?")
	file("Grinder is much louder than before", "It began two days ago.")
	file("E17 again", "The same as in my other request.")
	file("Please ignore", "Sent by mistake.")
	ids := d.api.attach(webtest.File{Name: "display-with-e17-after-the-second-descaling-of-november.png", Content: screenshot(d.t)}, webtest.File{Name: "diagnose.log", Content: strings.Repeat("E17 rinse cycle\n", 900)})
	note := func(n int, body string) {
		d.t.Helper()
		d.call("POST", fmt.Sprintf("/api/tickets/%d/comments", n), body)
	}
	said, err := json.Marshal(map[string]any{"body": busyText, "attachment_ids": ids})
	if err != nil {
		d.t.Fatal(err)
	}
	note(busyThread, string(said))
	d.do(d.bea, fmt.Sprintf("/tickets/%d/reply", busyThread), url.Values{"body": {"Thank you! That helped for an hour, then it came back."}})
	d.do(d.ann, fmt.Sprintf("/agent/tickets/%d", busyThread), url.Values{"visibility": {"internal"}, "body": {"Third E17 with firmware 2.8 this week, @bob.builder. I have told engineering:\n\n- 2.8.1 skips the rinse cycle\n- they need the serial number"}, "seen": {"none"}, "do": {"anyway"}})
	d.call("PATCH", fmt.Sprintf("/api/tickets/%d", busyThread), `{"priority":"high","status":"pending","tags":["descaling","e17","firmware-2.8","kaffeehaus-am-hafen","replacement-part-ordered"],"custom_fields":{"serial_number":"4471-0923","warranty":true,"Vertragslaufzeit_in_Monaten":36}}`)
	note(busyWaiting, `{"body":"Gern. Die berichtigte Rechnung ist unterwegs. Steht die **USt-IdNr.** noch richtig darauf?"}`)
	d.call("PATCH", fmt.Sprintf("/api/tickets/%d", busyWaiting), `{"status":"pending"}`)
	d.call("PATCH", fmt.Sprintf("/api/tickets/%d", busySolved), `{"status":"resolved","comment":{"body":"A new set of burrs is on its way."}}`)
	d.do(d.bea, fmt.Sprintf("/tickets/%d/rating", busySolved), url.Values{"stars": {"4"}, "comment": {"Quick and friendly, only the parcel took long."}})
	d.call("POST", fmt.Sprintf("/api/tickets/%d/merge", busyMerged), fmt.Sprintf(`{"into":"%d"}`, busyThread))
	d.call("DELETE", fmt.Sprintf("/api/tickets/%d", busyDeleted), "")
	d.visitor = d.Visit(d.t, d.Acme, "yann.le-goff@example.com", "Yann Le Goff")
	d.do(d.visitor, "/tickets", url.Values{"title": {"Where is my order 2026-4471?"}, "description": {"I ordered three weeks ago."}})
	d.call("PATCH", fmt.Sprintf("/api/tickets/%d", busyDisowned), `{"assignee_id":null,"priority":"low"}`)
}
