package mailtest

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"testing"
)

// Letter is a letter that a Server was given.
type Letter struct {
	// From and To are those of the envelope.
	From, To string
	Header   mail.Header
	// Subject is the decoded one, and Text and HTML are the decoded bodies.
	Subject, Text, HTML string

	seen bool
}

var (
	codes = regexp.MustCompile(`\b\d{4} ?\d{4}\b`)
	links = regexp.MustCompile(`https?://[^\s"'<>]+`)
)

// Code is the code of eight digits that the text has.
func (l Letter) Code(tb testing.TB) string {
	tb.Helper()
	found := codes.FindString(l.Text)
	if found == "" {
		tb.Fatalf("no code in %q", l.Text)
	}
	return strings.ReplaceAll(found, " ", "")
}

// Link is the first address in the text.
func (l Letter) Link(tb testing.TB) string {
	tb.Helper()
	found := links.FindString(l.Text)
	if found == "" {
		tb.Fatalf("no link in %q", l.Text)
	}
	return found
}

// parse reads a letter of a text and an HTML body.
func parse(from, to string, r io.Reader) (Letter, error) {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return Letter{}, err
	}
	l := Letter{From: from, To: to, Header: m.Header}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return l, err
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return l, fmt.Errorf("%s: %w", kind, err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		p, err := parts.NextPart() // it undoes quoted-printable
		if err == io.EOF {         //nolint:errorlint // NextPart's contract
			return l, nil
		}
		if err != nil {
			return l, err
		}
		var body io.Reader = p
		if p.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(p)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			return l, err
		}
		text := strings.ReplaceAll(string(b), "\r\n", "\n")
		switch kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind {
		case "text/plain":
			l.Text = text
		case "text/html":
			l.HTML = text
		}
	}
}
