package web

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/deskgate/deskgate/auth"
)

// reference is openapi.yaml as people read it: a page for each group of operations, and one with all codes of errors.
type reference struct {
	Groups []*referenceGroup
	Codes  []referenceCode
	Error  referenceObject
}

// referenceGroup is what stands on one page.
type referenceGroup struct {
	// Slug names the page in its address, Name is for people.
	Slug, Name string
	About      template.HTML
	Operations []referenceOperation
	// Objects are the documents that the operations send and take, each on the page of the first group that needs it.
	Objects []referenceObject
}

// referenceOperation is one thing that can be asked for.
type referenceOperation struct {
	ID, Method, Path, Summary string
	// Group is the page that it stands on, where it is named elsewhere.
	Group string
	About template.HTML
	// Scopes are those that a caller needs.
	Scopes []string
	// Open: nobody has to say who they are.
	Open       bool
	Parameters []referenceField
	Body       *referenceBody
	Answers    []referenceAnswer
	// Curl asks for it from a shell.
	Curl string
}

// referenceBody is what a request brings along.
type referenceBody struct {
	Types string
	// Of says what it is, Fields of what it consists where that has no name.
	Of     template.HTML
	Fields []referenceField
}

// referenceAnswer is one way in which a request may end well.
type referenceAnswer struct {
	Status  string
	About   template.HTML
	Types   string
	Of      template.HTML
	Fields  []referenceField
	Headers []referenceField
	Example string
}

// referenceField is a field of a document, a parameter or a header.
type referenceField struct {
	Name, Place string
	Type        template.HTML
	Required    bool
	// Facts are its limits: what it is one of, how long it may be.
	Facts []template.HTML
	About template.HTML
}

// referenceObject is a document with a name.
type referenceObject struct {
	Name    string
	About   template.HTML
	Fields  []referenceField
	Example string
}

// referenceCode is a code of an error, with the status that it comes with.
type referenceCode struct {
	Code, Status string
	About        template.HTML
}

// referenceErrors is the page with the codes.
const referenceErrors = "errors"

// newReference reads openapi.yaml. Rights are those that the routes demand.
func newReference(rights map[Route]auth.Scopes) (*reference, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(openapi, &root); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	b := &referenceBuilder{root: node{root.Content[0]}, rights: rights, homes: map[string]string{"Error": referenceErrors, "ErrorCode": referenceErrors}}
	r := &reference{}
	for _, tag := range b.root.get("tags").list() {
		name := tag.get("name").text()
		r.Groups = append(r.Groups, &referenceGroup{
			Slug: strings.ReplaceAll(name, " ", "-"), Name: strings.ToUpper(name[:1]) + name[1:], About: prose(tag.get("description").text()),
		})
	}
	b.settle(r.Groups)
	for _, g := range r.Groups {
		for _, o := range b.operations(g.Slug) {
			g.Operations = append(g.Operations, b.operation(o))
		}
		g.Objects = b.objects(g.Slug)
	}
	for _, one := range b.root.get("components").get("schemas").get("ErrorCode").get("oneOf").list() {
		r.Codes = append(r.Codes, referenceCode{
			Code: one.get("const").text(), Status: one.get("title").text(), About: prose(one.get("description").text()),
		})
	}
	r.Error = b.objects(referenceErrors)[0]
	return r, nil
}

// group finds the group of a page.
func (r *reference) group(slug string) (*referenceGroup, bool) {
	i := slices.IndexFunc(r.Groups, func(g *referenceGroup) bool { return g.Slug == slug })
	if i < 0 {
		return nil, false
	}
	return r.Groups[i], true
}

// referenceBuilder makes a reference out of the document.
type referenceBuilder struct {
	root   node
	rights map[Route]auth.Scopes
	// homes are the pages on which named schemas stand.
	homes map[string]string
}

// described is an operation as it stands in the document.
type described struct {
	method, path string
	item, node   node
}

// operations are those of a group, in the order of the document. What is sent to receivers of webhooks is one.
func (b *referenceBuilder) operations(slug string) (all []described) {
	for _, section := range []string{"paths", "webhooks"} {
		for path, item := range b.root.get(section).each() {
			for method, o := range item.each() {
				if method == "parameters" || strings.ReplaceAll(o.get("tags").list()[0].text(), " ", "-") != slug {
					continue
				}
				all = append(all, described{strings.ToUpper(method), path, item, o})
			}
		}
	}
	return all
}

// settle gives each named schema the page of the first group that needs it.
func (b *referenceBuilder) settle(groups []*referenceGroup) {
	for _, g := range groups {
		for _, o := range b.operations(g.Slug) {
			b.claim(o.node, g.Slug)
		}
	}
}

// claim settles what is named below a part of the document.
func (b *referenceBuilder) claim(n node, slug string) {
	if n.Node == nil {
		return
	}
	if n.Kind == yaml.SequenceNode {
		for _, child := range n.list() {
			b.claim(child, slug)
		}
		return
	}
	if ref := n.get("$ref").text(); ref != "" {
		name, schema := strings.CutPrefix(ref, "#/components/schemas/")
		if schema && b.homes[name] != "" {
			return
		}
		if schema {
			b.homes[name] = slug
		}
		b.claim(b.resolve(n), slug)
		return
	}
	for key, child := range n.each() {
		if key != "example" && child.Kind != yaml.ScalarNode {
			b.claim(child, slug)
		}
	}
}

// objects are the named documents that stand on a page, without those that are but a list of words.
func (b *referenceBuilder) objects(slug string) (all []referenceObject) {
	for name, schema := range b.root.get("components").get("schemas").each() {
		if b.homes[name] != slug || !b.isObject(name) {
			continue
		}
		all = append(all, referenceObject{
			Name: name, About: prose(schema.get("description").text()), Fields: b.fields(schema, ""), Example: pretty(schema.get("example")),
		})
	}
	return all
}

// isObject reports whether a named schema has a place of its own.
func (b *referenceBuilder) isObject(name string) bool {
	schema := b.root.get("components").get("schemas").get(name)
	return name != "List" && (schema.get("properties").Node != nil || schema.get("oneOf").Node != nil && name != "ErrorCode")
}

// operation reads one operation.
func (b *referenceBuilder) operation(d described) referenceOperation {
	o := referenceOperation{
		ID: d.node.get("operationId").text(), Method: d.method, Path: d.path,
		Summary: d.node.get("summary").text(), About: prose(d.node.get("description").text()),
		Scopes: b.rights[Route{Method: d.method, Pattern: d.path}].Names(), Open: d.node.get("security").Node != nil,
	}
	for _, list := range []node{d.item.get("parameters"), d.node.get("parameters")} {
		for _, p := range list.list() {
			p = b.resolve(p)
			f := b.field(p.get("name").text(), p.get("schema"), p.get("required").text() == "true")
			f.Place, f.About = p.get("in").text(), prose(p.get("description").text())
			o.Parameters = append(o.Parameters, f)
		}
	}
	body := b.resolve(d.node.get("requestBody"))
	var types []string
	for kind, media := range body.get("content").each() {
		if len(types) == 0 {
			o.Body = &referenceBody{Of: b.kind(media.get("schema")), Fields: b.own(media.get("schema"))}
		}
		types = append(types, kind)
	}
	if o.Body != nil {
		o.Body.Types = strings.Join(types, ", ")
	}
	for status, answer := range d.node.get("responses").each() {
		if status[0] < '4' {
			o.Answers = append(o.Answers, b.answer(status, b.resolve(answer)))
		}
	}
	if !strings.HasPrefix(d.path, "/") {
		return o // nobody asks for it: it is sent
	}
	o.Curl = b.curl(d, &o)
	return o
}

// answer reads one answer.
func (b *referenceBuilder) answer(status string, answer node) referenceAnswer {
	a := referenceAnswer{Status: status, About: prose(answer.get("description").text())}
	for name, header := range answer.get("headers").each() {
		f := b.field(name, header.get("schema"), false)
		f.About = prose(header.get("description").text())
		a.Headers = append(a.Headers, f)
	}
	for kind, media := range answer.get("content").each() {
		a.Types, a.Of, a.Fields = kind, b.kind(media.get("schema")), b.own(media.get("schema"))
		a.Example = pretty(media.get("example"))
	}
	return a
}

// curl is a command that asks for an operation.
func (b *referenceBuilder) curl(d described, o *referenceOperation) string {
	path, query := d.path, ""
	var headers []string
	for _, list := range []node{d.item.get("parameters"), d.node.get("parameters")} {
		for _, p := range list.list() {
			p = b.resolve(p)
			name, example := p.get("name").text(), p.get("example").text()
			switch {
			case p.get("in").text() == "path":
				path = strings.ReplaceAll(path, "{"+name+"}", orElse(example, strings.ToUpper(name)))
			case p.get("in").text() == "query" && query == "" && (example != "" || p.get("required").text() == "true"):
				query = "?" + name + "=" + strings.NewReplacer(" ", "%20", ":", "%3A").Replace(orElse(example, strings.ToUpper(name)))
			case name == "If-Match", name == "Idempotency-Key":
				headers = append(headers, name+": "+orElse(example, "night-report-1"))
			}
		}
	}
	if !o.Open {
		headers = append([]string{"Authorization: Bearer $TOKEN"}, headers...)
	}
	if b.resolve(d.node.get("responses").get("200")).get("content").get("text/event-stream").Node != nil {
		headers = append(headers, "Accept: text/event-stream")
	}
	var c strings.Builder
	c.WriteString("curl -s")
	if d.method != http.MethodGet {
		c.WriteString(" -X " + d.method)
	}
	c.WriteString(" '" + yourDesk + path + query + "'")
	for _, h := range headers {
		quote := "'"
		if strings.Contains(h, "$") {
			quote = `"`
		}
		c.WriteString(" \\\n  -H " + quote + h + quote)
	}
	c.WriteString(b.payload(d))
	return c.String()
}

// payload is what a command sends.
func (b *referenceBuilder) payload(d described) string {
	content := b.resolve(d.node.get("requestBody")).get("content")
	if content.get("multipart/form-data").Node != nil && content.get("application/json").Node == nil {
		return " \\\n  -F 'files=@screenshot.png'"
	}
	media := content.get("application/json")
	example := pretty(media.get("example"))
	if example == "" {
		example = pretty(b.resolve(media.get("schema")).get("example"))
	}
	if example == "" {
		return ""
	}
	return " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + strings.ReplaceAll(example, "'", `'\''`) + "'"
}

// orElse is the example, or what to put in its place.
func orElse(example, name string) string {
	if example == "" {
		return name
	}
	return example
}
