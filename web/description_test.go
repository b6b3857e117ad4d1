package web_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/web"
	"github.com/deskgate/deskgate/web/webtest"
)

// TestDescriptionIsOpenAPI: a validator of the ecosystem takes the document, with all examples in it, for OpenAPI 3.1.
func TestDescriptionIsOpenAPI(t *testing.T) {
	t.Parallel()
	text, err := web.Description()
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if !document.IsOpenAPI31OrLater() {
		t.Errorf("it is OpenAPI %s", document.OpenAPI)
	}
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaDefaultsValidation()); err != nil {
		t.Error(err)
	}
}

// TestDescriptionListsAllCodes: the codes in the document are those that the program's text has, no more and no fewer.
func TestDescriptionListsAllCodes(t *testing.T) {
	t.Parallel()
	contract, err := webtest.TheContract()
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for code := range contract.Codes() {
		documented = append(documented, code)
	}
	slices.Sort(documented)
	if diff := cmp.Diff(writtenCodes(t), documented); diff != "" {
		t.Errorf("the program's codes (-) and those of openapi.yaml (+) differ:\n%s", diff)
	}
}

// writtenCodes are the codes that the text of this package and of the edge before it gives to errors.
func writtenCodes(t *testing.T) []string {
	t.Helper()
	packages := map[string]*ast.Package{} //nolint:staticcheck // no types are needed
	for _, folder := range []string{".", "../proxy"} {
		found, err := parser.ParseDir(token.NewFileSet(), folder, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // no types are needed
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(packages, found)
	}
	looksLike := regexp.MustCompile(`^"[A-Z]+(_[A-Z]+)+"$`)
	// Words alone may be anything, unless an error is made out of them.
	makers, word := []string{"unauthorized", "forbidden", "conflict"}, regexp.MustCompile(`^"[A-Z]+"$`)
	found := map[string]bool{}
	take := func(e ast.Expr, shape *regexp.Regexp) {
		if text, ok := e.(*ast.BasicLit); ok && shape.MatchString(text.Value) {
			found[strings.Trim(text.Value, `"`)] = true
		}
	}
	look := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			take(n, looksLike)
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
				take(n.Value, word)
			}
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains(makers, name.Name) {
				take(n.Args[0], word)
			}
		}
		return true
	}
	ast.Inspect(packages["web"], look)
	ast.Inspect(packages["proxy"], look)
	var codes []string
	for code := range found {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// TestContractIsStrict: what holds the tests' answers against the document finds faults in them.
func TestContractIsStrict(t *testing.T) {
	t.Parallel()
	contract, err := webtest.TheContract()
	if err != nil {
		t.Fatal(err)
	}
	const category = `{"id":"cat_1","name":"Lamps","slug":"lamps","position":1,"active":true}`
	asJSON := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		header                   http.Header
		fits                     bool
	}{
		{"as it should be", "GET", "/api/categories/cat_1", category, 200, asJSON, true},
		{"with the version, below a folder", "GET", "/help/api/v1/categories/cat_1", category, 200, asJSON, true},
		{"a field more", "GET", "/api/categories/cat_1", strings.Replace(category, "{", `{"more":1,`, 1), 200, asJSON, false},
		{"a field less", "GET", "/api/categories/cat_1", strings.Replace(category, `,"active":true`, "", 1), 200, asJSON, false},
		{"another type", "GET", "/api/categories/cat_1", strings.Replace(category, `"position":1`, `"position":"1"`, 1), 200, asJSON, false},
		{"another media type", "GET", "/api/categories/cat_1", category, 200, http.Header{"Content-Type": {"text/plain"}}, false},
		{"another status", "GET", "/api/categories/cat_1", category, 202, asJSON, false},
		{"nothing", "GET", "/api/categories/cat_1", "", 200, asJSON, false},
		{"a list", "GET", "/api/categories", `{"data":[` + category + `],"has_more":false,"next_cursor":null}`, 200, asJSON, true},
		{"a field more within a list", "GET", "/api/categories", `{"data":[` + strings.Replace(category, "{", `{"more":1,`, 1) + `],"has_more":false,"next_cursor":null}`, 200, asJSON, false},
		{"a field more around a list", "GET", "/api/categories", `{"data":[],"has_more":false,"next_cursor":null,"more":1}`, 200, asJSON, false},
		{"an error", "GET", "/api/categories/cat_1", `{"success":false,"message":"No.","code":"NOT_FOUND"}`, 404, asJSON, true},
		{"an error that is a success", "GET", "/api/categories/cat_1", `{"success":true,"message":"No.","code":"NOT_FOUND"}`, 404, asJSON, false},
		{"an error with an unknown code", "GET", "/api/categories/cat_1", `{"success":false,"message":"No.","code":"NO"}`, 404, asJSON, false},
		{"a code with another status", "GET", "/api/categories/cat_1", `{"success":false,"message":"No.","code":"NOT_FOUND"}`, 403, asJSON, false},
		{"a route that is not in the document", "GET", "/api/nothing", `{}`, 200, asJSON, false},
		{"nothing there", "GET", "/api/nothing", `{"success":false,"message":"No.","code":"NOT_FOUND"}`, 404, asJSON, true},
		{"a page that is none of the API's", "GET", "/agent", `<p>`, 200, http.Header{"Content-Type": {"text/html"}}, true},
	} {
		r := &http.Request{Method: tc.method, URL: &url.URL{Path: tc.path}}
		err := contract.Judge(r, webtest.Answer{Status: tc.status, Header: tc.header, Body: tc.body})
		if (err == nil) != tc.fits {
			t.Errorf("%s: %v, fits: %t", tc.name, err, tc.fits)
		}
	}
}

// TestDescriptionInOtherTools: a linter finds nothing to complain about in the document, and a client whose types were made from
// it compiles and works.
func TestDescriptionInOtherTools(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	p := newPrograms(t, n)
	p.environment = append(p.environment, "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	module := func(path string) string { return filepath.Join(p.dir, "node_modules", path) }
	var report struct {
		Totals   struct{ Errors, Warnings, Ignored int }
		Problems []struct{ RuleID, Message string }
	}
	linted, failed := p.output(t, "node", module("@redocly/cli/bin/cli.js"), "lint", "--extends", "recommended",
		"--skip-rule", "operation-2xx-response", // the doors answer with redirects
		"--format", "json", "openapi.yaml")
	if err := json.Unmarshal([]byte(linted), &report); err != nil {
		t.Fatalf("%q, %v: %v", linted, failed, err)
	}
	if report.Totals.Errors+report.Totals.Warnings+report.Totals.Ignored > 0 {
		t.Errorf("the linter says: %+v", report)
	}

	program, err := os.ReadFile("testdata/partner/client.ts")
	if err != nil {
		t.Fatal(err)
	}
	source := p.write(t, "client.mts", strings.Replace(string(program), "./api", "./api.d.ts", 1))
	p.run(t, "node", module("openapi-typescript/bin/cli.js"), "openapi.yaml", "--default-non-nullable=false", "-o", filepath.Join(p.dir, "api.d.ts"))
	project := p.write(t, "tsconfig.json", `{"files":["client.mts"],"compilerOptions":{"noEmit":true,"strict":true,"target":"es2022","module":"nodenext",
		"lib":["es2022","dom","dom.iterable"],"types":[]}}`)
	p.run(t, "node", module("typescript/bin/tsc"), "--project", project)
	built := filepath.Join(p.dir, "client.mjs")
	p.run(t, module("esbuild/bin/esbuild"), source, "--bundle", "--platform=node", "--format=esm", "--log-level=error", "--outfile="+built)
	if got, want := p.run(t, "node", built), "public; 3; 1; 1 Printer pending fire+hot; ticket.created; 404; NOT_FOUND"; got != want {
		t.Errorf("the client says %q, want %q", got, want)
	}
}

// bySignature are the operations whose body is a token that a partner has signed: no example of one works for long.
var bySignature = []string{"jwtLogin", "simpleLoginForm", "simpleLogoutForm", "operatorLoginForm", "operatorLogoutForm"}

// TestDescriptionsExamplesWork: what the document shows as a request is sent, and does what it says; what it shows as a document
// is one; each operation that takes JSON has an example.
func TestDescriptionsExamplesWork(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	f := furnish(t, n, n.Acme, "zqxacme")
	contract, err := webtest.TheContract()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range contract.Operations() {
		id, _ := o.Raw["operationId"].(string)
		content, _ := contract.Resolve(o.Raw["requestBody"])["content"].(map[string]any)
		media, takes := content["application/json"].(map[string]any)
		if !takes || slices.Contains(bySignature, id) {
			continue
		}
		example := media["example"]
		if example == nil {
			t.Errorf("%s has no example", id)
			continue
		}
		text, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		got := f.send(t, o, id, string(text))
		if got.Status < 200 || got.Status >= 400 {
			t.Errorf("the example of %s, %s: %d %s", id, text, got.Status, got.Body)
		}
	}
	schemas, _ := contract.Resolve(map[string]any{"$ref": "#/components"})["schemas"].(map[string]any)
	shown := 0
	for name, schema := range schemas {
		if example := contract.Resolve(schema)["example"]; example != nil {
			shown++
			if err := contract.ValidateValue("/components/schemas/"+name, example); err != nil {
				t.Errorf("the example of %s: %v", name, err)
			}
		}
	}
	if shown < 15 {
		t.Errorf("%d documents have examples", shown)
	}
}

// send asks for an operation with one of the tenant's own things in its path, as whoever may: requesters rate, programs do the rest.
func (f *furniture) send(t *testing.T, o webtest.Operation, id, body string, headers ...string) webtest.Answer {
	t.Helper()
	path := f.addresses(t, strings.NewReplacer("{", ":", "}", "").Replace(o.Path))[0]
	switch id {
	case "rateTicket":
		return f.owner.Do(o.Method, f.tenant.URL+strings.Replace(path, "/1/", "/2/", 1), body, asJSON, "Origin: "+f.tenant.URL)
	case "mergeTicket": // the third into the second
		path = strings.Replace(path, "/1/", "/3/", 1)
	case "changeReply": // the one that the example before has made has this shortcut
		body = strings.Replace(body, `"shortcut":"thanks"`, `"shortcut":"thank-you"`, 1)
	case "setCertificate":
		chain, key := pair(t, f.ids["domain"][0])
		body = pairBody(t, chain, key)
	case "splitTicket":
		body = strings.Replace(body, "cmt_01KAG3WQ2M8R6ZC4XV5T7N9PDE", f.ids["comment"][0], 1)
	}
	return f.api.call(o.Method, path, body, headers...)
}
