package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxJSON is the largest JSON body that the API takes.
	maxJSON = 1 << 20
	// maxForm is that of our own pages' forms: 64 KiB of text, of which each byte may take three, and what goes with it. The
	// forms of those who are not signed in may have maxLogin.
	maxForm = 256 << 10
)

// mergePatch is what RFC 7396 calls a JSON document whose absent members leave things as they are, and whose nulls take them away: so PATCH
// reads all of them.
const mergePatch = "application/merge-patch+json"

// compressed says whether a body would have to be unpacked to be read.
func compressed(r *http.Request) bool {
	coding := r.Header.Get("Content-Encoding")
	return coding != "" && !strings.EqualFold(coding, "identity")
}

// decode reads the JSON body of an API request into v, and returns it as it came. A body that is no JSON, says a name twice or goes on after its
// end is malformed; an unknown field or a value of the wrong type is invalid.
func decode(w http.ResponseWriter, r *http.Request, v any) ([]byte, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" && (mediaType != mergePatch || r.Method != http.MethodPatch) {
		return nil, unsupported("application/json")
	}
	if compressed(r) {
		return nil, unsupported("application/json that is not compressed")
	}
	body, err := readBody(w, r, maxJSON)
	if err != nil {
		return nil, err
	}
	return body, decodeJSON(body, v)
}

func decodeJSON(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return malformed("The body is empty.")
	}
	// The whole text first: else a wrong type early in it would hide that the rest can't be read.
	if err := wellFormed(body); err != nil {
		return err
	}
	if jsontext.Value(body).Kind() != '{' {
		return malformed("The body must be a JSON object.")
	}
	err := json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return malformed("The body is not valid JSON.")
	}
	field := fieldName(semantic.JSONPointer)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return invalid(map[string][]string{field: {"The " + field + " field is not known."}})
	}
	return invalid(map[string][]string{field: {"The " + field + " field has a value of the wrong type."}})
}

func wellFormed(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	if err := d.SkipValue(); err != nil {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return malformed("The body names a field twice.")
		}
		return malformed("The body is not valid JSON.")
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return malformed("The body goes on after the end of its JSON value.")
	}
	return nil
}

// fieldName turns /requester/email into requester.email.
func fieldName(p jsontext.Pointer) string {
	var parts []string
	for t := range p.Tokens() {
		parts = append(parts, t)
	}
	return strings.Join(parts, ".")
}

// readBody reads all of a body that may have at most limit bytes. One that says that it has more is not waited for.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case errors.Is(err, errCrowded):
		return nil, errBodiesFull
	case err != nil:
		return nil, malformed("The body ended early.")
	}
	return body, nil
}

// readForm reads the body of one of our own pages' forms, which may have at most limit bytes.
func readForm(w http.ResponseWriter, r *http.Request, limit int64) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, unsupported("application/x-www-form-urlencoded")
	}
	body, err := readBody(w, r, limit)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || !utf8.Valid(body) {
		return nil, malformed("The body is not a valid form.")
	}
	for _, all := range values {
		for i, text := range all {
			if !utf8.ValidString(text) {
				return nil, malformed("The body is not UTF-8.")
			}
			// Browsers end the lines of a text area with both.
			all[i] = strings.ReplaceAll(text, "\r\n", "\n")
		}
	}
	return values, addressed(r, values, false)
}
