package web_test

import (
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// TestRefusedUploadsLeaveNothing: of files that are refused nothing stays on the disk, however many came before the one that was wrong.
func TestRefusedUploadsLeaveNothing(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	ann := n.SignIn(t, n.Acme, "ann@example.com", "Ann")
	n.Set(t, n.Acme, map[string]string{"attachment_mib": "1"})
	large := webtest.File{Name: "large.txt", Content: strings.Repeat("x", 1<<20+1)}
	files := []webtest.File{{Name: "a.txt", Content: "one"}, {Name: "b.txt", Content: "two"}}
	if got := p.Attach(p.base+"/api/attachments", nil, append(files, large), p.auth); got.Status != 413 {
		t.Errorf("a file that is too large = %d %s", got.Status, got.Body)
	}
	if got := p.Attach(p.base+"/api/attachments", nil, append(files, webtest.File{Name: "empty.txt"}), p.auth); got.Status != 422 {
		t.Errorf("an empty file = %d %s", got.Status, got.Body)
	}
	many := make([]webtest.File, 21)
	for i := range many {
		many[i] = webtest.File{Name: "x.txt", Content: strings.Repeat("y", i+1)}
	}
	if got := p.Attach(p.base+"/api/attachments", nil, many, p.auth); got.Status != 422 {
		t.Errorf("21 files = %d %s", got.Status, got.Body)
	}
	if n, err := n.Store.Blobs().Orphans(t.Context()); n != 0 || err != nil {
		t.Errorf("%d blobs that nobody has are left, %v", n, err)
	}
	// What a form brought stays the requester's for the next try, but for what is beyond a message.
	if got := ann.Attach(n.Acme.URL+"/tickets", map[string][]string{"title": {"t"}, "description": {"d"}}, many); got.Status != 422 {
		t.Errorf("a form with 21 files = %d %.300s", got.Status, got.Body)
	}
	if n, err := n.Store.Blobs().Orphans(t.Context()); n != 0 || err != nil {
		t.Errorf("%d blobs that nobody has are left of a form, %v", n, err)
	}
}

// TestWebhookURLsAreExplained: what is wrong with an address is said by its name.
func TestWebhookURLsAreExplained(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := caller(t, n, n.Acme)
	for url, want := range map[string]string{
		"https://user:pass@hooks.example.com/x": "The url must not have a user name or a password.",
		"https://hooks.example.com:99999/x":     "The url must have a port from 1 to 65535.",
		"https://hooks.example.com:0/x":         "The url must have a port from 1 to 65535.",
	} {
		expect(t, p.call("POST", "/api/webhooks", `{"url":"`+url+`"}`), 422, want)
	}
}

// TestStrangersLearnNothingOfKeySets: whoever sends a token that no key is known for is not told why there is none.
func TestStrangersLearnNothingOfKeySets(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"jwt_jwks_url": "https://10.0.0.7/keys.json"})
	token := "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.c2ln"
	got := n.Client(t).Do("POST", n.Acme.URL+"/api/jwt/login", `{"token":"`+token+`"}`, asJSON)
	details, _ := got.JSON(t)["details"].(string)
	if got.Status != 401 || strings.Contains(got.Body, "10.0.0.7") || !strings.HasSuffix(details, "the key set at its jwt_jwks_url can't be used") {
		t.Errorf("a token without a key = %d %s", got.Status, got.Body)
	}
}
