package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// withoutKey are the operations of the document that are posted and need no idempotency key, and why.
var withoutKey = map[string]string{
	"redirectLogin": "who signs in has no credentials that a key could belong to; what a proof opens works once",
	"jwtLogin":      "the token works once", "simpleLoginForm": "the token works once", "simpleLogoutForm": "signed out is signed out",
	"operatorLoginForm": "the token works once", "operatorLogoutForm": "signed out is signed out",
	"testRedirectLogin": "makes nothing", "testJWT": "makes nothing", "tryRule": "makes nothing",
	"verifyDomain": "asks DNS anew, which is what it is for",
	"eraseUser":    "once is as good as twice, and the answer is how far it is by now",
	"receiveEvent": "is the receiver's",
}

// TestEveryPostIsCarriedOutOnce: each operation of the document that is posted honours an Idempotency-Key and says so, but for those
// that are named with their reason.
func TestEveryPostIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	f := furnish(t, n, n.Acme, "zqxacme")
	contract, err := webtest.TheContract()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, o := range contract.Operations() {
		id, _ := o.Raw["operationId"].(string)
		told := slices.ContainsFunc(contract.Parameters(o), func(p map[string]any) bool { return p["name"] == "Idempotency-Key" })
		_, without := withoutKey[id]
		switch {
		case o.Method != http.MethodPost || without && !told:
			continue
		case without:
			t.Errorf("%s is said to take no key, and the document says that it does", id)
			continue
		case !told:
			t.Errorf("%s does not say in the document that it takes an Idempotency-Key", id)
		}
		seen++
		f.twice(t, contract, o, id)
	}
	if seen < 15 {
		t.Errorf("%d operations take a key", seen)
	}
}

// twice posts what the document shows two times, and then something else.
func (f *furniture) twice(t *testing.T, contract *webtest.Contract, o webtest.Operation, id string) {
	t.Helper()
	if id == "createAttachments" {
		f.uploadTwice(t)
		return
	}
	content, _ := contract.Resolve(o.Raw["requestBody"])["content"].(map[string]any)
	media, _ := content["application/json"].(map[string]any)
	body := ""
	if media != nil {
		text, err := json.Marshal(media["example"])
		if err != nil {
			t.Fatal(err)
		}
		body = string(text)
	}
	if id == "restoreTicket" {
		expect(t, f.api.call("DELETE", "/api/tickets/1", ""), 204, "")
	}
	key := "Idempotency-Key: " + id
	first := f.send(t, o, id, body, key)
	again := f.send(t, o, id, body, key)
	f.same(t, id, first, again)
	if other := f.send(t, o, id, body+" ", key); other.Status != 422 || other.Code() != "IDEMPOTENCY_MISMATCH" {
		t.Errorf("%s with the key and another body = %d %s", id, other.Status, other.Body)
	}
}

func (f *furniture) same(t *testing.T, id string, first, again webtest.Answer) {
	t.Helper()
	if first.Status < 200 || first.Status >= 300 || first.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%s = %d %s, replayed: %q", id, first.Status, first.Body, first.Header.Get("Idempotency-Replayed"))
	}
	if again.Status != first.Status || again.Body != first.Body || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%s again = %d %v %s, want %d %s", id, again.Status, again.Header, again.Body, first.Status, first.Body)
	}
	for _, name := range []string{"Location", "ETag", "Content-Type"} {
		if again.Header.Get(name) != first.Header.Get(name) {
			t.Errorf("%s again has the %s %q, want %q", id, name, again.Header.Get(name), first.Header.Get(name))
		}
	}
}

// uploadTwice posts files twice: each form has a boundary of its own, as clients draw it anew for each try.
func (f *furniture) uploadTwice(t *testing.T) {
	t.Helper()
	upload := func(content string) webtest.Answer {
		return f.api.Attach(f.api.base+"/api/attachments", nil, []webtest.File{{Name: "once.txt", Content: content}}, f.api.auth, "Idempotency-Key: files")
	}
	large := strings.Repeat("0123456789abcdef", 40_000)
	f.same(t, "createAttachments", upload(large), upload(large))
	if got := upload(large + "!"); got.Status != 422 || got.Code() != "IDEMPOTENCY_MISMATCH" {
		t.Errorf("another file with the key = %d %s", got.Status, got.Body)
	}
	raw := func(name string) webtest.Answer {
		return f.api.Do("POST", f.api.base+"/api/attachments?name="+name, "raw", f.api.auth, "Content-Type: text/plain", "Idempotency-Key: raw")
	}
	f.same(t, "createAttachments", raw("a.txt"), raw("a.txt"))
	if got := raw("b.txt"); got.Status != 422 {
		t.Errorf("another name with the key = %d %s", got.Status, got.Body)
	}
}

// TestIdempotencyKeysBelongToWhoSendsThem: somebody else's request with the same key is another one, and so is one for another
// address; and what was refused may be tried again.
func TestIdempotencyKeysBelongToWhoSendsThem(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	acme, bolt := caller(t, n, n.Acme), caller(t, n, n.Bolt)
	const body, key = `{"name":"Lamps"}`, "Idempotency-Key: k"
	expect(t, acme.call("POST", "/api/categories", `{"name":""}`, key), 422, "VALIDATION_FAILED")
	first := expect(t, acme.call("POST", "/api/categories", body, key), 201, "Lamps")
	if again := acme.call("POST", "/api/v1/categories", body, key); again.Body != first.Body {
		t.Errorf("by the other name of the address: %d %s", again.Status, again.Body)
	}
	if got := bolt.call("POST", "/api/categories", body, key); got.Status != 201 || got.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the other tenant with the key = %d %v %s", got.Status, got.Header, got.Body)
	}
	expect(t, acme.call("POST", "/api/users", `{"email":"zoe@example.com","name":"Zoe"}`, key), 201, "zoe@example.com")
	made := expect(t, acme.call("POST", "/api/tokens", `{"name":"x","scopes":["tenant:write"]}`), 201, "").JSON(t)
	secret, _ := made["secret"].(string)
	other := &program{Client: n.Client(t), t: t, base: acme.base, auth: "Authorization: Bearer " + secret}
	if got := other.call("POST", "/api/categories", body, key); got.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("another token with the key = %d %v %s", got.Status, got.Header, got.Body)
	}
	expect(t, acme.call("POST", "/api/categories", body, "Idempotency-Key: "+strings.Repeat("k", 256)), 400, "BAD_REQUEST")
}

// TestManyAtOnceAreOne: of many requests with one key that come at once, one is carried out.
func TestManyAtOnceAreOne(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			got := p.call("POST", "/api/views", `{"name":"Once","query":"is:open","shared":true}`, "Idempotency-Key: v")
			if got.Status != 201 && got.Code() != "IDEMPOTENCY_BUSY" {
				t.Errorf("POST /api/views = %d %s", got.Status, got.Body)
			}
		})
	}
	all.Wait()
	if views := p.call("GET", "/api/views", "").Body; strings.Count(views, `"Once"`) != 1 {
		t.Errorf("views: %s", views)
	}
}

// TestErasureForgetsAnswers: what was answered about somebody who is erased is gone with them.
func TestErasureForgetsAnswers(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	const body, key = `{"email":"zoe@example.com","name":"Zoe"}`, "Idempotency-Key: zoe"
	first := expect(t, p.call("POST", "/api/users", body, key), 201, "").JSON(t)
	id, _ := first["id"].(string)
	expect(t, p.call("POST", "/api/users/"+id+"/erase", ""), 200, `"status":"erased"`)
	if got := p.call("POST", "/api/users", body, key); strings.Contains(got.Body, id) {
		t.Errorf("after the erasure the answer was kept: %d %s", got.Status, got.Body)
	}
}
