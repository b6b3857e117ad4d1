package web

import (
	"bytes"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzReadLogin: whatever comes in, a sign-in door reads fields that it knows, each with one value that is text, or nothing.
func FuzzReadLogin(f *testing.F) {
	const form, document = "application/x-www-form-urlencoded", "application/json"
	for _, seed := range []struct{ kind, body string }{
		{form, "email=zoe%40example.com&name=Zo%C3%AB&_token=x"},
		{form, "email=a&email=b"},
		{form, "email[]=a&%65mail=b;c"},
		{document, `{"email":"zoe@example.com","name":null,"x":[1,{}]}`},
		{document, `{"email":"a","\u0065mail":"b"}`},
		{document, `{"email":1e400}{}`},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na@b.example\r\n--x--\r\n"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=email; filename=y\r\n\r\n\r\n--x"},
		{"text/plain", "email=a"},
		{"", ""},
	} {
		f.Add(seed.kind, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		fields, err := readLogin(httptest.NewRecorder(), r, redirectFields...)
		if err != nil {
			if p := problemOf(err); fields != nil || p.Status < 400 || p.Status >= 500 {
				t.Errorf("%q: %v and %v", kind, fields, err)
			}
			return
		}
		for name, value := range fields {
			if !slices.Contains(redirectFields, name) || value == "" || !utf8.ValidString(value) || len(body) > maxLogin {
				t.Errorf("%q %q: field %q = %q", kind, body, name, value)
			}
		}
		// What a browser's form says is what the standard library reads in it.
		if media, _, _ := mime.ParseMediaType(kind); media == form {
			values, err := url.ParseQuery(string(body))
			for name := range fields {
				if err != nil || len(values[name]) != 1 || values.Get(name) != fields[name] {
					t.Errorf("%q: %s is %q and %q", body, name, fields[name], values[name])
				}
			}
		}
	})
}

// FuzzConsolePath: wherever staff ask to be sent after they have signed in, it is a page of the console.
func FuzzConsolePath(f *testing.F) {
	for _, seed := range []string{
		"/agent", "/agent/tickets/1?a=b#c", "//evil.example/agent", "/agent/../x", "/\\evil", "https:evil", "/support/agent", "/agent/%2e%2e/x", "/agent%2f..", "/agent/\r\nx",
	} {
		f.Add(false, seed)
		f.Add(true, seed)
	}
	f.Fuzz(func(t *testing.T, mounted bool, wish string) {
		mount := map[bool]string{true: "/support", false: "/"}[mounted]
		got := consolePath(mount, wish)
		u, err := url.Parse(got)
		if err != nil || u.Host != "" || u.Scheme != "" || got != "/agent" && !strings.HasPrefix(got, "/agent/") && !strings.HasPrefix(got, "/agent?") {
			t.Errorf("consolePath(%q, %q) = %q", mount, wish, got)
		}
		for i := range len(got) {
			if got[i] <= ' ' || got[i] >= 0x7f || got[i] == '\\' {
				t.Errorf("consolePath(%q, %q) = %q", mount, wish, got)
			}
		}
	})
}

// FuzzLocalPath: a page that leads on leads to a path of its own host.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/tickets/1?a=b#c", "//evil.example", "/%2fevil.example", "/\\evil", "https:evil", "/a/../..//b", "/%09/evil", "/a;b//c", "?x", "/.", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wish string) {
		got, ok := localPath(wish)
		if !ok {
			if got != "" {
				t.Errorf("localPath(%q) = %q and no", wish, got)
			}
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") {
			t.Errorf("localPath(%q) = %q", wish, got)
		}
		for i := range len(got) {
			if got[i] <= ' ' || got[i] >= 0x7f || got[i] == '\\' {
				t.Errorf("localPath(%q) = %q", wish, got)
			}
		}
	})
}

// FuzzCookie: a cookie counts if the browser has sent one of that name, and then as it was sent.
func FuzzCookie(f *testing.F) {
	for _, seed := range []string{
		"__Host-deskgate=abc", "__Host-deskgate=a; __Host-deskgate=b", "__Host-deskgate-staff=a; __Host-deskgate=b", "__host-deskgate=a", "=__Host-deskgate=a",
		"__Host-deskgate=\"a\"; x", "__Host-deskgate=a,b", ";;=;", "__Host-deskgate", " __Host-deskgate =a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = []string{header}
		got := cookie(r, requesterCookie)
		if got == "" {
			return
		}
		if strings.Count(header, requesterCookie) < 1 || !strings.Contains(header, got) {
			t.Errorf("%q: %q", header, got)
		}
		// The same again beside it: somebody has planted one of the two.
		r.Header["Cookie"] = []string{header, requesterCookie + "=planted"}
		if again := cookie(r, requesterCookie); again != "" {
			t.Errorf("%q and another one: %q", header, again)
		}
	})
}
