package web

import (
	"encoding/json"
	"html/template"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// node is a part of openapi.yaml. What is not there has no Node, and nothing in it.
type node struct{ *yaml.Node }

// get is the value of a key.
func (n node) get(key string) node {
	for name, value := range n.each() {
		if name == key {
			return value
		}
	}
	return node{}
}

// each goes through keys and values in the order in which they are written.
func (n node) each() iter.Seq2[string, node] {
	return func(yield func(string, node) bool) {
		if n.Node == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, node{n.Content[i+1]}) {
				return
			}
		}
	}
}

// list are the items of a list.
func (n node) list() (items []node) {
	if n.Node == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range n.Content {
		items = append(items, node{item})
	}
	return items
}

// text is a word, a number or a sentence as it is written.
func (n node) text() string {
	if n.Node == nil {
		return ""
	}
	return n.Value
}

// resolve follows references.
func (b *referenceBuilder) resolve(n node) node {
	for ref := n.get("$ref").text(); ref != ""; ref = n.get("$ref").text() {
		n = b.root
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			n = n.get(part)
		}
	}
	return n
}

// prose is a description: paragraphs, in which `this` is code.
func prose(text string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if paragraph == "" {
			continue
		}
		b.WriteString("<p>")
		for i, part := range strings.Split(strings.TrimSpace(paragraph), "`") {
			part = template.HTMLEscapeString(part)
			if i%2 == 1 {
				part = "<code>" + part + "</code>"
			}
			b.WriteString(part)
		}
		b.WriteString("</p>")
	}
	return template.HTML(b.String()) //nolint:gosec // our own file, escaped
}

func codeHTML(text string) template.HTML {
	return template.HTML("<code>" + template.HTMLEscapeString(text) + "</code>") //nolint:gosec // escaped
}

// kind says what a value is: "array of Ticket", with a link to the object.
func (b *referenceBuilder) kind(schema node) template.HTML {
	if name, ok := strings.CutPrefix(schema.get("$ref").text(), "#/components/schemas/"); ok {
		if b.isObject(name) {
			return template.HTML(`<a href="` + b.homes[name] + "#" + name + `">` + name + "</a>") //nolint:gosec // names out of our own file
		}
		return b.kind(b.resolve(schema))
	}
	if all := schema.get("allOf").list(); len(all) > 0 {
		if item, ok := listed(schema); ok {
			return "list of " + b.kind(item)
		}
		return b.kind(all[0]) // what comes on top stands in the table
	}
	if one := schema.get("oneOf").list(); len(one) > 0 {
		var kinds []string
		for _, branch := range one {
			kinds = append(kinds, string(b.kind(branch)))
		}
		return template.HTML(strings.Join(slices.Compact(kinds), " or ")) //nolint:gosec // made above
	}
	if schema.get("enum").Node != nil || schema.get("const").Node != nil {
		return "string"
	}
	kinds := []string{schema.get("type").text()}
	if several := schema.get("type").list(); several != nil {
		kinds = nil
		for _, k := range several {
			kinds = append(kinds, k.text())
		}
	}
	for i, k := range kinds {
		switch {
		case k == "array" && (schema.get("items").get("type").Node != nil || schema.get("items").get("$ref").Node != nil || schema.get("items").get("allOf").Node != nil):
			kinds[i] = "array of " + string(b.kind(schema.get("items")))
		case k == "":
			kinds[i] = "any"
		default:
			kinds[i] = template.HTMLEscapeString(k)
		}
	}
	return template.HTML(strings.Join(kinds, " or ")) //nolint:gosec // made above
}

// listed is what a schema is a list of, if it is a page of one.
func listed(schema node) (item node, ok bool) {
	all := schema.get("allOf").list()
	if len(all) < 2 || all[0].get("$ref").text() != "#/components/schemas/List" {
		return node{}, false
	}
	return all[1].get("properties").get("data").get("items"), true
}

// own are the fields of a schema that has no place of its own: what it adds to a named one, or all of it.
func (b *referenceBuilder) own(schema node) []referenceField {
	if schema.get("$ref").Node != nil {
		return nil
	}
	return b.fields(schema, "")
}

// fields are those of an object, with those of the objects in it below them.
func (b *referenceBuilder) fields(schema node, prefix string) (all []referenceField) {
	for _, key := range []string{"allOf", "oneOf"} {
		for _, part := range schema.get(key).list() {
			if part.get("$ref").Node == nil {
				all = append(all, b.fields(part, prefix)...)
			}
		}
	}
	required := map[string]bool{}
	for _, name := range schema.get("required").list() {
		required[name.text()] = true
	}
	_, page := listed(schema)
	for name, field := range schema.get("properties").each() {
		if page && name == "data" {
			continue
		}
		f := b.field(prefix+name, field, required[name])
		all = append(all, f)
		switch items := field.get("items"); {
		case field.get("$ref").Node != nil:
		case items.Node != nil && items.get("$ref").Node == nil:
			all = append(all, b.fields(items, prefix+name+"[].")...)
		case field.get("additionalProperties").get("properties").Node != nil:
			all = append(all, b.fields(field.get("additionalProperties"), prefix+name+".*.")...)
		default:
			all = append(all, b.fields(field, prefix+name+".")...)
		}
	}
	return all
}

// field is one field.
func (b *referenceBuilder) field(name string, schema node, required bool) referenceField {
	f := referenceField{Name: name, Required: required, Type: b.kind(schema), About: prose(schema.get("description").text())}
	limits := schema
	if ref, ok := strings.CutPrefix(schema.get("$ref").text(), "#/components/schemas/"); ok && !b.isObject(ref) {
		limits = b.resolve(schema)
	}
	say := func(before string, value node, after string) {
		if value.Node != nil {
			f.Facts = append(f.Facts, template.HTML(before)+codeHTML(value.text())+template.HTML(after)) //nolint:gosec // words of ours
		}
	}
	if words := limits.get("enum").list(); words != nil {
		f.Facts = append(f.Facts, oneOf(words))
	} else if words := b.resolve(limits.get("items")).get("enum").list(); words != nil {
		f.Facts = append(f.Facts, oneOf(words))
	}
	say("always ", limits.get("const"), "")
	if limits.get("format").Node != nil && limits.get("format").text() != "binary" {
		say("format ", limits.get("format"), "")
	}
	say("at least ", limits.get("minimum"), "")
	say("at most ", limits.get("maximum"), "")
	say("at least ", limits.get("minLength"), " characters")
	say("at most ", limits.get("maxLength"), " characters")
	say("at least ", limits.get("minItems"), " of them")
	say("at most ", limits.get("maxItems"), " of them")
	say("pattern ", limits.get("pattern"), "")
	say("default ", limits.get("default"), "")
	if limits.get("readOnly").text() == "true" {
		f.Facts = append(f.Facts, "can't be set")
	}
	return f
}

// oneOf lists what a value may be.
func oneOf(words []node) template.HTML {
	var all []string
	for _, w := range words {
		if w.Tag != "!!null" {
			all = append(all, string(codeHTML(w.text())))
		}
	}
	return template.HTML("one of " + strings.Join(all, ", ")) //nolint:gosec // escaped
}

// pretty is an example as JSON, in the order in which it is written, or a text as it is.
func pretty(example node) string {
	if example.Node == nil {
		return ""
	}
	if example.Kind == yaml.ScalarNode {
		return strings.TrimSpace(example.Value)
	}
	var b strings.Builder
	writeJSON(&b, example, "")
	return b.String()
}

// writeJSON writes what fits on a line in one.
func writeJSON(b *strings.Builder, n node, indent string) {
	const line = 76
	if flat := flatJSON(n); n.Kind == yaml.ScalarNode || len(indent)+len(flat) <= line {
		b.WriteString(flat)
		return
	}
	left, right := "{\n", "}"
	if n.Kind == yaml.SequenceNode {
		left, right = "[\n", "]"
	}
	b.WriteString(left)
	first := true
	next := func() {
		if !first {
			b.WriteString(",\n")
		}
		first = false
		b.WriteString(indent + "  ")
	}
	for key, value := range n.each() {
		next()
		b.WriteString(quoted(key) + ": ")
		writeJSON(b, value, indent+"  ")
	}
	for _, value := range n.list() {
		next()
		writeJSON(b, value, indent+"  ")
	}
	b.WriteString("\n" + indent + right)
}

// flatJSON is a value on one line.
func flatJSON(n node) string {
	switch n.Kind {
	case yaml.MappingNode:
		var parts []string
		for key, value := range n.each() {
			parts = append(parts, quoted(key)+": "+flatJSON(value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		var parts []string
		for _, value := range n.list() {
			parts = append(parts, flatJSON(value))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case yaml.ScalarNode, yaml.DocumentNode, yaml.AliasNode:
	}
	if n.Tag == "!!str" || n.Tag == "!!timestamp" {
		return quoted(n.Value)
	}
	return n.Value
}

func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil {
		return `""` // no text is refused
	}
	return strings.TrimSuffix(b.String(), "\n")
}
