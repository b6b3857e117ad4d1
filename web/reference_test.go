package web_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestReferenceHasAll: each operation of the document stands on a page of the reference, filled in with the host that was
// asked; no link of it leads nowhere, and what a description says of scopes is what the route demands.
func TestReferenceHasAll(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"api_requests_per_minute": "600"})
	contract, err := webtest.TheContract()
	if err != nil {
		t.Fatal(err)
	}
	c := n.Client(t)
	pages := map[string]string{}
	for _, path := range []string{"/api/docs", "/api/v1/docs", "/api/docs/errors"} {
		pages[path] = expect(t, c.Open(n.Acme.URL+path), 200, "API reference").Body
	}
	for _, o := range contract.Operations() {
		tags, _ := o.Raw["tags"].([]any)
		tag, _ := tags[0].(string)
		page := "/api/docs/" + strings.ReplaceAll(tag, " ", "-")
		if pages[page] == "" {
			pages[page] = expect(t, c.Open(n.Acme.URL+page), 200, "API reference").Body
		}
		id, _ := o.Raw["operationId"].(string)
		_, section, _ := strings.Cut(pages[page], `<section class="op" id="`+id+`">`)
		section, _, found := strings.Cut(section, "</section>")
		if !found || !strings.Contains(section, n.Acme.URL+"/") || !strings.Contains(section, o.Path) {
			t.Errorf("%s %s is not on %s as %s: %.200s", o.Method, o.Path, page, id, section)
		}
		if text, _ := o.Raw["description"].(string); strings.HasPrefix(text, "Needs `") {
			sentence, _, _ := strings.Cut(text, ".")
			sentence, _, _ = strings.Cut(sentence, ", with an") // what else it takes, and when
			_, demanded, _ := strings.Cut(section, "Scopes: ")
			demanded, _, _ = strings.Cut(demanded, "</p>")
			scope := regexp.MustCompile(`[a-z]+:[a-z]+`)
			if diff := cmp.Diff(sorted(scope.FindAllString(demanded, -1)), sorted(scope.FindAllString(sentence, -1))); diff != "" {
				t.Errorf("%s: the route (-) and its description (+) need other scopes:\n%s", id, diff)
			}
		}
	}
	for code := range contract.Codes() {
		if !strings.Contains(pages["/api/docs/errors"], `<div id="`+code+`">`) {
			t.Errorf("%s is not among the errors", code)
		}
	}
	links(t, c, n.Acme.URL, pages)
	expect(t, c.Get(n.Acme.URL+"/api/docs/nothing"), 404, "NOT_FOUND")
	expect(t, c.Open(n.URL+"/api/docs/tickets"), 200, n.URL+"/api/tickets")
	if got := c.Get(n.Acme.URL+"/api/docs", "Accept-Language: de"); !strings.Contains(got.Body, "API-Referenz") || !strings.Contains(got.Body, `<article class="text" lang="en">`) {
		t.Error("the German page is not one around English text")
	}
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}

// links follows what stands in the pages at the same host.
func links(t *testing.T, c *webtest.Client, base string, pages map[string]string) {
	t.Helper()
	link := regexp.MustCompile(`href="([^"]*)"`)
	for page, body := range pages {
		for _, found := range link.FindAllStringSubmatch(body, -1) {
			to, anchor, _ := strings.Cut(found[1], "#")
			switch {
			case to == "":
				to = page
			case strings.HasPrefix(to, "https:"), to == "/", strings.HasPrefix(to, "/static/"):
				continue
			case !strings.HasPrefix(to, "/"):
				to = "/api/docs/" + to
			}
			if pages[to] == "" {
				pages[to] = expect(t, c.Open(base+to), 200, "").Body
			}
			if anchor != "" && !strings.Contains(pages[to], `id="`+anchor+`"`) {
				t.Errorf("%s leads to %s, where nothing is called %s", page, to, anchor)
			}
		}
	}
}

// TestReferenceVerifies: the programs that the reference shows take the signatures of the specification's own library, and nothing
// else.
func TestReferenceVerifies(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p, programs := newPrograms(t, n), shown(t, n, n.Acme.URL+"/api/docs/events")
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"type":"ticket.created","data":{"title":"Größe"}}`
	message := func(age time.Duration, change func(headers map[string]string)) string {
		at := time.Now().Add(-age)
		signature, err := signer.Sign("evt_1", at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		headers := map[string]string{"webhook-id": "evt_1", "webhook-timestamp": strconv.FormatInt(at.Unix(), 10), "webhook-signature": signature}
		if change != nil {
			change(headers)
		}
		text, err := json.Marshal(map[string]any{"secret": secret, "headers": headers, "body": body})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	all := []string{
		message(0, nil),
		message(0, func(h map[string]string) { h["webhook-signature"] = "v1,AAAA " + h["webhook-signature"] }),
		message(time.Hour, nil),
		message(0, func(h map[string]string) { h["webhook-id"] = "evt_2" }),
		message(0, func(h map[string]string) { h["webhook-signature"] = "v1,AAAA" }),
		message(0, func(h map[string]string) { h["webhook-timestamp"] = strconv.FormatInt(time.Now().Unix()+9, 10) }),
	}
	const want = "true true false false false false"
	input := "[" + strings.Join(all, ",") + "]"
	python := p.write(t, "verify.py", programs["verify.py"]+"\n"+`import json, sys
print(" ".join(str(verify(m["secret"], m["headers"], m["body"].encode())).lower() for m in json.loads(sys.argv[1])))`)
	node := p.write(t, "verify.mjs", programs["verify.mjs"]+"\n"+`console.log(JSON.parse(process.argv[2]).map((m) => verify(m.secret, m.headers, Buffer.from(m.body))).join(" "));`)
	for _, command := range [][]string{slices.Concat(p.python(), []string{python, input}), {"node", node, input}} {
		if got := p.run(t, command...); got != want {
			t.Errorf("%s says %q, want %q", command[0], got, want)
		}
	}
}
