package webtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/deskgate/deskgate/web"
)

// Contract is the document that describes the API, to hold answers against. Its schemas are taken to the letter: a field that
// is not in the document is a fault.
type Contract struct {
	document   map[string]any
	operations []Operation
	compiler   *jsonschema.Compiler
	// mu guards what is compiled when it is needed first.
	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
}

// TheContract reads the document that the product hands out. It is read once.
var TheContract = sync.OnceValues(newContract)

// contractURL is what the schemas call the document.
const contractURL = "https://desk.example/api/openapi.json"

func newContract() (*Contract, error) {
	text, err := web.Description()
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := &Contract{document: object(document), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	c.operations = c.readOperations()
	c.closeResponses()
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(contractURL, document); err != nil {
		return nil, err
	}
	return c, nil
}

// Operation is one thing that can be asked for.
type Operation struct {
	// Method is in capitals; Path has its parameters in braces.
	Method, Path string
	// Pointer is where it stands in the document, as a JSON pointer.
	Pointer string
	// Raw is the operation as it stands in the document.
	Raw map[string]any
}

// Operations are all operations of the document, by path and method.
func (c *Contract) Operations() []Operation { return c.operations }

func (c *Contract) readOperations() (all []Operation) {
	paths := object(c.document["paths"])
	for _, path := range sortedKeys(paths) {
		item := object(paths[path])
		for _, method := range sortedKeys(item) {
			if method == "parameters" {
				continue
			}
			all = append(all, Operation{
				Method: strings.ToUpper(method), Path: path, Raw: object(item[method]), Pointer: "/paths/" + escaped(path) + "/" + method,
			})
		}
	}
	return all
}

// Parameters are those of the operation and of its path.
func (c *Contract) Parameters(o Operation) (all []map[string]any) {
	item := object(object(c.document["paths"])[o.Path])
	for _, list := range []any{item["parameters"], o.Raw["parameters"]} {
		parameters, _ := list.([]any)
		for _, p := range parameters {
			all = append(all, c.Resolve(p))
		}
	}
	return all
}

// Resolve follows references until there is something else.
func (c *Contract) Resolve(v any) map[string]any {
	m := object(v)
	for {
		ref, ok := m["$ref"].(string)
		if !ok {
			return m
		}
		var found any = c.document
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			found = object(found)[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
		}
		m = object(found)
	}
}

// Find is the operation that a request is for. The path may be below a folder or have the version in it.
func (c *Contract) Find(method, path string) (Operation, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var found Operation
	for _, o := range c.Operations() {
		if o.Method == method && matches(o.Path, unversioned(path)) && (found.Path == "" || !strings.Contains(o.Path, "{")) {
			found = o
		}
	}
	return found, found.Path != ""
}

// unversioned is the path as the document writes it.
func unversioned(path string) string {
	if i := strings.Index(path, "/api/"); i > 0 {
		path = path[i:]
	}
	return strings.Replace(path, "/api/v1/", "/api/", 1)
}

// matches reports whether a path is one of the pattern's.
func matches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && (!strings.HasPrefix(want[i], "{") || got[i] == "") {
			return false
		}
	}
	return true
}

// Judge says in what an answer is not what the document says of it; nil: in nothing.
func (c *Contract) Judge(r *http.Request, answer Answer) error {
	path := r.URL.EscapedPath()
	if !strings.Contains(path, "/api/") || r.Method == http.MethodOptions {
		return nil
	}
	o, known := c.Find(r.Method, path)
	if !known {
		return c.judgeUnknown(path, answer)
	}
	if answer.Status == http.StatusMethodNotAllowed || answer.Status == http.StatusMisdirectedRequest {
		return c.judgeUnknown(path, answer)
	}
	name, response, documented := c.response(o, answer.Status)
	if !documented {
		return fmt.Errorf("%s %s: the status %d is not in the document", o.Method, o.Path, answer.Status)
	}
	content := object(response["content"])
	if answer.Body == "" || r.Method == http.MethodHead {
		if len(content) > 0 && answer.Body == "" && r.Method != http.MethodHead && content["*/*"] == nil && content["text/event-stream"] == nil {
			return fmt.Errorf("%s %s: the answer %d is empty", o.Method, o.Path, answer.Status)
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("%s %s: the type of the answer %d: %w", o.Method, o.Path, answer.Status, err)
	}
	if content[kind] == nil && content["*/*"] == nil {
		return fmt.Errorf("%s %s: the type %s of the answer %d is not in the document", o.Method, o.Path, kind, answer.Status)
	}
	if kind != "application/json" || content[kind] == nil {
		return nil
	}
	pointer := o.Pointer + "/responses/" + escaped(name)
	if ref, ok := object(object(o.Raw["responses"])[name])["$ref"].(string); ok {
		pointer = strings.TrimPrefix(ref, "#")
	}
	if err := c.Validate(pointer+"/content/application~1json/schema", answer.Body); err != nil {
		return fmt.Errorf("%s %s: the answer %d: %w", o.Method, o.Path, answer.Status, err)
	}
	if err := judgeTimes(o, answer); err != nil {
		return err
	}
	return c.judgeCode(answer)
}

// judgeTimes holds all times of an answer to one form. The document itself has examples of what one may send, too.
func judgeTimes(o Operation, answer Answer) error {
	for _, at := range times.FindAllString(answer.Body, -1) {
		if !sortable.MatchString(at) && o.Path != "/api/openapi.json" {
			return fmt.Errorf("%s %s: the time %s has no milliseconds, or is not UTC", o.Method, o.Path, at)
		}
	}
	return nil
}

// times are those in an answer's fields, sortable how they have to be, so that they sort as texts.
var (
	times    = regexp.MustCompile(`"[a-z_]+(?:_at|_until|_since|_after|_before|timestamp)":"[^"]*"`)
	sortable = regexp.MustCompile(`:"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"$`)
)

// judgeCode holds an error's code against the statuses that the document says it comes with.
func (c *Contract) judgeCode(answer Answer) error {
	if answer.Status < http.StatusBadRequest || answer.Code() == "" {
		return nil
	}
	statuses := c.Codes()[answer.Code()]
	if !slices.Contains(strings.Fields(statuses), strconv.Itoa(answer.Status)) {
		return fmt.Errorf("%s came with the status %d, and the document says %q", answer.Code(), answer.Status, statuses)
	}
	return nil
}

// Codes are all codes of errors, with the statuses that they come with.
func (c *Contract) Codes() map[string]string {
	codes := map[string]string{}
	list, _ := c.Resolve(map[string]any{"$ref": "#/components/schemas/ErrorCode"})["oneOf"].([]any)
	for _, one := range list {
		code, _ := object(one)["const"].(string)
		codes[code], _ = object(one)["title"].(string)
	}
	return codes
}

// judgeUnknown looks at the answer to what is not in the document.
func (c *Contract) judgeUnknown(path string, answer Answer) error {
	if answer.Status < http.StatusBadRequest {
		return fmt.Errorf("the answer %d is to something that is not in the document", answer.Status)
	}
	// The door that partners' forms lead to shows pages to browsers.
	page := strings.HasPrefix(unversioned(path), "/api/auth/redirect/") && strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html")
	if answer.Body == "" || page {
		return nil
	}
	if err := c.Validate("/components/responses/Error/content/application~1json/schema", answer.Body); err != nil {
		return err
	}
	return c.judgeCode(answer)
}

// response is what the document says of a status: of itself, of its hundred, or of all others.
func (c *Contract) response(o Operation, status int) (name string, response map[string]any, ok bool) {
	responses := object(o.Raw["responses"])
	code := strconv.Itoa(status)
	for _, name := range []string{code, code[:1] + "XX", "default"} {
		if r, there := responses[name]; there {
			return name, c.Resolve(r), true
		}
	}
	return "", nil, false
}

// Validate holds a JSON text against the schema that a pointer leads to.
func (c *Contract) Validate(pointer, text string) error {
	schema, err := c.schema(pointer)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("%.300s: %w", text, err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w\nin %.2000s", err, text)
	}
	return nil
}

// ValidateValue is Validate for a value out of the document.
func (c *Contract) ValidateValue(pointer string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.Validate(pointer, string(text))
}

func (c *Contract) schema(pointer string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[pointer]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile(contractURL + "#" + strings.ReplaceAll(strings.ReplaceAll(pointer, "{", "%7B"), "}", "%7D"))
	if err != nil {
		return nil, fmt.Errorf("the schema at %s: %w", pointer, err)
	}
	c.schemas[pointer] = s
	return s, nil
}

// closeResponses has the schemas of answers refuse what they do not name. Where several make up one object, as in allOf, it
// is their whole that is closed.
func (c *Contract) closeResponses() {
	components := object(c.document["components"])
	for _, schema := range object(components["schemas"]) {
		c.shut(schema, true)
	}
	responses := []any{}
	for _, r := range object(components["responses"]) {
		responses = append(responses, r)
	}
	for _, o := range c.Operations() {
		for _, r := range object(o.Raw["responses"]) {
			responses = append(responses, r)
		}
	}
	for _, r := range responses {
		for _, media := range object(object(r)["content"]) {
			c.shut(object(media)["schema"], false)
		}
	}
}

// shut closes the objects within a schema, and the schema itself unless it is a part of another one.
func (c *Contract) shut(schema any, part bool) {
	s := object(schema)
	if len(s) == 0 {
		return
	}
	for _, p := range object(s["properties"]) {
		c.shut(p, false)
	}
	for _, key := range []string{"items", "additionalProperties"} {
		c.shut(s[key], false)
	}
	for _, key := range []string{"allOf", "oneOf", "anyOf"} {
		branches, _ := s[key].([]any)
		for _, b := range branches {
			c.shut(b, true)
		}
	}
	if !part && c.named(s) {
		s["unevaluatedProperties"] = false
	}
}

// named reports whether a schema names the fields of an object, itself or by what it is made of, and nothing else may be in it.
func (c *Contract) named(schema any) bool {
	s := c.Resolve(schema)
	if _, open := s["additionalProperties"]; open {
		return false
	}
	if len(object(s["properties"])) > 0 {
		return true
	}
	for _, key := range []string{"allOf", "oneOf", "anyOf"} {
		branches, _ := s[key].([]any)
		if slices.ContainsFunc(branches, c.named) {
			return true
		}
	}
	return false
}

// object is v as an object, an empty one if it is none.
func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// escaped is a key as a JSON pointer has it.
func escaped(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }
