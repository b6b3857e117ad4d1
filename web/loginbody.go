package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxLogin is the largest body of a sign-in door.
const maxLogin = 16 << 10

// loginTypes is what a sign-in door takes, for people.
const loginTypes = "application/json, application/x-www-form-urlencoded or multipart/form-data"

// loginFields are the fields of a sign-in door. An empty field counts as absent.
type loginFields map[string]string

// readLogin reads the known fields of a JSON, form or multipart body of at most 16 KiB. Fields that are not known are
// passed over: partners' forms bring their own. A known field that comes twice, or as a list, makes the body unreadable.
func readLogin(w http.ResponseWriter, r *http.Request, known ...string) (loginFields, error) {
	contentType := r.Header.Get("Content-Type")
	if contentType == "" && r.ContentLength == 0 {
		return loginFields{}, nil
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, unsupported(loginTypes)
	}
	read := map[string]func(body []byte, known []string) (loginFields, error){
		"application/json":                  jsonFields,
		"application/x-www-form-urlencoded": formFields,
		"multipart/form-data": func(body []byte, known []string) (loginFields, error) {
			return multipartFields(body, params["boundary"], known)
		},
	}[mediaType]
	if read == nil {
		return nil, unsupported(loginTypes)
	}
	if compressed(r) {
		return nil, unsupported(loginTypes + ", not compressed")
	}
	body, err := readBody(w, r, maxLogin)
	if err != nil {
		return nil, err
	}
	fields, err := read(body, known)
	if err != nil {
		return nil, err
	}
	for name, value := range fields {
		if !utf8.ValidString(value) {
			return nil, malformed("The " + name + " field is not UTF-8.")
		}
	}
	return fields, nil
}

func jsonFields(body []byte, known []string) (loginFields, error) {
	if err := wellFormed(body); err != nil {
		return nil, err
	}
	d := jsontext.NewDecoder(bytes.NewReader(body))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, malformed("The body must be a JSON object.")
	}
	fields, wrong := loginFields{}, map[string][]string{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, malformed("The body is not valid JSON.")
		}
		field := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, malformed("The body is not valid JSON.")
		}
		if !slices.Contains(known, field) {
			continue
		}
		text, ok := scalar(value)
		if !ok {
			wrong[field] = []string{"The " + field + " field must be a string."}
		}
		fields.set(field, text)
	}
	if len(wrong) > 0 {
		return nil, invalid(wrong)
	}
	return fields, nil
}

// scalar is the text of a JSON string, of a number as it was written, and of null.
func scalar(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		return string(text), err == nil
	case '0':
		return string(v), true
	case 'n':
		return "", true
	}
	return "", false
}

func formFields(body []byte, known []string) (loginFields, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, malformed("The body is not a valid form.")
	}
	fields := loginFields{}
	for key, all := range values {
		field, _, asList := strings.Cut(key, "[")
		if !slices.Contains(known, field) {
			continue
		}
		if asList || len(all) > 1 {
			return nil, manyValues(field)
		}
		fields.set(field, all[0])
	}
	return fields, nil
}

func multipartFields(body []byte, boundary string, known []string) (loginFields, error) {
	// The reader takes a body without any boundary for a form without fields.
	if boundary == "" || !bytes.Contains(body, []byte("--"+boundary)) {
		return nil, malformed("The multipart body has no boundary.")
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	fields, seen := loginFields{}, map[string]bool{}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		if err != nil {
			return nil, malformed("The body is not a valid multipart form.")
		}
		field, _, asList := strings.Cut(part.FormName(), "[")
		if !slices.Contains(known, field) {
			continue
		}
		if asList || seen[field] || part.FileName() != "" {
			return nil, manyValues(field)
		}
		seen[field] = true
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, malformed("The body is not a valid multipart form.")
		}
		fields.set(field, string(value))
	}
}

func manyValues(field string) *answerError {
	return malformed("The " + field + " field must have one value.")
}

func (f loginFields) set(field, value string) {
	if value != "" {
		f[field] = value
	}
}
