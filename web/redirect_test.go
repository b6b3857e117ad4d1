package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

const (
	asForm = "Content-Type: application/x-www-form-urlencoded"
	asJSON = "Content-Type: application/json"
	asPage = "Accept: text/html,*/*;q=0.8"
)

func TestRedirectLoginTakesThreeBodies(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	form, contentType := multipartForm(t, "email", "zoe@example.com", "name", "Zoë")
	for _, tc := range []struct{ name, contentType, body string }{
		{"form", asForm, "email=zoe%40example.com&name=Zo%C3%AB&redirect_url="},
		{"form with charset", asForm + "; charset=UTF-8", "email=zoe%40example.com&name=Zo%C3%AB&_token=x&_token=y"},
		{"json", asJSON, `{"email":"zoe@example.com","name":"Zoë","redirect_url":null,"extra":[1]}`},
		{"multipart", "Content-Type: " + contentType, form},
	} {
		for _, host := range []string{n.URL, n.Acme.URL} {
			got := n.Client(t).Do("POST", host+"/api/auth/redirect/acme", tc.body, tc.contentType, "Accept: application/json")
			if got.Status != http.StatusFound || !strings.HasPrefix(got.Location(), n.Acme.URL+"/auth/callback?token=") {
				t.Errorf("%s at %s = %d to %q, want 302 to the callback: %s", tc.name, host, got.Status, got.Location(), got.Body)
			}
			if policy := got.Header.Get("Referrer-Policy"); policy != "" {
				t.Errorf("%s: Referrer-Policy = %q, want none: the callback needs the Referer", tc.name, policy)
			}
			if cookies := got.Header["Set-Cookie"]; cookies != nil {
				t.Errorf("%s: the first hop sets cookies: %q", tc.name, cookies)
			}
			if got.Header.Get("X-RateLimit-Remaining") == "" {
				t.Errorf("%s: no X-RateLimit-Remaining", tc.name)
			}
		}
	}
}

func TestRedirectLoginRefuses(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	const good = "email=zoe%40example.com&name=Zoe"
	twice, twiceType := multipartForm(t, "email", "zoe@example.com", "email", "eve@example.com", "name", "Zoe")
	for _, tc := range []struct {
		name, path, header, body string
		status                   int
		code                     string
	}{
		{"unknown slug", "/api/auth/redirect/nobody", asForm, good, 404, "TENANT_NOT_FOUND"},
		{"no body at all", "/api/auth/redirect/acme", "Accept: */*", "", 422, "VALIDATION_FAILED"},
		{"no email", "/api/auth/redirect/acme", asForm, "name=Zoe", 422, "VALIDATION_FAILED"},
		{"empty name", "/api/auth/redirect/acme", asForm, "email=zoe%40example.com&name=+", 422, "VALIDATION_FAILED"},
		{"wrong type", "/api/auth/redirect/acme", asJSON, `{"email":true,"name":"Zoe"}`, 422, "VALIDATION_FAILED"},
		{"list", "/api/auth/redirect/acme", asForm, "email[]=zoe%40example.com&name=Zoe", 400, "BAD_REQUEST"},
		{"field twice", "/api/auth/redirect/acme", asForm, good + "&email=eve%40example.com", 400, "BAD_REQUEST"},
		{"field twice in JSON", "/api/auth/redirect/acme", asJSON, `{"email":"a@b.example","email":"c@d.example","name":"Z"}`, 400, "BAD_REQUEST"},
		{"field twice in multipart", "/api/auth/redirect/acme", "Content-Type: " + twiceType, twice, 400, "BAD_REQUEST"},
		{"no JSON", "/api/auth/redirect/acme", asJSON, `{"email":`, 400, "BAD_REQUEST"},
		{"JSON and more", "/api/auth/redirect/acme", asJSON, `{"email":"zoe@example.com","name":"Zoe"}{}`, 400, "BAD_REQUEST"},
		{"JSON list", "/api/auth/redirect/acme", asJSON, `[]`, 400, "BAD_REQUEST"},
		{"no multipart", "/api/auth/redirect/acme", "Content-Type: multipart/form-data; boundary=x", "nothing", 400, "BAD_REQUEST"},
		{"no boundary", "/api/auth/redirect/acme", "Content-Type: multipart/form-data", "nothing", 400, "BAD_REQUEST"},
		{"bad escape", "/api/auth/redirect/acme", asForm, "email=%zz&name=Zoe", 400, "BAD_REQUEST"},
		{"not UTF-8", "/api/auth/redirect/acme", asForm, "email=zoe%40example.com&name=%ff", 400, "BAD_REQUEST"},
		{"two proofs", "/api/auth/redirect/acme", asForm, good + "&token=x&sig=y&ts=1&nonce=z", 400, "BAD_REQUEST"},
		{"wrong signature", "/api/auth/redirect/acme", asForm, good + "&sig=00&ts=1&nonce=z", 401, "SIGNATURE_INVALID"},
		{"text", "/api/auth/redirect/acme", "Content-Type: text/plain", good, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"too large", "/api/auth/redirect/acme", asForm, good + "&x=" + strings.Repeat("x", 16<<10), 413, "PAYLOAD_TOO_LARGE"},
		{"GET", "/api/auth/redirect/acme", "Accept: */*", "", 405, "METHOD_NOT_ALLOWED"},
	} {
		method := http.MethodPost
		if tc.name == "GET" {
			method = http.MethodGet
		}
		// The test endpoint refuses the same, in the same words.
		for _, path := range []string{tc.path, strings.Replace(tc.path, "/api/", "/api/test/", 1)} {
			got := n.Client(t).Do(method, n.URL+path, tc.body, tc.header)
			if got.Status != tc.status || got.Code() != tc.code {
				t.Errorf("%s at %s = %d %s, want %d %s", tc.name, path, got.Status, got.Body, tc.status, tc.code)
			}
			if got.JSON(t)["success"] != false || got.JSON(t)["request_id"] == nil {
				t.Errorf("%s: the document lacks success or request_id: %s", tc.name, got.Body)
			}
		}
	}
}

func TestRedirectLoginTexts(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	got := n.Client(t).Do("POST", n.URL+"/api/auth/redirect/nobody", "email=a%40b.example&name=A", asForm).JSON(t)
	if got["message"] != "Tenant not found." || got["error"] != "The specified tenant does not exist." {
		t.Errorf("unknown slug: %v", got)
	}
	got = n.Client(t).Do("POST", n.URL+"/api/auth/redirect/acme", "", asForm).JSON(t)
	fields, _ := got["errors"].(map[string]any)
	if got["message"] != "The given data was invalid." || first(fields["email"]) != "The email field is required." ||
		first(fields["name"]) != "The name field is required." {
		t.Errorf("no fields: %v", got)
	}
}

func TestRedirectLoginAtAnotherTenantsHost(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	got := n.Client(t).Do("POST", n.Bolt.URL+"/api/auth/redirect/acme", "email=a%40b.example&name=A", asForm)
	if got.Status != 404 || got.Code() != "TENANT_NOT_FOUND" {
		t.Errorf("acme's login at bolt's host = %d %s, want 404", got.Status, got.Body)
	}
}

func TestRedirectLoginIsLimited(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c := n.Client(t)
	post := func(from string) webtest.Answer {
		return c.Do("POST", n.URL+"/api/auth/redirect/acme", "email=a%40b.example&name=A", asForm, "X-Forwarded-For: "+from)
	}
	for i := range 60 {
		if got := post("198.51.100.7"); got.Status != http.StatusFound {
			t.Fatalf("post %d = %d %s", i+1, got.Status, got.Body)
		}
	}
	got := post("198.51.100.7")
	if got.Status != 429 || got.Header.Get("Retry-After") == "" || got.JSON(t)["message"] != "Too many requests." {
		t.Errorf("post 61 = %d %v %s, want 429 with Retry-After", got.Status, got.Header, got.Body)
	}
	if got := post("198.51.100.8"); got.Status != http.StatusFound {
		t.Errorf("another address = %d %s, want 302", got.Status, got.Body)
	}
}

func TestRedirectLoginAsksForTheName(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	c := n.Client(t)
	got := c.Do("POST", n.URL+"/api/auth/redirect/acme", "email=zoe%40example.com&redirect_url=%2Ftickets", asForm, asPage)
	if got.Status != 422 || !strings.Contains(got.Body, `name="name"`) || !strings.Contains(got.Body, `value="zoe@example.com"`) {
		t.Fatalf("no name = %d %s, want a page that asks", got.Status, got.Body)
	}
	if !strings.Contains(got.Body, "<b>zoe@example.com</b>") {
		t.Errorf("the page does not say who will be signed in: %s", got.Body)
	}
	if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+n.Acme.URL) {
		t.Errorf("the page's form may not end at the tenant's host: %s", csp)
	}
	form := url.Values{"email": {"zoe@example.com"}, "redirect_url": {"/tickets"}, "name": {"Zoe"}}
	if got := c.Send(n.URL+"/api/auth/redirect/acme", form); got.Status != http.StatusFound {
		t.Errorf("with the name = %d %s, want 302", got.Status, got.Body)
	}
}

func TestRedirectLoginErrorsArePagesForBrowsers(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	got := n.Client(t).Do("POST", n.URL+"/api/auth/redirect/nobody", "email=a%40b.example&name=A", asForm, asPage)
	if got.Status != 404 || !strings.Contains(got.Header.Get("Content-Type"), "text/html") || !strings.Contains(got.Body, "Tenant not found.") {
		t.Errorf("unknown slug for a browser = %d %s", got.Status, got.Body)
	}
}

func TestTestEndpointSaysWhatWouldHappen(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	n.Set(t, n.Acme, map[string]string{"allowed_origins": "https://app.acme.example"})
	post := func(to string, headers ...string) map[string]any {
		form := url.Values{"email": {"a@b.example"}, "name": {"A"}, "redirect_url": {to}}
		return n.Client(t).Do("POST", n.URL+"/api/test/auth/redirect/acme", form.Encode(), append(headers, asForm)...).JSON(t)
	}
	got := post("https://app.acme.example/account?x=1")
	if got["success"] != true || got["assurance"] != "asserted" || got["landing"] != "/dashboard" ||
		got["return_link"] != "https://app.acme.example/account?x=1" || got["expires_in"] != 120.0 {
		t.Errorf("from an allowed origin: %v", got)
	}
	if got := post("/tickets/create", "Authorization: Bearer "+n.Acme.Token); got["assurance"] != "vouched" || got["landing"] != "/tickets/create" {
		t.Errorf("with a token: %v", got)
	}
	whole := n.Client(t).Do("POST", n.Acme.URL+"/api/test/auth/redirect/acme", "email=a%40b.example&name=A", asForm, asPage)
	if whole.Status != http.StatusOK || whole.Location() != "" || whole.Header["Set-Cookie"] != nil ||
		!strings.HasSuffix(strings.TrimSpace(whole.Body), `"expires_in":120,"assurance":"asserted","landing":"/dashboard","return_link":null,"warnings":[]}`) {
		t.Errorf("for a browser = %d %v %s, want a plain 200 with the document", whole.Status, whole.Header, whole.Body)
	}
	if to, _ := whole.JSON(t)["redirect_url"].(string); n.Client(t).Open(to).Status != http.StatusOK {
		t.Errorf("redirect_url %q is no hand-off", to)
	}
	got = post("https://elsewhere.example/")
	if warnings, _ := got["warnings"].([]any); len(warnings) == 0 || got["return_link"] != nil {
		t.Errorf("with a foreign URL: %v, want a warning", got)
	}
}

func multipartForm(t *testing.T, pairs ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func first(list any) any {
	all, _ := list.([]any)
	if len(all) == 0 {
		return nil
	}
	return all[0]
}
